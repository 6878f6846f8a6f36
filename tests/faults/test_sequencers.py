"""Two services on one log: each runs a sequencer, and there is one tree, whichever of them dies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from reviewer.ledger.verification import verify
from reviewer.signing import load_identity
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from tests.support.sealed import service_log
from tests.support.server_process import ServerProcess, serving
from tests.support.subjects import APPROVED, case_subject

EACH = 40


async def _reviews(server: ServerProcess, name: str) -> None:
    """Have drafts reviewed four at a time."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub: pb_grpc.ReviewServiceAsyncStub = pb_grpc.ReviewServiceStub(channel)

        async def some(first: int) -> None:
            for number in range(first, EACH, 4):
                request = pb.ReviewDraftRequest(subject=case_subject(APPROVED, f"{name}-{number}"))
                await stub.ReviewDraft(request, timeout=30)

        await asyncio.gather(*(some(first) for first in range(4)))


@pytest.mark.timeout(180)
async def test_two_processes_make_one_tree(tmp_path: Path) -> None:
    """Under load from both, with one killed and one stopped, every review is under one signed head, and none forks."""
    often = {"LEDGER__CHECKPOINT_INTERVAL_S": "0.01"}
    async with serving(tmp_path, "--simulate", **often) as one, serving(tmp_path, "--simulate", **often) as other:
        await asyncio.gather(_reviews(one, "one"), _reviews(other, "other"))
        one.kill()
        await _reviews(other, "after")
        other.terminate()
        assert await other.process.wait() == 0
        events = [event["event"] for server in (one, other) for event in server.events]
    keys = load_identity("localhost/reviewer", tmp_path / "log.db.key", ()).verifier_keys()
    async with service_log(tmp_path / "log.db") as ledger:
        report = await verify(ledger, keys, (), lambda *_: None)

    assert (report.problems, report.size) == ((), 3 * EACH)
    assert report.newest is not None
    assert report.newest.size == 3 * EACH
    assert report.heads > 2
    assert "log_tree_corrupt" not in events
