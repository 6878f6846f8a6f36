"""The service on a disk that is full, or that refuses: no verdict leaves, readiness says so, and it comes back."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import apsw
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reviewer.ledger.verification import verify
from reviewer.signing import load_identity
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review
from tests.support.faulty_disk import faulty_disk
from tests.support.sealed import service_log
from tests.support.server_process import ServerProcess, serving
from tests.support.service import SERVICE, running
from tests.support.subjects import APPROVED, case_subject, subject

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
TIMEOUT_S = 30


async def _review(stub: pb_grpc.ReviewServiceAsyncStub, name: str) -> Review:
    request = pb.ReviewDraftRequest(subject=case_subject(APPROVED, name))
    return (await stub.ReviewDraft(request, timeout=TIMEOUT_S)).review


async def _health_turns(channel: grpc.aio.Channel, status: int) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call, unused-ignore]
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=TIMEOUT_S)
    async for response in watch:
        if response.status == status:
            watch.cancel()
            return


def _limit_files(server: ServerProcess, size: int) -> None:
    """Let no file of the process grow beyond a size: the kernel then refuses writes as a full disk does."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def _filled(stub: pb_grpc.ReviewServiceAsyncStub, answers: dict[str, Review]) -> grpc.aio.AioRpcError:
    """Review until the log cannot grow any more; return how that call failed."""
    for number in range(200):
        try:
            answers[f"r-{number}"] = await _review(stub, f"r-{number}")
        except grpc.aio.AioRpcError as error:
            return error
    raise AssertionError("the disk never was full")


@pytest.mark.timeout(180)
async def test_full_disk(tmp_path: Path) -> None:
    """Without room for the record the call fails and readiness goes; with room again the same request is answered."""
    path, answers = tmp_path / "log.db", dict[str, Review]()
    async with serving(tmp_path, "--simulate", SERVER__PROBE_INTERVAL_S="0.1") as server:
        async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
            stub: pb_grpc.ReviewServiceAsyncStub = pb_grpc.ReviewServiceStub(channel)
            await _review(stub, "first")
            _limit_files(server, path.with_name("log.db-wal").stat().st_size + 200_000)
            error = await _filled(stub, answers)
            assert (error.code(), answers != {}) == (grpc.StatusCode.UNAVAILABLE, True)
            await _health_turns(channel, NOT_SERVING)
            with pytest.raises(grpc.aio.AioRpcError):
                await _review(stub, "refused")
            _limit_files(server, resource.RLIM_INFINITY)
            await _health_turns(channel, SERVING)
            await _review(stub, "refused")
            for name, answer in answers.items():
                assert (await _review(stub, name)).name == answer.name
        server.terminate()
        assert await server.process.wait() == 0
    keys = load_identity("localhost/reviewer", tmp_path / "log.db.key", ()).verifier_keys()
    async with service_log(path) as ledger:
        report = await verify(ledger, keys, (), lambda *_: None)
        held = {stored.request_id for stored in await ledger.page(0, 10_000)}
    assert report.problems == ()
    assert report.newest is not None
    assert report.newest.size == report.size
    assert {"first", "refused", *answers} <= held


@pytest.mark.parametrize("error", [apsw.ReadOnlyError, apsw.IOError], ids=lambda error: error.__name__)
async def test_refusing_disk(tmp_path: Path, error: type[Exception]) -> None:
    """A disk that turns read-only or fails takes verdicts and readiness away, and nothing else."""
    with faulty_disk() as disk:
        async with running(tmp_path, server={"probe_interval_s": 0.1}) as service:
            answered = await service.review(subject(request_id="r-1"))
            disk.fail(error)
            refused = await service.refusal(subject(request_id="r-2"))
            assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "AUDIT_LOG_UNAVAILABLE")
            await service.health_turns(NOT_SERVING)
            assert (await service.review(subject(request_id="r-1"))).name == answered.name
            disk.heal()
            await service.health_turns(SERVING)
            await service.review(subject(request_id="r-2"))
            assert [entry.request_id for entry in await service.entries()] == ["r-1", "r-2"]
