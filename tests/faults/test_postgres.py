"""The log in a database, with servers and processes that go away: nothing that was answered is lost or told twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from reviewer.admission import recall
from reviewer.core.checkpoint import read_signed
from reviewer.ledger.interface import Ledger, Stored
from reviewer.ledger.postgres import PostgresLedger, Server
from reviewer.ledger.sealed import SealedLedger
from reviewer.ledger.tree import SignedHead, TreeLedger
from reviewer.ledger.verification import Report, verify
from reviewer.sealing import create_key, load_keyring
from reviewer.serving.replies import review_message
from reviewer.signing import load_identity, verifies
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review, Stage
from tests.contract.ledger.test_ledger import check_log
from tests.support.postgres_server import PostgresServer, postgres_server
from tests.support.sealed import sealed_ledger
from tests.support.server_process import COMMAND, ServerProcess, environment, serving
from tests.support.service import running
from tests.support.subjects import REVISED, case_subject

CALLERS = 16
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Load:
    """Callers that ask for one review after another, each with a request id of its own, until they are told to stop.

    Attributes:
        answers: by request id; a call that failed is asked again under its id.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Review] = {}
        self.failures: Counter[grpc.StatusCode] = Counter()
        self.stopped = False
        self._answered = asyncio.Condition()

    async def call(self, stub: pb_grpc.ReviewServiceAsyncStub, caller: str) -> None:
        """Go on until stopped, or until the server is gone."""
        number = 0
        while not self.stopped:
            name = f"{caller}-{number}"
            try:
                answer = await review(stub, name)
            except grpc.aio.AioRpcError as exc:
                self.failures[exc.code()] += 1
                # A refusal comes at once: callers that ask again at once would only keep each other busy.
                await asyncio.sleep(0.05)
                continue
            async with self._answered:
                self.answers[name] = answer
                self._answered.notify_all()
            number += 1

    async def reaches(self, number: int) -> None:
        """Wait for so many answers."""
        async with asyncio.timeout(40), self._answered:
            await self._answered.wait_for(lambda: len(self.answers) >= number)


async def review(stub: pb_grpc.ReviewServiceAsyncStub, request_id: str) -> Review:
    request = pb.ReviewDraftRequest(subject=case_subject(REVISED, request_id))
    return (await stub.ReviewDraft(request, timeout=10)).review


def as_stored(answer: Review) -> Review:
    """Return an answer as it is read back: without the time that its own recording took."""
    stored = Review()
    stored.CopyFrom(answer)
    # A retry may have been answered from the log already.
    if stored.timings[-1].stage == Stage.STAGE_RECORD:
        del stored.timings[-1]
    return stored


async def assert_nothing_is_lost(ledger: Ledger, load: Load) -> dict[str, Stored]:
    """Every answer is in the log as it was given, once, and the log has no gap. Return entries by request id."""
    size = await check_log(ledger)
    entries = {entry.request_id: entry for entry in await ledger.page(0, size)}
    for name, answer in load.answers.items():
        assert review_message(recall(entries[name])) == as_stored(answer)
    return entries


async def assert_verifies(ledger: TreeLedger, folder: Path, *remembered: SignedHead) -> Report:
    """The log of services that run in a folder is what its heads say, also those that were seen before."""
    keys = load_identity("localhost/reviewer", folder / "log.db.key", ()).verifier_keys()
    known = [read_signed(head.note, keys, verifies) for head in remembered]
    report = await verify(ledger, keys, known, lambda *_: None)
    assert report.problems == ()
    return report


def log_of(folder: Path, dsn: str) -> SealedLedger:
    """Open the log of services that run in a folder, with the key that they made there."""
    return sealed_ledger(PostgresLedger(Server(dsn)), load_keyring(folder / "log.db.kek", ()))


@asynccontextmanager
async def stub_of(process: ServerProcess) -> AsyncIterator[pb_grpc.ReviewServiceAsyncStub]:
    async with grpc.aio.insecure_channel(process.address, options=[("grpc.enable_retries", 0)]) as channel:
        yield pb_grpc.ReviewServiceStub(channel)


