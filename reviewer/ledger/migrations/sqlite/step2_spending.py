"""Step 2 of the SQLite log: sqlite_2_spending.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_2_spending.sql")
