"""Every verdict log there is, opened on a real file or server: the contract runs over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reviewer.ledger import postgres, sqlite
from reviewer.ledger.sealed import SealedLedger
from reviewer.ledger.tree import TreeLedger
from tests.support.postgres_server import PostgresServer
from tests.support.sealed import sealed_ledger

Log = sqlite.SqliteLedger | postgres.PostgresLedger | SealedLedger
"""An open log, tickets included."""


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """A file."""

    path: Path
    sealed: bool = False

    def create(self) -> None:
        """Make an empty log."""
        sqlite.create(self.path)

    def open(self) -> AbstractAsyncContextManager[Log]:
        """Open the log anew, as another process would."""
        plain = sqlite.SqliteLedger(self.path)
        return sealed_ledger(plain) if self.sealed else plain


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """A schema of a server's database."""

    server: postgres.Server
    sealed: bool = False

    def create(self) -> None:
        """Make an empty log."""
        postgres.create(self.server)

    def open(self) -> AbstractAsyncContextManager[Log]:
        """Open the log anew, as another process would."""
        plain = postgres.PostgresLedger(self.server)
        return sealed_ledger(plain) if self.sealed else plain


Store = SqliteStore | PostgresStore
"""One place where a log can be: `create` makes it, each `open` is another process's view of it."""


@pytest.fixture(params=["sqlite", "sealed sqlite", "postgres", "sealed postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store with an empty log."""
    made: Store
    sealed = request.param.startswith("sealed")
    if request.param.endswith("sqlite"):
        made = SqliteStore(tmp_path / "log.db", sealed)
    else:
        running: PostgresServer = request.getfixturevalue("running_server")
        made = PostgresStore(postgres.Server(running.new_dsn()), sealed)
    made.create()
    return made


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[TreeLedger]:
    """Return an empty log, open."""
    async with store.open() as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Database:
    """A schema of a running server, seen by us and by somebody with psql."""

    running: PostgresServer
    server: postgres.Server

    def run(self, sql: str) -> str:
        """Run statements without our code."""
        return self.running.run(sql, self.server.dsn)


@pytest.fixture
def empty(running_server: PostgresServer) -> Database:
    """Return a schema without a log."""
    return Database(running_server, postgres.Server(running_server.new_dsn()))


@pytest.fixture
def database(empty: Database) -> Database:
    """Return a schema with an empty log."""
    postgres.create(empty.server)
    return empty
