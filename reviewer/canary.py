"""The canary runner: notices a second model that has gone blind, and takes its word from it.

It looks on after each full review. Two things make it show the reviewer a canary: chance, and an alarm of the model's
approve rate. A canary walks through the same corridor as any draft, in a task of its own that nobody waits for. A miss
is followed by the next canary at once; after `misses` in a row the model is distrusted, and only a canary that it
catches restores it. Invariants:

* at most one task, bounded in time and calls; what is due meanwhile is dropped and counted;
* no task outlives the runner, and none is begun while the server drains;
* a canary that was lost to an outage, a refusal or an unreadable reply is no miss, and restores nobody.

What is known of models is kept in memory: a restart begins with trust, and learns what is usual anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from reviewer.config import CanarySettings
from reviewer.core.canary import Canary, Occasion, Sight, fitting
from reviewer.core.drift import Stream, opinions
from reviewer.core.review import RecordedReview, Review
from reviewer.core.ruling import RuleSet
from reviewer.critic import Critic
from reviewer.pipeline import Pipeline
from reviewer.telemetry import logger

_WORD = 2**64


class Canaries:
    """Shows canaries. Enter it before reviews begin; on leaving, a canary in flight is cancelled and awaited.

    Attributes:
        dropped: canaries that were due while another one was in flight.
    """

    def __init__(
        self,
        rules: Callable[[], RuleSet],
        pipeline: Pipeline,
        critic: Critic,
        settings: CanarySettings,
        budget_s: float,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Keep the collaborators; nothing is shown yet.

        Args:
            rules: gives the rule set in force; where it has no canaries only alarms are raised.
            budget_s: seconds for one canary's critique.
            entropy: decides which reviews are followed by a canary, and by which.
        """
        self.dropped = 0
        self._rules = rules
        self._pipeline = pipeline
        self._critic = critic
        self._settings = settings
        self._budget_s = budget_s
        self._entropy = entropy
        self._streams: dict[tuple[str, str], Stream] = {}
        self._misses: dict[str, int] = {}
        self._distrusted: dict[str, Occasion] = {}
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._onlookers: list[Callable[[RecordedReview, str, Sight], None]] = []

    async def __aenter__(self) -> Self:
        """Look on from now on."""
        self._pipeline.look_on(self.reviewed)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave no task behind."""
        task = self._task
        if task is not None:
            task.cancel()
            # What became of it was logged when it ended.
            await asyncio.wait([task])

    def look_on(self, onlooker: Callable[[RecordedReview, str, Sight], None]) -> None:
        """Have somebody told of each canary, the model that saw it and what came of it; must not block or raise."""
        self._onlookers.append(onlooker)

    async def idle(self) -> None:
        """Return when no canary is in flight."""
        await self._idle.wait()

    def reviewed(self, recorded: RecordedReview) -> None:
        """Take note of a review that is in the log, and show a canary if one is due; never waits."""
        review = recorded.review
        if recorded.replayed or review.reused_from or self._critic.draining:
            # Nobody was asked, or nobody will be.
            return
        heard = opinions(review.findings)
        for model, approved in heard.items():
            if self._drifted(review.route.id, model, approved=approved):
                self._show(Occasion.after(review, model))
        for model, occasion in self._distrusted.items():
            if self._critic.awaits_canary(model):
                self._show(occasion)
        if heard and self._chosen():
            self._show(Occasion.after(review, list(heard)[self._draw(len(heard))]))

    def _drifted(self, route: str, model: str, *, approved: bool) -> bool:
        """Add one critique to its stream; True where that sounds the alarm."""
        stream = self._streams.get((route, model), Stream()).after(approved=approved)
        alarming = stream.alarming
        if alarming:
            logger().warning(
                "approve_rate_alarm", route=route, model=model, statistic=round(stream.statistic, 3), n=stream.seen
            )
            stream = stream.rested()
        self._streams[route, model] = stream
        return alarming

    def _chosen(self) -> bool:
        return int.from_bytes(self._entropy(8)) < self._settings.percent / 100 * _WORD

    def _draw(self, count: int) -> int:
        return int.from_bytes(self._entropy(8)) % count

    def _show(self, occasion: Occasion) -> None:
        """Begin a task for an occasion, unless there is one already or canaries are off."""
        if not self._settings.percent or not self._rules().canaries:
            return
        if self._task is not None:
            self.dropped += 1
            return
        self._idle.clear()
        self._task = asyncio.create_task(self._examine(occasion))
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # No verdict hangs on it: the log could not be written, say. The text of an error may repeat a draft.
            logger().error("canary_failed", error=type(error).__name__)

    async def _examine(self, occasion: Occasion) -> None:
        """Show canaries until one is not missed, or the model is distrusted."""
        # A canary is shown by the rules that it belongs to, also where others are in force before it is seen.
        rules = self._rules()
        choice = fitting(rules.canaries, occasion)
        if not choice:
            logger().warning("no_canary_fits", route=occasion.route, model=occasion.model)
            return
        start = self._draw(len(choice))
        for turn in range(self._settings.misses):
            canary = choice[(start + turn) % len(choice)]
            sight = await self._look(canary, occasion, rules)
            self._learn(sight, canary, occasion)
            if sight is not Sight.MISSED or occasion.model in self._distrusted:
                return

    async def _look(self, canary: Canary, occasion: Occasion, rules: RuleSet) -> Sight:
        """Have one canary reviewed, and say what came of it."""
        request, examination = occasion.dress(canary)
        deadline = asyncio.get_running_loop().time() + self._budget_s
        recorded = await self._pipeline.review_canary(request, examination, deadline, rules)
        sight = canary.sight(recorded.review.findings, occasion.model)
        logger().info(
            "canary",
            case=canary.name,
            model=occasion.model,
            caught=sight.value,
            causes=_causes(recorded.review),
            review=recorded.review.id,
            index=recorded.position.index,
            dropped=self.dropped,
        )
        for onlooker in self._onlookers:
            onlooker(recorded, occasion.model, sight)
        return sight

    def _learn(self, sight: Sight, canary: Canary, occasion: Occasion) -> None:
        """Draw the consequences for the model."""
        model = occasion.model
        if sight is Sight.CAUGHT:
            self._misses.pop(model, None)
            if self._distrusted.pop(model, None) is not None:
                self._critic.trust(model)
                logger().warning("reviewer_trusted_again", model=model, case=canary.name)
        elif sight is Sight.LOST:
            if model in self._distrusted:
                # Its breaker's time begins anew, else each review would be followed by another try.
                self._critic.distrust(model)
        else:
            self._misses[model] = self._misses.get(model, 0) + 1
            if self._misses[model] >= self._settings.misses:
                self._distrusted[model] = occasion
                self._critic.distrust(model)
                logger().error("reviewer_blind", model=model, misses=self._misses[model], case=canary.name)


def _causes(review: Review) -> list[str]:
    return sorted({reason.cause.value for reason in review.reasons})
