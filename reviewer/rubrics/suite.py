"""Running the cases of a rule set: each through the rooms of a review, held against what it expects.

Critiques come from recordings, from a real second model, or from the case's own script; what is done with them is the
same. Which cases are run is `selection`, reports are made from the `RunResult` alone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from reviewer.core.case import Case
from reviewer.core.case_request import request_of
from reviewer.core.draft import Tier
from reviewer.core.finding import Origin
from reviewer.core.outcome import CallRecord
from reviewer.core.rulebook import Rulebook
from reviewer.core.spending import NOTHING, spent_on
from reviewer.core.verdict import Verdict
from reviewer.critic import Critic, Purse
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import ReviewerProvider
from reviewer.rubrics.bounds import SuiteBounds, breaches
from reviewer.rubrics.coverage import coverage_of, flips_of
from reviewer.rubrics.expectation import Mismatch, mismatches, mismatches_of_checks
from reviewer.rubrics.mutation import MutantResult, MutationResult, judge_mutant, mutants_of
from reviewer.rubrics.purse import Estimator, Meter
from reviewer.rubrics.recordings import Library, Recording
from reviewer.rubrics.results import Mode, RunResult, Status, TrialResult, Wording
from reviewer.rubrics.selection import Placed, criteria_of
from reviewer.rubrics.tape import RecordedProvider, RecordingProvider, Tape
from reviewer.rubrics.trial import Examined, Terms, examine
from reviewer.rubrics.variation import derive

# Trials must not know of each other: no breaker opens, and no trial is too late to ask.
_NEVER = BreakerPolicy(failures=10**9, open_s=1.0)
_MIN_MODEL_S = 0.001


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial to be held."""

    placed: Placed
    case: Case
    wording: Wording
    repeat: int = 0

    @property
    def name(self) -> str:
        """Domain and id, with the variant."""
        return f"{self.placed.domain}/{self.case.id}"


@dataclass(frozen=True, slots=True)
class Plot:
    """How a run is held.

    Attributes:
        today: day of trials that no recording dates.
        repeats: trials of each wording; live ones only say anything.
        derived: derived variants of each case.
        jobs: trials under way at once.
        timeout_s: for the critiques of one trial.
        allow_missing: a case of which nothing is recorded is judged by the checks alone.
        cap_micro_usd: see `Meter`.
    """

    mode: Mode
    rulebook: Rulebook
    today: date
    bounds: Mapping[str, SuiteBounds]
    repeats: int = 1
    derived: int = 0
    seed: int = 0
    jobs: int = 4
    timeout_s: float = 120.0
    max_attempts: int = 1
    allow_missing: bool = False
    cap_micro_usd: int | None = None
    tier: Tier | None = None


Providers = Callable[[Case], Mapping[str, ReviewerProvider]]
"""Gives the providers that are asked about a case."""


