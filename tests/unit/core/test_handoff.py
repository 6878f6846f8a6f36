"""Tickets: whatever is asked in whatever order, there is one holder, one end, and the records tell all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import HandoffFinalError, LeaseError
from reviewer.core.events import Action, Event, EventKind, annex_of, entry_of, read_event
from reviewer.core.finding import Outcome
from reviewer.core.handoff import Move, applied, labels_of, step
from reviewer.core.review import Handoff, HandoffState
from reviewer.core.ticket import Decision, Ticket, TicketState, ticket_of, ticket_of_record
from tests.support.builders import CONTENT_KEY, MOMENT, entry, review, review_id

LATER = MOMENT + timedelta(hours=1)
TICKET = Ticket(str(review_id(9)), str(review_id(1)), "acme", "probe", "probe.ask", MOMENT, LATER)
MINUTE = timedelta(minutes=1)


def move(action: Action, now: datetime = MOMENT, **fields: object) -> Move:
    """Build a move of the ticket; a claim is Ann's, for ten minutes, where the test does not say otherwise."""
    base = Move(TICKET.id, "acme", action, str(review_id(50)), now, by="ann", lease=10 * MINUTE)
    if action is Action.RESOLVE:
        base = replace(base, decision=Decision.APPROVE_AS_IS)
    return replace(base, **fields)  # type: ignore[arg-type]


def after(ticket: Ticket, asked: Move) -> Ticket:
    """Do a move that must be one."""
    event = step(ticket, asked)
    assert event is not None
    return applied(ticket, event)


CLAIMED = after(TICKET, move(Action.CLAIM))
RESOLVED = after(CLAIMED, move(Action.RESOLVE, token=1))
moves = st.builds(
    move,
    st.sampled_from([Action.CLAIM, Action.RELEASE, Action.RESOLVE, Action.EXPIRE]),
    st.integers(0, 80).map(lambda minutes: MOMENT + minutes * MINUTE),
    by=st.sampled_from(["ann", "bob"]),
    token=st.integers(0, 4),
    lease=st.integers(1, 40).map(lambda minutes: minutes * MINUTE),
    decision=st.sampled_from(Decision),
)


@given(st.lists(moves, max_size=12))
def test_any_order_of_moves(asked: list[Move]) -> None:
    """At most one holds a ticket, tokens only grow, a final ticket stays, and only the newest claim can decide."""
    ticket = TICKET
    events: list[Event] = []
    for one in sorted(asked, key=lambda one: one.now):
        before = ticket.at(one.now)
        try:
            event = step(ticket, one)
        except (HandoffFinalError, LeaseError):
            continue
        if event is None:
            continue
        assert not ticket.state.final
        ticket = applied(ticket, event)
        events.append(event)
        if one.action is Action.CLAIM:
            assert before.state is TicketState.OPEN or one.token == before.token
            assert ticket.token == before.token + 1
            assert ticket.lease_until is not None
            assert ticket.lease_until <= LATER
        if one.action in (Action.RELEASE, Action.RESOLVE):
            assert before.state is TicketState.CLAIMED
            assert (one.token, event.by) == (before.token, before.holder)
        if one.action is Action.EXPIRE:
            assert one.now >= LATER
    assert sum(event.action in (Action.RESOLVE, Action.EXPIRE) for event in events) <= 1
    _assert_derived(ticket, events)


def _assert_derived(ticket: Ticket, events: list[Event]) -> None:
    """The records alone, read back, lead to the same ticket."""
    derived = TICKET
    for event in events:
        read = read_event(entry_of(event).record)
        assert read == event
        derived = applied(derived, read)
    assert derived == ticket


def test_a_lease_keeps_others_out_until_it_ends() -> None:
    """A second claim is refused while the first holds, and granted when its lease is over."""
    with pytest.raises(LeaseError, match="held by ann"):
        step(CLAIMED, move(Action.CLAIM, MOMENT + 9 * MINUTE, by="bob"))
    taken = after(CLAIMED, move(Action.CLAIM, MOMENT + 10 * MINUTE, by="bob"))
    assert (taken.holder, taken.token) == ("bob", 2)


def test_a_stale_token_decides_nothing() -> None:
    """Who slept over the lease cannot decide: not after another claim, and not before it either."""
    taken = after(CLAIMED, move(Action.CLAIM, MOMENT + 10 * MINUTE, by="bob"))
    for ticket in (CLAIMED, taken):
        with pytest.raises(LeaseError, match="token 1"):
            step(ticket, move(Action.RESOLVE, MOMENT + 11 * MINUTE, token=1))
    assert after(taken, move(Action.RESOLVE, MOMENT + 11 * MINUTE, token=2)).holder == "bob"


