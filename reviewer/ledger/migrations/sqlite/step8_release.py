"""Step 8 of the SQLite log: sqlite_8_release.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_8_release.sql")
