"""Asking: the questions that a candidate rule set leaves open, put to the second model in one call a reviewer.

The call holds just those questions, under the draft as it was kept. Every call is paid for from a purse, which sets the
most that it may cost aside before it is made: what does not fit any more is not asked. Nothing of it is written to the
log or answered to anyone. That a model could not be reached says nothing of the rules, and counts for no verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from reviewer.consultation import Brief, Consultant, Consultation
from reviewer.core import questionnaire
from reviewer.core.choice import Candidate, Seating, relatives
from reviewer.core.outcome import CallRecord, Critique, FailureKind, Unavailable
from reviewer.core.prompt import Header, Prompt, render
from reviewer.core.questionnaire import Questionnaire
from reviewer.core.review import Review
from reviewer.core.rulebook import Plan
from reviewer.core.segments import SegmentIndex, segment
from reviewer.core.spending import ceiling_micro_usd, spent_on
from reviewer.core.tokens import at_most, guess
from reviewer.core.verdict import Decision
from reviewer.core.verification import verify_all
from reviewer.replay.comparison import Rules
from reviewer.replay.rejudge import Asks, Untold, settle

NONCE_BYTES = 24
# An unreadable answer is asked for once more, and paid for twice.
_ASKS = 2
_CUT_OFF = frozenset({FailureKind.DEADLINE, FailureKind.TIMEOUT, FailureKind.DRAINING})


@dataclass(slots=True)
class Estimate:
    """What asking would take.

    Attributes:
        at_most_tokens: input, by a bound that no tokenizer exceeds; `likely_tokens` is a cautious guess.
        at_most_micro_usd: with the longest replies, each asked for twice; of the calls whose price is known.
        unpriced: calls of models without a price.
    """

    calls: int = 0
    questions: int = 0
    at_most_tokens: int = 0
    likely_tokens: int = 0
    at_most_micro_usd: int = 0
    unpriced: int = 0


@dataclass(slots=True)
class Purse:
    """The money of one replay, in micro-USD at list price.

    Attributes:
        cap: None for no bound.
        spent: of calls that have ended; where nobody can say what one cost, the most that it may have.
        reserved: set aside for calls under way.
        refused: reviews whose calls did not fit any more.
    """

    cap: int | None = None
    spent: int = 0
    reserved: int = 0
    refused: int = 0
    calls: int = 0
    unpriced: int = 0

    def take(self, ceiling: int | None) -> bool:
        """Set money aside; False where it does not fit, or where nobody knows how much it takes under a cap."""
        fits = self.cap is None or (ceiling is not None and self.spent + self.reserved + ceiling <= self.cap)
        if fits:
            self.reserved += ceiling or 0
        else:
            self.refused += 1
        return fits

    def settle(self, ceiling: int | None, calls: tuple[CallRecord, ...]) -> None:
        """Give back what was not needed."""
        total = spent_on(calls)
        self.reserved -= ceiling or 0
        unknown = any(c.cost_micro_usd is None and (c.failure is None or c.failure in _CUT_OFF) for c in calls)
        self.spent += max(ceiling or 0, total.micro_usd) if unknown else total.micro_usd
        self.calls += total.calls
        self.unpriced += unknown

    def lose(self, ceiling: int | None) -> None:
        """Count everything as spent: the call was abandoned."""
        self.reserved -= ceiling or 0
        self.spent += ceiling or 0


@dataclass(slots=True)
class Stationery:
    """Writes the prompts of open questions; keeps the questionnaire of each set of questions.

    Attributes:
        batch: calls are made in batches, at their price.
    """

    rules: Rules
    entropy: Callable[[int], bytes]
    batch: bool = False
    _built: dict[tuple[int, str, tuple[str, ...]], Questionnaire] = field(default_factory=dict)

    def prompt(self, review: Review, asks: Asks, index: SegmentIndex, ask: tuple[Candidate, tuple[str, ...]]) -> Prompt:
        """Write the one prompt for a reviewer."""
        plan = asks.evidence.plan
        candidate, keys = ask
        header = Header(review.intent, plan.tier.label, review.locale, review.created_at)
        asked = self._questionnaire(plan, self.rules.candidate.overlay_tag(review.locale), keys)
        return render(asked, index, (), header, self.entropy(NONCE_BYTES), candidate.spec.max_output_tokens)

    def add(self, estimate: Estimate, review: Review, asks: Asks) -> None:
        """Add what a review's open questions would take to an estimate."""
        index = segment(asks.material.draft)
        for ask in asks.questions:
            prompt = self.prompt(review, asks, index, ask)
            ceiling = self.ceiling(ask[0], prompt)
            estimate.calls += 1
            estimate.questions += len(ask[1])
            estimate.at_most_tokens += at_most(prompt)
            estimate.likely_tokens += guess(prompt)
            estimate.at_most_micro_usd += ceiling or 0
            estimate.unpriced += ceiling is None

    def ceiling(self, candidate: Candidate, prompt: Prompt) -> int | None:
        """Return what a call may cost at most; None where its model has no price."""
        price = candidate.entry.price
        if price is None:
            return None
        percent = 100 if price.batch_percent is None or not self.batch else price.batch_percent
        return -(-_ASKS * ceiling_micro_usd(Seating((candidate,)), (prompt,)) * percent // 100)

    def _questionnaire(self, plan: Plan, tag: str, keys: tuple[str, ...]) -> Questionnaire:
        name = (id(plan), tag, keys)
        if name not in self._built:
            chosen = frozenset(keys)
            rubrics = [
                rubric.model_copy(
                    update={"criteria": tuple([c for c in rubric.criteria if f"{rubric.id}/{c.id}" in chosen])}
                )
                for rubric in plan.rubrics
            ]
            self._built[name] = questionnaire.build(tuple(rubrics), tag)
        return self._built[name]


class Asker:
    """Has open questions answered."""

    def __init__(
        self, consultant: Consultant, providers: frozenset[str], stationery: Stationery, purse: Purse, patience_s: float
    ) -> None:
        """Keep the collaborators.

        Args:
            providers: names of those that the consultant can ask.
            patience_s: seconds that one call may take.
        """
        self._consultant = consultant
        self._providers = providers
        self._stationery = stationery
        self._purse = purse
        self._patience_s = patience_s

    async def ask(self, review: Review, asks: Asks) -> Decision | Untold:
        """Ask, verify and decide; bounded by the patience, and by what is left in the purse."""
        absent = {c.spec.provider for c, _ in asks.questions if c.spec.provider not in self._providers}
        if absent:
            return Untold(f"it needs a model of {', '.join(sorted(absent))}, which is not configured")
        index = segment(asks.material.draft)
        prompts = [(ask[0], self._stationery.prompt(review, asks, index, ask)) for ask in asks.questions]
        ceilings = [self._stationery.ceiling(candidate, prompt) for candidate, prompt in prompts]
        ceiling = None if None in ceilings else sum([c for c in ceilings if c is not None])
        if not self._purse.take(ceiling):
            return Untold("it needs the model, and what that may cost does not fit into --max-cost-usd any more")
        try:
            heard = await asyncio.gather(*[self._consult(review, asks, *one) for one in prompts])
        except BaseException:
            self._purse.lose(ceiling)
            raise
        calls = tuple([call for one in heard for call in one.calls])
        self._purse.settle(ceiling, calls)
        for one in heard:
            if isinstance(one.outcome, Unavailable):
                return Untold(f"the second model gave no answer ({one.outcome.kind.value})")
        return self._decide(asks, index, [candidate for candidate, _ in prompts], heard)

    async def _consult(self, review: Review, asks: Asks, candidate: Candidate, prompt: Prompt) -> Consultation:
        deadline = asyncio.get_running_loop().time() + self._patience_s
        brief = Brief((prompt,), asks.evidence.plan.tier, deadline, purpose="replay", tenant=review.tenant)
        return await self._consultant.consult(candidate, brief)

    def _decide(self, asks: Asks, index: SegmentIndex, asked: list[Candidate], heard: list[Consultation]) -> Decision:
        known = asks.evidence
        critiques = tuple([Critique(c.spec.model, one.outcome) for c, one in zip(asked, heard, strict=True)])
        findings = verify_all(critiques, index, known.plan, known.inapplicable)
        calls = tuple([call for one in heard for call in one.calls])
        kin = relatives(known.plan, self._stationery.rules.candidate.catalogue, asks.material.draft, calls)
        troubles = (*known.troubles, *[t for one in heard for t in one.troubles], *kin)
        return settle(replace(known, troubles=troubles), critiques, findings)
