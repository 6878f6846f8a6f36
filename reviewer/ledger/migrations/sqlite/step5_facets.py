"""Step 5 of the SQLite log: sqlite_5_facets.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Take the step."""
    take("sqlite_5_facets.sql")
