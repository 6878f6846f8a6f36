"""How far each release has come: what is in force where, and what is on trial beside it, as the events of the log say.

Everything follows from the events in the order of the log, so that all services on one log come to the same. An event
that may not follow on those before it changes nothing, for anybody: of two people who put a candidate on one route at
the same moment, the first one counts. How a trial goes is `reviewer.core.trial_figures`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from reviewer.core.release import release_name
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, ReleaseSource, Told

_WORD = 2**64


class ReleaseStage(StrEnum):
    """How far a release has come; the first two are trials beside what is in force."""

    SHADOW = "shadow"
    CANARY = "canary"
    FULL = "full"


_STAGES = frozenset(stage.value for stage in ReleaseStage)


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate on some routes.

    Attributes:
        id: of the event with which this stage began.
        baseline: digest of what was in force there by then.
        percent: share of requests that it judges (canary), or judges as well (shadow).
        routes: ids, sorted; none means all. They are those of the release in force for all routes.
        since: index in the log of the event with which this stage began: evidence counts from there.
        approvals: names of those who approved of it.
    """

    id: str
    digest: str
    baseline: str
    stage: ReleaseStage
    percent: int
    routes: tuple[str, ...]
    since: int
    began: datetime
    by: str
    approvals: tuple[str, ...] = ()

    def covers(self, route: str) -> bool:
        """Whether it takes place on a route."""
        return not self.routes or route in self.routes

    def overlaps(self, routes: tuple[str, ...]) -> bool:
        """Whether it takes place on any of these routes; none means all."""
        return not self.routes or not routes or not set(self.routes).isdisjoint(routes)

    def takes(self, key: str) -> bool:
        """Whether a request is in the share.

        Args:
            key: what stays the same when the request is sent again. It falls to the same side however much else is
                asked; a greater share only adds to a smaller one; another release draws anew.
        """
        drawn = hashlib.sha256(f"{self.digest}\0{key}".encode()).digest()
        return int.from_bytes(drawn[:8]) * 100 < self.percent * _WORD


@dataclass(frozen=True, slots=True)
class Course:
    """Where things stand after the events of a log.

    Attributes:
        base: the event that decides wherever no other one does; None where there was none: the rule folder is in force.
        by_route: the events that decide on single routes.
        trials: of no two that share a route do the digests differ.
        seen: index of the last event that was looked at.
    """

    base: Told | None = None
    by_route: Mapping[str, Told] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    seen: int = -1

    def in_force(self, route: str) -> str:
        """Return the digest of the release in force on a route; empty where the rule folder is."""
        told = self.by_route.get(route, self.base)
        return told.event.digest if told else ""

    def trial_on(self, route: str) -> Trial | None:
        """Return the trial that takes place on a route; None where there is none."""
        on = (trial for trial in self.trials if trial.covers(route))
        return next((trial for trial in on if trial.digest != self.in_force(route)), None)

    def after(self, told: Told) -> Course:
        """Return how things stand after the next event; an earlier one, or one that may not follow, changes nothing."""
        if told.index <= self.seen:
            return self
        seen = replace(self, seen=told.index)
        if refusal(self, told.event):
            return seen
        event = told.event
        match ReleaseStage(event.stage):
            case ReleaseStage.FULL if not event.routes:
                return Course(told, {}, (), told.index)
            case ReleaseStage.FULL:
                kept = [one for one in self.trials if not _settled(one, event)]
                taken = dict.fromkeys(event.routes, told)
                return replace(seen, by_route={**self.by_route, **taken}, trials=tuple(kept))
            case _ if event.action is ReleaseAction.ROLLBACK:
                return replace(seen, trials=tuple([one for one in self.trials if not _ended(one, event)]))
            case stage:
                others = [one for one in self.trials if not _same(one, event)]
                return replace(seen, trials=(*others, self._trial(told, stage)))

    def _trial(self, told: Told, stage: ReleaseStage) -> Trial:
        event = told.event
        made = Trial(
            event.id,
            event.digest,
            event.previous,
            stage,
            event.percent,
            tuple(sorted(event.routes)),
            told.index,
            event.time,
            event.by,
            event.approvals,
        )
        before = next((one for one in self.trials if _same(one, event)), None)
        if before is None or before.stage is not stage:
            return made
        # Another share of the same stage: what was seen until now still counts.
        return replace(made, id=before.id, since=before.since, began=before.began)


