"""Releases of rule sets as records: which set came into force where, in place of which, by whom, and who agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reviewer.core.canonical import Json
from reviewer.core.events import Action, Event, EventKind

_ACTIONS = (Action.ACTIVATE, Action.PROMOTE, Action.ROLLBACK)


@dataclass(frozen=True, slots=True)
class RuleRelease:
    """One step in the life of a rule set.

    Attributes:
        action: ACTIVATE, PROMOTE or ROLLBACK.
        digest: of the rule set, as `Rulebook.digest`.
        previous: of the one that it takes the place of; empty for none.
        stage: how far it goes, for example `shadow`, `canary` or `full`.
        routes: ids; none means all.
        percent: of the requests to these routes, a whole number from 0 to 100.
        by: who did it.
        reason: in words; it stays in the log for good.
        approvals: ids or names of the keys that signed the set.
    """

    action: Action
    digest: str
    previous: str
    stage: str
    routes: tuple[str, ...]
    percent: int
    by: str
    reason: str
    approvals: tuple[str, ...] = ()


def release_event(release: RuleRelease, event_id: str, now: datetime) -> Event:
    """Tell a release as an event; `reviewer.core.events.entry_of` makes the record of it.

    Args:
        event_id: UUIDv7.
    """
    assert release.action in _ACTIONS
    details: dict[str, Json] = {
        "digest": release.digest,
        "previous": release.previous,
        "stage": release.stage,
        "routes": list(release.routes),
        "percent": release.percent,
        "approvals": list(release.approvals),
    }
    subjects = (f"rulebooks/{release.digest}",)
    return Event(EventKind.RELEASE, release.action, event_id, now, "", release.by, release.reason, subjects, details)


def read_release(event: Event) -> RuleRelease | None:
    """Read a release back; None for any other event, and for one that a later version told otherwise."""
    told = event.details
    percent = told.get("percent")
    if event.kind is not EventKind.RELEASE or event.action not in _ACTIONS or not isinstance(percent, int):
        return None
    return RuleRelease(
        event.action,
        str(told.get("digest", "")),
        str(told.get("previous", "")),
        str(told.get("stage", "")),
        _texts(told.get("routes")),
        percent,
        event.by,
        event.reason,
        _texts(told.get("approvals")),
    )


def _texts(told: Json | None) -> tuple[str, ...]:
    return tuple([str(one) for one in told]) if isinstance(told, list) else ()
