"""Events: every change of state that is no review, as records among those of reviews. docs/records.md lists them.

All kinds share one schema: canonical JSON of who did what when, to which subjects, and what else there is to say of an
action under `details`. A person's words, in a resolution or an outcome, are an annex: kept apart, bound by commitment,
and erased with the review they are about. Whoever reads records skips kinds and versions that it does not know: a log
may have been written by a later version.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import orjson

from reviewer.core.canonical import Json, canonical_bytes
from reviewer.core.errors import InvariantError
from reviewer.core.facets import facets_of
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import MAX_RECORD_BYTES, Entry, rfc3339
from reviewer.core.spending import NOTHING

MAX_SUBJECTS = 1_000
"""Names in one record: so many, with the longest texts, still fit into a log entry."""
SERVICE = "service"
"""Who does what no person does."""
MAX_BY_CHARS = 200
MAX_REASON_CHARS = 2_000

_VERSION = 1


class EventKind(StrEnum):
    """What an event is about; the record's schema is this with a version."""

    ERASURE = "erasure"
    HOLD = "hold"
    KEY_CHANGE = "key_change"
    HANDOFF = "handoff"
    OUTCOME = "outcome"
    RELEASE = "release"


class Action(StrEnum):
    """What was done."""

    ERASE = "erase"
    ADD = "add"
    REMOVE = "remove"
    REWRAP = "rewrap"
    SIGN = "sign"
    CLAIM = "claim"
    RELEASE = "release"
    RESOLVE = "resolve"
    EXPIRE = "expire"
    REPORT = "report"
    ACTIVATE = "activate"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Annex:
    """A person's words that belong to an event, kept apart from its record.

    Attributes:
        content: JSON; as it is stored where it is encrypted.
        key: of the commitment, erased with it; empty where it is encrypted with the content.
        commitment: HMAC-SHA256 in hex over the JSON in the clear.
        data_key: id of the key that `content` is encrypted under; None where it is not encrypted.
    """

    content: bytes
    key: bytes
    commitment: str
    data_key: UUID | None = None


def annex_of(content: bytes, key: bytes) -> Annex:
    """Bind words to the record that will name their commitment.

    Args:
        key: 32 random bytes, used for these words only.
    """
    return Annex(content, key, hmac.digest(key, content, hashlib.sha256).hex())


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the log's state that is no review.

    Attributes:
        id: UUIDv7.
        tenant: whose data it is about; empty where it is about the whole log.
        by: who did it, as that person or job named itself.
        reason: in words. It stays in the log for good: it must not repeat what is erased.
        subjects: `reviews/{id}`, `handoffs/{id}`, `tenants/{name}`, `data-keys/{id}`, `releases/{digest}` or
            `signing-keys/{id}`; at most `MAX_SUBJECTS`.
        details: what else the action says; by name, as docs/records.md has it.
        content_commitment: of the annex, in hex; empty where there is none.
    """

    kind: EventKind
    action: Action
    id: str
    time: datetime
    tenant: str
    by: str
    reason: str
    subjects: tuple[str, ...]
    details: Mapping[str, Json] = field(default_factory=dict)
    content_commitment: str = ""

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


def signing_key_change(new: str, event_id: str, now: datetime, old: str) -> Event:
    """Tell that another key signs receipts and checkpoints from now on.

    Args:
        new, old: RFC 7638 thumbprints of the public keys.
        event_id: UUIDv7.
    """
    details: dict[str, Json] = {"old": old, "new": new}
    subjects = (f"signing-keys/{new}",)
    return Event(EventKind.KEY_CHANGE, Action.SIGN, event_id, now, "", SERVICE, "", subjects, details)


def entry_of(event: Event, annex: Annex | None = None, request_id: str = "", content_digest: str = "") -> Entry:
    """Make an event's record.

    Args:
        annex: whose commitment the event names.
        request_id: under which it is written once only; it must not be one that a review could have.
        content_digest: of what that request said.

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
            **({"details": dict(event.details)} if event.details else {}),
            **({"content_commitment": event.content_commitment} if event.content_commitment else {}),
        }
    )
    if len(record) > MAX_RECORD_BYTES or len(event.subjects) > MAX_SUBJECTS:
        raise InvariantError(f"record has {len(record)} bytes and {len(event.subjects)} subjects")
    return Entry(
        review_id=event.id,
        tenant=event.tenant,
        request_id=request_id,
        content_digest=content_digest,
        record=record,
        leaf_hash=leaf_hash(record),
        content=annex.content if annex else b"",
        content_key=annex.key if annex else b"",
        day=event.time.astimezone(UTC).date(),
        spent=NOTHING,
        facets=facets_of(record),
        kind=event.kind,
        data_key=annex.data_key if annex else None,
        annex_of=event.reviews[0] if annex else "",
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
            dict(told.get("details", {})),
            str(told.get("content_commitment", "")),
        )
    except (ValueError, TypeError, KeyError):
        return None
