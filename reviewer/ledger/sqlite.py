"""The embedded verdict log: SQLite in WAL mode with `synchronous=FULL`, written by one thread with group commit.

The writer takes whatever is queued at that moment, without waiting for more, and commits it in one transaction: one
fsync serves all, and a lone entry waits for nobody. Indexes are assigned inside the transaction, so that two
processes on one file stay correct, only slower. Point look-ups run on the caller's thread: they read a few pages of a
B-tree, which costs less than the hop to another thread and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar, cast

import apsw

from reviewer.core.errors import (
    HandoffFinalError,
    HandoffNotFoundError,
    HoldError,
    LeaseError,
    LedgerUnavailableError,
    ReviewNotFoundError,
    SealedError,
)
from reviewer.core.events import Event
from reviewer.core.record import Entry
from reviewer.core.review import Position
from reviewer.core.search import Filter, Order
from reviewer.core.spending import Spent
from reviewer.ledger import sqlite_custody, sqlite_schema, sqlite_search, sqlite_spending
from reviewer.ledger.custody import Erased, Kept
from reviewer.ledger.handoffs import Filed, HandoffStore
from reviewer.ledger.interface import Appended, Found, Stored
from reviewer.ledger.sqlite_connection import close, connect, empty_wal, translated
from reviewer.ledger.sqlite_entries import BY_REQUEST, BY_REVIEW, PAGE, Step, Transaction, size, stored
from reviewer.ledger.sqlite_handoffs import HandoffStep, SqliteHandoffs
from reviewer.ledger.sqlite_tree import SqliteTree, TreeStep
from reviewer.ledger.tree import TreeStore
from reviewer.sealing import WrappedKey

T = TypeVar("T")

MAX_BATCH = 512
BUSY_TIMEOUT_S = 5.0

_REFUSALS = (HandoffFinalError, HandoffNotFoundError, HoldError, LeaseError, ReviewNotFoundError, SealedError)
"""What a step raises before it has written anything."""


@dataclass(frozen=True, slots=True)
class _Write:
    """What is to be done in the writer's transaction, and who waits for it."""

    step: Step
    waiter: asyncio.Future[object]


def create(path: Path) -> None:
    """Create an empty log; explicit, so that a mistyped path never starts a new history.

    Raises:
        LedgerUnavailableError: the file exists already, or cannot be created.
    """
    if path.exists():
        raise LedgerUnavailableError(f"{path.name}: a file of that name exists already")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = apsw.Connection(str(path))
        try:
            connection.pragma("journal_mode", "wal")
            sqlite_schema.build(connection)
        finally:
            connection.close()
    except (apsw.Error, OSError) as exc:
        raise LedgerUnavailableError(f"{path.name}: cannot be created: {type(exc).__name__}") from exc


def upgrade(path: Path) -> int:
    """Bring an existing log into the form that this version needs; return the number of steps taken.

    Entries stay as they are. No service may be running on the log: an older one would go on writing as before.

    Raises:
        LedgerUnavailableError: there is no log at the path, or none that can be brought up to date.
    """
    with translated("upgraded"):
        connection = connect(path, BUSY_TIMEOUT_S)
        try:
            return sqlite_schema.upgrade(connection, path.name)
        finally:
            connection.close()


