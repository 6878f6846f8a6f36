"""What tools see of the server: its services by reflection, its state by health."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from reviewer.serving.handoff_servicer import HANDOFF_SERVICE
from reviewer.serving.outcome_servicer import OUTCOME_SERVICE
from tests.e2e.conftest import Serve
from tests.support.service import LOG_SERVICE, RUBRIC_SERVICE, SERVICE, Service, refusal_of, write_lock
from tests.support.subjects import subject

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _listed(address: str) -> list[str]:
    with grpc.insecure_channel(address) as channel:
        database: Any = ProtoReflectionDescriptorDatabase(channel)  # type: ignore[no-untyped-call, unused-ignore]
        return list(database.get_services())


def _reviewed_by_reflection(address: str, request_json: str) -> dict[str, Any]:
    """Review with nothing but what reflection tells, as grpcurl would."""
    with grpc.insecure_channel(address) as channel:
        database: Any = ProtoReflectionDescriptorDatabase(channel)  # type: ignore[no-untyped-call, unused-ignore]
        method = DescriptorPool(database).FindServiceByName(SERVICE).FindMethodByName("ReviewDraft")
        request = json_format.Parse(request_json, GetMessageClass(method.input_type)())
        answer = GetMessageClass(method.output_type)
        call = channel.unary_unary(f"/{SERVICE}/{method.name}", type(request).SerializeToString, answer.FromString)
        return json_format.MessageToDict(call(request, timeout=10))


async def test_reflection_lists_the_services(service: Service) -> None:
    """A client without our files finds every service, health and reflection itself."""
    names = await asyncio.to_thread(_listed, service.app.server.address)
    ours = {SERVICE, LOG_SERVICE, HANDOFF_SERVICE, OUTCOME_SERVICE, RUBRIC_SERVICE}
    assert set(names) == ours | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


async def test_reflection_is_enough_to_call(service: Service) -> None:
    """A client without our files can review a draft and read the verdict by name."""
    request = f'{{"subject": {json_format.MessageToJson(subject())}}}'
    answer = await asyncio.to_thread(_reviewed_by_reflection, service.app.server.address, request)
    assert answer["review"]["verdict"] == "VERDICT_APPROVE"
    assert len(await service.entries()) == 1


async def test_reflection_can_be_switched_off(serve: Serve) -> None:
    """Without reflection the service works and lists nothing."""
    service = await serve(server={"reflection": False})
    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.to_thread(_listed, service.app.server.address)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert (await service.review(subject())).name


async def _state(service: Service, name: str) -> int:
    stub: Any = service.health()
    response = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
    return int(response.status)


@pytest.mark.parametrize("name", ["", SERVICE])
async def test_health_is_told_for_server_and_service(service: Service, name: str) -> None:
    """A server that serves says so, as a whole and for its service."""
    assert await _state(service, name) == SERVING
    assert await service.client.healthy()


async def test_an_unknown_service_has_no_health(service: Service) -> None:
    """Asked about a service that it does not have, the server says NOT_FOUND."""
    stub: Any = service.health()
    refusal = await refusal_of(stub.Check(health_pb2.HealthCheckRequest(service="reviewer.v1.Nothing"), timeout=10))
    assert refusal.code is grpc.StatusCode.NOT_FOUND


async def test_a_draining_server_is_not_serving(service: Service) -> None:
    """While draining, health turns for all who ask and watch, reviews are refused, and the log can still be read."""
    review = await service.review(subject())
    await service.app.server.drain()
    await service.health_turns(NOT_SERVING)
    assert await _state(service, "") == NOT_SERVING
    assert not await service.client.healthy()
    refusal = await service.refusal(subject())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    assert (await service.client.get(review.name)).name == review.name


async def test_a_draining_server_stays_not_serving(serve: Serve) -> None:
    """A log that becomes writable again does not turn the health of a draining server back."""
    service = await serve(server={"probe_interval_s": 0.02}, ledger={"busy_timeout_s": 0.02})
    with write_lock(service.settings.ledger.path):
        await service.health_turns(NOT_SERVING)
        await service.app.server.drain()
    prober = service.app.server._prober
    assert prober is not None
    async with asyncio.timeout(5):
        await asyncio.shield(prober)
    assert await _state(service, SERVICE) == NOT_SERVING
