"""The tree of the log in a database: one tree and no fork, whoever is started, stopped, killed or lost for good."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from reviewer.ledger.postgres import PostgresLedger, Server
from reviewer.ledger.tree import SignedHead, TreeLedger
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review
from tests.faults.test_postgres import CALLERS, Load, assert_nothing_is_lost, assert_verifies, log_of, review, stub_of
from tests.support.postgres_server import PostgresServer, postgres_server, standby_of
from tests.support.server_process import serving
from tests.support.service import running

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
HOLDERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 'heads'::regclass::oid"


def often(dsn: str) -> dict[str, str]:
    return {"LEDGER__STORE": "postgres", "LEDGER__DSN": dsn, "LEDGER__CHECKPOINT_INTERVAL_S": "0.01"}


async def head_of(ledger: TreeLedger, size: int) -> SignedHead:
    """Wait until a head covers so many entries."""
    async with asyncio.timeout(40):
        while (head := await ledger.tree.head()) is None or head.size < size:  # noqa: ASYNC110 - another process's view
            await asyncio.sleep(0.01)
    return head


async def _tried_again(stub: pb_grpc.ReviewServiceAsyncStub) -> Review:
    async with asyncio.timeout(20):
        while True:
            try:
                return await review(stub, "r-2")
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
async def test_processes_are_killed_one_after_the_other(tmp_path: Path, running_server: PostgresServer) -> None:
    """Two start at one moment beside a third; whichever is elected is killed, twice: one tree is over all of it."""
    dsn = running_server.new_dsn()
    loads = (Load(), Load(), Load())
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(tmp_path, "--simulate", **often(dsn)))
        second, third = await asyncio.gather(
            *(stack.enter_async_context(serving(tmp_path, "--simulate", **often(dsn))) for _ in range(2))
        )
        processes = [first, second, third]
        stubs = [await stack.enter_async_context(stub_of(process)) for process in processes]
        async with PostgresLedger(Server(dsn)) as ledger, asyncio.TaskGroup() as group:
            for number, (load, stub) in enumerate(zip(loads, stubs, strict=True)):
                for caller in range(4):
                    group.create_task(load.call(stub, f"{number}-{caller}"))
            seen = [await head_of(ledger, 20)]
            assert await asyncio.to_thread(running_server.run, HOLDERS, dsn) == "1"
            # It was elected before the others were there.
            first.kill()
            loads[0].stopped = True
            seen.append(await head_of(ledger, await ledger.size() + 20))
            assert await asyncio.to_thread(running_server.run, HOLDERS, dsn) == "1"
            second.kill()
            loads[1].stopped = True
            seen.append(await head_of(ledger, await ledger.size() + 20))
            loads[2].stopped = True
        third.terminate()
        assert await third.process.wait() == 0
        async with log_of(tmp_path, dsn) as ledger:
            for load in loads:
                await assert_nothing_is_lost(ledger, load)
            report = await assert_verifies(ledger, tmp_path, *seen)

    assert report.newest is not None
    assert report.newest.size == report.size
    assert "log_tree_corrupt" not in [event["event"] for process in processes for event in process.events]


@pytest.mark.timeout(240)
async def test_the_primary_is_lost_for_good(tmp_path: Path) -> None:
    """A replica takes the place of a primary that never comes back: the service finds it by itself, nothing is lost."""
    with postgres_server() as primary, standby_of(primary) as standby:
        dsn = f"postgresql://postgres@/postgres?host={primary.folder},{standby.folder}"
        ledger = {"store": "postgres", "dsn": dsn, "checkpoint_interval_s": 0.05}
        async with running(tmp_path, ledger=ledger, server={"probe_interval_s": 0.1}) as service:
            load = Load()
            async with asyncio.TaskGroup() as group:
                for caller in range(CALLERS):
                    group.create_task(load.call(service.stub, str(caller)))
                await load.reaches(80)
                seen = await head_of(service.app.ledger, 40)
                await asyncio.to_thread(primary.stop)
                await service.health_turns(NOT_SERVING)
                before = len(load.answers)
                assert await asyncio.to_thread(standby.run, "SELECT pg_promote()") == "t"
                await service.health_turns(SERVING)
                await load.reaches(before + 80)
                load.stopped = True
            assert set(load.failures) == {grpc.StatusCode.UNAVAILABLE}
            await assert_nothing_is_lost(service.app.ledger, load)
            await head_of(service.app.ledger, await service.app.ledger.size())
            await assert_verifies(service.app.ledger, tmp_path, seen)


@pytest.mark.timeout(180)
async def test_a_replica_that_is_gone_holds_answers_back(tmp_path: Path) -> None:
    """Where a commit has to wait for a replica that does not answer, no verdict is given that only one machine has."""
    with postgres_server() as primary, standby_of(primary) as standby:
        dsn = f"postgresql://postgres@/postgres?host={primary.folder}"
        async with running(tmp_path, ledger={"store": "postgres", "dsn": dsn}) as service:
            await review(service.stub, "r-1")
            await asyncio.to_thread(standby.stop)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await review(service.stub, "r-2")
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            await asyncio.to_thread(standby.start)
            # The entry was written and waited: the retry finds it, or makes it, once.
            assert (await _tried_again(service.stub)).log_position.index == 1
            assert await service.app.ledger.size() == 2