class SqliteLedger:
    """The verdict log in one SQLite file. See the module's own text for how it writes."""

    def __init__(self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Keep the path; nothing is opened before `__aenter__`.

        Args:
            path: of an existing log.
            busy_timeout_s: how long a write waits for another process that is writing, before it fails.
        """
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._reader: apsw.Connection | None = None
        self._tree: SqliteTree | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Open the log and start the writer.

        Raises:
            LedgerUnavailableError: there is no log at the path, or it has another schema.
        """
        with translated("opened"):
            self._reader = connect(self._path, self._busy_timeout_s)
            sqlite_schema.check(self._reader, self._path.name)
            self._tree = SqliteTree(connect(self._path, self._busy_timeout_s), self._write_tree)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write_forever, name="ledger-writer", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the writer finish what is queued, then close every connection."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            # Nothing can be queued behind this: `_submit` refuses as soon as the thread is let go of.
            self._queue.put(None)
            await asyncio.to_thread(thread.join)
        if self._tree is not None:
            self._tree.close()
            self._tree = None
        if self._reader is not None:
            close(self._reader)
            self._reader = None

    async def append(self, entry: Entry) -> Appended:
        """See `Ledger.append`."""
        return await self._submit(lambda tx: tx.append(entry))

    async def probe(self) -> None:
        """See `Ledger.probe`."""
        await self._submit(Transaction.probe)

    async def find_request(self, tenant: str, request_id: str) -> Stored | None:
        """See `Ledger.find_request`."""
        return self._one(BY_REQUEST, (tenant, request_id))

    async def find_review(self, tenant: str, review_id: str) -> Stored | None:
        """See `Ledger.find_review`."""
        return self._one(BY_REVIEW, (review_id, tenant))

    async def page(self, first_index: int, limit: int) -> tuple[Stored, ...]:
        """See `Ledger.page`."""
        with translated("read"):
            return tuple(stored(row) for row in self._connection().execute(PAGE, (first_index, limit)))

    async def search(self, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
        """See `Ledger.search`."""
        self._connection()
        with translated("searched"):
            connection = connect(self._path, self._busy_timeout_s)
            return await sqlite_search.search(connection, asked, order, after, limit)

    async def find_record(self, review_id: str) -> Found | None:
        """See `Ledger.find_record`."""
        with translated("read"):
            return sqlite_search.by_review(self._connection(), review_id)

    async def size(self) -> int:
        """See `Ledger.size`."""
        with translated("read"):
            return size(self._connection())

    async def spending(self, tenant: str, day: date) -> Spent:
        """See `Ledger.spending`."""
        with translated("read"):
            return sqlite_spending.of_tenant(self._connection(), tenant, day)

    async def spending_of_day(self, day: date) -> tuple[tuple[str, Spent], ...]:
        """See `Ledger.spending_of_day`."""
        with translated("read"):
            return sqlite_spending.of_day(self._connection(), day)

    async def data_keys(self, tenant: str | None) -> tuple[WrappedKey, ...]:
        """See `Custody.data_keys`."""
        with translated("read"):
            return sqlite_custody.data_keys(self._connection(), tenant)

    async def wrappers(self) -> frozenset[str]:
        """See `Custody.wrappers`."""
        with translated("read"):
            return sqlite_custody.wrappers(self._connection())

    async def add_data_key(self, key: WrappedKey, known: int) -> WrappedKey:
        """See `Custody.add_data_key`."""
        return await self._submit(lambda tx: sqlite_custody.add_data_key(tx, key, known))

    async def replace_wrapped(self, keys: tuple[WrappedKey, ...], event: Event) -> Position:
        """See `Custody.replace_wrapped`."""
        return await self._submit(lambda tx: sqlite_custody.replace_wrapped(tx, keys, event))

    async def erase(self, event: Event) -> Erased:
        """See `Custody.erase`."""
        erased = await self._submit(lambda tx: sqlite_custody.erase(tx, event))
        # Also where nothing was left to erase: a process that died after its commit may not have come so far.
        wiped = await asyncio.to_thread(empty_wal, self._path, self._busy_timeout_s)
        return replace(erased, wiped=wiped)

    async def change_hold(self, event: Event) -> Position:
        """See `Custody.change_hold`."""
        return await self._submit(lambda tx: sqlite_custody.change_hold(tx, event))

    async def holds(self, tenant: str | None) -> tuple[Event, ...]:
        """See `Custody.holds`."""
        with translated("read"):
            return sqlite_custody.holds(self._connection(), tenant)

    async def kept(self, first_index: int, limit: int) -> tuple[Kept, ...]:
        """See `Custody.kept`."""
        with translated("read"):
            return sqlite_custody.kept(self._connection(), first_index, limit)

    async def note_signing_key(self, key_id: str, told: Callable[[str], Event]) -> Position | None:
        """See `Custody.note_signing_key`."""
        return await self._submit(lambda tx: sqlite_custody.note_signing_key(tx, key_id, told))

    @property
    def handoffs(self) -> HandoffStore:
        """See `TicketLedger.handoffs`."""
        return SqliteHandoffs(self._connection, self._write_handoff)

    @property
    def tree(self) -> TreeStore:
        """The tree over the entries; of an open log.

        Raises:
            LedgerUnavailableError: the log is closed.
        """
        if self._tree is None:
            raise LedgerUnavailableError("the log is closed")
        return self._tree

    async def _write_handoff(self, step: HandoffStep) -> Filed:
        return await self._submit(lambda tx: step(tx.connection, tx.append))

    async def _write_tree(self, step: TreeStep) -> object:
        return await self._submit(lambda tx: step(tx.connection))

    async def _submit(self, step: Callable[[Transaction], T]) -> T:
        if self._thread is None:
            raise LedgerUnavailableError("the log is closed")
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Write(step, cast("asyncio.Future[object]", waiter)))
        # A caller that goes away cancels only its waiter: the write takes its course.
        return await waiter

    def _one(self, sql: str, bindings: tuple[str, ...]) -> Stored | None:
        with translated("read"):
            row = self._connection().execute(sql, bindings).fetchone()
        return None if row is None else stored(row)

    def _connection(self) -> apsw.Connection:
        if self._reader is None:
            raise LedgerUnavailableError("the log is closed")
        return self._reader

    def _write_forever(self) -> None:
        """Body of the writer thread: one transaction for all that is queued; reconnect after any failure."""
        connection: apsw.Connection | None = None
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            if not batch:
                continue
            try:
                connection = connection or connect(self._path, self._busy_timeout_s)
                results = _commit(connection, batch)
            except Exception as exc:  # noqa: BLE001 - whatever it was: waiters must hear of it, and the thread must live
                if connection is not None:
                    close(connection)
                    connection = None
                self._deliver(_fail, batch, exc)
            else:
                self._deliver(_succeed, batch, results)
        if connection is not None:
            close(connection)

    def _deliver(self, how: Callable[[list[_Write], T], None], batch: list[_Write], outcome: T) -> None:
        """Wake the waiters of a batch with one call into their loop; a loop that is gone has no waiters."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(how, batch, outcome)

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for one write, then take what else is there; False with the last batch before closing."""
        first = self._queue.get()
        if first is None:
            return [], False
        batch = [first]
        while len(batch) < MAX_BATCH and not self._queue.empty():
            following = self._queue.get()
            if following is None:
                return batch, False
            batch.append(following)
        return batch, True


def _commit(connection: apsw.Connection, batch: list[_Write]) -> list[object]:
    """Write a batch in one transaction; all of it is durable when this returns, or none of it is acknowledged."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        tx = Transaction(connection)
        results = [_done(write.step, tx) for write in batch]
        sqlite_spending.add(connection, tx.appended)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(apsw.Error):
            connection.execute("ROLLBACK")
        raise
    return results


def _done(step: Step, tx: Transaction) -> object:
    """Do a step; what it is refused by a rule of the log is its result, and no matter for the others."""
    try:
        return step(tx)
    except _REFUSALS as refusal:
        return refusal


def _succeed(batch: list[_Write], results: list[object]) -> None:
    for write, result in zip(batch, results, strict=True):
        if write.waiter.done():
            continue
        if isinstance(result, _REFUSALS):
            write.waiter.set_exception(result)
        else:
            write.waiter.set_result(result)


def _fail(batch: list[_Write], cause: Exception) -> None:
    """Tell every waiter of a batch that its entry may or may not be in the log."""
    for write in batch:
        if not write.waiter.done():
            error = LedgerUnavailableError(f"the log could not be written: {type(cause).__name__}")
            error.__cause__ = cause
            write.waiter.set_exception(error)
