"""How fast `reviewer release status` reads a long trial, on both stores.

The log is filled by appending sealed reviews, half of them judged by the candidate; their contents, which no figure is
made from, are small. Baseline: the same records read page by page and decoded, which is the least that any reader does.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

import orjson

from bench.bed import RUBRICS, Bed
from bench.candidates import Ground
from bench.processes import run_command
from bench.report import Cell, Table, spread
from reviewer import moments
from reviewer.core.ids import uuid7
from reviewer.core.outcome import CallRecord, Usage
from reviewer.core.record import Entry, seal
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.rollout_gates import DEFAULT_GATES
from reviewer.core.trial_figures import Progress
from reviewer.core.verdict import Verdict
from reviewer.ledger.interface import Stored
from reviewer.ledger.trial_records import STRETCH, read_into
from reviewer.log_home import open_records
from tests.support.builders import review
from tests.support.postgres_server import postgres_server

SIZES: Final = (10_000, 100_000)
QUICK_SIZES: Final = (1_000, 5_000)
_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class _Read:
    """Seconds for everything that a log holds of a trial.

    Attributes:
        command_s: of the whole command, its start included.
    """

    figures_s: float
    plain_s: float
    command_s: float


def measure(bed: Bed) -> Table:
    """Fill logs, and read them."""
    rows = []
    sizes = SIZES if bed.effort.share == 1 else QUICK_SIZES
    with postgres_server() as server:
        for store, more in (("SQLite", {}), ("PostgreSQL", {"store": "postgres"})):
            for size in sizes:
                ledger = {**more, "dsn": server.new_dsn()} if more else {}
                ground = Ground.make(bed.folder / f"status_{store}_{size}", RUBRICS, ledger)
                trial, started_s = asyncio.run(_filled(ground, size))
                read = [_read(ground, trial, size) for _ in range(bed.effort.rounds)]
                rows.append(_row(store, size, started_s, read))
    return Table(
        "Status of a trial (s)",
        "Figures: all gates from the records of a canary, half of them the candidate's. Plain: the same records read "
        "and decoded. Command: `reviewer release status --json` as a process; its first column before any review.",
        ("store", "reviews", "figures", "plain", "figures / plain", "us a review", "command, none", "command"),
        tuple(rows),
    )


def _row(store: str, size: int, started_s: float, read: list[_Read]) -> tuple[Cell, ...]:
    return (
        *(store, f"{size:,}", spread(one.figures_s for one in read), spread(one.plain_s for one in read)),
        spread(one.figures_s / one.plain_s for one in read),
        spread(one.figures_s / size * 1e6 for one in read),
        *(started_s, spread(one.command_s for one in read)),
    )


async def _filled(ground: Ground, size: int) -> tuple[Trial, float]:
    """Begin a canary, and append its reviews; return it with how long the command took before there were any."""
    await ground.put_in_force()
    trial = await ground.try_out(ReleaseStage.CANARY, 50)
    started_s = await asyncio.to_thread(_command_s, ground, 0)
    async with open_records(ground.settings) as ledger:
        entries = _entries(ground, size)
        while batch := list(islice(entries, _AT_ONCE)):
            await asyncio.gather(*map(ledger.append, batch))
    return trial, started_s


def _entries(ground: Ground, count: int) -> Iterator[Entry]:
    """Make reviews of two sides that differ in nothing but who judged."""
    chance = random.Random(7)
    began = moments.now()
    for number in range(count):
        moment = began + timedelta(milliseconds=number)
        canary = chance.random() < 0.5
        yield seal(
            review(
                id=str(uuid7(moment, number.to_bytes(10))),
                created_at=moment,
                verdict=chance.choices(list(Verdict), (78, 12, 10))[0],
                locale=chance.choice(("en-US", "en-GB", "pt-BR", "es-MX", "de-DE")),
                calls=(_call(chance),),
                release=ground.candidate if canary else ground.base,
                stage=ReleaseStage.CANARY if canary else "",
            ),
            chance.randbytes(32),
        )


def _call(chance: random.Random) -> CallRecord:
    model, digest = "claude-opus-4-6", chance.randbytes(32).hex()
    usage = Usage(5_200, 4_100, 0, 210, 0)
    latency_us = chance.randrange(1_000_000, 8_000_000)
    return CallRecord("anthropic", model, model, "req_1", digest, usage, 9_100, latency_us, "end_turn")


def _read(ground: Ground, trial: Trial, size: int) -> _Read:
    plain_s = asyncio.run(_plain_s(ground))
    return _Read(asyncio.run(_figures_s(ground, trial, size)), plain_s, _command_s(ground, size))


async def _figures_s(ground: Ground, trial: Trial, size: int) -> float:
    async with open_records(ground.settings) as ledger:
        began = time.perf_counter()
        progress = Progress(trial, DEFAULT_GATES)
        await read_into(progress, ledger)
        outlook = progress.outlook
        took_s = time.perf_counter() - began
    if outlook.candidate_n + outlook.baseline_n != size:
        raise RuntimeError(f"{outlook.candidate_n} and {outlook.baseline_n} reviews were found, expected {size}")
    return took_s


async def _plain_s(ground: Ground) -> float:
    async with open_records(ground.settings) as ledger:
        began = time.perf_counter()
        first = 0
        while page := await ledger.page(first, STRETCH):
            first += len(page)
            await asyncio.to_thread(_decode, page)
        return time.perf_counter() - began


def _decode(page: tuple[Stored, ...]) -> None:
    for each in page:
        orjson.loads(each.record)


def _command_s(ground: Ground, size: int) -> float:
    began = time.perf_counter()
    shown = run_command(("release", "status", "--json"), ground.environment)
    took_s = time.perf_counter() - began
    (trial,) = json.loads(shown)["trials"]
    if sum(trial["reviews"]) != size:
        raise RuntimeError(f"the command shows {trial['reviews']} reviews, expected {size}")
    return took_s
