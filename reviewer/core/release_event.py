"""What happens to releases, as records of the log: which rule set judges from when on, by whose word, and why.

The log is what decides which release is in force; a service only follows it. A set that is loaded from a folder is told
in the same form, with nobody's approval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson

from reviewer.core.canonical import Json
from reviewer.core.errors import InvariantError
from reviewer.core.events import Action, Event, EventKind, entry_of
from reviewer.core.record import Entry
from reviewer.core.release import is_digest, release_name

RELEASE_KIND = EventKind.RELEASE.value
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
        digest: of the release that is in force from now on, or on trial; where a trial ends, of what stays in force.
        previous: digest of the one before; empty where there was none. Of a trial what it is compared with; where a
            trial ends, of the candidate.
        by: who did it, as that person or service named itself.
        reason: in words; it stays in the log for good.
        stage: how far it is in force, or on trial: see `reviewer.core.rollout`.
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


def entry_of_release(event: ReleaseEvent, request_id: str = "") -> Entry:
    """Make an event's record.

    Args:
        request_id: under which it is written once only; it must not be one that a review could have.

    Raises:
        InvariantError: it says more than a record may hold (who asks for it bounds its texts and routes).
    """
    if len(event.routes) > MAX_ROUTES:
        raise InvariantError(f"record has {len(event.routes)} routes")
    details: dict[str, Json] = {
        "digest": event.digest,
        "previous": event.previous,
        "source": event.source.value,
        "stage": event.stage,
        "routes": list(event.routes),
        "percent": event.percent,
        "approvals": list(event.approvals),
    }
    action, subjects = Action(event.action.value), (release_name(event.digest),)
    told = Event(EventKind.RELEASE, action, event.id, event.time, "", event.by, event.reason, subjects, details)
    return entry_of(told, request_id=request_id)


def read_release_event(record: bytes) -> ReleaseEvent | None:
    """Read an event's record; None for any other kind, and for a version or a word that is not known."""
    try:
        told = orjson.loads(record)
        details = told["details"] if told["schema"] == _SCHEMA else {}
        if not is_digest(details["digest"]):
            return None
        return ReleaseEvent(
            ReleaseAction(told["action"]),
            str(told["id"]),
            datetime.fromisoformat(told["time"]),
            details["digest"],
            str(details["previous"]),
            str(told["by"]),
            str(told["reason"]),
            ReleaseSource(details["source"]),
            str(details["stage"]),
            tuple([str(route) for route in details["routes"]]),
            int(details["percent"]),
            tuple([str(name) for name in details["approvals"]]),
        )
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its place in the log."""

    index: int
    event: ReleaseEvent
