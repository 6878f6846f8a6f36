"""Telemetry: operational events and stage timings. Ids, digests, outcomes and durations; never content.

Rooms do not log. The corridor wraps them in `Trail.stage` and reports each finished review once.
"""

from __future__ import annotations

import logging
import sys
import time
from datetime import date
from types import TracebackType
from typing import Literal, Protocol

import orjson
import structlog

from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.review import RecordedReview, Stage, StageTiming


class Observer(Protocol):
    """Somebody who watches one review."""

    def stage_started(self, stage: Stage) -> None:
        """A stage begins."""
        ...

    def stage_finished(self, timing: StageTiming) -> None:
        """A stage ended."""
        ...

    def finding(self, finding: Finding) -> None:
        """A finding is known; one that the second model gave may be told again, if its outcome came to be another."""
        ...


class Unwatched:
    """Nobody watches."""

    def stage_started(self, stage: Stage) -> None:
        """Do nothing."""

    def stage_finished(self, timing: StageTiming) -> None:
        """Do nothing."""

    def finding(self, finding: Finding) -> None:
        """Do nothing."""


class Trail:
    """Stage timings of one review, told to its observer as they come."""

    __slots__ = ("_heard", "_observer", "timings")

    def __init__(self, observer: Observer) -> None:
        """Start with no stage."""
        self._observer = observer
        self._heard: dict[tuple[str, str], Outcome] = {}
        self.timings: list[StageTiming] = []

    def stage(self, stage: Stage) -> _TimedStage:
        """Time one stage, as a context; one that ends in an error is not reported as finished."""
        return _TimedStage(self, stage)

    def started(self, stage: Stage) -> None:
        """Tell the observer that a stage begins."""
        self._observer.stage_started(stage)

    def finished(self, timing: StageTiming) -> None:
        """Keep a timing and tell the observer."""
        self.timings.append(timing)
        self._observer.stage_finished(timing)

    def heard(self, finding: Finding) -> None:
        """Tell the observer of a finding of the second model that has just arrived, unless it was told the same."""
        key = (finding.criterion, finding.by)
        if self._heard.get(key) is not finding.outcome:
            self._heard[key] = finding.outcome
            self._observer.finding(finding)

    def found(self, findings: tuple[Finding, ...]) -> None:
        """Tell the observer of findings, but for those that it heard as they arrived."""
        for finding in findings:
            arrived = finding.origin is Origin.CRITIC and self._heard.get((finding.criterion, finding.by))
            if arrived is not finding.outcome:
                self._observer.finding(finding)


class _TimedStage:
    """One stage between enter and exit. A class, since a generator-based context costs four times as much."""

    __slots__ = ("_began", "_stage", "_trail")

    def __init__(self, trail: Trail, stage: Stage) -> None:
        self._trail = trail
        self._stage = stage
        self._began = 0

    def __enter__(self) -> None:
        self._trail.started(self._stage)
        self._began = time.perf_counter_ns()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            self._trail.finished(StageTiming(self._stage, (time.perf_counter_ns() - self._began) // 1000))


def configure(level: str, format_: Literal["auto", "json", "console"]) -> None:
    """Set up structlog for the process: one line an event on standard error."""
    console = format_ == "console" or (format_ == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    factory: structlog.WriteLoggerFactory | structlog.BytesLoggerFactory
    if console:
        shared.append(structlog.dev.ConsoleRenderer())
        factory = structlog.WriteLoggerFactory(file=sys.stderr)
    else:
        shared.append(structlog.processors.JSONRenderer(serializer=orjson.dumps))
        factory = structlog.BytesLoggerFactory(file=sys.stderr.buffer)
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the package's event logger."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger("reviewer")
    return log


def report_exhausted(tenant: str, day: date, **micro_usd: int) -> None:
    """Write the event of a budget that does not pay for another review, with the sums that say why."""
    logger().warning("budget_exhausted", tenant=tenant, day=day.isoformat(), **micro_usd)


def report(recorded: RecordedReview) -> None:
    """Write the one event of a finished review."""
    review = recorded.review
    logger().info(
        "review",
        review=review.id,
        request_id=review.request_id,
        tenant=review.tenant,
        verdict=review.verdict.name,
        causes=sorted({reason.cause.value for reason in review.reasons}),
        route=review.route.id,
        tier=review.route.tier.label,
        rulebook=review.route.rulebook_digest,
        draft=review.draft_digest,
        index=recorded.position.index,
        calls=len(review.calls),
        served=[call.served_model for call in review.calls if call.served_model],
        cost_micro_usd=sum(call.cost_micro_usd or 0 for call in review.calls),
        replayed=recorded.replayed,
        simulated=review.simulated,
        **{f"{timing.stage.value}_us": timing.duration_us for timing in review.timings},
        record_us=recorded.record_us,
    )
