"""The watch over trials when the log fails it: a rollback that could not be told is told later, and only once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.figure import TrialState
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, entry_of_release
from reviewer.core.rollout import ReleaseStage, Trial, course_of
from reviewer.core.rollout_gates import Measure, RolloutGate, RolloutGates
from reviewer.core.ruling import RuleSet
from reviewer.core.shadowing import shadow_entry
from reviewer.core.verdict import Verdict
from reviewer.ledger.interface import Ledger
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.log_home import create_log, open_records
from reviewer.rollout_section import RolloutSettings
from reviewer.trials import Means, TrialWatch
from tests.support.assembled import shipped_rulebook
from tests.support.builders import review, review_id
from tests.support.service import settings_for

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE, CANDIDATE = "a" * 64, "b" * 64
GATES = RolloutGates(min_n=5, gates=(RolloutGate(measure=Measure.BLOCKED, tolerance=0.02, effect=0.5),))


@dataclass(frozen=True, slots=True)
class OnTrial:
    """One trial whose candidate is loaded."""

    trial: Trial
    rules: RuleSet

    @property
    def trials(self) -> tuple[tuple[Trial, RuleSet], ...]:
        return ((self.trial, self.rules),)


class Telling:
    """Writes to the log, after failing as often as it is told to."""

    def __init__(self, ledger: Ledger, failures: int) -> None:
        self._log = ReleaseLog(ledger)
        self._failures = failures

    async def __call__(self, event: ReleaseEvent, request_id: str) -> bool:
        if self._failures:
            self._failures -= 1
            raise LedgerUnavailableError("the disk is full")
        return await self._log.tell(event, request_id)


async def filled(ledger: Ledger, ours: Verdict) -> OnTrial:
    """Put a candidate in the shadow, and let it judge 30 drafts that were approved."""
    base = ReleaseEvent(ReleaseAction.ACTIVATE, str(review_id(900)), NOW, BASE, "", "dee", "first")
    begun = ReleaseEvent(
        ReleaseAction.PROMOTE, str(review_id(901)), NOW, CANDIDATE, BASE, "dee", "tried", stage=ReleaseStage.SHADOW
    )
    for event in (base, begun):
        await ledger.append(entry_of_release(event))
    (trial,) = course_of(await events_since(ledger, 0)).trials
    for number in range(30):
        shadow = review(number, verdict=ours, release=CANDIDATE)
        name = str(review_id(1000 + number))
        await ledger.append(shadow_entry(name, NOW, trial, review(number, release=BASE), shadow))
    return OnTrial(trial, RuleSet(shipped_rulebook(), CANDIDATE, gates=GATES))


def watch(ledger: Ledger, running: OnTrial, failures: int, settings: RolloutSettings) -> TrialWatch:
    drawn = iter(range(2000, 3000))

    def new_id(_: datetime) -> UUID:
        return review_id(next(drawn))

    return TrialWatch(ledger, running, Means(lambda: NOW, new_id, Telling(ledger, failures)), settings)


async def rollbacks(ledger: Ledger) -> list[ReleaseEvent]:
    told = [one.event for one in await events_since(ledger, 0)]
    return [event for event in told if event.action is ReleaseAction.ROLLBACK]


async def test_a_rollback_that_could_not_be_told_is_told_at_the_next_look(tmp_path: Path) -> None:
    """A log that fails leaves the trial as it is; the next look tells of it, and later ones add nothing."""
    settings = settings_for(tmp_path)
    create_log(settings)
    async with open_records(settings) as ledger:
        running = await filled(ledger, Verdict.HUMAN_HANDOFF)
        watching = watch(ledger, running, 1, RolloutSettings())
        with pytest.raises(LedgerUnavailableError):
            await watching.look()
        assert await rollbacks(ledger) == []
        for _ in range(3):
            await watching.look()
        (event,) = await rollbacks(ledger)
        assert (event.by, event.previous, event.digest) == ("gate:blocked", CANDIDATE, BASE)
        assert course_of(await events_since(ledger, 0)).trials == ()


async def test_a_failure_is_only_told_where_people_want_to_decide(tmp_path: Path) -> None:
    """Without auto_rollback a failed gate shows in the outlook, and the log stays as it is."""
    settings = settings_for(tmp_path)
    create_log(settings)
    async with open_records(settings) as ledger:
        running = await filled(ledger, Verdict.REVISE)
        ((_, outlook),) = await watch(ledger, running, 0, RolloutSettings(auto_rollback=False)).look()
        assert outlook.state is TrialState.FAILED
        assert await rollbacks(ledger) == []


async def test_what_is_ready_waits_for_a_person(tmp_path: Path) -> None:
    """A candidate that holds every gate is ready, and stays where it is; what is not of its trial changes nothing."""
    settings = settings_for(tmp_path)
    create_log(settings)
    async with open_records(settings) as ledger:
        running = await filled(ledger, Verdict.APPROVE)
        before = await ledger.size()
        watching = watch(ledger, running, 0, RolloutSettings())
        for _ in range(2):
            ((_, outlook),) = await watching.look()
            assert (outlook.state, outlook.candidate_n) == (TrialState.READY, 30)
        other = OnTrial(replace(running.trial, id="another"), running.rules)
        ((_, nothing),) = await watch(ledger, other, 0, RolloutSettings()).look()
        assert nothing.candidate_n == 0
        assert await ledger.size() == before
