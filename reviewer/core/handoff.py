"""Moves of a ticket: the state machine between a handoff and its end. Pure: the moment comes with the move.

OPEN -claim-> CLAIMED -resolve-> RESOLVED; CLAIMED -release-> OPEN, as when the lease ends; either -expire-> EXPIRED. A
claim raises the fencing token, and whatever its holder does later must show that token: who slept over a lease, while
somebody else claimed, is refused. What is final stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reviewer.core.canonical import Json
from reviewer.core.errors import HandoffFinalError, LeaseError
from reviewer.core.events import SERVICE, Action, Annex, Event, EventKind, review_name
from reviewer.core.finding import Outcome
from reviewer.core.record import rfc3339
from reviewer.core.ticket import Decision, Ticket, TicketState

MAX_LABELS = 256


@dataclass(frozen=True, slots=True)
class Move:
    """What somebody wants done with a ticket.

    Attributes:
        action: CLAIM, RELEASE, RESOLVE or EXPIRE.
        event_id: UUIDv7 of the record that it becomes.
        now: UTC.
        by: who claims; of later moves the holder is taken.
        token: of the claim that the mover holds; in a claim, of the one that is to be renewed.
        lease: for how long a claim is to hold.
        labels: the person's own answers, by criterion as `rubric/criterion`; at most `MAX_LABELS`.
        annex: comment and edited text of a resolution.
    """

    handoff_id: str
    tenant: str
    action: Action
    event_id: str
    now: datetime
    by: str = ""
    token: int = 0
    lease: timedelta = timedelta()
    decision: Decision | None = None
    labels: Mapping[str, Outcome] = field(default_factory=dict)
    annex: Annex | None = None


def step(ticket: Ticket, move: Move) -> Event | None:
    """Return the event that a move is, told of a ticket; None where it is done already, and nothing is to be written.

    Raises:
        HandoffFinalError: the ticket is resolved or has expired.
        LeaseError: somebody else holds it, or the mover's token is not, or no longer, that of the claim in force.
    """
    standing = ticket.at(move.now)
    if move.action is Action.EXPIRE:
        due = standing.state is TicketState.EXPIRED and not ticket.state.final
        return _event(ticket, move, SERVICE, {"decision": Decision.REJECT}) if due else None
    if _is_repeated(ticket, move):
        return None
    if standing.state.final:
        raise HandoffFinalError(f"{ticket.name} is {standing.state} ({standing.decision})")
    held = standing.state is TicketState.CLAIMED
    if move.action is Action.CLAIM:
        if held and move.token != ticket.token:
            raise LeaseError(f"{ticket.name} is held by {ticket.holder} until {_told(ticket.lease_until)}")
        ends = move.now + move.lease
        until = min(ends, ticket.expires_at) if ticket.expires_at else ends
        return _event(ticket, move, move.by, {"token": ticket.token + 1, "lease_until": rfc3339(until)})
    if not held or move.token != ticket.token:
        message = f"token {move.token} of {ticket.name} is not that of a claim in force: claim it again"
        raise LeaseError(message)
    details: dict[str, Json] = {"token": ticket.token}
    if move.action is Action.RESOLVE:
        assert move.decision is not None
        details |= {"decision": move.decision, "labels": dict(move.labels)}
    return _event(ticket, move, ticket.holder, details)


def applied(ticket: Ticket, event: Event) -> Ticket:
    """Return the ticket after an event of its own; one that is not known leaves it as it is.

    Raises:
        ValueError, KeyError, TypeError: the event's details are not those of its action.
    """
    details = event.details
    if event.kind is not EventKind.HANDOFF or ticket.state.final:
        return ticket
    match event.action:
        case Action.CLAIM:
            until, token = datetime.fromisoformat(str(details["lease_until"])), _whole(details["token"])
            claimed = replace(ticket, state=TicketState.CLAIMED, token=token)
            return replace(claimed, holder=event.by, lease_until=until)
        case Action.RELEASE:
            return replace(ticket, state=TicketState.OPEN, holder="", lease_until=None)
        case Action.RESOLVE:
            decision = Decision(str(details["decision"]))
            return replace(ticket, state=TicketState.RESOLVED, holder=event.by, lease_until=None, decision=decision)
        case Action.EXPIRE:
            rejected = replace(ticket, state=TicketState.EXPIRED, decision=Decision.REJECT)
            return replace(rejected, holder="", lease_until=None)
        case _:
            return ticket


def labels_of(event: Event) -> dict[str, Outcome]:
    """Return the person's own answers in a resolution, as far as they can be read."""
    told = event.details.get("labels")
    known = {outcome.value: outcome for outcome in Outcome}
    rows = told.items() if isinstance(told, dict) else ()
    return {name: known[str(value)] for name, value in rows if str(value) in known}


def _is_repeated(ticket: Ticket, move: Move) -> bool:
    """Whether a resolution came again, because its answer was lost."""
    mine = ticket.state is TicketState.RESOLVED and ticket.token == move.token
    return mine and move.action is Action.RESOLVE and ticket.decision is move.decision


def _event(ticket: Ticket, move: Move, by: str, details: dict[str, Json]) -> Event:
    return Event(
        EventKind.HANDOFF,
        move.action,
        move.event_id,
        move.now,
        ticket.tenant,
        by,
        "",
        (ticket.name, review_name(ticket.review_id)),
        details,
        move.annex.commitment if move.annex else "",
    )


def _whole(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError("a token is a whole number")
    return value


def _told(moment: datetime | None) -> str:
    return rfc3339(moment) if moment else "now"
