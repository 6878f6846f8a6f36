"""The writer of the PostgreSQL log: one task that commits whatever is queued at that moment in one transaction.

It waits for no timer: one commit serves all that came while the one before was under way, and a lone entry waits for
nobody. Of several processes only the one that holds the head appends; the others queue up behind it on the server.

* Where a batch fails, whatever the cause, all that wait for it are told that their entries may or may not be in the
  log, and the connection is dropped: nothing more is learnt from it, and the server takes back what was not committed.
* The server gives no time limit to a statement of the writer: one that runs out while a commit waits for a standby
  would make the server report a commit that only this machine has. The client's own limit drops the connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import asyncpg

from reviewer.core.errors import (
    HandoffFinalError,
    HandoffNotFoundError,
    HoldError,
    LeaseError,
    LedgerUnavailableError,
    ReviewNotFoundError,
    SealedError,
)
from reviewer.core.record import Entry
from reviewer.ledger.interface import Appended
from reviewer.ledger.postgres_rows import Transaction, begin
from reviewer.ledger.postgres_schema import Connection

MAX_BATCH = 512
MAX_STEPS = 32
"""A step takes several trips to the server, one after the other, while all other processes wait for the head."""
MAX_BATCH_BYTES = 16 * 1024 * 1024
"""A message to the server holds at most 1 GiB, and is built in memory."""
BATCH_S = 5.0
"""For everything but waiting for other writers."""
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


_REFUSALS = (HandoffFinalError, HandoffNotFoundError, HoldError, LeaseError, ReviewNotFoundError, SealedError)
"""What a rule of the log refuses, before anything was written for it."""

Step = Callable[[Transaction], Awaitable[object]]
"""What one caller wants done within the writer's transaction."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Write:
    """An entry to be written, or a step to be taken, or None for a probe, and who waits for it."""

    work: Entry | Step | None
    waiter: asyncio.Future[object]


class Writer:
    """Writes batches until it is closed; reconnects when it has to, less often the longer the server is away."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], limit_s: float) -> None:
        """Keep what is needed; nothing is opened before `start`.

        Args:
            connect: opens a connection for writing.
            limit_s: for one batch, from taking it off the queue to its commit.
        """
        self._connect = connect
        self._limit_s = limit_s
        self._queue: asyncio.Queue[_Write | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._pause_s = 0.0
        self._not_before = 0.0

    def start(self, connection: Connection) -> None:
        """Begin, with a connection that from now on is the writer's own."""
        self._connection = connection
        self._task = asyncio.create_task(self._write_forever(), name="ledger-writer")

    async def append(self, entry: Entry) -> Appended:
        """Queue an entry and wait for its commit.

        Raises:
            LedgerUnavailableError: the writer is closed, or the commit failed, or nobody knows.
            SealedError: the entry's data key was destroyed.
        """
        appended = await self._submit(entry)
        assert isinstance(appended, Appended)
        return appended

    async def probe(self) -> None:
        """Commit something that nobody reads; raises as `append` does."""
        await self._submit(None)

    async def take(self, step: Callable[[Transaction], Awaitable[T]]) -> T:
        """Take a step within a commit; raises what the step is refused by, else as `append` does."""
        return cast("T", await self._submit(step))

    async def _submit(self, work: Entry | Step | None) -> object:
        if self._task is None:
            raise LedgerUnavailableError("the log is closed")
        waiter: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Write(work, waiter))
        # A caller that goes away cancels only its waiter: the write takes its course.
        return await waiter

    async def close(self) -> None:
        """Finish what is queued, then close the connection."""
        if self._task is None:
            return
        task, self._task = self._task, None
        # Nothing can be queued behind this: `submit` refuses as soon as the task is let go of.
        self._queue.put_nowait(None)
        await task
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _write_forever(self) -> None:
        open_ = True
        while open_:
            batch, open_ = await self._next_batch()
            if not batch:
                continue
            try:
                async with asyncio.timeout(self._limit_s):
                    results = await self._commit([write.work for write in batch])
            except Exception as exc:  # noqa: BLE001 - whatever it was: waiters must hear of it, and the task must live
                self._drop()
                _fail(batch, exc)
            else:
                _succeed(batch, results)

    async def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for one write, then take what else is there; False with the last batch before closing."""
        batch: list[_Write] = []
        steps = size = 0
        while not batch or (
            len(batch) < MAX_BATCH and steps < MAX_STEPS and size < MAX_BATCH_BYTES and not self._queue.empty()
        ):
            following = await self._queue.get()
            if following is None:
                return batch, False
            batch.append(following)
            if isinstance(following.work, Entry):
                size += len(following.work.record) + len(following.work.content)
            else:
                steps += 1
        return batch, True

    async def _commit(self, works: list[Entry | Step | None]) -> list[object]:
        """Write a batch in one transaction; all of it is durable when this returns, or none of it is acknowledged."""
        connection = await self._connected()
        transaction = connection.transaction(isolation="read_committed")
        await transaction.start()
        tx = await begin(connection)
        results = await _done(tx, works)
        await tx.end()
        await transaction.commit()
        return results

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if time.monotonic() < self._not_before:
            raise ConnectionError
        # Set before trying, so that it also holds where trying takes longer than it may.
        self._pause_s = min(self._pause_s * 2 or _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._not_before = time.monotonic() + self._pause_s
        self._connection = await self._connect()
        self._pause_s = 0.0
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def told(cause: BaseException) -> str:
    """Name an error without its text: the server's may repeat ids and names of hosts."""
    code = f" {cause.sqlstate}" if isinstance(cause, asyncpg.PostgresError) else ""
    return f"{type(cause).__name__}{code}"


async def _done(tx: Transaction, works: list[Entry | Step | None]) -> list[object]:
    """Do all of it in order; entries that follow each other are written by one statement."""
    results: list[object] = []
    entries: list[Entry] = []
    for work in works:
        if isinstance(work, Entry):
            entries.append(work)
            continue
        # What is refused depends on what came before.
        results += await tx.append_all(entries)
        entries = []
        results.append(None if work is None else await _taken(work, tx))
    return results + await tx.append_all(entries)


async def _taken(step: Step, tx: Transaction) -> object:
    """Take a step; what it is refused by a rule of the log is its result, and no matter for the others."""
    try:
        return await step(tx)
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
            write.waiter.set_exception(LedgerUnavailableError(f"the log could not be written: {told(cause)}"))
