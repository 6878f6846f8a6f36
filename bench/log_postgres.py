"""The verdict log in PostgreSQL: appends beside plain durable inserts on the same server, in the same run.

The baseline is a table with one blob column and a commit for each insert: over one connection, which is what a commit
costs by itself, and over sixteen, where the server makes one write of what commits at once. Neither knows records,
indexes, request ids, spending, facets or a tree.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import asyncpg

from bench.bed import Bed
from bench.report import percentile, spread
from reviewer.core.record import Entry
from reviewer.ledger.postgres import PostgresLedger, Server, create
from reviewer.ledger.sequencer import Sequencer
from reviewer.signing import Identity
from tests.support.builders import entry
from tests.support.postgres_server import PostgresServer, postgres_server

CALLERS: Final = 64
CONNECTIONS: Final = 16
ALONE: Final = 500
"""Appends one after the other, for the time that one takes."""

Row = tuple[str, str, str, str]


def rows(bed: Bed, identity: Identity) -> list[Row]:
    """Measure on a server of its own: appends a second, and how long one takes by itself."""
    count = bed.effort.calls(5_000, at_least=1_000)
    with postgres_server() as server:
        measured = [asyncio.run(_compared(server, identity, count)) for _ in range(bed.effort.rounds)]
    one, many, own, alone = (list(column) for column in zip(*measured, strict=True))
    ratios = ([mine / theirs for mine, theirs in zip(own, plain, strict=True)] for plain in (one, many))
    over_one, over_many = (spread(found) for found in ratios)
    return [
        ("PostgreSQL: plain inserts, 1 connection", "-", f"{spread(one)} /s", "-"),
        (f"PostgreSQL: plain inserts, {CONNECTIONS} connections", "-", f"{spread(many)} /s", "-"),
        ("PostgreSQL: appends", "-", f"{spread(own)} /s", f"{over_one} and {over_many} of plain"),
        ("PostgreSQL: append by itself", "p50", f"{spread(alone)} ms", "-"),
    ]


async def _compared(server: PostgresServer, identity: Identity, count: int) -> tuple[float, float, float, float]:
    """Return plain inserts a second over one and over several connections, appends a second, ms that one takes."""
    made = [entry(number, f"r-{number}") for number in range(count + ALONE)]
    log = Server(await asyncio.to_thread(server.new_dsn))
    one = await _plain(log.dsn, 1, made[: count // 4])
    many = await _plain(log.dsn, CONNECTIONS, made[:count])
    async with _log(log, identity) as ledger:
        own = await _rate(ledger, made[:count])
        took = []
        for each in made[count:]:
            began = time.perf_counter()
            await ledger.append(each)
            took.append((time.perf_counter() - began) * 1e3)
    return one, many, own, percentile(sorted(took), 50)


async def _plain(dsn: str, connections: int, made: Sequence[Entry]) -> float:
    """Insert with as many callers as there are connections: more would only wait for one."""

    async def caller(first: int) -> None:
        async with pool.acquire() as connection:
            insert = await connection.prepare("INSERT INTO plain (data) VALUES ($1)")
            await starting.wait()
            for each in made[first::connections]:
                await insert.fetch(each.record + each.content)

    async with asyncpg.create_pool(dsn, min_size=connections, max_size=connections) as pool:
        await pool.execute("CREATE TABLE IF NOT EXISTS plain (id bigserial PRIMARY KEY, data bytea NOT NULL)")
        starting = asyncio.Barrier(connections + 1)
        async with asyncio.TaskGroup() as group:
            for first in range(connections):
                group.create_task(caller(first))
            await starting.wait()
            began = time.perf_counter()
        return len(made) / (time.perf_counter() - began)


async def _rate(ledger: PostgresLedger, made: Sequence[Entry]) -> float:
    async def caller(first: int) -> None:
        for each in made[first::CALLERS]:
            await ledger.append(each)

    began = time.perf_counter()
    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    return len(made) / (time.perf_counter() - began)


@asynccontextmanager
async def _log(server: Server, identity: Identity) -> AsyncIterator[PostgresLedger]:
    await asyncio.to_thread(create, server)
    async with PostgresLedger(server) as ledger, Sequencer(ledger, identity, 0.1, lambda: datetime.now(UTC)):
        yield ledger
