"""Step 1 of the PostgreSQL log: postgres_1.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "1"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    take("postgres_1.sql")