@dataclass(slots=True)
class Suite:
    """Runs trials.

    Attributes:
        providers: of live and simulated runs.
        library: recordings; of recorded runs, where nobody else is asked.
        clock: UTC time, for recordings.
        made: recordings of live trials, by case, first repeats only.
    """

    plot: Plot
    providers: Providers
    library: Library
    clock: Callable[[], datetime]
    made: dict[str, list[Recording]] = field(default_factory=dict)

    def trials(self, cases: Iterable[Placed]) -> tuple[Trial, ...]:
        """List the trials of some cases: in the case's own words, in those of its variants, and derived ones."""
        repeats = range(self.plot.repeats)
        return tuple(
            [Trial(p, case, wording, n) for p in cases for case, wording in self._wordings(p) for n in repeats]
        )

    def _wordings(self, placed: Placed) -> Iterator[tuple[Case, Wording]]:
        yield placed.case, Wording.OWN
        for case in placed.case.phrasings():
            yield case, Wording.NATURAL
        for number in range(1, self.plot.derived + 1):
            yield derive(placed.case, self.plot.seed, number), Wording.DERIVED

    async def estimate(self, trials: Iterable[Trial]) -> Estimator:
        """Work out what live trials would cost at most; nobody is asked."""
        estimator = Estimator()
        for trial in trials:
            await self._examine(trial, Tape(self.providers(trial.case)), estimator)
        return estimator

    async def run(self, trials: tuple[Trial, ...], tell: Callable[[TrialResult], None]) -> RunResult:
        """Hold all trials, some at once.

        Args:
            tell: is told of each as it ends.
        """
        meter = Meter(self.plot.cap_micro_usd)
        places = asyncio.Semaphore(self.plot.jobs)

        async def hold(trial: Trial) -> TrialResult:
            async with places:
                result = await self._hold(trial, meter)
            tell(result)
            return result

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(hold(trial)) for trial in trials]
        return self._together(tuple([task.result() for task in tasks]))

    def _together(self, results: tuple[TrialResult, ...]) -> RunResult:
        plot = self.plot
        flips, repeats, variants = flips_of(results)
        return RunResult(
            mode=plot.mode,
            digest=plot.rulebook.digest,
            trials=results,
            breaches=breaches(plot.bounds, results),
            flips=flips,
            repeats=repeats,
            variants=variants,
            coverage=coverage_of(plot.rulebook, dict.fromkeys(r.domain for r in results), results),
            spent=sum([spent_on(result.calls) for result in results], NOTHING),
            seed=plot.seed,
        )

    async def _hold(self, trial: Trial, meter: Meter) -> TrialResult:
        tape = self._tape(trial)
        purse = meter.purse() if self.plot.cap_micro_usd is not None else None
        examined = await self._examine(trial, tape, purse)
        if purse is not None:
            purse.settle(examined.calls)
            if purse.refused:
                return self._result(trial, examined, Status.UNAFFORDABLE, detail=examined.lost)
        if tape.stale:
            return self._result(trial, examined, Status.STALE, detail=tape.stale)
        if tape.missing:
            return await self._unrecorded(trial, tape)
        if examined.lost:
            return self._result(trial, examined, Status.LOST, detail=examined.lost)
        if trial.repeat == 0 and tape.made:
            self.made[trial.name] = tape.made
        wrong = mismatches(trial.case, examined)
        return self._result(trial, examined, Status.FAILED if wrong else Status.PASSED, wrong)

    async def _unrecorded(self, trial: Trial, tape: Tape) -> TrialResult:
        """Judge by the checks alone what can be judged by them."""
        examined = await examine(request_of(trial.case), self._terms(trial, None), None)
        models = ", ".join(dict.fromkeys(tape.missing))
        wrong = mismatches_of_checks(trial.case, examined)
        status = Status.UNJUDGED if self.plot.allow_missing else Status.NOT_RECORDED
        detail = (f"no reply of {models} is recorded",)
        return self._result(trial, examined, Status.FAILED if wrong else status, wrong, detail, judged=False)

    def _result(
        self,
        trial: Trial,
        examined: Examined,
        status: Status,
        wrong: tuple[Mismatch, ...] = (),
        detail: Iterable[str] = (),
        *,
        judged: bool = True,
    ) -> TrialResult:
        placed = trial.placed
        whole = judged and status in (Status.PASSED, Status.FAILED)
        return TrialResult(
            case=placed.name,
            name=trial.name,
            domain=placed.domain,
            suite=placed.suite,
            locale=trial.case.locale,
            wording=trial.wording,
            repeat=trial.repeat,
            status=status,
            verdict=examined.decision.verdict.name if whole else "",
            mismatches=wrong,
            detail=tuple(detail),
            seen=self._seen(trial, examined),
            calls=examined.calls,
            simulated=examined.simulated,
        )

    def _seen(self, trial: Trial, examined: Examined) -> dict[str, str]:
        """Return the outcomes that say something: of a script, not those that it fills in for what it leaves out."""
        checked = {f.criterion for f in examined.findings if f.origin is not Origin.CRITIC}
        said = checked | criteria_of(trial.case)
        scripted = self.plot.mode is Mode.SIMULATED
        return {key: o.value for key, o in examined.outcomes.items() if not scripted or key in said}

    async def mutate(self, cases: Iterable[Placed], tell: Callable[[MutantResult], None]) -> MutationResult:
        """Spoil the drafts that pass, and see which criteria notice: of checks alone, or of the critic where live.

        Args:
            tell: is told of each mutant.
        """
        live = self.plot.mode is Mode.LIVE
        meter, places = Meter(self.plot.cap_micro_usd), asyncio.Semaphore(self.plot.jobs)
        judged: list[MutantResult] = []
        calls: list[CallRecord] = []

        async def see(case: Case) -> Examined:
            async with places:
                examined = await self._priced(Trial(placed, case, Wording.OWN), meter, ask=live)
            calls.extend(examined.calls)
            return examined

        for placed in cases:
            if placed.case.expect.verdicts != ("APPROVE",):
                continue
            before = await see(placed.case)
            if before.lost or (live and before.decision.verdict is not Verdict.APPROVE):
                continue
            mutants = mutants_of(placed.case, before, live=live)
            for mutant, after in zip(mutants, await asyncio.gather(*[see(m.case) for m in mutants]), strict=True):
                judged.append(judge_mutant(placed.name, mutant, before, after))
                tell(judged[-1])
        simulated = any(call.simulated for call in calls)
        return MutationResult(live, tuple(judged), simulated, spent_on(calls))

    async def _priced(self, trial: Trial, meter: Meter, *, ask: bool) -> Examined:
        if not ask:
            return await examine(request_of(trial.case), self._terms(trial, None), None)
        purse = meter.purse() if self.plot.cap_micro_usd is not None else None
        examined = await self._examine(trial, Tape(self.providers(trial.case)), purse)
        if purse is not None:
            purse.settle(examined.calls)
        return examined

    def _tape(self, trial: Trial) -> Tape:
        tape = Tape()
        if self.plot.mode is Mode.RECORDED:
            # Who was not there when the case was recorded cannot have been asked.
            names = self.library.providers(trial.name) or self._all_providers()
            tape.providers = {name: RecordedProvider(name, trial.name, tape, self.library) for name in sorted(names)}
        elif self.plot.mode is Mode.LIVE:
            today, asked = self.plot.today, self.providers(trial.case)
            tape.providers = {n: RecordingProvider(p, trial.name, tape, self.clock, today) for n, p in asked.items()}
        else:
            tape.providers = self.providers(trial.case)
        return tape

    def _all_providers(self) -> frozenset[str]:
        return frozenset(reviewer.provider for reviewer in self.plot.rulebook.routing.reviewers)

    def _terms(self, trial: Trial, purse: Purse | None) -> Terms:
        recorded = self.library.today(trial.name) if self.plot.mode is Mode.RECORDED else None
        return Terms(self.plot.rulebook, recorded or self.plot.today, self.plot.timeout_s, self.plot.tier, purse)

    async def _examine(self, trial: Trial, tape: Tape, purse: Purse | None) -> Examined:
        critic = Critic(
            tape.providers,
            max_attempts=self.plot.max_attempts,
            min_model_s=_MIN_MODEL_S,
            breaker=_NEVER,
            entropy=os.urandom,
        )
        return await examine(request_of(trial.case), self._terms(trial, purse), critic)
