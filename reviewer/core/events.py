"""Events: what happens to the log itself, as records among those of reviews.

An erasure, a legal hold and a change of keys are told in canonical JSON of a schema of their own, are entries like
reviews, and have no content. Whoever reads records skips kinds and versions that it does not know: a log may have been
written by a later version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from reviewer.core.canonical import canonical_bytes
from reviewer.core.errors import InvariantError
from reviewer.core.facets import facets_of
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import MAX_RECORD_BYTES, Entry, rfc3339
from reviewer.core.spending import NOTHING

MAX_SUBJECTS = 1_000
"""Names in one record: so many, with the longest texts, still fit into a log entry."""
MAX_BY_CHARS = 200
MAX_REASON_CHARS = 2_000

_VERSION = 1


class EventKind(StrEnum):
    """What an event is about; the record's schema is this with a version."""

    ERASURE = "erasure"
    HOLD = "hold"
    KEY_CHANGE = "key_change"


class Action(StrEnum):
    """What was done."""

    ERASE = "erase"
    ADD = "add"
    REMOVE = "remove"
    REWRAP = "rewrap"


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the log's state that is no review.

    Attributes:
        id: UUIDv7.
        tenant: whose data it is about; empty where it is about the whole log.
        by: who did it, as that person or job named itself.
        reason: in words. It stays in the log for good: it must not repeat what is erased.
        subjects: `reviews/{id}`, `tenants/{name}` or `data-keys/{id}`; at most `MAX_SUBJECTS`.
    """

    kind: EventKind
    action: Action
    id: str
    time: datetime
    tenant: str
    by: str
    reason: str
    subjects: tuple[str, ...]

    @property
    def reviews(self) -> tuple[str, ...]:
        """Ids of the reviews among the subjects."""
        return tuple([name.removeprefix("reviews/") for name in self.subjects if name.startswith("reviews/")])

    @property
    def whole_tenant(self) -> bool:
        """Whether all of the tenant is meant."""
        return tenant_name(self.tenant) in self.subjects

    @property
    def erases(self) -> bool:
        """Whether contents were destroyed."""
        return self.kind is EventKind.ERASURE and self.action is Action.ERASE


def review_name(review_id: str) -> str:
    """Return the name of a review as a subject."""
    return f"reviews/{review_id}"


def tenant_name(tenant: str) -> str:
    """Return the name of a tenant as a subject."""
    return f"tenants/{tenant}"


def entry_of(event: Event) -> Entry:
    """Make an event's record.

    Raises:
        InvariantError: it says more than a record may hold (who asks for it bounds its texts and subjects).
    """
    record = canonical_bytes(
        {
            "schema": f"{event.kind}/{_VERSION}",
            "action": event.action,
            "id": event.id,
            "time": rfc3339(event.time),
            "tenant": event.tenant,
            "by": event.by,
            "reason": event.reason,
            "subjects": list(event.subjects),
        }
    )
    if len(record) > MAX_RECORD_BYTES or len(event.subjects) > MAX_SUBJECTS:
        raise InvariantError(f"record has {len(record)} bytes and {len(event.subjects)} subjects")
    return Entry(
        review_id=event.id,
        tenant=event.tenant,
        request_id="",
        content_digest="",
        record=record,
        leaf_hash=leaf_hash(record),
        content=b"",
        content_key=b"",
        day=event.time.astimezone(UTC).date(),
        spent=NOTHING,
        facets=facets_of(record),
        kind=event.kind,
    )


def read_event(record: bytes) -> Event | None:
    """Read an event's record; None for any other kind, and for a version or an action that is not known."""
    try:
        told = orjson.loads(record)
        kind, _, version = str(told["schema"]).partition("/")
        if version != str(_VERSION):
            return None
        return Event(
            EventKind(kind),
            Action(told["action"]),
            str(told["id"]),
            datetime.fromisoformat(told["time"]),
            str(told["tenant"]),
            str(told["by"]),
            str(told["reason"]),
            tuple([str(name) for name in told["subjects"]]),
        )
    except (ValueError, TypeError, KeyError):
        return None
