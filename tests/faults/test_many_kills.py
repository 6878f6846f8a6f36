"""Killed again and again at random points, two services on one log lose no answer between them, and sign one tree.

So it is with either store. A few kills run with all tests; `make test-kills` goes on for two hundred on each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import grpc
import pytest

from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.note import VerifierKey
from reviewer.core.ticket import ticket_of_record
from reviewer.ledger.handoffs import Asked
from reviewer.ledger.interface import Stored
from reviewer.ledger.verification import verify
from reviewer.signing import load_identity, verifies
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from tests.support.places import Place
from tests.support.server_process import ServerProcess
from tests.support.subjects import APPROVED, HANDED_OFF, REVISED, case_subject

FEW = 2
MANY = int(os.environ.get("KILLS", "200"))
CALLERS = 8
CASES = (APPROVED, REVISED, HANDED_OFF)
OFTEN = {"LEDGER__CHECKPOINT_INTERVAL_S": "0.005"}


@dataclass(slots=True)
class Told:
    """What callers and an outside observer know.

    Attributes:
        answers: index of every answered review, by request id.
        heads: signed heads that were seen, each once.
    """

    answers: dict[str, tuple[str, int]] = field(default_factory=dict)
    heads: dict[int, Checkpoint] = field(default_factory=dict)


class Load:
    """Callers of one server, until it is gone."""

    def __init__(self, server: ServerProcess, name: str, told: Told) -> None:
        """Keep whom to call."""
        self.server = server
        self._name = name
        self._told = told
        self._answered = 0
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Call until the server is killed."""
        options = [("grpc.enable_retries", 0)]
        async with grpc.aio.insecure_channel(self.server.address, options=options) as channel:
            stub: pb_grpc.ReviewServiceAsyncStub = pb_grpc.ReviewServiceStub(channel)
            await asyncio.gather(*(self._call(stub, caller) for caller in range(CALLERS)))

    async def answered(self, count: int) -> None:
        """Wait for so many more answers."""
        async with self._changed:
            enough = self._answered + count
            await self._changed.wait_for(lambda: self._answered >= enough)

    async def _call(self, stub: pb_grpc.ReviewServiceAsyncStub, caller: int) -> None:
        number = 0
        while True:
            name = f"{self._name}-{caller}-{number}"
            request = pb.ReviewDraftRequest(subject=case_subject(CASES[number % len(CASES)], name))
            try:
                review = (await stub.ReviewDraft(request, timeout=30)).review
            except grpc.aio.AioRpcError:
                return
            self._told.answers[name] = (review.name, review.log_position.index)
            number += 1
            async with self._changed:
                self._answered += 1
                self._changed.notify_all()


@asynccontextmanager
async def _loaded(place: Place, name: str, told: Told) -> AsyncIterator[Load]:
    """Run a service under load until it is killed."""
    async with place.serving(**OFTEN) as server:
        load = Load(server, name, told)
        task = asyncio.create_task(load.run())
        yield load
        server.kill()
        await task


def _keys(place: Place) -> tuple[VerifierKey, ...]:
    return load_identity("localhost/reviewer", place.folder / "log.db.key", ()).verifier_keys()


async def _observe(place: Place, told: Told) -> None:
    """Read the newest head as somebody outside would, and keep it."""
    async with place.log() as ledger:
        if (head := await ledger.tree.head()) is not None:
            seen = read_signed(head.note, _keys(place), verifies)
            assert told.heads.setdefault(seen.size, seen).root == seen.root


async def _kill(place: Place, kills: int, told: Told, chance: Random) -> None:
    """Keep two services under load; kill one of them, put a new one in its place, and so on."""
    running: list[tuple[Load, AsyncExitStack]] = []
    try:
        for number in range(kills + 2):
            if len(running) == 2:
                load, stack = running.pop(chance.randrange(2))
                await load.answered(chance.randrange(1, 40))
                await asyncio.sleep(chance.random() * 0.02)
                await stack.aclose()
                await _observe(place, told)
            stack = AsyncExitStack()
            running.append((await stack.enter_async_context(_loaded(place, f"s{number}", told)), stack))
    finally:
        for _, stack in running:
            await stack.aclose()


async def _assert_nothing_lost(place: Place, told: Told) -> None:
    async with place.serving() as last:
        last.terminate()
        assert await last.process.wait() == 0
    async with place.log() as ledger:
        report = await verify(ledger, _keys(place), tuple(told.heads.values()), lambda *_: None)
        rows: list[Stored] = []
        while page := await ledger.page(len(rows), 1_000):
            rows += page
        filed = await ledger.handoffs.page(Asked(datetime.now(UTC)), None, len(rows))
    held = {row.request_id: (f"reviews/{row.review_id}", row.position.index) for row in rows}
    assert len(held) == len(rows) == report.size
    assert {name: held.get(name) for name in told.answers} == told.answers
    tickets = [ticket for row in rows if (ticket := ticket_of_record(row.record)) is not None]
    assert [one.ticket for one in filed] == tickets != []
    assert report.problems == ()
    assert report.newest is not None
    assert report.newest.size == report.size


async def _survives(place: Place, kills: int, seed: int) -> Told:
    told = Told()
    await _kill(place, kills, told, Random(seed))
    await _assert_nothing_lost(place, told)
    return told


@pytest.mark.timeout(240)
async def test_a_few_kills(place: Place) -> None:
    """After each of two kills at a random point every answer is on record, and all heads seen are of one tree."""
    told = await _survives(place, FEW, seed=20261121)
    assert len(told.answers) > FEW
    assert len(told.heads) > 1


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_many_kills(place: Place) -> None:
    """The same over two hundred kills, or as many as KILLS says."""
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")  # noqa: T201 - without it a failure could not be repeated
    told = await _survives(place, MANY, seed)
    print(f"{MANY} kills, {len(told.answers)} answers kept, {len(told.heads)} heads of one tree")  # noqa: T201 - the result
