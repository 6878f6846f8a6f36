"""The critic: the critiques of one draft that its route asks for, by second models of other families.

One reviewer is the plain case; a panel asks several at once, a cascade a cheap one first. In an outage the next one of
the route takes the place of whom it hit, within the family rule. Asking one of them is `reviewer.consultation`, what
their answers are worth `reviewer.core.verification`, and what follows from them `reviewer.core.verdict`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Protocol

from reviewer.consultation import Brief, Consultant
from reviewer.core.choice import Candidate, Seating, relatives, seating, summon
from reviewer.core.finding import Finding
from reviewer.core.models import ModelCatalogue
from reviewer.core.outcome import CallRecord, Critique, FailureKind, Unavailable
from reviewer.core.passage import RedactedDraft
from reviewer.core.prompt import Header, Prompt, divide, render
from reviewer.core.questionnaire import Questionnaire, split
from reviewer.core.rulebook import Facts, Plan
from reviewer.core.segments import SegmentIndex, segment
from reviewer.core.shortening import SCREEN_SHARE, shorten
from reviewer.core.spending import ceiling_micro_usd
from reviewer.core.verdict import EvidenceSet, Screening, Trouble, weigh_screen
from reviewer.core.verification import verify_all
from reviewer.listening import gather
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import ReviewerProvider
from reviewer.providers.line import LinePolicy
from reviewer.reuse import Kept, Memory, key_of

NONCE_BYTES = 24

_TOO_LATE = Critique("", Unavailable(FailureKind.DEADLINE, "the deadline left no time to ask the second model"))


class Purse(Protocol):
    """What pays for a critique: see `reviewer.budget.Allowance`."""

    async def reserve(self, estimate: Callable[[], int], /) -> Trouble | None:
        """Set aside what the critique may cost at most, in micro-USD, or say why nobody may be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The critiques to be made of one draft.

    Attributes:
        waived: keys of the criteria that do not apply.
        deadline: on the loop's clock; the last critique ends before it, whatever has come of it.
        catalogue: what is known of the models that the plan names.
        tenant: whose draft it is.
        allowance: what pays for it; None where nobody keeps account.
        examinee: model that a canary is meant for: it alone is asked, in whatever mode the route is. Else empty.
        tell: is told of each finding as it arrives; None where nobody waits for that.
    """

    plan: Plan
    facts: Facts
    waived: frozenset[str]
    draft: RedactedDraft
    now: datetime
    deadline: float
    catalogue: ModelCatalogue
    tenant: str = ""
    allowance: Purse | None = None
    examinee: str = ""
    tell: Callable[[Finding], None] | None = None


@dataclass(frozen=True, slots=True)
class Criticism:
    """What the second models had to say.

    Attributes:
        critiques: none where no model was asked; then `troubles` says why.
        index: the segments that the models saw; None where none was asked.
        calls: every attempt; those at one critique together, in order.
        key: what another review must share to take these answers; empty where none may.
        reused_from: name of the review whose answers these are; empty where they were asked for now.
        simulated: answers of the simulated provider are among them.
    """

    critiques: tuple[Critique, ...] = ()
    index: SegmentIndex | None = None
    calls: tuple[CallRecord, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    key: str = ""
    reused_from: str = ""
    simulated: bool = False


@dataclass(slots=True)
class _Bench:
    """Reviewers that nobody has asked yet, and the families of those who have a seat."""

    spares: list[Candidate]
    seated: set[str]

    def relieve(self, failed: Candidate) -> Candidate | None:
        """Give a seat to the first spare whose family has none; the failed one's family has none from now on."""
        self.seated.discard(failed.entry.family)
        for spare in self.spares:
            if spare.entry.family not in self.seated:
                self.spares.remove(spare)
                self.seated.add(spare.entry.family)
                return spare
        return None


