"""Candidates in the shadow: they judge a share of what was answered, for the record alone.

It begins when the answer is out of the house, and asks the second model only where what was answered does not tell what
the candidate would say (`reviewer.replay`). Nobody waits for it, nothing of it reaches the caller, no ticket is made,
and its record is of a kind of its own (`reviewer.core.shadowing`). Invariants:

* at most `shadow_concurrency` at once; what is due beyond a short queue, under load or while draining is dropped;
* its money is its own, and once that of a day is used up there are no more on that day;
* what was lost to our own bounds (money, drain, a missing record) is no evidence, and is not written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from reviewer.admission import Admission
from reviewer.budget import Budgets
from reviewer.core.draft import ReviewRequest
from reviewer.core.errors import ReviewerError
from reviewer.core.review import Review
from reviewer.core.ruling import Shadowing
from reviewer.core.shadowing import SHADOW_TENANT, shadow_entry
from reviewer.core.verdict import Cause
from reviewer.critic import Critic
from reviewer.ledger.interface import Ledger
from reviewer.pipeline import Pipeline, World
from reviewer.replay.comparison import Rules
from reviewer.replay.rejudge import Told, rejudge
from reviewer.rollout_section import RolloutSettings
from reviewer.telemetry import logger

PAUSE_S = 0.05
"""Between an answer and its shadow: whatever the answer still needs of this process comes first."""


@dataclass(frozen=True, slots=True)
class _Due:
    request: ReviewRequest
    shadowing: Shadowing
    review: Review


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for shadows.

    Attributes:
        busy: reviews in flight from which on shadows are dropped.
        budget_s: seconds for one.
    """

    settings: RolloutSettings
    busy: int
    budget_s: float


class Shadows:
    """Runs shadows. Enter it before reviews begin; on leaving, those under way are cancelled and awaited.

    Attributes:
        written, dropped: counts since the start.
    """

    def __init__(  # noqa: PLR0913 - one a collaborator
        self,
        pipeline: Pipeline,
        admission: Admission,
        critic: Critic,
        ledger: Ledger,
        budgets: Budgets,
        world: World,
        bounds: Bounds,
    ) -> None:
        """Keep the collaborators.

        Args:
            budgets: of the tenant that pays for shadows.
        """
        self.written = 0
        self.dropped = 0
        self._pipeline = pipeline
        self._admission = admission
        self._critic = critic
        self._ledger = ledger
        self._budgets = budgets
        self._world = world
        self._bounds = bounds
        self._queue: deque[_Due] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._onlookers: list[Callable[[Review], None]] = []
        self._rejudging: tuple[str, str, Rules] | None = None
        self._turn = asyncio.Lock()

    def look_on(self, onlooker: Callable[[Review], None]) -> None:
        """Have somebody told of each shadow that is in the log; must not block, must not raise."""
        self._onlookers.append(onlooker)

    async def __aenter__(self) -> Self:
        """Follow reviews from now on."""
        self._pipeline.shadow(self.answered)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave no task behind."""
        self._queue.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def answered(self, request: ReviewRequest, shadowing: Shadowing, review: Review) -> None:
        """Take note of a review that a candidate is to judge as well; never waits."""
        bounds = self._bounds
        if self._off or len(self._queue) >= bounds.settings.shadow_queue:
            self.dropped += 1
            return
        self._queue.append(_Due(request, shadowing, review))
        if len(self._tasks) < bounds.settings.shadow_concurrency:
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    @property
    def busy(self) -> bool:
        """Whether any shadow is under way or waits."""
        return bool(self._tasks)

    @property
    def _off(self) -> bool:
        """Whether there is no room for what nobody asked for."""
        return (
            self._admission.draining or self._critic.draining or self._admission.in_flight >= max(self._bounds.busy, 2)
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # No verdict hangs on it. The text of an error may repeat a draft.
            logger().error("shadow_failed", error=type(error).__name__)

    async def _work(self) -> None:
        """Judge what is due until nothing is."""
        while self._queue:
            await asyncio.sleep(PAUSE_S)
            if not self._queue:
                return
            due = self._queue.popleft()
            if self._off:
                self.dropped += 1
                continue
            try:
                await self._judge(due)
            except ReviewerError as exc:
                self.dropped += 1
                logger().warning("shadow_lost", review=due.review.id, error=type(exc).__name__)

    async def _judge(self, due: _Due) -> None:
        shadow = await self._told(due) or await self._asked(due)
        causes = {reason.cause for reason in shadow.reasons}
        if Cause.BUDGET_EXHAUSTED in causes or self._critic.draining:
            self.dropped += 1
            return
        now = self._world.now()
        entry = shadow_entry(str(self._world.new_id(now)), now, due.shadowing.trial, due.review, shadow)
        await self._ledger.append(entry)
        self.written += 1
        logger().info(
            "shadow",
            review=due.review.id,
            release=shadow.release,
            verdict=shadow.verdict.name,
            baseline=due.review.verdict.name,
            dropped=self.dropped,
        )
        for onlooker in self._onlookers:
            onlooker(shadow)

    async def _asked(self, due: _Due) -> Review:
        """Have the whole draft judged."""
        deadline = asyncio.get_running_loop().time() + self._bounds.budget_s
        with self._budgets.allowance(SHADOW_TENANT, self._world.now()) as allowance:
            shadow = await self._pipeline.judge_beside(due.request, due.shadowing.rules, deadline, allowance)
            allowance.settle(replace(shadow, tenant=SHADOW_TENANT))
        return shadow

    async def _told(self, due: _Due) -> Review | None:
        """Return what the candidate says where what was answered tells it; None where somebody must be asked."""
        shadowing = due.shadowing
        key = shadowing.rules.release, shadowing.baseline.release
        # What is known of two rule sets is kept between shadows, and is not for several threads.
        async with self._turn:
            if self._rejudging is None or self._rejudging[:2] != key:
                self._rejudging = *key, Rules(shadowing.rules.rulebook, (shadowing.baseline.rulebook,))
            answer = await asyncio.to_thread(rejudge, due.review, self._rejudging[2])
        if not isinstance(answer, Told):
            return None
        decision = answer.decision
        return replace(
            due.review,
            verdict=decision.verdict,
            reasons=decision.reasons,
            calls=(),
            release=key[0],
            reused_from=due.review.name,
        )
