"""The corridor: one review told once, from admission to the record. The only control flow across rooms.

Each room takes a typed value and gives the next one; no room calls back up. A review leaves as a `RecordedReview`,
which exists only once the verdict log has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar
from uuid import UUID

from reviewer.admission import Admission, recall, replay
from reviewer.budget import Allowance, Budgets
from reviewer.checks.runner import run_checks
from reviewer.core.barring import barred
from reviewer.core.check import Subject
from reviewer.core.draft import RawDraft, ReviewRequest, Source, TextPart, ToolResult
from reviewer.core.errors import Fault, LedgerUnavailableError, RequestError, ReviewNotFoundError
from reviewer.core.guidance import guide
from reviewer.core.kept import facts_of, material_of
from reviewer.core.outcome import Completed
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
from reviewer.core.rulebook import Rulebook, inapplicable
from reviewer.core.ruling import Rules, RuleSet, Ruling, Shadowing
from reviewer.core.verdict import Decision, EvidenceSet, Verdict, decide
from reviewer.core.verification import verify_all
from reviewer.critic import Critic, Criticism, Inquiry
from reviewer.ledger.interface import Ledger
from reviewer.receipts import Receipts
from reviewer.sitting import Case, Shown, Sitting
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


Beside = Callable[[ReviewRequest, Shadowing, Review], None]
"""Is told of a review that a candidate judges as well."""


class Pipeline:
    """Reviews drafts. Shares nothing between reviews but what it is given here."""

    def __init__(  # noqa: PLR0913 - one a collaborator
        self,
        rules: Rules,
        admission: Admission,
        critic: Critic,
        ledger: Ledger,
        receipts: Receipts,
        budgets: Budgets,
        world: World,
        record_s: float,
        handoff_lifetime: timedelta | None = None,
    ) -> None:
        """Keep the collaborators.

        Args:
            rules: asked once for each review, which goes by the answer to its end.
            record_s: seconds after a review's deadline by which its record must be written.
            handoff_lifetime: after which a handoff counts as rejected; None never.
        """
        self._rules = rules
        self._admission = admission
        self._critic = critic
        self._ledger = ledger
        self._receipts = receipts
        self._world = world
        self._budgets = budgets
        self._record_s = record_s
        self._onlookers: list[Callable[[RecordedReview], None]] = []
        self._handoff_lifetime = handoff_lifetime
        self._max_kept_bytes = 0
        self._beside: Beside | None = None

    def shadow(self, beside: Beside) -> None:
        """Have somebody told of each review that a candidate judges as well; must not block, must not raise."""
        self._beside = beside

    def keep(self, max_bytes: int) -> None:
        """Keep the redacted request in the content of a review, up to so many bytes; 0 keeps none."""
        self._max_kept_bytes = max_bytes

    def look_on(self, onlooker: Callable[[RecordedReview], None]) -> None:
        """Have somebody else told of each review that was asked for; must not block, must not raise."""
        self._onlookers.append(onlooker)

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
        for onlooker in self._onlookers:
            onlooker(recorded)
        return self._receipts.attach(recorded, self._world.now())

    async def review_canary(
        self, request: ReviewRequest, examination: Examination, deadline: float, rules: RuleSet
    ) -> RecordedReview:
        """Review a draft that is known to be bad, as any other one but for three things.

        Only the examined model is asked, no ticket is made, and the record belongs to nobody who calls.

        Args:
            rules: of which the canary is.

        Raises:
            LedgerUnavailableError: there is no record.
        """
        own = replace(request, tenant=CANARY_TENANT, request_id="")
        with self._budgets.allowance(CANARY_TENANT, self._world.now()) as allowance:
            recorded = await self._review(own, deadline, None, allowance, Shown(examination, Ruling(rules)))
            allowance.settle(recorded.review)
        return recorded

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
        shown: Shown | None = None,
    ) -> RecordedReview:
        trail = Trail(observer or Unwatched())
        with trail.stage(Stage.ADMIT):
            previous = await self._check_revision(request)
            ruling = shown.ruling if shown else self._rules(request, previous)
        canary = shown.examination if shown else None
        sitting = Sitting(ruling, deadline, allowance, trail, canary, trail.heard if observer else None)
        case, decision = await self._judge(request, sitting)
        with trail.stage(Stage.RECORD):
            # A canary's draft lies in the rubrics' own cases.
            most = 0 if canary else self._max_kept_bytes
            kept = await _run(_is_large(request), material_of, request, case.draft, most)
            review = replace(self._compose(request, case, decision, trail), material=kept.material, unkept=kept.missing)
            recorded = await self._record(request, review, deadline)
            if not recorded.replayed:
                self._critic.remember(case.criticism, recorded.review.name)
                if ruling.shadow is not None and self._beside is not None:
                    self._beside(request, ruling.shadow, recorded.review)
        return replace(recorded, record_us=trail.timings[-1].duration_us)

    async def judge_beside(
        self, request: ReviewRequest, rules: RuleSet, deadline: float, allowance: Allowance
    ) -> Review:
        """Return what other rules make of a request that was reviewed; nothing of it is written or remembered.

        Raises:
            LedgerUnavailableError: what was spent cannot be read.
        """
        trail = Trail(Unwatched())
        case, decision = await self._judge(request, Sitting(Ruling(rules), deadline, allowance, trail))
        return self._compose(request, case, decision, trail)

    async def _judge(self, request: ReviewRequest, sitting: Sitting) -> tuple[Case, Decision]:
        """Walk through the rooms between admission and the record."""
        rulebook, trail, now = sitting.ruling.rules.rulebook, sitting.trail, self._world.now()
        plan = rulebook.plan(request.intent, request.tier, request.locale, _sample_key(request))
        facts = facts_of(request)
        waived = inapplicable(plan, facts)
        with trail.stage(Stage.REDACT):
            large = _is_large(request)
            draft = await _run(large, redact, request, plan.public_values)
        with trail.stage(Stage.CHECK):
            subject = Subject(draft, request.locale, now, plan.policy_facts)
            checked = await _run(large, run_checks, plan, waived, subject)
            trail.found(checked.findings)
            bars = barred(plan, request.data_class, draft.report, checked.findings)
        with trail.stage(Stage.CRITICISE):
            examinee = sitting.canary.model if sitting.canary else ""
            terms = (plan, facts, waived, draft, now, sitting.deadline, rulebook.catalogue)
            inquiry = Inquiry(*terms, request.tenant, sitting.allowance, examinee, sitting.tell)
            criticism = Criticism(troubles=bars) if bars else await self._critic.criticise(inquiry)
        with trail.stage(Stage.VERIFY):
            index = criticism.index
            answered = verify_all(criticism.critiques, index, plan, waived) if index is not None else ()
            trail.found(answered)
        with trail.stage(Stage.DECIDE):
            shown = sitting.canary.case if sitting.canary else ""
            case = Case(sitting.ruling, plan, draft, (*checked.findings, *answered), criticism, shown)
            troubles = (*checked.troubles, *criticism.troubles)
            attempt = request.revision.attempt if request.revision else 0
            evidence = EvidenceSet(plan, facts, case.findings, criticism.critiques, troubles, attempt, waived)
            return case, decide(evidence)

    async def _check_revision(self, request: ReviewRequest) -> Review | None:
        """Hold a claimed revision against the review it follows: the count of attempts must not be the caller's word.

        Returns:
            That review; None where nothing is revised.

        Raises:
            RequestError: there is no such review, it did not ask for a revision, or the count is wrong.
        """
        revision = request.revision
        if revision is None:
            return None
        stored = await self._ledger.find_review(request.tenant, revision.previous_review.removeprefix("reviews/"))
        if stored is None:
            raise _fault("subject.revision.previous_review", "there is no such review")
        previous = recall(stored).review
        if previous.verdict is not Verdict.REVISE:
            raise _fault("subject.revision.previous_review", f"that review said {previous.verdict.name}, not REVISE")
        due = (previous.revision.attempt if previous.revision else 0) + 1
        if revision.attempt != due:
            raise _fault("subject.revision.attempt", f"got {revision.attempt}, the revision of that review is {due}")
        return previous

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
        rulebook = case.ruling.rules.rulebook
        handoff = None
        if decision.verdict is Verdict.HUMAN_HANDOFF and not case.canary:
            expires_at = now + self._handoff_lifetime if self._handoff_lifetime else None
            handoff = Handoff(str(self._world.new_id(now)), HandoffState.OPEN, now, expires_at)
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
                defaulted=plan.route is rulebook.routing.default,
                full=plan.full,
                rulebook_digest=rulebook.digest,
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
            release=case.ruling.rules.release,
            stage=case.ruling.stage,
        )


def warm_up(rulebook: Rulebook, now: datetime) -> None:
    """Do once, for every route, what is only slow the first time (patterns, phone plans): no caller shall wait."""
    for route in rulebook.routing.all_routes:
        draft = RawDraft("Call +1 212 555 0123, 10 mg [a] of 5%.", sources=(Source("a", "A", "", "10 mg of 5%."),))
        request = ReviewRequest("", "", "", route.intents[0].removesuffix(".*"), draft)
        plan = rulebook.plan(request.intent, None, "", b"")
        facts = facts_of(request)
        subject = Subject(redact(request, plan.public_values), "", now, plan.policy_facts)
        run_checks(plan, inapplicable(plan, facts), subject)


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
