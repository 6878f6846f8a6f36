"""The consultation: one second model asked about one draft, as long as it takes and no longer.

It asks again where a call failed in passing, once more where the answer was unreadable, leaves a model alone that keeps
failing, and keeps a record of every attempt. What it learns is a value with a cause; nothing that a model or a network
does leaves here as an exception. Whom to ask, and in what order, is `reviewer.critic`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from reviewer.core.choice import Candidate
from reviewer.core.critique import join, parse
from reviewer.core.draft import Tier
from reviewer.core.models import ModelCatalogue, ModelEntry
from reviewer.core.outcome import (
    CallRecord,
    CritiqueOutcome,
    FailureKind,
    Malformed,
    Refused,
    Reply,
    Stopped,
    StopReason,
    Truncated,
    Unavailable,
    Usage,
)
from reviewer.core.prompt import Prompt
from reviewer.core.rubric import Effect
from reviewer.core.shortening import Estimate
from reviewer.core.tokens import Fit, at_most, fit
from reviewer.core.verdict import Cause, Trouble
from reviewer.listening import Audience, Ear, attending
from reviewer.providers.attempt import AttemptRecord, Request
from reviewer.providers.breaker import Breaker, BreakerPolicy
from reviewer.providers.counting import input_tokens
from reviewer.providers.interface import ProviderError, ReviewerProvider
from reviewer.providers.line import Line, LinePolicy
from reviewer.providers.retry import RetryPolicy, complete_with_retry


@dataclass(frozen=True, slots=True)
class Brief:
    """What a reviewer is asked.

    Attributes:
        prompts: one a group of questions, at least one; asked at once.
        deadline: on the loop's clock; the consultation ends before it, whatever has come of it.
        purpose: what its calls are recorded as.
        audience: hears findings while they are written; None asks for the reply in one piece.
        tenant: whose turn it is where places at a model are scarce.
        canary: a canary is being shown; nothing in prompts or calls says so.
    """

    prompts: tuple[Prompt, ...]
    tier: Tier
    deadline: float
    purpose: str = "critique"
    tenant: str = ""
    canary: bool = False
    audience: Audience | None = None


@dataclass(frozen=True, slots=True)
class Consultation:
    """What a reviewer's critique came to.

    Attributes:
        calls: every attempt; those of one group of questions together, in order.
    """

    outcome: CritiqueOutcome
    calls: tuple[CallRecord, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(slots=True)
class _Calls:
    """Attempts at one candidate for one group of questions, as they end."""

    candidate: Candidate
    provider: ReviewerProvider
    line: Line
    purpose: str
    tenant: str
    ear: Ear | None = None
    records: list[CallRecord] = field(default_factory=list)

    def add(self, prompt: Prompt, purpose: str, attempt: AttemptRecord) -> None:
        reply, error = attempt.reply, attempt.error
        usage = reply.usage if reply else Usage()
        self.records.append(
            CallRecord(
                provider=self.provider.name,
                requested_model=self.candidate.spec.model,
                served_model=reply.served_model if reply else "",
                request_id=reply.request_id if reply else (error.request_id if error else ""),
                prompt_digest=prompt.digest,
                usage=usage,
                cost_micro_usd=_cost(self.candidate.entry, reply),
                latency_us=attempt.latency_us,
                stop=reply.provider_stop if reply else "",
                purpose="hedge" if attempt.hedge else purpose,
                failure=error.kind if error else None,
                http_status=error.http_status if error else 0,
                simulated=self.provider.simulated or any(end.simulated for end in (reply, error) if end),
                batched=reply is not None and reply.batched,
            )
        )

    def silenced(self) -> None:
        """Say of the requests that were cut off that we ended them: another group's answer decided."""
        word = StopReason.ENDED_EARLY.value
        cut = FailureKind.DEADLINE
        self.records = [replace(r, failure=None, stop=word) if r.failure is cut else r for r in self.records]

    def cut_off(self, kind: FailureKind) -> None:
        """Say of the requests that were cut off why they were."""
        self.records = [replace(r, failure=kind) if r.failure is FailureKind.DEADLINE else r for r in self.records]