def test_a_claim_is_renewed_by_its_token() -> None:
    """The holder's own token renews the claim under a new one; a name alone does not."""
    renewed = after(CLAIMED, move(Action.CLAIM, MOMENT + MINUTE, token=1))
    assert (renewed.token, renewed.lease_until) == (2, MOMENT + 11 * MINUTE)
    with pytest.raises(LeaseError):
        step(CLAIMED, move(Action.CLAIM, MOMENT + MINUTE))


def test_a_released_ticket_is_open() -> None:
    """What was given back can be claimed at once, and its old token is worth nothing."""
    released = after(CLAIMED, move(Action.RELEASE, token=1))
    assert (released.state, released.holder, released.token) == (TicketState.OPEN, "", 1)
    with pytest.raises(LeaseError):
        step(released, move(Action.RESOLVE, token=1))


def test_a_resolution_is_final_and_can_be_repeated() -> None:
    """The same decision again writes nothing, any other move is refused, and time changes nothing."""
    assert (RESOLVED.state, RESOLVED.decision, RESOLVED.holder) == (
        TicketState.RESOLVED,
        Decision.APPROVE_AS_IS,
        "ann",
    )
    assert step(RESOLVED, move(Action.RESOLVE, LATER, token=1)) is None
    assert step(RESOLVED, move(Action.EXPIRE, LATER)) is None
    for other in (
        move(Action.RESOLVE, token=1, decision=Decision.REJECT),
        move(Action.RESOLVE, token=2),
        move(Action.CLAIM, by="bob"),
        move(Action.RELEASE, token=1),
    ):
        with pytest.raises(HandoffFinalError, match="resolved"):
            step(RESOLVED, other)
    assert RESOLVED.at(LATER + MINUTE) == RESOLVED


def test_what_expired_is_rejected() -> None:
    """From its end on a ticket counts as rejected, with or without a record, and nobody can claim or decide it."""
    for ticket in (TICKET, CLAIMED, after(TICKET, move(Action.EXPIRE, LATER))):
        gone = ticket.at(LATER)
        assert (gone.state, gone.decision, gone.holder) == (TicketState.EXPIRED, Decision.REJECT, "")
        for action in (Action.CLAIM, Action.RESOLVE):
            with pytest.raises(HandoffFinalError, match="expired"):
                step(ticket, move(action, LATER, token=ticket.token))
    assert step(TICKET, move(Action.EXPIRE, LATER - MINUTE)) is None
    assert replace(TICKET, expires_at=None).at(LATER + MINUTE).state is TicketState.OPEN
    assert TICKET.at(LATER - MINUTE) == TICKET


def test_a_resolution_says_who_decided_what() -> None:
    """The record names holder, decision, labels and review; the words are bound and stand in no record."""
    annex = annex_of(b'{"comment":"dose is wrong"}', CONTENT_KEY)
    labels = {"probe/asked": Outcome.NOT_MET}
    event = step(CLAIMED, move(Action.RESOLVE, token=1, by="bob", labels=labels, annex=annex))
    assert event is not None
    sealed = entry_of(event, annex)
    assert (event.by, event.reviews, labels_of(event)) == ("ann", (TICKET.review_id,), labels)
    assert (sealed.annex_of, sealed.content, sealed.kind) == (TICKET.review_id, annex.content, "handoff")
    assert sealed.facets.about == (TICKET.name, f"reviews/{TICKET.review_id}")
    assert b"dose" not in sealed.record
    assert read_event(sealed.record) == event


def test_events_of_others_leave_a_ticket_alone() -> None:
    """What is no move, or a move of a later version, changes nothing."""
    event = step(TICKET, move(Action.CLAIM))
    assert event is not None
    assert applied(TICKET, replace(event, kind=EventKind.HOLD)) == TICKET
    assert applied(TICKET, replace(event, action=Action.ADD)) == TICKET


@pytest.mark.parametrize("expires_at", [None, LATER])
def test_a_ticket_opens_with_its_review(expires_at: datetime | None) -> None:
    """The ticket of a review is that of its record; a review without a handoff has none, nor has another record."""
    handed = review(1, handoff=Handoff(str(review_id(9)), HandoffState.OPEN, MOMENT, expires_at))
    opened = ticket_of(handed)
    assert opened == replace(TICKET, expires_at=expires_at)
    sealed = entry(1, handoff=handed.handoff)
    assert sealed.ticket == ticket_of_record(sealed.record) == opened
    assert ticket_of(review()) is ticket_of_record(entry().record) is ticket_of_record(b"{}") is None
