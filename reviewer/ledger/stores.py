"""Which store holds the log: the one place that knows both, for the service and for commands alike.

The driver of PostgreSQL is an extra (`pip install oversight-reviewer[postgres]`), imported only where it is configured.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import SecretStr

from reviewer.core.errors import ConfigError, Fault
from reviewer.ledger import sqlite
from reviewer.ledger.custody import Store
from reviewer.log_sections import LedgerSettings


def open_log(settings: LedgerSettings) -> Store:
    """Return the log, not yet opened.

    Raises:
        ConfigError: the store's driver is not installed.
    """
    if settings.store == "sqlite":
        return sqlite.SqliteLedger(settings.path, settings.busy_timeout_s)
    postgres = _postgres()
    ledger: Store = postgres.PostgresLedger(_server(postgres, settings))
    return ledger


def create(settings: LedgerSettings) -> None:
    """Create an empty log.

    Raises:
        LedgerUnavailableError: there is one already, or it cannot be created.
        ConfigError: the store's driver is not installed.
    """
    if settings.store == "sqlite":
        sqlite.create(settings.path)
    else:
        postgres = _postgres()
        postgres.create(_server(postgres, settings))


def exists(settings: LedgerSettings) -> bool:
    """Say whether there is a log.

    Raises:
        LedgerUnavailableError: the server cannot be asked.
        ConfigError: the store's driver is not installed.
    """
    if settings.store == "sqlite":
        return settings.path.exists()
    postgres = _postgres()
    return bool(postgres.exists(_server(postgres, settings)))


def upgrade(settings: LedgerSettings) -> int:
    """Bring the log up to date; return the number of steps taken.

    Raises:
        LedgerUnavailableError: there is no log, or none that can be brought up to date.
        ConfigError: the store's driver is not installed.
    """
    if settings.store == "sqlite":
        return sqlite.upgrade(settings.path)
    postgres = _postgres()
    return int(postgres.upgrade(_server(postgres, settings)))


def name_of(settings: LedgerSettings) -> str:
    """Name the log in messages: its file, or the database without host and password."""
    if settings.store == "sqlite":
        return settings.path.name
    postgres = _postgres()
    return str(_server(postgres, settings).name)


def _postgres() -> Any:
    try:
        return import_module("reviewer.ledger.postgres")
    except ImportError as exc:
        message = "needs asyncpg: install oversight-reviewer[postgres]"
        raise ConfigError((Fault("settings", "ledger.store", message),)) from exc


def _server(postgres: Any, settings: LedgerSettings) -> Any:
    dsn = settings.dsn or SecretStr("")
    return postgres.Server(dsn.get_secret_value(), settings.busy_timeout_s, settings.pool_size)
