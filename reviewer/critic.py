"""The critic: one critique of one draft by a second model of another family, from choosing the model to reading it.

It asks, at most once more where the answer was unreadable, and keeps a record of every attempt. What it learns is a
value with a cause; nothing that a model or a network does leaves here as an exception. Verifying the answers is
`reviewer.core.verification`, deciding is `reviewer.core.verdict`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random

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
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Facts, Plan
from reviewer.core.segments import SegmentIndex, segment
from reviewer.core.verdict import Cause, Trouble
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


@dataclass(frozen=True, slots=True)
class _Chosen:
    spec: ReviewerSpec
    entry: ModelEntry
    provider: ReviewerProvider


@dataclass(slots=True)
class _Calls:
    """Attempts of one critique as they end."""

    chosen: _Chosen
    records: list[CallRecord] = field(default_factory=list)

    def add(self, attempt: AttemptRecord, prompt: Prompt, purpose: str) -> None:
        reply, error = attempt.reply, attempt.error
        usage = reply.usage if reply else Usage()
        self.records.append(
            CallRecord(
                provider=self.chosen.provider.name,
                requested_model=self.chosen.spec.model,
                served_model=reply.served_model if reply else "",
                request_id=reply.request_id if reply else (error.request_id if error else ""),
                prompt_digest=prompt.digest,
                usage=usage,
                cost_micro_usd=ModelCatalogue.cost_micro_usd(self.chosen.entry, usage) if reply else None,
                latency_us=attempt.latency_us,
                stop=reply.provider_stop if reply else "",
                purpose=purpose,
                failure=error.kind if error else None,
                http_status=error.http_status if error else 0,
                simulated=self.chosen.provider.simulated or any(end.simulated for end in (reply, error) if end),
            )
        )


class Critic:
    """Asks second models.

    Args:
        providers: opened, by name.
        max_attempts: at one prompt.
        min_model_s: seconds below which a model is not asked.
        entropy: gives random bytes for boundaries and attention checks.
    """

    def __init__(
        self,
        providers: Mapping[str, ReviewerProvider],
        catalogue: ModelCatalogue,
        *,
        max_attempts: int,
        min_model_s: float,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Keep the collaborators; nothing is opened here."""
        self._providers = providers
        self._catalogue = catalogue
        jitter = Random(int.from_bytes(entropy(8)))  # noqa: S311 - it spreads retries in time and guards nothing
        self._policy = RetryPolicy(max_attempts, min_model_s, _loop_time, jitter)
        self._entropy = entropy
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
        """Make one critique. Bounded by the inquiry's deadline; raises only when cancelled."""
        if not inquiry.plan.full:
            return Criticism(None)
        chosen = self._choose(inquiry)
        if isinstance(chosen, Trouble):
            return Criticism(None, troubles=(chosen,))
        if inquiry.deadline - _loop_time() < self._policy.min_attempt_s:
            return Criticism(Unavailable(FailureKind.DEADLINE, "the deadline left no time to ask the second model"))
        index = segment(inquiry.draft)
        prompt = self._prompt(inquiry, index, chosen.spec)
        if not _fits(prompt, chosen.entry):
            too_large = Truncated(f"the request does not fit into the context of {chosen.entry.id}")
            return Criticism(too_large, chosen.spec.model, index)
        calls = _Calls(chosen)
        outcome = await self._ask_in_time(prompt, calls, inquiry.deadline)
        troubles = _served_troubles(calls, inquiry.plan.tier)
        return Criticism(outcome, chosen.spec.model, index, tuple(calls.records), troubles)

    def _choose(self, inquiry: Inquiry) -> _Chosen | Trouble:
        """Take the first reviewer of the route that may and can judge this draft."""
        plan = inquiry.plan
        if not plan.questionnaire.aliases:
            return Trouble(Cause.PARTIAL_COVERAGE, "no rubric of this route asks the second model anything")
        family = self._catalogue.family_of(inquiry.draft.drafter)
        if family is None and plan.route.require_other_family:
            return Trouble(Cause.SAME_FAMILY, "the drafting model is unknown, so no reviewer can be of another family")
        related = False
        for spec in plan.reviewers:
            entry = self._catalogue.find(spec.model)
            if entry is None or not _usable(entry, inquiry):
                continue
            if plan.route.require_other_family and entry.family == family:
                related = True
                continue
            if (provider := self._providers.get(spec.provider)) is not None:
                return _Chosen(spec, entry, provider)
        if related:
            return Trouble(Cause.SAME_FAMILY, "no configured reviewer is of another family than the drafting model")
        return Trouble(Cause.REVIEWER_UNAVAILABLE, "no reviewer of this route is configured and fit for this request")

    def _prompt(self, inquiry: Inquiry, index: SegmentIndex, spec: ReviewerSpec) -> Prompt:
        questionnaire = inquiry.plan.questionnaire
        header = Header(
            intent=inquiry.facts.intent,
            tier=inquiry.plan.tier.label,
            locale=inquiry.facts.locale,
            today=inquiry.now,
            not_asked=_not_asked(questionnaire, inquiry.waived),
        )
        nonce = self._entropy(NONCE_BYTES)
        return render(questionnaire, index, inquiry.draft.images, header, nonce, spec.max_output_tokens)

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
                calls.chosen.provider,
                calls.chosen.spec.model,
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


_CUT_OFF = {
    FailureKind.DEADLINE: "the second model had not answered before the deadline",
    FailureKind.DRAINING: "the server shut down before the second model had answered",
}


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _usable(entry: ModelEntry, inquiry: Inquiry) -> bool:
    return (
        entry.fit_to_approve and not _retired(entry, inquiry.now.date()) and (entry.images or not inquiry.draft.images)
    )


def _retired(entry: ModelEntry, today: date) -> bool:
    return entry.retires is not None and today >= entry.retires


def _not_asked(questionnaire: Questionnaire, waived: frozenset[str]) -> tuple[str, ...]:
    if not waived:
        return ()
    return tuple([alias for alias, question in questionnaire.aliases.items() if question.key in waived])


def _fits(prompt: Prompt, entry: ModelEntry) -> bool:
    chars = len(prompt.questionnaire.prefix) + sum(map(len, prompt.blocks))
    return chars // CHARS_PER_TOKEN + prompt.max_output_tokens <= entry.context_tokens


def _served_troubles(calls: _Calls, tier: Tier) -> tuple[Trouble, ...]:
    """Another model than the one asked is a reason for a person on high tier, and worth a note below it."""
    entry = calls.chosen.entry
    other = {
        r.served_model for r in calls.records if r.served_model and not ModelCatalogue.is_served(entry, r.served_model)
    }
    effect = Effect.HANDOFF if tier is Tier.HIGH else Effect.NOTE
    return tuple(
        Trouble(Cause.SERVED_MODEL_MISMATCH, f"asked {entry.id}, answered by {name[:128]!r}", effect)
        for name in sorted(other)
    )
