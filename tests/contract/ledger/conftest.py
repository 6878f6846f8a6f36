"""Every verdict log there is, opened on a real file or server: the contract runs over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.tree import TreeLedger


@dataclass(frozen=True, slots=True)
class Store:
    """One place where a log can be: `create` makes it, each `open` is another process's view of it."""

    path: Path

    def create(self) -> None:
        """Make an empty log."""
        create(self.path)

    def open(self) -> AbstractAsyncContextManager[TreeLedger]:
        """Open the log anew."""
        return SqliteLedger(self.path)


@pytest.fixture(params=["sqlite"])
def store(tmp_path: Path) -> Store:
    """Return a store with an empty log."""
    made = Store(tmp_path / "log.db")
    made.create()
    return made


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[TreeLedger]:
    """Return an empty log, open."""
    async with store.open() as opened:
        yield opened