class Consultant:
    """Asks one second model at a time, and remembers of each how it fared.

    Args:
        providers: opened, by name.
        max_attempts: at one prompt.
        min_model_s: seconds below which a model is not asked.
        breaker: when a model that keeps failing is left alone.
        lines: how many calls there may be at a model, and when one is sent twice.
        rng: draws the jitter of retries.
    """

    def __init__(
        self,
        providers: Mapping[str, ReviewerProvider],
        *,
        max_attempts: int,
        min_model_s: float,
        breaker: BreakerPolicy,
        lines: LinePolicy,
        rng: Random,
    ) -> None:
        """Keep the collaborators; nothing is opened here."""
        self._providers = providers
        self._policy = RetryPolicy(max_attempts, min_model_s, _loop_time, rng)
        self._breaker_policy = breaker
        self._line_policy = lines
        self._lines: dict[str, Line] = {}
        self._scopes: set[asyncio.Timeout] = set()
        self._drain_at: float | None = None

    @property
    def draining(self) -> bool:
        """Whether consultations have been told to end."""
        return self._drain_at is not None

    def drain(self, until: float) -> None:
        """End every consultation by `until` on the loop's clock; those that are not done then become DRAINING."""
        self._drain_at = until
        for scope in self._scopes:
            when = scope.when()
            if when is None or when > until:
                scope.reschedule(until)

    def has_time(self, deadline: float) -> bool:
        """Whether enough is left until a deadline for a model to be asked."""
        return deadline - _loop_time() >= self._policy.min_attempt_s

    def estimates(self, candidates: Iterable[Candidate]) -> dict[str, Estimate]:
        """How long these take, by model id; without those of whom too little is known."""
        named = {candidate.spec.model for candidate in candidates}.intersection(self._lines)
        told = [(model, self._lines[model].estimate()) for model in named]
        return {model: estimate for model, estimate in told if estimate is not None}

    def _line(self, model: str) -> Line:
        if model not in self._lines:
            policy, least_s = self._line_policy, self._policy.min_attempt_s
            self._lines[model] = Line(model, policy, self._breaker_policy, least_s, _loop_time)
        return self._lines[model]

    def distrust(self, model: str) -> None:
        """Leave a model alone until `trust`, but for canaries once its breaker's time is over."""
        self._line(model).breaker.trip(_loop_time())

    def trust(self, model: str) -> None:
        """Believe a model again."""
        self._line(model).breaker.restore()

    def distrusts(self, model: str) -> bool:
        """Whether a model is asked nothing but canaries."""
        return self._line(model).breaker.distrusted

    @property
    def breakers(self) -> Mapping[str, str]:
        """State of the breaker of each model that was asked so far."""
        return {model: line.breaker.state for model, line in self._lines.items()}

    def awaits_canary(self, model: str) -> bool:
        """Whether a model is distrusted and may be shown a canary now."""
        breaker = self._line(model).breaker
        return breaker.distrusted and breaker.may_try(_loop_time())

    async def consult(self, candidate: Candidate, brief: Brief) -> Consultation:
        """Ask one reviewer, unless its breaker is open or the prompt does not fit into its context.

        Bounded by the brief's deadline; raises only when cancelled, and then leaves no call behind.
        """
        model = candidate.spec.model
        bound = candidate.spec.max_output_tokens
        prompts = [replace(prompt, max_output_tokens=bound) for prompt in brief.prompts]
        longest = max(prompts, key=at_most) if len(prompts) > 1 else prompts[0]
        fits = fit(longest, candidate.entry.context_tokens)
        too_long = Consultation(Truncated(f"the request does not fit into the context of {candidate.entry.id}"))
        if fits is Fit.NEVER:
            return too_long
        line = self._line(model)
        breaker = line.breaker
        if not breaker.admits(_loop_time(), canary=brief.canary):
            return Consultation(_left_alone(model, breaker))
        provider = self._providers[candidate.spec.provider]
        ears = brief.audience.ears(model, prompts) if brief.audience else [None] * len(prompts)
        calls = [_Calls(candidate, provider, line, brief.purpose, brief.tenant, ear) for ear in ears]
        try:
            if fits is Fit.OPEN and not await self._has_room(candidate, longest, brief.deadline):
                breaker.abandoned()
                return too_long
            if len(prompts) == 1:
                outcome = await self._ask_in_time(prompts[0], calls[0], brief.deadline)
            else:
                outcome = await self._ask_all(prompts, calls, brief.deadline)
        except BaseException:
            line.breaker.abandoned()
            raise
        records = tuple([record for group in calls for record in group.records])
        _tell(breaker, outcome, records, prompts[0].digest)
        if breaker.distrusted and not brief.canary:
            # Found blind while it was answering: this answer is worth as little as those of the canaries.
            return Consultation(_left_alone(model, breaker), records)
        return Consultation(outcome, records, _served_troubles(candidate.entry, records, brief.tier))

    async def _has_room(self, candidate: Candidate, prompt: Prompt, deadline: float) -> bool:
        """Count what the bounds leave open; a shutdown that cuts this short cuts off the call that would follow."""
        provider = self._providers[candidate.spec.provider]
        try:
            async with self._bounded(deadline):
                counted = await input_tokens(provider, candidate.spec.model, prompt, deadline)
        except TimeoutError:
            return True
        return counted + prompt.max_output_tokens <= candidate.entry.context_tokens

    @asynccontextmanager
    async def _bounded(self, deadline: float) -> AsyncIterator[asyncio.Timeout]:
        """Bound what is done inside by the deadline, and by what a shutdown leaves of it."""
        until = deadline if self._drain_at is None else min(deadline, self._drain_at)
        async with asyncio.timeout_at(until) as scope:
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)

    async def _ask_all(self, prompts: list[Prompt], calls: list[_Calls], deadline: float) -> CritiqueOutcome:
        """Ask all groups of questions at once; each is heard to its end, so that every call is on record."""
        async with asyncio.TaskGroup() as groups:
            asked = [
                groups.create_task(self._ask_in_time(prompt, own, deadline))
                for prompt, own in zip(prompts, calls, strict=True)
            ]
        return join([task.result() for task in asked])

    async def _ask_in_time(self, prompt: Prompt, calls: _Calls, deadline: float) -> CritiqueOutcome:
        """Ask within the deadline, or within what a shutdown leaves of it."""
        until = deadline if self._drain_at is None else min(deadline, self._drain_at)
        if until <= _loop_time():
            # Drained between two models: a call begun now would be paid for and cut off.
            return Unavailable(FailureKind.DRAINING, _CUT_OFF[FailureKind.DRAINING])
        try:
            async with self._bounded(deadline) as scope:
                with attending(calls.ear, scope):
                    return await self._ask(prompt, calls, deadline)
        except TimeoutError:
            if calls.ear is not None and (stopped := calls.ear.stopped) is not None:
                calls.silenced()
                return stopped
            drained = self._drain_at is not None and self._drain_at < deadline
            kind = FailureKind.DRAINING if drained else FailureKind.DEADLINE
            calls.cut_off(kind)
            return Unavailable(kind, _CUT_OFF[kind])

    async def _ask(self, prompt: Prompt, calls: _Calls, deadline: float) -> CritiqueOutcome:
        outcome = await self._ask_once(prompt, calls, deadline, calls.purpose)
        if isinstance(outcome, Malformed) and outcome.repairable:
            if not self.has_time(deadline):
                return outcome
            repaired = await self._ask_once(prompt.repaired(), calls, deadline, "repair")
            # The first answer was unreadable; an outage on the way to a second one is not a new cause.
            return outcome if isinstance(repaired, Unavailable) else repaired
        return outcome

    async def _ask_once(self, prompt: Prompt, calls: _Calls, deadline: float, purpose: str) -> CritiqueOutcome:
        listen = calls.ear.begin if calls.ear else None
        request = Request(calls.provider, calls.candidate.spec.model, prompt, calls.tenant, deadline, listen)
        attempt = partial(calls.line.send, request, partial(calls.add, prompt, purpose))
        try:
            reply = await complete_with_retry(attempt, deadline=deadline, policy=self._policy)
        except ProviderError as exc:
            if exc.kind is FailureKind.TIMEOUT and not self.has_time(deadline):
                return Unavailable(FailureKind.DEADLINE, _CUT_OFF[FailureKind.DEADLINE])
            if exc.kind is FailureKind.REFUSED:
                return Refused("the second model's provider declined to examine the draft")
            if exc.kind is FailureKind.CONGESTED:
                return Unavailable(exc.kind, "all places at the second model were taken, and none came free in time")
            return Unavailable(exc.kind, f"the second model gave no answer ({exc.kind.value})")
        if reply.stop is StopReason.ENDED_EARLY and calls.ear is not None and calls.ear.stopped is not None:
            return calls.ear.stopped
        return parse(reply, prompt)


