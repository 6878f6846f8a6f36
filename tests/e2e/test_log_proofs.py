"""Checkpoints and proofs over the wire: what an auditor's own code finds to be right."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from reviewer.client import CallFailedError, VerdictLogClient
from reviewer.core.checkpoint import read_signed
from reviewer.core.merkle import consistent, included
from reviewer.log_home import open_identity
from reviewer.signing import verifies
from reviewer.v1 import verdict_log_service_pb2 as pb
from reviewer.v1 import verdict_log_service_pb2_grpc as pb_grpc
from tests.contract.ledger.test_search import varied
from tests.e2e.conftest import Serve, stored_in
from tests.support.service import TIMEOUT_S, Service, refusal_of

KEY = "x-reviewer-tenant"
COUNT = 12


@pytest.fixture(params=["sqlite", "postgres"])
async def signed(serve: Serve, request: pytest.FixtureRequest) -> Service:
    """A service whose log has a checkpoint over each of the first sizes, and over all of its entries."""
    service = await serve(audit={"tenants": ["auditor"]}, ledger={"checkpoint_interval_s": 0.02} | stored_in(request))
    for number in range(COUNT):
        await service.app.ledger.append(varied(number))
        if number < 4 or number == COUNT - 1:
            await covered(service, number + 1)
    return service


async def covered(service: Service, size: int) -> None:
    async with client(service) as log, asyncio.timeout(20):
        while True:
            try:
                if (await log.checkpoint()).size >= size:
                    return
            except CallFailedError:
                pass
            await asyncio.sleep(0.01)


def client(service: Service, tenant: str = "auditor") -> VerdictLogClient:
    return VerdictLogClient(service.app.server.address, TIMEOUT_S, tenant)


async def test_proofs_hold(signed: Service) -> None:
    """Every record is proved under a checkpoint that the log's key signed; the log begins with every earlier one."""
    keys = open_identity(signed.settings).verifier_keys()
    async with client(signed) as log:
        newest = await log.checkpoint()
        head = read_signed(newest.note, keys, verifies)
        assert (head.size, head.root) == (newest.size, newest.root_hash) == (COUNT, newest.root_hash)
        async for record in log.export():
            proof = await log.inclusion_proof(record.name)
            assert proof.checkpoint == newest
            assert included(record.leaf_hash, proof.index, head.size, tuple(proof.hashes), head.root)
            assert await log.inclusion_proof(record.review) == proof
        for size in (1, 2, 3, 4):
            earlier = await log.checkpoint(size)
            later = await log.consistency_proof(size)
            assert read_signed(earlier.note, keys, verifies).size == earlier.size == size
            assert consistent(size, head.size, tuple(later.hashes), earlier.root_hash, head.root)


async def test_a_record_is_proved_to_who_may_see_it(signed: Service) -> None:
    """A proof of somebody else's record is refused as the record itself is."""
    async with client(signed, "acme") as log:
        own = [record.index async for record in log.records()]
        for index in range(COUNT):
            if index in own:
                assert (await log.inclusion_proof(f"records/{index}")).index == index
            else:
                with pytest.raises(CallFailedError, match="NOT_FOUND"):
                    await log.inclusion_proof(f"records/{index}")


async def test_what_cannot_be_proved(signed: Service) -> None:
    """Sizes that were not signed are NOT_FOUND, those that are none INVALID_ARGUMENT, each with its reason."""
    stub: pb_grpc.VerdictLogServiceAsyncStub = pb_grpc.VerdictLogServiceStub(signed.channel)
    more: dict[str, Any] = {"timeout": TIMEOUT_S, "metadata": ((KEY, "auditor"),)}
    missing = [
        stub.GetCheckpoint(pb.GetCheckpointRequest(size=COUNT + 1), **more),
        stub.GetInclusionProof(pb.GetInclusionProofRequest(name="records/3", size=2), **more),
        stub.GetConsistencyProof(pb.GetConsistencyProofRequest(old_size=1, size=COUNT + 1), **more),
    ]
    for call in missing:
        refused = await refusal_of(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "CHECKPOINT_NOT_FOUND")
    wrong = [
        (stub.GetCheckpoint(pb.GetCheckpointRequest(size=-1), **more), "size"),
        (stub.GetConsistencyProof(pb.GetConsistencyProofRequest(old_size=COUNT + 1), **more), "old_size"),
        (stub.GetConsistencyProof(pb.GetConsistencyProofRequest(), **more), "old_size"),
    ]
    for call, field in wrong:
        refused = await refusal_of(call)
        assert (refused.code, refused.paths) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
