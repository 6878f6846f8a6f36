"""The critic: one critique of one draft by a second model of another family, from choosing the model to reading it.

It asks, at most once more where the answer was unreadable, and keeps a record of every attempt. What it learns is a
value with a cause; nothing that a model or a network does leaves here as an exception. Verifying the answers is
`reviewer.core.verification`, deciding is `reviewer.core.verdict`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from reviewer.core.choice import Candidate, candidates
from reviewer.core.critique import parse
from reviewer.core.draft import Tier
from reviewer.core.models import ModelCatalogue, ModelEntry
from reviewer.core.outcome import (
    CallRecord,
    Completed,
    CritiqueOutcome,
    FailureKind,
    Malformed,
    Refused,
    Truncated,
    Unavailable,
    Usage,
)
from reviewer.core.passage import RedactedDraft
from reviewer.core.prompt import Header, Prompt, render
from reviewer.core.questionnaire import Questionnaire
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Facts, Plan
from reviewer.core.segments import SegmentIndex, segment
from reviewer.core.verdict import Cause, Trouble
from reviewer.providers.breaker import Breaker, BreakerPolicy
from reviewer.providers.interface import ProviderError, ReviewerProvider
from reviewer.providers.retry import AttemptRecord, RetryPolicy, complete_with_retry

NONCE_BYTES = 24
CHARS_PER_TOKEN = 4
"""A cautious mean for English and Portuguese prose; only used to refuse what cannot fit anyway."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One critique to be made.

    Attributes:
        waived: keys of the criteria that do not apply.
        deadline: on the loop's clock; the critique ends before it, whatever has come of it.
    """

    plan: Plan
    facts: Facts
    waived: frozenset[str]
    draft: RedactedDraft
    now: datetime
    deadline: float


@dataclass(frozen=True, slots=True)
class Criticism:
    """What a critique came to.

    Attributes:
        outcome: None where no model was asked; then `troubles` says why.
        judge: requested model id, empty where none was asked.
        index: the segments that the model saw; None where none was asked.
        calls: every attempt, in order.
    """

    outcome: CritiqueOutcome | None
    judge: str = ""
    index: SegmentIndex | None = None
    calls: tuple[CallRecord, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(slots=True)
class _Calls:
    """Attempts at one candidate as they end."""

    candidate: Candidate
    provider: ReviewerProvider
    records: list[CallRecord] = field(default_factory=list)

    def add(self, attempt: AttemptRecord, prompt: Prompt, purpose: str) -> None:
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
                cost_micro_usd=ModelCatalogue.cost_micro_usd(self.candidate.entry, usage) if reply else None,
                latency_us=attempt.latency_us,
                stop=reply.provider_stop if reply else "",
                purpose=purpose,
                failure=error.kind if error else None,
                http_status=error.http_status if error else 0,
                simulated=self.provider.simulated or any(end.simulated for end in (reply, error) if end),
            )
        )


class Critic:
    """Asks second models.

    Args:
        providers: opened, by name.
        max_attempts: at one prompt.
        min_model_s: seconds below which a model is not asked.
        breaker: when a model that keeps failing is left alone.
        entropy: gives random bytes for boundaries and attention checks.
    """

    def __init__(
        self,
        providers: Mapping[str, ReviewerProvider],
        catalogue: ModelCatalogue,
        *,
        max_attempts: int,
        min_model_s: float,
        breaker: BreakerPolicy,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Keep the collaborators; nothing is opened here."""
        self._providers = providers
        self._catalogue = catalogue
        jitter = Random(int.from_bytes(entropy(8)))  # noqa: S311 - it spreads retries in time and guards nothing
        self._policy = RetryPolicy(max_attempts, min_model_s, _loop_time, jitter)
        self._entropy = entropy
        self._breaker_policy = breaker
        self._breakers: dict[str, Breaker] = {}
        self._scopes: set[asyncio.Timeout] = set()
        self._drain_at: float | None = None

    def drain(self, until: float) -> None:
        """End every critique by `until` on the loop's clock; those that are not done then become DRAINING."""
        self._drain_at = until
        for scope in self._scopes:
            when = scope.when()
            if when is None or when > until:
                scope.reschedule(until)

    async def criticise(self, inquiry: Inquiry) -> Criticism:
        """Make one critique. Bounded by the inquiry's deadline; raises only when cancelled.

        A reviewer that cannot be reached is followed by the route's next one that may judge this draft, where time
        allows. The outcome is that of the last one asked; the calls are those of all.
        """
        if not inquiry.plan.full:
            return Criticism(None)
        today = inquiry.now.date()
        chosen = candidates(inquiry.plan, self._catalogue, inquiry.draft, today, self._providers)
        if isinstance(chosen, Trouble):
            return Criticism(None, troubles=(chosen,))
        index = segment(inquiry.draft)
        prompt = self._prompt(inquiry, index)
        criticism = Criticism(Unavailable(FailureKind.DEADLINE, "the deadline left no time to ask the second model"))
        for candidate in chosen:
            if inquiry.deadline - _loop_time() < self._policy.min_attempt_s:
                break
            latest = await self._consult(candidate, prompt, inquiry)
            criticism = replace(latest, index=index, calls=(*criticism.calls, *latest.calls))
            if not (isinstance(latest.outcome, Unavailable) and latest.outcome.kind in _ANOTHER_MAY_ANSWER):
                break
        return criticism

    async def _consult(self, candidate: Candidate, prompt: Prompt, inquiry: Inquiry) -> Criticism:
        """Ask one reviewer, unless its breaker is open or the prompt does not fit into its context."""
        model = candidate.spec.model
        prompt = replace(prompt, max_output_tokens=candidate.spec.max_output_tokens)
        if not _fits(prompt, candidate.entry):
            return Criticism(Truncated(f"the request does not fit into the context of {candidate.entry.id}"), model)
        breaker = self._breakers.setdefault(model, Breaker(self._breaker_policy))
        if not breaker.admits(_loop_time()):
            failing = f"{model} kept failing and is left alone for a while"
            return Criticism(Unavailable(FailureKind.BREAKER_OPEN, failing), model)
        calls = _Calls(candidate, self._providers[candidate.spec.provider])
        began = _loop_time()
        try:
            outcome = await self._ask_in_time(prompt, calls, inquiry.deadline)
        except BaseException:
            breaker.abandoned()
            raise
        _tell(breaker, outcome, began)
        troubles = _served_troubles(calls, inquiry.plan.tier)
        return Criticism(outcome, model, calls=tuple(calls.records), troubles=troubles)

    def _prompt(self, inquiry: Inquiry, index: SegmentIndex) -> Prompt:
        questionnaire = inquiry.plan.questionnaire
        header = Header(
            intent=inquiry.facts.intent,
            tier=inquiry.plan.tier.label,
            locale=inquiry.facts.locale,
            today=inquiry.now,
            not_asked=_not_asked(questionnaire, inquiry.waived),
        )
        nonce = self._entropy(NONCE_BYTES)
        return render(questionnaire, index, inquiry.draft.images, header, nonce, max_output_tokens=0)

    async def _ask_in_time(self, prompt: Prompt, calls: _Calls, deadline: float) -> CritiqueOutcome:
        """Ask within the deadline, or within what a shutdown leaves of it."""
        began = _loop_time()
        until = deadline if self._drain_at is None else min(deadline, self._drain_at)
        try:
            async with asyncio.timeout_at(until) as scope:
                self._scopes.add(scope)
                try:
                    return await self._ask(prompt, calls, deadline)
                finally:
                    self._scopes.discard(scope)
        except TimeoutError:
            drained = self._drain_at is not None and self._drain_at < deadline
            kind = FailureKind.DRAINING if drained else FailureKind.DEADLINE
            lost = ProviderError(kind, "cut off")
            calls.add(AttemptRecord(round((_loop_time() - began) * 1_000_000), None, lost), prompt, "critique")
            return Unavailable(kind, _CUT_OFF[kind])

    async def _ask(self, prompt: Prompt, calls: _Calls, deadline: float) -> CritiqueOutcome:
        outcome = await self._ask_once(prompt, calls, deadline, "critique")
        if isinstance(outcome, Malformed) and outcome.repairable:
            if deadline - _loop_time() < self._policy.min_attempt_s:
                return outcome
            repaired = await self._ask_once(prompt.repaired(), calls, deadline, "repair")
            # The first answer was unreadable; an outage on the way to a second one is not a new cause.
            return repaired if isinstance(repaired, Completed | Refused | Truncated | Malformed) else outcome
        return outcome

    async def _ask_once(self, prompt: Prompt, calls: _Calls, deadline: float, purpose: str) -> CritiqueOutcome:
        try:
            reply = await complete_with_retry(
                calls.provider,
                calls.candidate.spec.model,
                prompt,
                deadline=deadline,
                policy=self._policy,
                on_attempt=lambda attempt: calls.add(attempt, prompt, purpose),
            )
        except ProviderError as exc:
            if exc.kind is FailureKind.TIMEOUT and deadline - _loop_time() < self._policy.min_attempt_s:
                return Unavailable(FailureKind.DEADLINE, _CUT_OFF[FailureKind.DEADLINE])
            if exc.kind is FailureKind.REFUSED:
                return Refused("the second model's provider declined to examine the draft")
            return Unavailable(exc.kind, f"the second model gave no answer ({exc.kind.value})")
        return parse(reply, prompt)


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
_ANOTHER_MAY_ANSWER = _AGAINST_THE_MODEL | {
    FailureKind.BREAKER_OPEN,
    FailureKind.RATE_LIMITED,
    FailureKind.REJECTED,
}
_CUT_OFF = {
    FailureKind.DEADLINE: "the second model had not answered before the deadline",
    FailureKind.DRAINING: "the server shut down before the second model had answered",
}


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _tell(breaker: Breaker, outcome: CritiqueOutcome, began: float) -> None:
    """Say what an outcome means for the model's breaker.

    A deadline speaks against a model only where it had time; a refusal, a rate limit or a draft that is too large
    speak of the request or the account. An unreadable or inattentive critic is as good as none.
    """
    now = _loop_time()
    kind = outcome.kind if isinstance(outcome, Unavailable) else None
    slow = kind is FailureKind.DEADLINE and now - began >= SLOW_S
    if isinstance(outcome, Malformed) or kind in _AGAINST_THE_MODEL or slow:
        breaker.failed(now)
    elif kind is None:
        breaker.succeeded()
    else:
        breaker.abandoned()


def _not_asked(questionnaire: Questionnaire, waived: frozenset[str]) -> tuple[str, ...]:
    if not waived:
        return ()
    return tuple([alias for alias, question in questionnaire.aliases.items() if question.key in waived])


def _fits(prompt: Prompt, entry: ModelEntry) -> bool:
    chars = len(prompt.questionnaire.prefix) + sum(map(len, prompt.blocks))
    return chars // CHARS_PER_TOKEN + prompt.max_output_tokens <= entry.context_tokens


def _served_troubles(calls: _Calls, tier: Tier) -> tuple[Trouble, ...]:
    """Another model than the one asked is a reason for a person on high tier, and worth a note below it."""
    entry = calls.candidate.entry
    other = {
        r.served_model for r in calls.records if r.served_model and not ModelCatalogue.is_served(entry, r.served_model)
    }
    effect = Effect.HANDOFF if tier is Tier.HIGH else Effect.NOTE
    return tuple(
        Trouble(Cause.SERVED_MODEL_MISMATCH, f"asked {entry.id}, answered by {name[:128]!r}", effect)
        for name in sorted(other)
    )
