"""Step 7 of the SQLite log: sqlite_7_handoffs.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_7_handoffs.sql")
