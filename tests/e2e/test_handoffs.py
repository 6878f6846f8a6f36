"""A handoff from its review to its end, over the wire: claimed, decided, waited for, expired, and told in the log."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from reviewer.client import (
    AnswerOutcome,
    CallFailedError,
    CriterionLabel,
    HandoffClient,
    HandoffDecision,
    Outcome,
    OutcomeClient,
    Ticket,
    TicketState,
)
from reviewer.core.events import Action, Event, EventKind, read_event
from reviewer.core.ids import uuid7
from reviewer.serving.handoff_requests import DECISIONS, STATES
from reviewer.serving.handoff_servicer import HANDOFF_SERVICE
from reviewer.serving.outcome_servicer import OUTCOME_SERVICE
from reviewer.v1 import handoff_service_pb2 as pb
from reviewer.v1 import outcome_service_pb2
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve, stored_in
from tests.support.service import TIMEOUT_S, Refusal, Service, broken, refusal_of, rules
from tests.support.subjects import subject

CODE = grpc.StatusCode
REJECT, AS_IS = HandoffDecision.HANDOFF_DECISION_REJECT, HandoffDecision.HANDOFF_DECISION_APPROVE_AS_IS
EDITED = HandoffDecision.HANDOFF_DECISION_APPROVE_WITH_EDIT
COMPLAINT = AnswerOutcome.ANSWER_OUTCOME_COMPLAINT
OPEN, CLAIMED = TicketState.TICKET_STATE_OPEN, TicketState.TICKET_STATE_CLAIMED
RESOLVED, EXPIRED = TicketState.TICKET_STATE_RESOLVED, TicketState.TICKET_STATE_EXPIRED
KEY = "x-reviewer-tenant"
NOBODY = "handoffs/01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture(params=["sqlite", "postgres"])
def another(serve: Serve, request: pytest.FixtureRequest) -> Serve:
    """Start services on one log of either store whose second model declines, so that every review is handed off."""
    ledger = stored_in(request)

    async def start(**sections: dict[str, Any]) -> Service:
        return await serve(rules(broken("refusal")), ledger=ledger, **sections)

    return start


@pytest.fixture
async def service(another: Serve) -> Service:
    """One of them, with a tenant who may read all tickets."""
    return await another(audit={"tenants": ["auditor"]}, handoff={"poll_s": 0.05})


def desk(service: Service, tenant: str = "") -> HandoffClient:
    return HandoffClient(service.app.server.address, TIMEOUT_S, tenant)


def outcomes(service: Service, tenant: str = "") -> OutcomeClient:
    return OutcomeClient(service.app.server.address, TIMEOUT_S, tenant)


async def handed(service: Service) -> Review:
    review = await service.review(subject())
    assert review.HasField("handoff")
    return review


async def call(service: Service, method: str, request: Any, tenant: str = "") -> Refusal:
    """Make a call that must fail, without retries."""
    name = OUTCOME_SERVICE if isinstance(request, outcome_service_pb2.RecordOutcomeRequest) else HANDOFF_SERVICE
    send: Any = service.channel.unary_unary(f"/{name}/{method}", type(request).SerializeToString)
    return await refusal_of(send(request, timeout=TIMEOUT_S, metadata=((KEY, tenant),) if tenant else ()))


async def test_a_handoff_is_decided(service: Service) -> None:
    """A ticket is found, claimed and decided; what the person said comes back, and the record holds none of it."""
    review = await handed(service)
    async with desk(service) as people:
        (ticket,) = [one async for one in people.tickets()]
        assert (ticket.name, ticket.review, ticket.state) == (review.handoff.name, review.name, OPEN)
        assert ticket.expire_time.seconds - ticket.create_time.seconds == service.settings.handoff.lifetime_s
        claimed = await people.claim(ticket.name, "ann")
        assert (claimed.token, claimed.ticket.state, claimed.ticket.holder) == (1, CLAIMED, "ann")
        assert [one async for one in people.tickets()] == []
        labels = [CriterionLabel(criterion=review.findings[0].criterion, outcome=Outcome.OUTCOME_NOT_MET)]
        done = await people.resolve(ticket.name, 1, EDITED, labels, "Dose was missing.", "Rest. Take 400 mg.")
        assert done == await people.get(ticket.name)
        assert done == await people.resolve(ticket.name, 1, EDITED, labels, "Dose was missing.", "Rest. Take 400 mg.")
    assert (done.state, done.decision, done.holder) == (RESOLVED, EDITED, "ann")
    assert (done.comment, done.edited_text, list(done.labels)) == ("Dose was missing.", "Rest. Take 400 mg.", labels)
    rows = await service.entries()
    assert [row.kind for row in rows] == ["review", "handoff", "handoff"]
    assert b"Dose was missing" not in b"".join(row.record for row in rows)
    assert b"400 mg" not in b"".join(row.record for row in rows)


async def test_of_two_claimers_one_wins(service: Service, another: Serve) -> None:
    """Two people who claim one ticket at once, at two services on one log: one holds it, the other is told so."""
    other = await another()
    name = (await handed(service)).handoff.name
    async with desk(service) as here, desk(other) as there:
        done = await asyncio.gather(
            *[people.claim(name, f"{n}") for n in range(5) for people in (here, there)], return_exceptions=True
        )
    winners = [one for one in done if not isinstance(one, BaseException)]
    assert len(winners) == 1
    codes = {lost.code for lost in done if isinstance(lost, CallFailedError)}
    assert codes == {"ABORTED"}
    assert [row.kind for row in await service.entries()] == ["review", "handoff"]


async def test_a_backend_waits_for_its_ticket(service: Service, another: Serve) -> None:
    """Who waits hears of a decision, made at this service or at another one on the same log."""
    other = await another()
    for where in (service, other):
        name = (await handed(service)).handoff.name
        async with desk(service) as backend, desk(where) as people:
            waiting = asyncio.create_task(backend.wait(name, 20))
            token = (await people.claim(name, "ann")).token
            assert not waiting.done()
            await people.resolve(name, token, AS_IS)
            assert (await waiting).decision == AS_IS


async def test_waiting_ends_with_the_deadline(service: Service) -> None:
    """A wait comes back open before its deadline, with nothing decided."""
    name = (await handed(service)).handoff.name
    async with HandoffClient(service.app.server.address, 1.0) as backend:
        ticket = await backend.wait(name, 1.0)
    assert (ticket.state, ticket.decision) == (OPEN, HandoffDecision.HANDOFF_DECISION_UNSPECIFIED)


async def test_too_many_cannot_wait(another: Serve) -> None:
    """Beyond the bound a wait is refused at once, and says when to come back."""
    service = await another(handoff={"max_waiting": 1})
    name = (await handed(service)).handoff.name
    send: Any = service.channel.unary_unary(
        f"/{HANDOFF_SERVICE}/WaitHandoff", pb.WaitHandoffRequest.SerializeToString, pb.WaitHandoffResponse.FromString
    )
    waits = [send(pb.WaitHandoffRequest(name=name), timeout=2) for _ in range(2)]
    done = await asyncio.gather(*map(refusal_of, waits), return_exceptions=True)
    (refusal,) = [one for one in done if isinstance(one, Refusal)]
    assert (refusal.code, refusal.reason, refusal.retry_s) == (CODE.RESOURCE_EXHAUSTED, "TOO_MANY_WAITING", 1.0)


async def test_what_nobody_decides_is_rejected(another: Serve) -> None:
    """A ticket past its end counts as rejected, one record says so, and nobody can decide it any more."""
    quick = {"lifetime_s": 1, "sweep_interval_s": 0.05, "poll_s": 0.05}
    service = await another(handoff=quick)
    other = await another(handoff=quick)
    name = (await handed(service)).handoff.name
    async with desk(other) as people:
        ticket = await people.wait(name, 20)
        assert (ticket.state, ticket.decision) == (EXPIRED, REJECT)
        with pytest.raises(CallFailedError, match="expired"):
            await people.claim(name, "ann")
    async with asyncio.timeout(20):
        while len(await service.entries()) < 2:  # noqa: ASYNC110 - a service's own background work
            await asyncio.sleep(0.02)
    rows = await service.entries()
    event = read_event(rows[1].record)
    assert event is not None
    assert (len(rows), event.action.value, event.by) == (2, "expire", "service")
    assert event.time >= datetime.fromtimestamp(ticket.expire_time.seconds, UTC)


async def test_tickets_are_a_tenants_own(service: Service) -> None:
    """Other tenants find, claim and wait for nothing; an auditor sees the ticket, and changes nothing either."""
    name = (await handed(service)).handoff.name
    async with desk(service, "globex") as others, desk(service, "auditor") as auditor:
        assert [one async for one in others.tickets(TicketState.TICKET_STATE_UNSPECIFIED)] == []
        assert [one.name async for one in auditor.tickets()] == [name]
        assert (await auditor.get(name)).tenant == "default"
    for tenant, method, request in (
        ("globex", "GetHandoff", pb.GetHandoffRequest(name=name)),
        ("globex", "WaitHandoff", pb.WaitHandoffRequest(name=name)),
        ("globex", "ClaimHandoff", pb.ClaimHandoffRequest(name=name, by="eve")),
        ("auditor", "ClaimHandoff", pb.ClaimHandoffRequest(name=name, by="eve")),
        ("globex", "ResolveHandoff", pb.ResolveHandoffRequest(name=name, token=1, decision=AS_IS)),
        ("", "GetHandoff", pb.GetHandoffRequest(name=NOBODY)),
    ):
        refusal = await call(service, method, request, tenant)
        assert (refusal.code, refusal.reason) == (CODE.NOT_FOUND, "HANDOFF_NOT_FOUND")
    assert len(await service.entries()) == 1


async def test_pages_of_tickets(service: Service) -> None:
    """Tickets come page by page, each once; a token of another question is refused."""
    names = [(await handed(service)).handoff.name for _ in range(5)]
    async with desk(service) as people:
        assert [one.name async for one in people.tickets(page_size=2)] == names
        route = (await people.get(names[0])).route
        assert [one.name async for one in people.tickets(route=route)] == names
        assert [one.name async for one in people.tickets(route="other")] == []
    send: Any = service.channel.unary_unary(
        f"/{HANDOFF_SERVICE}/ListHandoffs", pb.ListHandoffsRequest.SerializeToString, pb.ListHandoffsResponse.FromString
    )
    page = await send(pb.ListHandoffsRequest(page_size=2), timeout=TIMEOUT_S)
    moved = pb.ListHandoffsRequest(page_token=page.next_page_token, route="other")
    assert (await call(service, "ListHandoffs", moved)).paths == ["page_token"]


@pytest.mark.parametrize(
    ("method", "request_", "paths"),
    [
        ("GetHandoff", pb.GetHandoffRequest(name="reviews/1"), ["name"]),
        ("ClaimHandoff", pb.ClaimHandoffRequest(name="x", lease_seconds=-1), ["name", "by", "lease_seconds"]),
        ("ClaimHandoff", pb.ClaimHandoffRequest(name=NOBODY, by="x" * 201), ["by"]),
        ("ReleaseHandoff", pb.ReleaseHandoffRequest(name=""), ["name"]),
        ("ResolveHandoff", pb.ResolveHandoffRequest(name=NOBODY, comment="x" * 10_001), ["decision", "comment"]),
        ("ResolveHandoff", pb.ResolveHandoffRequest(name=NOBODY, decision=EDITED), ["edited_text"]),
        ("ResolveHandoff", pb.ResolveHandoffRequest(name=NOBODY, decision=REJECT, edited_text="x"), ["edited_text"]),
        (
            "ResolveHandoff",
            pb.ResolveHandoffRequest(
                name=NOBODY,
                decision=REJECT,
                labels=[CriterionLabel(criterion="x"), CriterionLabel(criterion="a/b")],
            ),
            ["labels[0].criterion", "labels[1].outcome"],
        ),
        (
            "ResolveHandoff",
            pb.ResolveHandoffRequest(name=NOBODY, decision=REJECT, labels=[CriterionLabel()] * 257),
            ["labels"],
        ),
        ("ListHandoffs", pb.ListHandoffsRequest(page_size=-1, page_token="?"), ["page_size", "page_token"]),
        ("ListHandoffs", pb.ListHandoffsRequest(route="x" * 201), ["route"]),
        (
            "RecordOutcome",
            outcome_service_pb2.RecordOutcomeRequest(review="x", request_id="a b"),
            ["review", "outcome", "by", "request_id"],
        ),
    ],
)
async def test_malformed_requests(serve: Serve, method: str, request_: Any, paths: list[str]) -> None:
    """Every fault of a request is named at once, and nothing is written."""
    service = await serve()
    refusal = await call(service, method, request_)
    assert (refusal.code, refusal.reason, refusal.paths) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST", paths)
    assert await service.entries() == ()


async def test_a_label_must_be_of_the_review(service: Service) -> None:
    """An answer to a criterion that the review did not ask is refused, and the ticket stays as it was."""
    name = (await handed(service)).handoff.name
    async with desk(service) as people:
        token = (await people.claim(name, "ann")).token
        wrong = pb.ResolveHandoffRequest(name=name, token=token, decision=REJECT)
        wrong.labels.add(criterion="health/no_such_thing", outcome=Outcome.OUTCOME_MET)
        assert (await call(service, "ResolveHandoff", wrong)).paths == ["labels"]
        assert (await people.get(name)).state == CLAIMED


async def test_claims_over_the_wire(service: Service) -> None:
    """A lease is cut to its bound, renewed by its token and given back; a stale token decides nothing."""
    name = (await handed(service)).handoff.name
    async with desk(service) as people:
        claimed = await people.claim(name, "ann", lease_s=10**9)
        held_s = claimed.ticket.lease_expire_time.seconds - claimed.ticket.create_time.seconds
        assert held_s <= service.settings.handoff.max_lease_s + 5
        assert (await people.claim(name, "ann", token=claimed.token)).token == 2
        stale = pb.ResolveHandoffRequest(name=name, token=1, decision=AS_IS)
        refusal = await call(service, "ResolveHandoff", stale)
        assert (refusal.code, refusal.reason) == (CODE.ABORTED, "HANDOFF_LEASE")
        assert (await people.release(name, 2)).state == OPEN
        assert (await people.claim(name, "bob")).token == 3
        await people.resolve(name, 3, REJECT)
        refusal = await call(service, "ClaimHandoff", pb.ClaimHandoffRequest(name=name, by="ann"))
        assert (refusal.code, refusal.reason) == (CODE.FAILED_PRECONDITION, "HANDOFF_FINAL")


async def test_outcomes(service: Service) -> None:
    """A report is recorded once under its request id, another one under it is refused, others' reviews are unknown."""
    review = await handed(service)
    async with outcomes(service) as backend:
        first = await backend.record(review.name, COMPLAINT, "ann", "He fell ill.", "r-1")
        assert await backend.record(review.name, COMPLAINT, "ann", "He fell ill.", "r-1") == first == "records/1"
        assert await backend.record(review.name, AnswerOutcome.ANSWER_OUTCOME_NOT_SENT, "ann") == "records/2"
    other = outcome_service_pb2.RecordOutcomeRequest(review=review.name, outcome=COMPLAINT, by="bob", request_id="r-1")
    assert (await call(service, "RecordOutcome", other)).reason == "REQUEST_ID_REUSED"
    assert (await call(service, "RecordOutcome", other, "globex")).reason == "REVIEW_NOT_FOUND"
    rows = await service.entries()
    assert [row.kind for row in rows] == ["review", "outcome", "outcome"]
    assert b"fell ill" not in b"".join(row.record for row in rows)