class Critic:
    """Asks second models.

    Args:
        providers: opened, by name.
        max_attempts: at one prompt.
        min_model_s: seconds below which a model is not asked.
        breaker: when a model that keeps failing is left alone.
        entropy: gives random bytes for boundaries and attention checks.
        lines: how many calls there may be at a model, and when one is sent twice.
        memory: keeps answers for reviews to come.
    """

    def __init__(  # noqa: PLR0913 - one a collaborator or a rule
        self,
        providers: Mapping[str, ReviewerProvider],
        *,
        max_attempts: int,
        min_model_s: float,
        breaker: BreakerPolicy,
        entropy: Callable[[int], bytes],
        lines: LinePolicy | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Keep the collaborators; nothing is opened here."""
        self._providers = providers
        self._entropy = entropy
        self._memory = memory or Memory(0, 1)
        jitter = Random(int.from_bytes(entropy(8)))  # noqa: S311 - it spreads retries in time and guards nothing
        self._consultant = Consultant(
            providers,
            max_attempts=max_attempts,
            min_model_s=min_model_s,
            breaker=breaker,
            lines=lines or LinePolicy(),
            rng=jitter,
        )

    @property
    def draining(self) -> bool:
        """Whether critiques have been told to end."""
        return self._consultant.draining

    def drain(self, until: float) -> None:
        """End every critique by `until` on the loop's clock; those that are not done then become DRAINING."""
        self._consultant.drain(until)

    def distrust(self, model: str) -> None:
        """Ask a model nothing but canaries from now on; reviews go to the route's others, or to a person.

        What it said before is not taken again either.
        """
        self._consultant.distrust(model)
        self._memory.forget()

    def trust(self, model: str) -> None:
        """Ask a model again as before."""
        self._consultant.trust(model)

    @property
    def breakers(self) -> Mapping[str, str]:
        """State of the breaker of each model that was asked so far: `closed`, `open` or `distrusted`."""
        return self._consultant.breakers

    def awaits_canary(self, model: str) -> bool:
        """Whether a model is distrusted and may be shown a canary now."""
        return self._consultant.awaits_canary(model)

    async def criticise(self, inquiry: Inquiry) -> Criticism:
        """Make the critiques that a plan asks for.

        Bounded by the inquiry's deadline; where it raises it leaves no call behind.

        Raises:
            BudgetExhaustedError, LedgerUnavailableError: see `Allowance.reserve`, which pays for reviews.
        """
        plan = inquiry.plan
        if not plan.full:
            return Criticism()
        terms = (plan, inquiry.catalogue, inquiry.draft, inquiry.now.date(), self._providers)
        seated = summon(inquiry.examinee, *terms) if inquiry.examinee else seating(*terms)
        if isinstance(seated, Trouble):
            return Criticism(troubles=(seated,))
        index = segment(inquiry.draft)
        examined = bool(inquiry.examinee)
        prompts = self._prompts(inquiry, index)
        brief = Brief(prompts, plan.tier, inquiry.deadline, tenant=inquiry.tenant, canary=examined)
        brief = replace(brief, audience=gather(plan, inquiry.waived, index, inquiry.tell))
        # A model is examined by what it says now.
        reusable = self._memory.keeps and not examined
        key = key_of(inquiry.tenant, plan, seated, brief.prompts) if reusable else ""
        if key and (kept := self._memory.find(key, asyncio.get_running_loop().time())) is not None:
            return Criticism(kept.critiques, index, (), kept.troubles, "", kept.review, kept.simulated)
        fitting = self._in_time(seated, plan, inquiry.deadline)
        if isinstance(fitting, Trouble):
            return Criticism(troubles=(*seated.notes, fitting))
        if inquiry.allowance is not None:
            spent = await inquiry.allowance.reserve(lambda: ceiling_micro_usd(fitting, brief.prompts))
            if spent is not None:
                return Criticism(troubles=(spent,))
        heard: list[Criticism] = []
        word = Screening.PASSES_ON
        if fitting.screen is not None:
            share = SCREEN_SHARE if fitting.seats else 1.0
            screened, word = await self._look_first(fitting.screen, brief, share, inquiry, index)
            heard.append(screened)
        if word is Screening.PASSES_ON and fitting.seats:
            heard += await self._hold(fitting, brief)
        # Answers of fewer than the route names must not be taken for those of all.
        criticism = _together(heard, index, fitting.notes, key if fitting is seated else "")
        kin = relatives(plan, inquiry.catalogue, inquiry.draft, criticism.calls)
        return replace(criticism, troubles=(*criticism.troubles, *kin)) if kin else criticism

    def remember(self, criticism: Criticism, review: str) -> None:
        """Keep the answers of a review that is in the log, for reviews that ask the same."""
        doubtful = any(self._consultant.distrusts(critique.judge) for critique in criticism.critiques)
        if criticism.key and not doubtful:
            kept = Kept(review, criticism.critiques, criticism.troubles, criticism.simulated)
            self._memory.keep(criticism.key, kept, asyncio.get_running_loop().time())

    def _in_time(self, seated: Seating, plan: Plan, deadline: float) -> Seating | Trouble:
        """Fit a seating into what is left until a deadline."""
        screen = (seated.screen,) if seated.screen else ()
        estimates = self._consultant.estimates((*seated.seats, *seated.spares, *screen))
        left_s = deadline - asyncio.get_running_loop().time()
        quorum, clears = plan.route.quorum, plan.screen_clears
        return shorten(seated, estimates, left_s, quorum=quorum, screen_clears=clears)

    async def _look_first(
        self, screen: Candidate, brief: Brief, share: float, inquiry: Inquiry, index: SegmentIndex
    ) -> tuple[Criticism, Screening]:
        """Ask the screen within a share of the time, and say whether anybody else need be asked."""
        now = asyncio.get_running_loop().time()
        within = replace(brief, deadline=now + (brief.deadline - now) * share, purpose="screen")
        criticism = await self._ask_in_turn(screen, _Bench([], set()), within)
        critiques = (replace(criticism.critiques[0], screen=True),)
        findings = verify_all(critiques, index, inquiry.plan, inquiry.waived)
        evidence = EvidenceSet(inquiry.plan, inquiry.facts, findings, critiques, waived=inquiry.waived)
        return replace(criticism, critiques=critiques), weigh_screen(evidence)

    async def _hold(self, seated: Seating, brief: Brief) -> list[Criticism]:
        """Ask all seats at once."""
        bench = _Bench(list(seated.spares), {seat.entry.family for seat in seated.seats})
        if len(seated.seats) == 1:
            return [await self._ask_in_turn(seated.seats[0], bench, brief)]
        async with asyncio.TaskGroup() as seats:
            asked = [seats.create_task(self._ask_in_turn(seat, bench, brief)) for seat in seated.seats]
        return [task.result() for task in asked]

    async def _ask_in_turn(self, first: Candidate, bench: _Bench, brief: Brief) -> Criticism:
        """Fill one seat: a reviewer that cannot be reached is followed by the next one, where time allows.

        The critique is that of the last one asked; the calls are those of all.
        """
        critique = _TOO_LATE
        calls: tuple[CallRecord, ...] = ()
        troubles: tuple[Trouble, ...] = ()
        candidate: Candidate | None = first
        while candidate is not None and self._consultant.has_time(brief.deadline):
            latest = await self._consultant.consult(candidate, brief)
            critique = Critique(candidate.spec.model, latest.outcome)
            calls += latest.calls
            troubles = latest.troubles
            if not (isinstance(latest.outcome, Unavailable) and latest.outcome.kind.outage):
                break
            candidate = bench.relieve(candidate)
        return Criticism((critique,), None, calls, troubles)

    def _prompts(self, inquiry: Inquiry, index: SegmentIndex) -> tuple[Prompt, ...]:
        questionnaire = inquiry.plan.questionnaire
        header = Header(
            intent=inquiry.facts.intent,
            tier=inquiry.plan.tier.label,
            locale=inquiry.facts.locale,
            today=inquiry.now,
            not_asked=_not_asked(questionnaire, inquiry.waived),
        )
        nonce = self._entropy(NONCE_BYTES)
        whole = render(questionnaire, index, inquiry.draft.images, header, nonce, max_output_tokens=0)
        if inquiry.plan.route.fan_out == 1:
            return (whole,)
        groups = split(questionnaire, inquiry.plan.route.fan_out, inquiry.waived)
        return divide(whole, index, [(group, self._entropy(NONCE_BYTES)) for group in groups])


def _together(heard: list[Criticism], index: SegmentIndex, notes: tuple[Trouble, ...], key: str) -> Criticism:
    """Put criticisms of one draft together, and say what was shown."""
    if len(heard) == 1 and not notes:
        (only,) = heard
        calls, troubles, critiques = only.calls, only.troubles, only.critiques
    else:
        critiques = tuple([critique for part in heard for critique in part.critiques])
        calls = tuple([call for part in heard for call in part.calls])
        troubles = (*notes, *[trouble for part in heard for trouble in part.troubles])
    return Criticism(critiques, index, calls, troubles, key, simulated=any(call.simulated for call in calls))


def _not_asked(questionnaire: Questionnaire, waived: frozenset[str]) -> tuple[str, ...]:
    if not waived:
        return ()
    return tuple([alias for alias, question in questionnaire.aliases.items() if question.key in waived])