@pytest.mark.timeout(240)
async def test_the_server_restarts_under_load(tmp_path: Path) -> None:
    """A crash of the database fails calls and turns health off; after it all goes on, no answer is lost."""
    with postgres_server() as database:
        ledger = {"store": "postgres", "dsn": database.new_dsn()}
        async with running(tmp_path, ledger=ledger, server={"probe_interval_s": 0.1}) as service:
            load = Load()
            async with asyncio.TaskGroup() as group:
                for caller in range(CALLERS):
                    group.create_task(load.call(service.stub, str(caller)))
                await load.reaches(80)
                await asyncio.to_thread(database.stop)
                await service.health_turns(NOT_SERVING)
                before = len(load.answers)
                await asyncio.to_thread(database.start)
                await service.health_turns(SERVING)
                await load.reaches(before + 80)
                load.stopped = True
            assert set(load.failures) == {grpc.StatusCode.UNAVAILABLE}
            await assert_nothing_is_lost(service.app.ledger, load)
            await assert_verifies(service.app.ledger, tmp_path)


@pytest.mark.timeout(240)
async def test_a_process_is_killed_beside_another(tmp_path: Path, running_server: PostgresServer) -> None:
    """Of two processes on one log one is killed at work: the other goes on, and no answer of either is lost."""
    dsn = running_server.new_dsn()
    settings = {"LEDGER__STORE": "postgres", "LEDGER__DSN": dsn}
    loads = (Load(), Load())
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(serving(tmp_path, "--simulate", **settings)) for _ in loads]
        stubs = [await stack.enter_async_context(stub_of(process)) for process in processes]
        async with asyncio.TaskGroup() as group:
            for number, (load, stub) in enumerate(zip(loads, stubs, strict=True)):
                for caller in range(CALLERS):
                    group.create_task(load.call(stub, f"{number}-{caller}"))
            await asyncio.gather(*(load.reaches(80) for load in loads))
            processes[0].kill()
            loads[0].stopped = True
            await loads[1].reaches(len(loads[1].answers) + 80)
            loads[1].stopped = True
        async with log_of(tmp_path, dsn) as ledger:
            for load in loads:
                entries = await assert_nothing_is_lost(ledger, load)
            await assert_verifies(ledger, tmp_path)
        # What the dead process had answered, or only written, is what the living one answers.
        for name in [name for name in entries if name.startswith("0-")][-5:]:
            assert (await review(stubs[1], name)).log_position.index == entries[name].position.index


@pytest.mark.timeout(180)
async def test_one_request_id_at_two_processes(tmp_path: Path, running_server: PostgresServer) -> None:
    """The same request sent to two processes at once is one entry, and both answer with it."""
    dsn = running_server.new_dsn()
    settings = {"LEDGER__STORE": "postgres", "LEDGER__DSN": dsn}
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(serving(tmp_path, "--simulate", **settings)) for _ in range(2)]
        stubs = [await stack.enter_async_context(stub_of(process)) for process in processes]
        names = [f"r-{number}" for number in range(40)]
        answers = [await asyncio.gather(*(review(stub, name) for stub in stubs)) for name in names]
        assert all(one.name == other.name for one, other in answers)
        async with PostgresLedger(Server(dsn)) as ledger:
            assert await check_log(ledger) == len(names)


async def test_no_server_at_start(tmp_path: Path) -> None:
    """Without its database the service does not start, and says what is missing without a word of the password."""
    create_key(tmp_path / "log.db.kek")
    dsn = "postgresql://me:hunter2@127.0.0.1:1/verdicts"
    env = environment(tmp_path, LEDGER__STORE="postgres", LEDGER__DSN=dsn)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, "serve", "--simulate", env=env, stderr=pipe)
    _, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert "database verdicts: the log could not be opened" in told.decode()
    assert "hunter2" not in told.decode()