async def test_erased_words(service: Service) -> None:
    """After its review was erased a ticket still says who decided what, and that the words are gone."""
    review = await handed(service)
    async with desk(service) as people:
        token = (await people.claim(review.handoff.name, "ann")).token
        await people.resolve(review.handoff.name, token, REJECT, (), "Too dangerous.")
        ledger: Any = service.app.ledger
        await ledger.erase(_erasure(review))
        ticket = await people.get(review.handoff.name)
    assert (ticket.decision, ticket.holder, ticket.comment, ticket.content_erased) == (REJECT, "ann", "", True)


def _erasure(review: Review) -> Any:
    now = datetime.now(UTC)
    event_id = str(uuid7(now, bytes(10)))
    return Event(EventKind.ERASURE, Action.ERASE, event_id, now, "default", "dpo", "Art. 17", (review.name,))


async def test_waiting_ends_when_the_server_drains(service: Service) -> None:
    """A server that shuts down sends those who wait to another one."""
    name = (await handed(service)).handoff.name
    waiting = asyncio.create_task(call(service, "WaitHandoff", pb.WaitHandoffRequest(name=name)))
    await asyncio.sleep(0)
    await service.app.server.drain()
    refusal = await waiting
    assert (refusal.code, refusal.reason) == (CODE.UNAVAILABLE, "DRAINING")


def test_tickets_have_no_other_states() -> None:
    """Every state and decision of the contract is one that the service knows, and the other way round."""
    assert {0, *STATES.values()} == set(TicketState.values())
    assert {0, *DECISIONS.values()} == set(HandoffDecision.values())
    assert Ticket().state == TicketState.TICKET_STATE_UNSPECIFIED
