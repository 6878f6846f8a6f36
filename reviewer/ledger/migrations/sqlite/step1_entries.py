"""Step 1 of the SQLite log: sqlite_schema.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "1"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    take("sqlite_schema.sql")
