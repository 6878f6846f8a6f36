"""The ticket for a person: what stands in one handoff, and what it comes to as time passes.

How it gets from one state to the next is `reviewer.core.handoff`. A ticket opens with its review's record; everything
else about it follows from the records of its moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from reviewer.core.review import Review


class TicketState(StrEnum):
    """Where a ticket stands; the last two are final."""

    OPEN = "open"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether nothing can change it any more."""
        return self in (TicketState.RESOLVED, TicketState.EXPIRED)


class Decision(StrEnum):
    """What a person decided about the draft."""

    APPROVE_AS_IS = "approve_as_is"
    APPROVE_WITH_EDIT = "approve_with_edit"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One handoff.

    Attributes:
        id: UUIDv7; its name is `handoffs/{id}`.
        review_id: of the review that handed off.
        expires_at: from then on it counts as rejected; None never.
        token: fencing token, the number of claims so far: only who holds the newest one may act.
        holder: who claimed it last, and resolved it if anybody did; empty while nobody holds it.
        lease_until: until when the claim holds.
        decision: of a person, or REJECT where it expired.
    """

    id: str
    review_id: str
    tenant: str
    route: str
    intent: str
    created_at: datetime
    expires_at: datetime | None = None
    state: TicketState = TicketState.OPEN
    token: int = 0
    holder: str = ""
    lease_until: datetime | None = None
    decision: Decision | None = None

    @property
    def name(self) -> str:
        """Resource name."""
        return f"handoffs/{self.id}"

    def at(self, now: datetime) -> Ticket:
        """Return the ticket as it stands at a moment: leases end and tickets expire without anybody's doing."""
        if self.state.final:
            return self
        if self.expires_at is not None and self.expires_at <= now:
            return replace(self, state=TicketState.EXPIRED, holder="", lease_until=None, decision=Decision.REJECT)
        if self.lease_until is not None and self.lease_until <= now:
            return replace(self, state=TicketState.OPEN, holder="", lease_until=None)
        return self


def ticket_of(review: Review) -> Ticket | None:
    """Return the ticket that a review opens; None where it opens none."""
    handoff = review.handoff
    if handoff is None:
        return None
    created_at = review.created_at.astimezone(UTC)
    return Ticket(handoff.id, review.id, review.tenant, review.route.id, review.intent, created_at, handoff.expires_at)


def ticket_of_record(record: bytes) -> Ticket | None:
    """Return the ticket that a review's record opens; None for any other record, and where it opens none."""
    try:
        told = orjson.loads(record)
        if told["schema"] != "review/1" or told["handoff"] is None:
            return None
        expires = told.get("handoff_expires")
        return Ticket(
            str(told["handoff"]),
            str(told["review"]),
            str(told["tenant"]),
            str(told["route"]["id"]),
            str(told["intent"]),
            datetime.fromisoformat(told["time"]),
            datetime.fromisoformat(expires) if expires else None,
        )
    except (ValueError, TypeError, KeyError):
        return None
