"""Metrics of one process, in the text format of Prometheus: counts, durations and sums; no text, no caller's name.

Labels come from closed lists or from the rule set: verdicts, causes, stages, tiers, routes, models of the catalogue.
Never a tenant, an intent or an id, whose number nobody bounds. What is counted is taken from finished reviews in one
place; the state of the moment is handed in when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from reviewer.core.canary import Sight
from reviewer.core.outcome import CallRecord
from reviewer.core.review import RecordedReview, Review, Stage

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
_STAGE_SECONDS = (0.0001, 0.0005, 0.002, 0.01, 0.05, 0.25, 1.0, 5.0, 20.0, 80.0)
_MICRO = 1e-6
_KINDS = ("input", "cached_input", "output", "reasoning")


@dataclass(frozen=True, slots=True)
class _Series:
    """What is counted of one model, looked up once: finding a series by its labels costs as much as counting."""

    latency: Histogram
    cost: Counter
    tokens: tuple[Counter, ...]


@dataclass(frozen=True, slots=True)
class RulesState:
    """The rules in force, and how their exchanges went since the start.

    Attributes:
        rulebook, release: digests.
        load_s: what loading them took.
        failing: what should be in force is not.
    """

    rulebook: str
    release: str
    load_s: float
    reloads_ok: int
    reloads_failed: int
    failing: bool


@dataclass(frozen=True, slots=True)
class State:
    """What holds at one moment.

    Attributes:
        in_flight: reviews.
        breakers: `closed`, `open` or `distrusted`, by model.
        entries: in the log.
        signed: of them under a signed head.
        head_age_s: since the newest head was signed, by this machine's clock; 0 where nothing waits for a newer one.
        corrupt: the sequencer has stopped for good.
        cosigned: entries of the newest head that each witness cosigned, by its name.
        readable: whether the log could be read; where not, what is said of it is what was known last.
    """

    in_flight: int
    breakers: Mapping[str, str]
    entries: int
    signed: int
    head_age_s: float
    corrupt: bool
    cosigned: Mapping[str, int]
    rules: RulesState
    readable: bool = True


class Metrics:
    """The metrics of a service; each has a registry of its own."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._count()
        self._gauge()
        self._models: dict[str, _Series] = {}
        self._stages: dict[Stage, Histogram] = {stage: self._stage.labels(stage.value) for stage in Stage}

    def _count(self) -> None:
        registry = self._registry
        self._reviews = Counter("reviewer_reviews", "Reviews made.", ["verdict", "route", "tier"], registry=registry)
        self._replays = Counter("reviewer_replays", "Reviews answered again.", registry=registry)
        self._causes = Counter(
            "reviewer_causes", "Reviews by cause; one may have several.", ["cause"], registry=registry
        )
        self._canaries = Counter(
            "reviewer_canaries", "Canaries by what came of them.", ["model", "sight"], registry=registry
        )
        self._shadows = Counter(
            "reviewer_shadows", "Drafts that a candidate judged in the shadow.", ["verdict"], registry=registry
        )
        self._rollbacks = Counter(
            "reviewer_rollbacks", "Trials that a gate ended.", ["stage", "gate"], registry=registry
        )
        self._appends = Counter("reviewer_log_appends", "Reviews and canaries recorded.", registry=registry)
        self._calls = Counter(
            "reviewer_model_calls", "Calls at second models.", ["model", "outcome"], registry=registry
        )
        self._tokens = Counter(
            "reviewer_model_tokens", "Tokens of calls; input holds cached.", ["model", "kind"], registry=registry
        )
        self._cost = Counter(
            "reviewer_model_cost_micro_usd", "Cost of calls at list price.", ["model"], registry=registry
        )
        self._duration = Histogram(
            "reviewer_review_seconds",
            "Reviews, from admission to record.",
            ["tier"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._stage = Histogram(
            "reviewer_stage_seconds", "Stages of reviews.", ["stage"], buckets=_STAGE_SECONDS, registry=registry
        )
        self._latency = Histogram(
            "reviewer_model_call_seconds",
            "Calls, from request to reply or failure.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )

    def _gauge(self) -> None:
        registry = self._registry
        self._in_flight = Gauge("reviewer_in_flight", "Reviews under way.", registry=registry)
        self._breakers = Gauge(
            "reviewer_breaker", "1 for the state a model's breaker is in.", ["model", "state"], registry=registry
        )
        self._entries = Gauge("reviewer_log_entries", "Entries of the log.", registry=registry)
        self._lag = Gauge("reviewer_checkpoint_lag_entries", "Entries under no signed checkpoint.", registry=registry)
        self._lag_s = Gauge(
            "reviewer_checkpoint_lag_seconds", "Age of the newest checkpoint while entries wait.", registry=registry
        )
        self._readable = Gauge("reviewer_log_readable", "0 while the log cannot be read.", registry=registry)
        self._corrupt = Gauge("reviewer_log_tree_corrupt", "1 once the sequencer stopped for good.", registry=registry)
        self._rules = Gauge("reviewer_rules_info", "The rule set in force.", ["digest", "release"], registry=registry)
        self._loading = Gauge("reviewer_rules_load_seconds", "Loading the rule set took.", registry=registry)
        self._reloads = Gauge(
            "reviewer_rules_reloads",
            "Exchanges of the rule set, and tries.",
            ["result"],
            registry=registry,
        )
        self._failing = Gauge("reviewer_rules_failing", "1 while other rules should be in force.", registry=registry)
        self._cosigned = Gauge(
            "reviewer_witness_entries", "Entries of the newest head a witness cosigned.", ["witness"], registry=registry
        )

    def reviewed(self, recorded: RecordedReview) -> None:
        """Count a review that somebody asked for."""
        if recorded.replayed:
            self._replays.inc()
            return
        review = recorded.review
        tier = review.route.tier.label
        self._reviews.labels(review.verdict.name, review.route.id, tier).inc()
        for cause in {reason.cause for reason in review.reasons}:
            self._causes.labels(cause.value).inc()
        total_us = recorded.record_us
        for timing in review.timings:
            if timing.stage is not Stage.RECORD:
                total_us += timing.duration_us
                self._stages[timing.stage].observe(timing.duration_us * _MICRO)
        self._stages[Stage.RECORD].observe(recorded.record_us * _MICRO)
        self._duration.labels(tier).observe(total_us * _MICRO)
        self._recorded(review)

    def examined(self, recorded: RecordedReview, model: str, sight: Sight) -> None:
        """Count a canary."""
        self._canaries.labels(model, sight.name.lower()).inc()
        self._recorded(recorded.review)

    def shadowed(self, review: Review) -> None:
        """Count what a candidate made of a draft in the shadow, and what that cost."""
        self._shadows.labels(review.verdict.name).inc()
        for call in review.calls:
            self._called(call)

    def rolled_back(self, stage: str, gate: str) -> None:
        """Count a trial that this process ended."""
        self._rollbacks.labels(stage, gate).inc()

    def _recorded(self, review: Review) -> None:
        self._appends.inc()
        for call in review.calls:
            self._called(call)

    def _called(self, call: CallRecord) -> None:
        model, usage = call.requested_model, call.usage
        series = self._models.get(model) or self._series(model)
        self._calls.labels(model, call.failure.value if call.failure else "answered").inc()
        series.latency.observe(call.latency_us * _MICRO)
        series.cost.inc(call.cost_micro_usd or 0)
        used = (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens, usage.reasoning_tokens)
        for counter, tokens in zip(series.tokens, used, strict=True):
            if tokens:
                counter.inc(tokens)

    def _series(self, model: str) -> _Series:
        tokens = tuple([self._tokens.labels(model, kind) for kind in _KINDS])
        series = _Series(self._latency.labels(model), self._cost.labels(model), tokens)
        return self._models.setdefault(model, series)

    def rendered(self, state: State) -> bytes:
        """Return all metrics as text, with the state of the moment."""
        self._in_flight.set(state.in_flight)
        self._entries.set(state.entries)
        self._lag.set(max(state.entries - state.signed, 0))
        self._lag_s.set(state.head_age_s)
        self._corrupt.set(state.corrupt)
        self._readable.set(state.readable)
        for model, now in state.breakers.items():
            for possible in ("closed", "open", "distrusted"):
                self._breakers.labels(model, possible).set(now == possible)
        self._rules.clear()
        self._rules.labels(state.rules.rulebook, state.rules.release).set(1)
        self._loading.set(state.rules.load_s)
        self._reloads.labels("ok").set(state.rules.reloads_ok)
        self._reloads.labels("failed").set(state.rules.reloads_failed)
        self._failing.set(state.rules.failing)
        for witness, size in state.cosigned.items():
            self._cosigned.labels(witness).set(size)
        return generate_latest(self._registry)