def course_of(told: Iterable[Told]) -> Course:
    """Return how things stand after all events of a log, in whatever order they come."""
    course = Course()
    for one in sorted(told, key=lambda one: one.index):
        course = course.after(one)
    return course


def refusal(course: Course, event: ReleaseEvent) -> str:
    """Say why an event may not follow on a course; empty where it may."""
    if event.stage not in _STAGES:
        return f"no stage {event.stage[:40]!r}; known: {', '.join(ReleaseStage)}"
    if event.stage == ReleaseStage.FULL:
        activated = course.base is not None and course.base.event.source is ReleaseSource.BUNDLE
        # A service may see its folder change in the same moment as somebody activates a release.
        late = activated and event.source is ReleaseSource.DIRECTORY
        return "a release was activated, and the rule folder gives way to it" if late else ""
    if event.action is ReleaseAction.ROLLBACK:
        ended = any(_ended(one, event) for one in course.trials)
        return "" if ended else f"{release_name(event.previous)} is not on trial there"
    if event.action is not ReleaseAction.PROMOTE:
        return f"{event.action} is no way to begin a trial"
    return _unfit(event) or _taken(course, event)


def out_of_order(course: Course, event: ReleaseEvent) -> str:
    """Say which stage an event leaves out: shadow comes before canary, canary before full; empty where none.

    No reader of the log holds an event against this: it is asked before one is written.
    """
    due = {ReleaseStage.CANARY: ReleaseStage.SHADOW, ReleaseStage.FULL: ReleaseStage.CANARY}.get(
        ReleaseStage(event.stage)
    )
    if due is None or event.action is not ReleaseAction.PROMOTE:
        return ""
    now = next((one for one in course.trials if _same(one, event)), None)
    if now is not None and now.stage in (due, event.stage):
        return ""
    stands = f"is in stage {now.stage}" if now else "is not on trial"
    return f"{release_name(event.digest)} {stands} there, and {due} comes before {event.stage}"


def _unfit(event: ReleaseEvent) -> str:
    """Say what is wrong with a trial by itself."""
    most = 100 if event.stage == ReleaseStage.SHADOW else 99
    if not 1 <= event.percent <= most:
        return f"got {event.percent} %, {event.stage} takes 1 to {most}: the rest is what it is compared with"
    return ""


def _taken(course: Course, event: ReleaseEvent) -> str:
    """Say what else takes place, or is in force, on the routes of a trial."""
    for trial in course.trials:
        if trial.overlaps(event.routes) and not _same(trial, event):
            where = ", ".join(trial.routes) or "all routes"
            return f"{release_name(trial.digest)} is on trial on {where}: roll it back, or name the same routes"
    mine = event.routes or ("", *course.by_route)
    in_force = {course.in_force(route) for route in mine}
    if len(in_force) > 1:
        return f"what is in force differs between {', '.join(sorted(name or 'all others' for name in mine))}"
    if in_force == {event.digest}:
        return f"{release_name(event.digest)} is in force there"
    return ""


def _same(trial: Trial, event: ReleaseEvent) -> bool:
    """Whether an event is about a trial that is there."""
    return trial.digest == event.digest and trial.routes == tuple(sorted(event.routes))


def _ended(trial: Trial, event: ReleaseEvent) -> bool:
    """Whether a rollback ends a trial."""
    return trial.digest == event.previous and trial.routes == tuple(sorted(event.routes))


def _settled(trial: Trial, event: ReleaseEvent) -> bool:
    """Whether a trial is over when a release comes into force on some routes: it got there, or its baseline is gone."""
    if trial.digest == event.digest:
        return bool(trial.routes) and set(trial.routes) <= set(event.routes)
    return trial.overlaps(event.routes)