def _cost(entry: ModelEntry, reply: Reply | None) -> int | None:
    """Return what a reply cost; one that we ended does not say what it used, or not all of it."""
    if reply is None or reply.stop is StopReason.ENDED_EARLY:
        return None
    return ModelCatalogue.cost_micro_usd(entry, reply.usage, batch=reply.batched)


# A critique that takes longer than this is not slow, it is stuck.
SLOW_S = 20.0
_AGAINST_THE_MODEL = frozenset(
    {
        FailureKind.SERVER_ERROR,
        FailureKind.OVERLOADED,
        FailureKind.CONNECTION,
        FailureKind.BAD_ENVELOPE,
        FailureKind.TIMEOUT,
    }
)
_CUT_OFF = {
    FailureKind.DEADLINE: "the second model had not answered before the deadline",
    FailureKind.DRAINING: "the server shut down before the second model had answered",
}


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _tell(breaker: Breaker, outcome: CritiqueOutcome, calls: tuple[CallRecord, ...], digest: str) -> None:
    """Say what an outcome means for the model's breaker.

    A deadline speaks against a model only where it had time; a refusal, a rate limit or a draft that is too large
    speak of the request or the account; a critique that we ended says nothing. An unreadable or inattentive critic is
    as good as none, but what it was shown may have made it so.
    """
    now = _loop_time()
    kind = outcome.kind if isinstance(outcome, Unavailable) else None
    slow = kind is FailureKind.DEADLINE and any(c.failure and c.latency_us >= SLOW_S * 1_000_000 for c in calls)
    if isinstance(outcome, Malformed):
        breaker.failed(now, digest)
    elif kind in _AGAINST_THE_MODEL or slow:
        breaker.failed(now)
    elif kind is None and not isinstance(outcome, Stopped):
        breaker.succeeded()
    else:
        breaker.abandoned()


def _left_alone(model: str, breaker: Breaker) -> Unavailable:
    if breaker.distrusted:
        why = f"{model} failed its canaries (drafts known to be bad) and is not trusted until it passes one"
    else:
        why = f"{model} kept failing and is left alone for a while"
    return Unavailable(FailureKind.BREAKER_OPEN, why)


def _served_troubles(entry: ModelEntry, records: tuple[CallRecord, ...], tier: Tier) -> tuple[Trouble, ...]:
    """Another model than the one asked is a reason for a person on high tier, and worth a note below it."""
    other = {r.served_model for r in records if r.served_model and not ModelCatalogue.is_served(entry, r.served_model)}
    effect = Effect.HANDOFF if tier is Tier.HIGH else Effect.NOTE
    return tuple(
        Trouble(Cause.SERVED_MODEL_MISMATCH, f"asked {entry.id}, answered by {name[:128]!r}", effect)
        for name in sorted(other)
    )
