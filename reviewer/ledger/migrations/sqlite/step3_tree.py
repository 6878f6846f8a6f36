"""Step 3 of the SQLite log: sqlite_3_tree.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_3_tree.sql")
