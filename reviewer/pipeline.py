"""The corridor: one review told once, from admission to the record. The only control flow across rooms.

Each room takes a typed value and gives the next one; no room calls back up. A review leaves as a `RecordedReview`,
which exists only once the verdict log has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ParamSpec, TypeVar
from uuid import UUID

from reviewer.admission import Admission, recall, replay
from reviewer.budget import Allowance, Budgets
from reviewer.checks.runner import run_checks
from reviewer.core.check import Subject
from reviewer.core.draft import RawDraft, ReviewRequest, Source, TextPart, ToolResult
from reviewer.core.errors import Fault, LedgerUnavailableError, RequestError, ReviewNotFoundError
from reviewer.core.finding import Finding
from reviewer.core.guidance import guide
from reviewer.core.outcome import Completed
from reviewer.core.passage import RedactedDraft
from reviewer.core.questionnaire import PROMPT_VERSION
from reviewer.core.record import CONTENT_KEY_BYTES, seal
from reviewer.core.redaction import redact
from reviewer.core.review import (
    CANARY_TENANT,
    Examination,
    Handoff,
    HandoffState,
    RecordedReview,
    Review,
    RouteTaken,
    Stage,
)
from reviewer.core.rulebook import Plan, Rulebook, inapplicable
from reviewer.core.showing import barred, facts_of
from reviewer.core.verdict import Decision, EvidenceSet, Verdict, decide
from reviewer.core.verification import verify_all
from reviewer.critic import Critic, Criticism, Inquiry
from reviewer.ledger.interface import Ledger
from reviewer.receipts import Receipts
from reviewer.telemetry import Observer, Trail, Unwatched, report

P = ParamSpec("P")
R = TypeVar("R")
LARGE_CHARS = 64 * 1024
"""Characters of text from which on scanning is done in a thread: below, it takes less than two milliseconds."""
_WITH_TEXT = (TextPart, ToolResult)


@dataclass(frozen=True, slots=True)
class World:
    """Where a pipeline gets time, ids and randomness: everything that would make a run irreproducible.

    Attributes:
        now: UTC time.
        new_id: UUIDv7 for a moment.
        entropy: that many random bytes.
    """

    now: Callable[[], datetime]
    new_id: Callable[[datetime], UUID]
    entropy: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """What one review has come to know when it is decided."""

    plan: Plan
    draft: RedactedDraft
    findings: tuple[Finding, ...]
    criticism: Criticism
    canary: str = ""


class Pipeline:
    """Reviews drafts. Shares nothing between reviews but what it is given here."""

    def __init__(  # noqa: PLR0913 - one a collaborator
        self,
        rulebook: Rulebook,
        admission: Admission,
        critic: Critic,
        ledger: Ledger,
        receipts: Receipts,
        budgets: Budgets,
        world: World,
        record_s: float,
    ) -> None:
        """Keep the collaborators.

        Args:
            record_s: seconds after a review's deadline by which its record must be written.
        """
        self._rulebook = rulebook
        self._admission = admission
        self._critic = critic
        self._ledger = ledger
        self._receipts = receipts
        self._world = world
        self._budgets = budgets
        self._record_s = record_s
        self._afterwards: Callable[[RecordedReview], None] = _nobody

    def look_on(self, afterwards: Callable[[RecordedReview], None]) -> None:
        """Have somebody told of each review that was asked for; must not block, must not raise."""
        self._afterwards = afterwards

    async def review(self, request: ReviewRequest, deadline: float, observer: Observer | None = None) -> RecordedReview:
        """Review one draft, or return the review that its request id has already.

        Args:
            deadline: on the loop's clock, with what decision, record and reply need already taken off.

        Raises:
            RequestError: the revision it names does not exist or does not fit.
            IdempotencyConflictError, InProgressError: see `Admission.once`.
            BudgetExhaustedError: the tenant's budget is used up, and the settings want the call to fail then.
            LedgerUnavailableError: there is no record, so there is no verdict.
        """
        recorded = await self._admission.once(request, deadline, lambda: self._paid(request, deadline, observer))
        report(recorded)
        self._afterwards(recorded)
        return self._receipts.attach(recorded, self._world.now())

    async def review_canary(self, request: ReviewRequest, examination: Examination, deadline: float) -> RecordedReview:
        """Review a draft that is known to be bad, as any other one but for three things.

        Only the examined model is asked, no ticket is made, and the record belongs to nobody who calls.

        Raises:
            LedgerUnavailableError: there is no record.
        """
        own = replace(request, tenant=CANARY_TENANT, request_id="")
        with self._budgets.allowance(CANARY_TENANT, self._world.now()) as allowance:
            recorded = await self._review(own, deadline, None, allowance, examination)
            allowance.settle(recorded.review)
        return recorded

    def warm_up(self) -> None:
        """Do once, for every route, what is only slow the first time (patterns, phone plans): no caller shall wait."""
        now = self._world.now()
        for route in self._rulebook.routing.all_routes:
            draft = RawDraft("Call +1 212 555 0123, 10 mg [a] of 5%.", sources=(Source("a", "A", "", "10 mg of 5%."),))
            request = ReviewRequest("", "", "", route.intents[0].removesuffix(".*"), draft)
            plan = self._rulebook.plan(request.intent, None, "", b"")
            facts = facts_of(request)
            subject = Subject(redact(request, plan.public_values), "", now, plan.policy_facts)
            run_checks(plan, inapplicable(plan, facts), subject)

    async def find(self, tenant: str, review_id: str) -> RecordedReview:
        """Read a review from the log.

        Raises:
            ReviewNotFoundError: there is none.
            LedgerUnavailableError, LedgerCorruptError: the log cannot be read.
        """
        stored = await self._ledger.find_review(tenant, review_id)
        if stored is None:
            raise ReviewNotFoundError(f"no review reviews/{review_id[:64]}")
        return self._receipts.attach(recall(stored), self._world.now())

    async def _paid(self, request: ReviewRequest, deadline: float, observer: Observer | None) -> RecordedReview:
        """Make a review at its tenant's expense."""
        with self._budgets.allowance(request.tenant, self._world.now()) as allowance:
            recorded = await self._review(request, deadline, observer, allowance)
            if not recorded.replayed:
                allowance.settle(recorded.review)
        return recorded

    async def _review(
        self,
        request: ReviewRequest,
        deadline: float,
        observer: Observer | None,
        allowance: Allowance,
        canary: Examination | None = None,
    ) -> RecordedReview:
        trail = Trail(observer or Unwatched())
        now = self._world.now()
        with trail.stage(Stage.ADMIT):
            plan = self._rulebook.plan(request.intent, request.tier, request.locale, _sample_key(request))
            facts = facts_of(request)
            waived = inapplicable(plan, facts)
            await self._check_revision(request)
        with trail.stage(Stage.REDACT):
            large = _is_large(request)
            draft = await _run(large, redact, request, plan.public_values)
        with trail.stage(Stage.CHECK):
            subject = Subject(draft, request.locale, now, plan.policy_facts)
            checked = await _run(large, run_checks, plan, waived, subject)
            trail.found(checked.findings)
            bars = barred(request, plan, draft, checked.findings)
        with trail.stage(Stage.CRITICISE):
            examinee = canary.model if canary else ""
            tell = trail.heard if observer else None
            inquiry = Inquiry(plan, facts, waived, draft, now, deadline, request.tenant, allowance, examinee, tell)
            criticism = Criticism(troubles=bars) if bars else await self._critic.criticise(inquiry)
        with trail.stage(Stage.VERIFY):
            index = criticism.index
            answered = verify_all(criticism.critiques, index, plan, waived) if index is not None else ()
            trail.found(answered)
        with trail.stage(Stage.DECIDE):
            case = Case(plan, draft, (*checked.findings, *answered), criticism, canary.case if canary else "")
            troubles = (*checked.troubles, *criticism.troubles)
            attempt = request.revision.attempt if request.revision else 0
            evidence = EvidenceSet(plan, facts, case.findings, criticism.critiques, troubles, attempt, waived)
            decision = decide(evidence)
        with trail.stage(Stage.RECORD):
            recorded = await self._record(request, self._compose(request, case, decision, trail), deadline)
            if not recorded.replayed:
                self._critic.remember(criticism, recorded.review.name)
        return replace(recorded, record_us=trail.timings[-1].duration_us)

    async def _check_revision(self, request: ReviewRequest) -> None:
        """Hold a claimed revision against the review it follows: the count of attempts must not be the caller's word.

        Raises:
            RequestError: there is no such review, it did not ask for a revision, or the count is wrong.
        """
        revision = request.revision
        if revision is None:
            return
        stored = await self._ledger.find_review(request.tenant, revision.previous_review.removeprefix("reviews/"))
        if stored is None:
            raise _fault("subject.revision.previous_review", "there is no such review")
        previous = recall(stored).review
        if previous.verdict is not Verdict.REVISE:
            raise _fault("subject.revision.previous_review", f"that review said {previous.verdict.name}, not REVISE")
        due = (previous.revision.attempt if previous.revision else 0) + 1
        if revision.attempt != due:
            raise _fault("subject.revision.attempt", f"got {revision.attempt}, the revision of that review is {due}")

    async def _record(self, request: ReviewRequest, review: Review, deadline: float) -> RecordedReview:
        entry = seal(review, self._world.entropy(CONTENT_KEY_BYTES))
        try:
            async with asyncio.timeout_at(deadline + self._record_s):
                appended = await self._ledger.append(entry)
        except TimeoutError as exc:
            # It may be written yet; the caller has to hear of it while it still listens, and the retry finds out.
            raise LedgerUnavailableError("the log was not written in time") from exc
        if appended.existing is not None:
            # Another process answered this request id while we worked: its review stands, ours was never written.
            return replay(appended.existing, request)
        return RecordedReview(review, appended.position)

    def _compose(
        self,
        request: ReviewRequest,
        case: Case,
        decision: Decision,
        trail: Trail,
    ) -> Review:
        plan, criticism, now = case.plan, case.criticism, self._world.now()
        handoff = None
        if decision.verdict is Verdict.HUMAN_HANDOFF and not case.canary:
            handoff = Handoff(str(self._world.new_id(now)), HandoffState.OPEN, now)
        outcomes = [critique.outcome for critique in criticism.critiques]
        return Review(
            id=str(self._world.new_id(now)),
            tenant=request.tenant,
            request_id=request.request_id,
            content_digest=request.content_digest,
            created_at=now,
            intent=request.intent,
            locale=request.locale,
            verdict=decision.verdict,
            reasons=decision.reasons,
            guidance=guide(decision, plan),
            findings=case.findings,
            criteria=plan.criterion_facts,
            handoff=handoff,
            pins=plan.pins,
            route=RouteTaken(
                id=plan.route.id,
                domain=plan.route.domain,
                tier=plan.tier,
                defaulted=plan.route is self._rulebook.routing.default,
                full=plan.full,
                rulebook_digest=self._rulebook.digest,
                prompt_version=PROMPT_VERSION,
            ),
            calls=criticism.calls,
            timings=tuple(trail.timings),
            drafter=request.draft.drafter,
            drafter_usage=request.draft.usage,
            draft_digest=request.draft.digest(),
            sources_digest=request.draft.sources_digest(),
            redactions=case.draft.report.counts,
            simulated=criticism.simulated,
            reused_from=criticism.reused_from,
            dropped_findings=sum([outcome.dropped for outcome in outcomes if isinstance(outcome, Completed)]),
            revision=request.revision,
            labels=request.labels,
            canary=case.canary,
        )


def _nobody(recorded: RecordedReview) -> None:
    """Nobody looks on."""


def _is_large(request: ReviewRequest) -> bool:
    """Whether scanning a request takes long enough to keep other callers waiting."""
    draft = request.draft
    length = len(draft.text) + sum([len(source.text) for source in draft.sources])
    length += sum([len(part.text) for m in draft.conversation for part in m.parts if isinstance(part, _WITH_TEXT)])
    return length + sum([len(call.arguments_json) for call in draft.tool_calls]) > LARGE_CHARS


async def _run(large: bool, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:  # noqa: FBT001 - it chooses
    """Run pure work here, or beside the event loop where it is large: the hop costs more than small work does."""
    return await asyncio.to_thread(work, *args, **kwargs) if large else work(*args, **kwargs)


def _sample_key(request: ReviewRequest) -> bytes:
    """What decides whether a low-tier request is sampled: its content, so that a retry cannot change it."""
    return request.content_digest.encode()


def _fault(field: str, message: str) -> RequestError:
    return RequestError((Fault(field, "", message),))
