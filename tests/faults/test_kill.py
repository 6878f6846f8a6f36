"""Killed in the middle of its work, the service has every review that anybody was told of, whole and in order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import apsw
import grpc
import pytest

from reviewer.admission import recall
from reviewer.core import tiles
from reviewer.core.checkpoint import read_signed
from reviewer.core.merkle import consistent
from reviewer.ledger.interface import Stored
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.ledger.tree import SignedHead, read_through
from reviewer.ledger.verification import verify
from reviewer.serving.replies import review_message
from reviewer.signing import load_identity, verifies
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review, Stage
from tests.support.sealed import service_log
from tests.support.server_process import ServerProcess, serving
from tests.support.subjects import APPROVED, HANDED_OFF, REVISED, case_subject

CALLERS = 32
CASES = (APPROVED, REVISED, HANDED_OFF)
KILL_AFTER = tuple(Random(20261121).sample(range(40, 400), 1))


@dataclass(slots=True)
class Load:
    """Callers that go on until the server is gone.

    Attributes:
        answers: by request id.
        asked: request ids that were sent.
        enough: set with the last answer that is waited for.
    """

    target: int
    answers: dict[str, Review] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, stub: pb_grpc.ReviewServiceAsyncStub, caller: int) -> None:
        """Review after review, each with a request id of its own, until a call fails."""
        number = 0
        while True:
            name = f"caller-{caller}-{number}"
            self.asked.add(name)
            try:
                self.answers[name] = await _review(stub, name)
            except grpc.aio.AioRpcError:
                return
            if len(self.answers) >= self.target:
                self.enough.set()
            number += 1


def _subject(request_id: str) -> pb.ReviewSubject:
    return case_subject(CASES[len(request_id) % len(CASES)], request_id)


async def _review(stub: pb_grpc.ReviewServiceAsyncStub, request_id: str) -> Review:
    request = pb.ReviewDraftRequest(subject=_subject(request_id))
    return (await stub.ReviewDraft(request, timeout=30)).review


async def _loaded_and_killed(server: ServerProcess, load: Load) -> None:
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        stub: pb_grpc.ReviewServiceAsyncStub = pb_grpc.ReviewServiceStub(channel)
        async with asyncio.TaskGroup() as group:
            for caller in range(CALLERS):
                group.create_task(load.call(stub, caller))
            await load.enough.wait()
            server.kill()


async def _entries(path: Path) -> tuple[Stored, ...]:
    async with service_log(path) as ledger:
        return await ledger.page(0, 100_000)


def _as_stored(review: Review) -> Review:
    """Return an answer as it is read back: without the time that its own recording took."""
    stored = Review()
    stored.CopyFrom(review)
    assert stored.timings[-1].stage == Stage.STAGE_RECORD
    del stored.timings[-1]
    return stored


def _assert_consistent(entries: tuple[Stored, ...]) -> None:
    """Every entry is whole: place, leaf hash, commitment to its content, and the same facts in both."""
    assert [entry.position.index for entry in entries] == list(range(len(entries)))
    for entry in entries:
        assert hashlib.sha256(b"\x00" + entry.record).digest() == entry.position.leaf_hash
        record = json.loads(entry.record)
        assert entry.content is not None
        assert entry.content_key is not None
        assert record["content_commitment"] == hmac.digest(entry.content_key, entry.content, "sha256").hex()
        content = json.loads(entry.content)
        for where, stored in (("review", "id"), ("request_id", "request_id"), ("request_digest", "content_digest")):
            assert record[where] == content[stored]
        assert (record["review"], record["request_id"]) == (entry.review_id, entry.request_id)


async def _assert_counted(path: Path, entries: tuple[Stored, ...]) -> None:
    """What the days cost is what the calls on record cost: nothing was counted without its entry, or left out."""
    expected: dict[str, int] = {}
    for entry in entries:
        record = json.loads(entry.record)
        cost = sum(call["cost_micro_usd"] or 0 for call in record["calls"])
        expected[record["time"][:10]] = expected.get(record["time"][:10], 0) + cost
    async with SqliteLedger(path) as ledger:
        for day, cost in expected.items():
            assert (await ledger.spending("default", date.fromisoformat(day))).micro_usd == cost
    assert sum(expected.values())


async def _heads(path: Path) -> tuple[SignedHead, ...]:
    async with SqliteLedger(path) as ledger:
        return await ledger.tree.heads(0, 10_000)


async def _assert_one_tree(path: Path, before: tuple[SignedHead, ...], size: int) -> None:
    """What was signed before the kill still is, everything is under a head now, and each head begins with the last."""
    keys = load_identity("localhost/reviewer", path.with_name("log.db.key"), ()).verifier_keys()
    remembered = [read_signed(head.note, keys, verifies) for head in before]
    async with service_log(path) as ledger:
        report = await verify(ledger, keys, remembered, lambda *_: None)
        heads = await ledger.tree.heads(0, 10_000)
        for older, newer in pairwise(heads):
            proof = await read_through(ledger.tree, partial(tiles.consistency_proof, older.size, newer.size))
            assert consistent(older.size, newer.size, proof, older.root, newer.root)
    assert heads[: len(before)] == before
    assert (report.problems, report.size, heads[-1].size) == ((), size, size)


def _integrity(path: Path) -> object:
    connection = apsw.Connection(str(path))
    try:
        return connection.pragma("integrity_check")
    finally:
        connection.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("target", KILL_AFTER)
async def test_no_answered_review_is_lost(tmp_path: Path, target: int) -> None:
    """After kill -9 under load each answered review is in the log as answered, and its request id replays it."""
    load = Load(target)
    async with serving(tmp_path, "--simulate", LEDGER__CHECKPOINT_INTERVAL_S="0.02") as server:
        await _loaded_and_killed(server, load)
    path = tmp_path / "log.db"
    entries = await _entries(path)
    assert _integrity(path) == "ok"
    _assert_consistent(entries)
    await _assert_counted(path, entries)
    assert target <= len(load.answers) <= len(entries) <= len(load.asked)
    by_request = {entry.request_id: entry for entry in entries}
    assert len(by_request) == len(entries)
    for name, review in load.answers.items():
        assert review_message(recall(by_request[name])) == _as_stored(review)
    before = await _heads(path)
    await _assert_goes_on(tmp_path, load, by_request)
    await _assert_one_tree(path, before, len(entries) + 1)


async def _assert_goes_on(folder: Path, load: Load, by_request: dict[str, Stored]) -> None:
    """A new process on the same log replays what was stored, answered or not, and appends behind it."""
    answered = list(load.answers)
    unheard = [name for name in by_request if name not in load.answers]
    async with serving(folder, "--simulate") as server, grpc.aio.insecure_channel(server.address) as channel:
        stub: pb_grpc.ReviewServiceAsyncStub = pb_grpc.ReviewServiceStub(channel)
        for name in (answered[0], answered[-1]):
            assert await _review(stub, name) == _as_stored(load.answers[name])
        for name in unheard[:2]:
            assert (await _review(stub, name)).log_position.index == by_request[name].position.index
        assert (await _review(stub, "after")).log_position.index == len(by_request)
        server.terminate()
        assert await server.process.wait() == 0
