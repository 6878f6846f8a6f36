"""Step 2 of the PostgreSQL log: postgres_2_cosignatures.sql."""

from __future__ import annotations

from reviewer.ledger.migration import take

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Take the step."""
    take("postgres_2_cosignatures.sql")
