"""The watch over candidates on trial: holds them against the gates, and ends a trial that fails.

Figures follow from the records of the log since a trial began, so that a restart goes on where it was, and all services
on one log come to the same. Who sees a failed gate first says so in the log, once, and goes by it at once; the others
follow within their poll interval. That a candidate is ready is only told: what follows is for a person, unless the
settings say otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from reviewer.core.errors import ReviewerError
from reviewer.core.events import MAX_REASON_CHARS
from reviewer.core.figure import Figure, Outlook, TrialState
from reviewer.core.release_event import ReleaseAction, ReleaseEvent
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.rollout_gates import RolloutGates
from reviewer.core.ruling import RuleSet
from reviewer.core.trial_figures import Progress
from reviewer.ledger.interface import Ledger
from reviewer.ledger.trial_records import read_into
from reviewer.rollout_section import RolloutSettings
from reviewer.telemetry import logger

Tell = Callable[[ReleaseEvent, str], Awaitable[bool]]


class Running(Protocol):
    """Knows the trials whose candidates are loaded."""

    @property
    def trials(self) -> tuple[tuple[Trial, RuleSet], ...]:
        """Trials with their candidates."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """Where a watch gets time and ids, and by whom it has the log told."""

    now: Callable[[], datetime]
    new_id: Callable[[datetime], UUID]
    tell: Tell


class TrialWatch:
    """Watches trials. Enter it to begin; on leaving, the watch ends."""

    def __init__(self, ledger: Ledger, running: Running, means: Means, settings: RolloutSettings) -> None:
        """Keep the collaborators; nothing is read yet."""
        self._ledger = ledger
        self._running = running
        self._means = means
        self._settings = settings
        self._progress: dict[str, Progress] = {}
        self._announced: set[str] = set()
        self._onlookers: list[Callable[[str, str], None]] = []
        self._nudged = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Watch from now on."""
        self._task = asyncio.create_task(self._watch())
        self._task.add_done_callback(_lost)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def look_on(self, onlooker: Callable[[str, str], None]) -> None:
        """Have somebody told of stage and gate of each trial that is ended here; must not block, must not raise."""
        self._onlookers.append(onlooker)

    def nudge(self) -> None:
        """Have the log looked at before the interval is over."""
        self._nudged.set()

    async def look(self) -> tuple[tuple[Trial, Outlook], ...]:
        """Take in what is new, and say where each trial stands; acts on what it sees.

        Raises:
            LedgerUnavailableError: the log cannot be read, or not be told.
        """
        async with self._turn:
            found: list[tuple[Trial, Outlook]] = []
            running = {trial.id: (trial, rules.gates) for trial, rules in self._running.trials}
            self._progress = {name: one for name, one in self._progress.items() if name in running}
            for name, (trial, gates) in running.items():
                progress = await self._advance(trial, gates)
                self._progress[name] = progress
                outlook = progress.outlook
                found.append((trial, outlook))
                await self._act(trial, outlook)
            return tuple(found)

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.check_interval_s):
                    await self._nudged.wait()
            self._nudged.clear()
            try:
                await self.look()
            except ReviewerError as exc:
                logger().error("trials_not_watched", error=type(exc).__name__)

    async def _advance(self, trial: Trial, gates: RolloutGates) -> Progress:
        progress = self._progress.get(trial.id)
        if progress is None or progress.gates != gates:
            progress = Progress(trial, gates)
        await read_into(progress, self._ledger)
        return progress

    async def _act(self, trial: Trial, outlook: Outlook) -> None:
        if outlook.failed is not None and self._settings.auto_rollback:
            await self._roll_back(trial, outlook.failed)
        elif outlook.state is TrialState.READY and trial.id not in self._announced:
            self._announced.add(trial.id)
            logger().info("trial_ready", release=trial.digest, stage=trial.stage.value, reviews=outlook.candidate_n)
            if self._settings.auto_promote:
                await self._promote(trial, outlook)

    async def _roll_back(self, trial: Trial, failed: Figure) -> None:
        now = self._means.now()
        word = f"gate:{failed.gate.measure}", str(failed)[:MAX_REASON_CHARS]
        event = rollback_of(trial, str(self._means.new_id(now)), now, *word)
        first = await self._means.tell(event, request_id_of(trial))
        for onlooker in self._onlookers if first else ():
            onlooker(trial.stage, failed.gate.measure)
        logger().error(
            "trial_rolled_back", release=trial.digest, gate=failed.gate.measure.value, reason=str(failed), first=first
        )

    async def _promote(self, trial: Trial, outlook: Outlook) -> None:
        now = self._means.now()
        canary = trial.stage is ReleaseStage.SHADOW
        event = ReleaseEvent(
            ReleaseAction.PROMOTE,
            str(self._means.new_id(now)),
            now,
            trial.digest,
            trial.baseline,
            "gates",
            f"every gate holds after {outlook.candidate_n} reviews against {outlook.baseline_n}",
            stage=ReleaseStage.CANARY if canary else ReleaseStage.FULL,
            routes=trial.routes,
            percent=self._settings.auto_canary_percent if canary else 100,
            approvals=trial.approvals,
        )
        await self._means.tell(event, f"promote {trial.id}")


def rollback_of(trial: Trial, event_id: str, now: datetime, by: str, reason: str) -> ReleaseEvent:
    """Return the event that ends a trial."""
    return ReleaseEvent(
        ReleaseAction.ROLLBACK,
        event_id,
        now,
        trial.baseline,
        trial.digest,
        by,
        reason,
        stage=trial.stage,
        routes=trial.routes,
        percent=trial.percent,
    )


def request_id_of(trial: Trial) -> str:
    """Return under what the end of a trial is told, once; request ids of reviews hold no space."""
    return f"rollback {trial.id}"


def _lost(task: asyncio.Task[None]) -> None:
    """Say that nothing is watched any more, by a bug of ours; what is in force stays."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger().error("trials_not_watched", error=type(error).__name__)
