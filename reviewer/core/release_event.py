"""What happens to releases, as records of the log: which rule set judges from when on, by whose word, and why.

The log is what decides which release is in force; a service only follows it. A set that is loaded from a folder is told
in the same form, with nobody's approval.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from reviewer.core.canonical import canonical_bytes
from reviewer.core.errors import InvariantError
from reviewer.core.facets import facets_of
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import MAX_RECORD_BYTES, Entry, rfc3339
from reviewer.core.release import is_digest, release_name
from reviewer.core.spending import NOTHING

RELEASE_KIND = "release"
MAX_ROUTES = 1_000

_SCHEMA = f"{RELEASE_KIND}/1"


class ReleaseAction(StrEnum):
    """What was done; of these a reader needs to know only that each names what is in force afterwards."""

    ACTIVATE = "activate"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


class ReleaseSource(StrEnum):
    """Where a rule set came from."""

    BUNDLE = "bundle"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class ReleaseEvent:
    """One change of what is in force.

    Attributes:
        id: UUIDv7.
        digest: of the release that is in force from now on.
        previous: digest of the one before; empty where there was none.
        by: who did it, as that person or service named itself.
        reason: in words; it stays in the log for good.
        stage: how far it is in force; `full` for whatever is asked.
        routes: ids of the routes it is about; empty for all.
        percent: of the requests.
        approvals: names of those who approved, sorted; empty where nobody was asked.
    """

    action: ReleaseAction
    id: str
    time: datetime
    digest: str
    previous: str
    by: str
    reason: str
    source: ReleaseSource = ReleaseSource.BUNDLE
    stage: str = "full"
    routes: tuple[str, ...] = ()
    percent: int = 100
    approvals: tuple[str, ...] = ()


def entry_of_release(event: ReleaseEvent) -> Entry:
    """Make an event's record.

    Raises:
        InvariantError: it says more than a record may hold (who asks for it bounds its texts and routes).
    """
    record = canonical_bytes(
        {
            "schema": _SCHEMA,
            "action": event.action,
            "id": event.id,
            "time": rfc3339(event.time),
            "tenant": "",
            "by": event.by,
            "reason": event.reason,
            "subjects": [release_name(event.digest)],
            "digest": event.digest,
            "previous": event.previous,
            "source": event.source,
            "stage": event.stage,
            "routes": list(event.routes),
            "percent": event.percent,
            "approvals": list(event.approvals),
        }
    )
    if len(record) > MAX_RECORD_BYTES or len(event.routes) > MAX_ROUTES:
        raise InvariantError(f"record has {len(record)} bytes and {len(event.routes)} routes")
    return Entry(
        review_id=event.id,
        tenant="",
        request_id="",
        content_digest="",
        record=record,
        leaf_hash=leaf_hash(record),
        content=b"",
        content_key=b"",
        day=event.time.astimezone(UTC).date(),
        spent=NOTHING,
        facets=facets_of(record),
        kind=RELEASE_KIND,
    )


def read_release_event(record: bytes) -> ReleaseEvent | None:
    """Read an event's record; None for any other kind, and for a version or a word that is not known."""
    try:
        told = orjson.loads(record)
        if told["schema"] != _SCHEMA or not is_digest(told["digest"]):
            return None
        return ReleaseEvent(
            ReleaseAction(told["action"]),
            str(told["id"]),
            datetime.fromisoformat(told["time"]),
            told["digest"],
            str(told["previous"]),
            str(told["by"]),
            str(told["reason"]),
            ReleaseSource(told["source"]),
            str(told["stage"]),
            tuple([str(route) for route in told["routes"]]),
            int(told["percent"]),
            tuple([str(name) for name in told["approvals"]]),
        )
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its place in the log."""

    index: int
    event: ReleaseEvent


def latest(told: Iterable[Told]) -> Told | None:
    """Return the event that decides: the last one by place in the log, whatever clocks said."""
    return max(told, key=lambda one: one.index, default=None)
