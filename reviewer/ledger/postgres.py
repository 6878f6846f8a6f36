"""The verdict log for many replicas: one PostgreSQL database, written by each process's own writer task.

What is shared is on the server: indexes, request ids and spending are settled there, under the lock of the one-row
`head`. Nothing is kept in the process but what waits to be written. Reads go to the primary too, over a small pool: a
standby could not yet know what was answered a moment ago.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.events import Event
from reviewer.core.record import Entry
from reviewer.core.review import Position
from reviewer.core.search import Filter, Order
from reviewer.core.spending import Spent
from reviewer.ledger import postgres_custody, postgres_facets, postgres_rows, postgres_schema
from reviewer.ledger.custody import Erased, Kept
from reviewer.ledger.handoffs import Filed, HandoffStore
from reviewer.ledger.interface import Appended, Found, Stored
from reviewer.ledger.postgres_handoffs import HandoffStep, PostgresHandoffs
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_text import text
from reviewer.ledger.postgres_tree import LEASE_S, PostgresTree
from reviewer.ledger.postgres_writer import BATCH_S, Writer, told
from reviewer.ledger.tree import TreeStore
from reviewer.sealing import WrappedKey

T = TypeVar("T")

CONNECT_S = 3.0
READ_S = 5.0
SEARCH_S = 600.0
"""An export over a long log looks for a page this long, at worst; whoever waits for an answer gives up before."""
COMMAND_S = 600.0
"""A step over a long log takes its time."""


@dataclass(frozen=True, slots=True)
class Server:
    """Which database holds the log.

    Attributes:
        dsn: a URL as libpq reads it (`postgresql://user:password@host/database?sslmode=verify-full`), several hosts
            included; never shown.
        busy_timeout_s: how long a write waits for other processes that are writing, before it fails.
        pool_size: connections for reading, and as many for searches; writer and sequencer have one each.
    """

    dsn: str
    busy_timeout_s: float = 2.0
    pool_size: int = 4

    @property
    def name(self) -> str:
        """What messages may say of it: the database alone."""
        return f"database {urlsplit(self.dsn).path.lstrip('/') or 'of the user'}"

    def __repr__(self) -> str:
        """Show no password."""
        return f"Server({self.name})"


def create(server: Server) -> None:
    """Create an empty log in a database that is there.

    Raises:
        LedgerUnavailableError: it holds a log already, or cannot be reached, or does not let us.
    """
    _at_once(_create(server))


def exists(server: Server) -> bool:
    """Say whether the database holds a log.

    Raises:
        LedgerUnavailableError: it cannot be reached.
    """
    return _at_once(_exists(server))


def upgrade(server: Server) -> int:
    """Bring an existing log into the form that this version needs; return the number of steps taken.

    Entries stay as they are. No service may be running on the log: an older one would go on writing as before.

    Raises:
        LedgerUnavailableError: there is no log, or none that can be brought up to date.
    """
    return _at_once(_upgrade(server))


class PostgresLedger:
    """The verdict log in a PostgreSQL database. See the module's own text for who does what."""

    def __init__(self, server: Server) -> None:
        """Keep where it is; nothing is opened before `__aenter__`."""
        self._server = server
        self._writer: Writer | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._searches: asyncpg.Pool[asyncpg.Record] | None = None
        self._tree: PostgresTree | None = None

    async def __aenter__(self) -> Self:
        """Connect, check the log's form and start the writer.

        Raises:
            LedgerUnavailableError: the server cannot be reached, or there is no log, or it has another schema.
        """
        with _translated(f"{self._server.name}: the log could not be opened"):
            connection = await self._connect()
            try:
                await postgres_schema.check(connection, self._server.name)
                self._pool = await self._new_pool(READ_S)
                # Apart, so that no search keeps a review waiting.
                self._searches = await self._new_pool(SEARCH_S)
            except BaseException:
                connection.terminate()
                raise
        self._writer = Writer(self._connect, self._server.busy_timeout_s + BATCH_S)
        self._writer.start(connection)
        self._tree = PostgresTree(self._reading, self._connect_sequencer)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the writer finish what is queued, then close all connections."""
        writer, self._writer = self._writer, None
        tree, self._tree = self._tree, None
        pools = [pool for pool in (self._pool, self._searches) if pool is not None]
        self._pool = self._searches = None
        if tree is not None:
            await tree.close()
        if writer is not None:
            await writer.close()
        for pool in pools:
            # Whoever still reads is told so: nothing of theirs is lost.
            pool.terminate()

    async def append(self, entry: Entry) -> Appended:
        """See `Ledger.append`."""
        return await self._writing().append(entry)

    async def probe(self) -> None:
        """See `Ledger.probe`."""
        await self._writing().probe()

    async def find_request(self, tenant: str, request_id: str) -> Stored | None:
        """See `Ledger.find_request`."""
        return await self._one(postgres_rows.BY_REQUEST, tenant, request_id)

    async def find_review(self, tenant: str, review_id: str) -> Stored | None:
        """See `Ledger.find_review`."""
        return await self._one(postgres_rows.BY_REVIEW, review_id, tenant)

    async def page(self, first_index: int, limit: int) -> tuple[Stored, ...]:
        """See `Ledger.page`."""
        async with self._reading() as connection:
            rows = await connection.fetch(postgres_rows.PAGE, first_index, first_index + limit)
        return tuple(map(postgres_rows.stored, rows))

    async def search(self, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
        """See `Ledger.search`."""
        with _translated("the log could not be searched"):
            async with _open(self._searches).acquire() as connection:
                return await postgres_facets.search(connection, asked, order, after, limit)

    async def find_record(self, review_id: str) -> Found | None:
        """See `Ledger.find_record`."""
        async with self._reading() as connection:
            return await postgres_facets.by_review(connection, review_id)

    async def size(self) -> int:
        """See `Ledger.size`."""
        async with self._reading() as connection:
            return int(await connection.fetchval(postgres_rows.SIZE))

    async def spending(self, tenant: str, day: date) -> Spent:
        """See `Ledger.spending`."""
        async with self._reading() as connection:
            return await postgres_rows.of_tenant(connection, tenant, day)

    async def spending_of_day(self, day: date) -> tuple[tuple[str, Spent], ...]:
        """See `Ledger.spending_of_day`."""
        async with self._reading() as connection:
            return await postgres_rows.of_day(connection, day)

    async def data_keys(self, tenant: str | None) -> tuple[WrappedKey, ...]:
        """See `Custody.data_keys`."""
        async with self._reading() as connection:
            return await postgres_custody.data_keys(connection, tenant)

    async def wrappers(self) -> frozenset[str]:
        """See `Custody.wrappers`."""
        async with self._reading() as connection:
            return await postgres_custody.wrappers(connection)

    async def add_data_key(self, key: WrappedKey, known: int) -> WrappedKey:
        """See `Custody.add_data_key`."""
        return await self._writing().take(lambda tx: postgres_custody.add_data_key(tx, key, known))

    async def replace_wrapped(self, keys: tuple[WrappedKey, ...], event: Event) -> Position:
        """See `Custody.replace_wrapped`."""
        return await self._writing().take(lambda tx: postgres_custody.replace_wrapped(tx, keys, event))

    async def erase(self, event: Event) -> Erased:
        """See `Custody.erase`; the server's own files give the bytes up by and by (vacuum, write-ahead log)."""
        return await self._writing().take(lambda tx: postgres_custody.erase(tx, event))

    async def change_hold(self, event: Event) -> Position:
        """See `Custody.change_hold`."""
        return await self._writing().take(lambda tx: postgres_custody.change_hold(tx, event))

    async def holds(self, tenant: str | None) -> tuple[Event, ...]:
        """See `Custody.holds`."""
        async with self._reading() as connection:
            return await postgres_custody.holds(connection, tenant)

    async def kept(self, first_index: int, limit: int) -> tuple[Kept, ...]:
        """See `Custody.kept`."""
        async with self._reading() as connection:
            return await postgres_custody.kept(connection, first_index, limit)

    async def note_signing_key(self, key_id: str, told: Callable[[str], Event]) -> Position | None:
        """See `Custody.note_signing_key`."""
        return await self._writing().take(lambda tx: postgres_custody.note_signing_key(tx, key_id, told))

    @property
    def handoffs(self) -> HandoffStore:
        """See `TicketLedger.handoffs`."""
        return PostgresHandoffs(self._reading, self._move)

    @property
    def tree(self) -> TreeStore:
        """The tree over the entries; of an open log.

        Raises:
            LedgerUnavailableError: the log is closed.
        """
        return _open(self._tree)

    def _writing(self) -> Writer:
        return _open(self._writer)

    async def _move(self, step: HandoffStep) -> Filed:
        return await self._writing().take(lambda tx: step(tx.connection, tx.append))

    async def _one(self, sql: str, first: str, second: str) -> Stored | None:
        async with self._reading() as connection:
            row = await connection.fetchrow(sql, text(first), text(second))
        return None if row is None else postgres_rows.stored(row)

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[Reader]:
        pool = _open(self._pool)
        with _translated("the log could not be read"):
            async with pool.acquire(timeout=READ_S) as connection:
                yield connection

    async def _connect(self) -> Connection:
        """Open a connection for the writer."""
        waiting_ms = str(round(self._server.busy_timeout_s * 1000))
        return await _connect(
            self._server,
            synchronous_commit="on",
            lock_timeout=waiting_ms,
            # A process that is stopped or cut off while it holds the head must not hold up all others.
            idle_in_transaction_session_timeout=waiting_ms,
        )

    async def _connect_sequencer(self) -> Connection:
        waiting_ms = str(round(self._server.busy_timeout_s * 1000))
        return await _connect(
            self._server,
            synchronous_commit="on",
            lock_timeout=waiting_ms,
            idle_in_transaction_session_timeout=waiting_ms,
            # A sequencer that stands still is to lose its election.
            idle_session_timeout=str(round(LEASE_S * 1000)),
        )

    async def _new_pool(self, limit_s: float) -> asyncpg.Pool[asyncpg.Record]:
        limit_ms = str(round(limit_s * 1000))
        return await asyncpg.create_pool(
            self._server.dsn,
            # Opened when asked for: a pool that keeps some open logs every failure to do so while the server is away.
            min_size=0,
            max_size=self._server.pool_size,
            timeout=CONNECT_S,
            command_timeout=limit_s,
            target_session_attrs=SessionAttribute.read_write,
            server_settings={"application_name": "reviewer", "statement_timeout": limit_ms},
        )


