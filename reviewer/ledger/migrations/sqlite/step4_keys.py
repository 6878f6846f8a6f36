"""Step 4 of the SQLite log: sqlite_4_keys.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_4_keys.sql")
