"""Step 3 of the PostgreSQL log: postgres_3_handoffs.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Take the step."""
    take("postgres_3_handoffs.sql")