def _open(part: T | None) -> T:
    """Return a part of an open log."""
    if part is None:
        raise LedgerUnavailableError("the log is closed")
    return part


async def _connect(server: Server, **settings: str) -> Connection:
    return await asyncpg.connect(
        server.dsn,
        timeout=CONNECT_S,
        target_session_attrs=SessionAttribute.read_write,
        server_settings={"application_name": "reviewer", **settings},
    )


async def _create(server: Server) -> None:
    async with _command(server, "created") as connection:
        await postgres_schema.build(connection, server.name)


async def _exists(server: Server) -> bool:
    async with _command(server, "looked for") as connection:
        return await postgres_schema.exists(connection)


async def _upgrade(server: Server) -> int:
    async with _command(server, "upgraded") as connection:
        return await postgres_schema.upgrade(connection, server.name)


@contextlib.asynccontextmanager
async def _command(server: Server, verb: str) -> AsyncIterator[Connection]:
    with _translated(f"{server.name}: the log could not be {verb}"):
        async with asyncio.timeout(COMMAND_S):
            connection = await _connect(server, synchronous_commit="on")
            try:
                yield connection
            finally:
                connection.terminate()


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end, also where the caller is inside a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn the driver's errors into ours; the server's own words may repeat ids, and are left out."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as exc:
        raise LedgerUnavailableError(f"{what}: {told(exc)}") from None
