"""The verdict log by itself: appends beside plain durable inserts, the tail of an append as the log grows, and a walk.

The baseline of appends is a table with one blob column on the same disk, in WAL mode with `synchronous=FULL`, written
by one thread that commits whatever is queued: what a durable insert costs here, without records, indexes and a tree.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from resource import getpagesize
from typing import Final

import apsw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import log_postgres
from bench.bed import Bed
from bench.report import Table, at_most, percentile, spread
from reviewer.core.record import Entry
from reviewer.ledger.sequencer import Sequencer
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.verification import verify
from reviewer.signing import Identity, SigningKey
from tests.support.builders import entry

CALLERS: Final = 64
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
MEBIBYTE: Final = 1024 * 1024
CHUNK: Final = 5_000
"""Entries made ahead, outside the time that is measured."""

Append = Callable[[Entry], Awaitable[object]]


def measure(bed: Bed) -> Table:
    """Append, grow and verify; one log that grows through all sizes, so that a round costs no more than the largest."""
    ratios, figures = [], []
    for _ in range(bed.effort.rounds):
        plain, own = asyncio.run(_compared(bed.effort.calls(10_000, at_least=2_000)))
        ratios.append(own / plain)
        figures.append((plain, own))
    rows: list[tuple[str, str, str, str]] = [
        ("plain inserts", "-", f"{spread([plain for plain, _ in figures])} /s", "-"),
        ("appends", "-", f"{spread([own for _, own in figures])} /s", f"{spread(ratios)} of plain"),
    ]
    sizes = SIZES if bed.effort.share == 1 else SIZES[:2]
    tails, walk = asyncio.run(_grown(sizes))
    rows += [
        (f"append at {size:,}", "p99", f"{tail:.2f} ms", f"{tail / tails[0]:.2f} of the first")
        for size, tail in zip(sizes, tails, strict=True)
    ]
    rows.append((f"verify {sizes[-1]:,}", "walk", f"{walk[0]:.0f} records/s", f"{walk[1]:.1f} MiB more at the peak"))
    rows += log_postgres.rows(bed, IDENTITY)
    return Table(
        "Log",
        f"{CALLERS} callers, records and contents of a small review, sequencer running every 0.1 s; a tail is over "
        "2,000 appends one after the other. Memory: the most that the process had resident beyond what it began with.",
        ("what", "figure", "value", "compared"),
        tuple(rows),
        (at_most("p99 of an append at the largest size over the smallest", tails[-1] / tails[0], 2),),
    )


async def _compared(count: int) -> tuple[float, float]:
    """Return plain inserts and appends a second, on the same disk and one after the other."""
    made = _entries(0, count)
    with tempfile.TemporaryDirectory() as folder:
        plain = PlainInserts(Path(folder) / "plain.db")
        baseline = await _rate(plain.append, made)
        plain.close()
        async with _log(Path(folder)) as ledger:
            return baseline, await _rate(ledger.append, made)


async def _rate(append: Append, made: Sequence[Entry]) -> float:
    async def caller(first: int) -> None:
        for one in made[first::CALLERS]:
            await append(one)

    began = time.perf_counter()
    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    return len(made) / (time.perf_counter() - began)


async def _grown(sizes: Sequence[int]) -> tuple[list[float], tuple[float, float]]:
    """Return p99 of appends at each size in ms, then records verified a second and the memory that took in MiB."""
    tails: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with _log(Path(folder)) as ledger:
            for size in sizes:
                for first in range(await ledger.size(), size, CHUNK):
                    await _rate(ledger.append, _entries(first, min(first + CHUNK, size)))
                tails.append(await _tail(ledger, size))
        async with SqliteLedger(Path(folder) / "log.db") as ledger:
            seen = [_resident()]
            began = time.perf_counter()
            report = await verify(ledger, IDENTITY.verifier_keys(), (), lambda *_: seen.append(_resident()))
            took = time.perf_counter() - began
    if report.count:
        sys.exit(f"the log does not verify: {report.problems[0].what}")
    return tails, (report.size / took, max(seen) - seen[0])


async def _tail(ledger: SqliteLedger, size: int) -> float:
    took = []
    for one in _entries(size, size + 2_000):
        began = time.perf_counter()
        await ledger.append(one)
        took.append((time.perf_counter() - began) * 1e3)
    return percentile(sorted(took), 99)


@asynccontextmanager
async def _log(folder: Path) -> AsyncIterator[SqliteLedger]:
    create(folder / "log.db")
    async with SqliteLedger(folder / "log.db") as ledger, Sequencer(ledger, IDENTITY, 0.1, lambda: datetime.now(UTC)):
        yield ledger


def _entries(first: int, end: int) -> list[Entry]:
    return [entry(number, f"r-{number}") for number in range(first, end)]


def _resident() -> float:
    """Return the memory of this process in MiB, as Linux counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * getpagesize() / MEBIBYTE


class PlainInserts:
    """One thread, one table, one commit for whatever is queued."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))
        self._connection.pragma("journal_mode", "wal")
        self._connection.pragma("synchronous", "full")
        self._connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")
        self._queue: SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    async def append(self, made: Entry) -> None:
        """Insert record and content as one blob, durably."""
        waiter = self._loop.create_future()
        self._queue.put((made.record + made.content, waiter))
        await waiter

    def close(self) -> None:
        """End the thread and close the file."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while not self._queue.empty() and (following := self._queue.get()) is not None:
                batch.append(following)
            with self._connection:
                self._connection.executemany("INSERT INTO rows (data) VALUES (?)", [(data,) for data, _ in batch])
            self._loop.call_soon_threadsafe(_tell, [waiter for _, waiter in batch])


def _tell(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        waiter.set_result(None)


IDENTITY: Final = Identity("bench.example/log", SigningKey(Ed25519PrivateKey.generate()))
