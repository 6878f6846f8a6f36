"""Tenants at the door: whom a call is made for decides what it can see, and a bad name is refused before anything."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from reviewer.client import CallFailedError, ReviewClient
from reviewer.v1 import review_service_pb2 as pb
from tests.support.service import TIMEOUT_S, Refusal, Service, refusal_of, verdicts
from tests.support.subjects import ANSWER, subject

KEY = "x-reviewer-tenant"
CODE = grpc.StatusCode


def calls(service: Service, name: str, metadata: tuple[tuple[str, str], ...]) -> list[Any]:
    """Make each of the three calls once."""
    asked = pb.ReviewDraftRequest(subject=subject(request_id="r-1"))
    streamed = pb.StreamReviewRequest(subject=subject(request_id="r-1"))
    read = pb.GetReviewRequest(name=name)
    return [
        service.stub.ReviewDraft(asked, timeout=TIMEOUT_S, metadata=metadata),
        service.stub.StreamReview(streamed, timeout=TIMEOUT_S, metadata=metadata),
        service.stub.GetReview(read, timeout=TIMEOUT_S, metadata=metadata),
    ]


async def refusal(call: Any) -> Refusal:
    """Await a call of either kind that must fail."""
    return await refusal_of(call.read() if hasattr(call, "read") else call)


async def test_a_tenant_sees_its_own_reviews_only(service: Service) -> None:
    """One tenant's review is nowhere for another, under its name as under its request id."""
    address = service.app.server.address
    async with ReviewClient(address, tenant="acme") as acme, ReviewClient(address, tenant="globex") as globex:
        ours = await acme.review(subject(request_id="r-1"))
        assert await acme.get(ours.name) == await acme.review(subject(request_id="r-1"))
        for stranger in (globex, service.client):
            with pytest.raises(CallFailedError, match="NOT_FOUND"):
                await stranger.get(ours.name)
        theirs = [event async for event in globex.stream(subject(request_id="r-1"))][-1].review
        assert theirs.name != ours.name
        assert (await globex.get(theirs.name)).name == theirs.name
        revised = subject(ANSWER + " Rest.")
        revised.revision.previous_review, revised.revision.attempt = ours.name, 1
        with pytest.raises(CallFailedError) as refused:
            await globex.review(revised)
        assert refused.value.faults == (("subject.revision.previous_review", "there is no such review"),)
    assert [entry.tenant for entry in await service.entries()] == ["acme", "globex"]


async def test_without_a_name_it_is_the_default_tenant(service: Service) -> None:
    """A call that names nobody is the default tenant's, as one that names it."""
    made = await service.review(subject())
    async with ReviewClient(service.app.server.address, tenant="default") as named:
        assert (await named.get(made.name)).name == made.name
    assert [entry.tenant for entry in await service.entries()] == ["default"]


@pytest.mark.parametrize("name", ["_canary", "", "Acme", "-a", "a b", "a/b", "a" * 64, "a,b", "caf%C3%A9", ".."])
async def test_what_is_no_name_is_refused(service: Service, name: str) -> None:
    """A name that is none, or that is the service's own, fails each of the three calls and says where it stood."""
    found = f"reviews/{'0' * 8}-0000-7000-8000-{'0' * 12}"
    for call in calls(service, found, ((KEY, name),)):
        refused = await refusal(call)
        assert (refused.code, refused.reason, refused.paths) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST", [KEY])
    assert await service.entries() == ()
    assert service.provider.bodies == []


async def test_a_name_stands_once(service: Service) -> None:
    """A second name, which a proxy may have added to the caller's own, is not chosen from: the call is refused."""
    found = f"reviews/{'0' * 8}-0000-7000-8000-{'0' * 12}"
    for call in calls(service, found, ((KEY, "acme"), (KEY, "acme"))):
        assert (await refusal(call)).paths == [KEY]


@pytest.mark.parametrize("name", ["a", "0", "a" * 63, "acme.eu-west_1"])
async def test_names(service: Service, name: str) -> None:
    """Every name of the pattern is taken as it is."""
    async with ReviewClient(service.app.server.address, tenant=name) as client:
        assert verdicts([await client.review(subject())]) == ["APPROVE"]
    assert [entry.tenant for entry in await service.entries()] == [name]
