"""Releases beside the one in force: which of them judges a request, and whether another one judges it as well.

What is where follows from the log (`reviewer.core.rollout`). A candidate that cannot be loaded judges nothing, and what
is in force does; a release that is in force on single routes and cannot be loaded any more leaves there what was in
force before. Both are told, and tried again every `RETRY_S`. The exchange is one assignment on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reviewer.core.draft import ReviewRequest
from reviewer.core.errors import FaultsError, ReviewerError
from reviewer.core.review import Review
from reviewer.core.rollout import Course, ReleaseStage, Trial
from reviewer.core.ruling import RuleSet, Ruling, Shadowing
from reviewer.telemetry import logger

RETRY_S = 30.0
"""Between two tries to load what could not be loaded: a try may take a second of a processor."""

Load = Callable[[str, datetime], Awaitable[RuleSet]]
"""Loads a release by its digest, approved at a moment; raises FaultsError where it cannot be used."""


@dataclass(frozen=True, slots=True)
class _Sets:
    """What is at hand.

    Attributes:
        course: what is gone by; empty until it was followed.
        loaded: rule sets by digest.
        on_route: of releases in force on single routes.
    """

    course: Course = field(default_factory=Course)
    loaded: Mapping[str, RuleSet] = field(default_factory=dict)
    on_route: Mapping[str, RuleSet] = field(default_factory=dict)


class Stages:
    """Keeps the rule sets of trials and of single routes.

    Attributes:
        faults: by digest, why a release that should be used cannot be.
    """

    def __init__(self, load: Load) -> None:
        """Start with nothing beside what is in force."""
        self.faults: Mapping[str, str] = {}
        self._load = load
        self._sets = _Sets()
        self._retry_at = 0.0

    @property
    def course(self) -> Course:
        """What is gone by."""
        return self._sets.course

    @property
    def trials(self) -> tuple[tuple[Trial, RuleSet], ...]:
        """The trials whose candidates could be loaded."""
        sets = self._sets
        return tuple((trial, sets.loaded[trial.digest]) for trial in sets.course.trials if trial.digest in sets.loaded)

    def on_route(self, route: str) -> RuleSet | None:
        """Return the rule set that is in force on a single route only; None where the one for all is."""
        return self._sets.on_route.get(route)

    def of(self, base: Ruling, request: ReviewRequest, previous: Review | None) -> Ruling:
        """Say by what a request is judged.

        Args:
            base: what is in force wherever nothing else is.
            previous: the review that it revises the draft of: the same side judges again, as long as it is there.
        """
        sets = self._sets
        if not sets.on_route and not sets.course.trials:
            return base
        route = base.rules.rulebook.routing.route_for(request.intent).id
        on_route = sets.on_route.get(route)
        ruling = base if on_route is None else Ruling(on_route)
        trial = sets.course.trial_on(route)
        candidate = sets.loaded.get(trial.digest) if trial else None
        if trial is None or candidate is None or candidate.release == ruling.rules.release:
            return ruling
        if trial.stage is ReleaseStage.SHADOW:
            beside = trial.takes(request.content_digest)
            return replace(ruling, shadow=Shadowing(trial, candidate, ruling.rules)) if beside else ruling
        if previous is None:
            mine = trial.takes(request.content_digest)
        else:
            mine = previous.stage == ReleaseStage.CANARY and previous.release == trial.digest
        return Ruling(candidate, ReleaseStage.CANARY) if mine else ruling

    async def follow(self, course: Course) -> None:
        """Go by a course, and load what it needs."""
        sets = self._sets
        needed = {trial.digest: trial.began for trial in course.trials}
        needed |= {told.event.digest: told.event.time for told in course.by_route.values()}
        now = asyncio.get_running_loop().time()
        if course == sets.course and (not self.faults or now < self._retry_at):
            return
        self._retry_at = now + RETRY_S
        loaded: dict[str, RuleSet] = {}
        faults: dict[str, str] = {}
        for digest, moment in needed.items():
            known = sets.loaded.get(digest)
            try:
                loaded[digest] = known if known is not None else await self._load(digest, moment)
            except (ReviewerError, OSError) as exc:
                faults[digest] = str(exc.faults[0]) if isinstance(exc, FaultsError) else str(exc)
        on_route = {route: told.event.digest for route, told in course.by_route.items()}
        at_hand = {route: loaded.get(digest, sets.on_route.get(route)) for route, digest in on_route.items()}
        self._told(course, faults)
        self._sets = _Sets(course, loaded, {route: rules for route, rules in at_hand.items() if rules is not None})
        self.faults = faults

    def _told(self, course: Course, faults: Mapping[str, str]) -> None:
        """Write events of what begins, ends or cannot be used."""
        before = {(one.digest, one.stage, one.percent, one.routes) for one in self._sets.course.trials}
        after = {(one.digest, one.stage, one.percent, one.routes) for one in course.trials}
        for name, changed in (("trial_ended", before - after), ("trial_began", after - before)):
            for digest, stage, percent, routes in sorted(changed):
                logger().info(name, release=digest, stage=stage.value, percent=percent, routes=routes)
        for digest in sorted(set(faults) - set(self.faults)):
            logger().error("candidate_unusable", release=digest, fault=faults[digest])
