"""What the commands on a log share: its file and its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from reviewer.app import open_ledger, open_records
from reviewer.cli.console import settings_or_exit
from reviewer.config import Settings
from reviewer.core.errors import ConfigError
from reviewer.ledger import stores
from reviewer.ledger.tree import TreeLedger


def settings_for(path: Path | None, config: Path | None) -> Settings:
    """Return the settings with the log file that a command names, if it names one, whatever store they name."""
    settings = settings_or_exit(config)
    if path is None:
        return settings
    return settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"store": "sqlite", "path": path})})


def where(settings: Settings) -> str:
    """Name the log to somebody at the terminal: a file by its whole path."""
    return str(settings.ledger.path) if settings.ledger.store == "sqlite" else stores.name_of(settings.ledger)


@asynccontextmanager
async def opened_log(settings: Settings) -> AsyncIterator[tuple[TreeLedger, bool]]:
    """Open a log, with its contents readable where its keys are there; say whether they are.

    Raises:
        LedgerUnavailableError: there is no log.
    """
    async with AsyncExitStack() as stack:
        try:
            sealed = await stack.enter_async_context(open_ledger(settings))
        except ConfigError:
            records = await stack.enter_async_context(open_records(settings))
            yield records, False
        else:
            yield sealed, True
