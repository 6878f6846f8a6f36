"""Step 6 of the SQLite log: sqlite_6_handoffs.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_6_handoffs.sql")
