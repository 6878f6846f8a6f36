"""What Alembic runs to write down the steps of one store; it connects to nothing (`reviewer.ledger.migration`)."""

from __future__ import annotations

from alembic import context

context.configure(dialect_name=context.config.get_main_option("dialect"))
context.run_migrations()
