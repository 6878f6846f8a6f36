"""Step 4 of the PostgreSQL log: postgres_4_release.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Take the step."""
    take("postgres_4_release.sql")
