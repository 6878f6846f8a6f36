"""Small domain values: each builder takes what a test is about and fills in the rest with something harmless."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from reviewer.core.baseline import BASELINE
from reviewer.core.check import CheckOutcome, Passed, Subject
from reviewer.core.draft import (
    DataClass,
    Drafter,
    Message,
    RawDraft,
    ReviewRequest,
    Role,
    Source,
    TextPart,
    Tier,
    ToolCall,
)
from reviewer.core.finding import Finding, Origin, Outcome, Quote, QuoteStatus
from reviewer.core.guidance import DrafterGuidance
from reviewer.core.ids import uuid7
from reviewer.core.models import ModelCatalogue
from reviewer.core.outcome import Completed, Critique
from reviewer.core.record import Entry, seal
from reviewer.core.redaction import redact
from reviewer.core.review import Review, RouteTaken
from reviewer.core.routing import Guidance, Routing
from reviewer.core.rubric import Criterion, Place, Rubric, Severity
from reviewer.core.rulebook import CriterionFact, Facts, Plan, PlannedCriterion, RubricPin, assemble
from reviewer.core.segments import SegmentIndex, segment
from reviewer.core.verdict import EvidenceSet, Verdict

MOMENT = datetime(2026, 11, 21, 9, 30, 15, 250_000, tzinfo=UTC)
JUDGE = Origin.CRITIC.value
"""Who gives the findings of a critic, where a test does not say who."""
CONTENT_KEY = bytes(range(32))
FACTS = Facts(intent="probe.ask", locale="en-US", has_sources=True, has_tool_calls=False, has_draft_text=True)


def passes(_: Subject) -> CheckOutcome:
    """Judge nothing: a check that is always content."""
    return Passed()


def criterion(name: str, severity: str = "blocker", judge: str = "critic", **fields: object) -> Criterion:
    """Build a criterion; one with a check names a check that need not exist."""
    content: dict[str, object] = {
        "id": name,
        "title": f"Title of {name}",
        "question": f"Is {name} as it should be?",
        "kind": "absence",
        "severity": severity,
        "judge": judge,
    }
    if judge != "critic":
        content["check"] = {"id": "probe"}
    if judge != "check":
        content |= {"met_when": ["it is so"], "not_met_when": ["it is not so"]}
    return Criterion.model_validate(content | fields)


def rubric(*criteria: Criterion, name: str = "probe", **fields: object) -> Rubric:
    """Build a rubric; where no criterion blocks, a blocking check joins them."""
    rows = list(criteria)
    if not any(row.severity is Severity.BLOCKER for row in rows):
        rows.append(criterion("blocks", judge="check"))
    content = {
        "schema": 1,
        "id": name,
        "version": "1.0.0",
        "domain": name,
        "owner": "tests",
        "changed": "2026-11-21",
        "purpose": "To be tested.",
        "applies_to": {"intents": ["*"]},
        "criteria": [row.model_dump(mode="json") for row in rows],
    }
    return Rubric.model_validate(content | fields)


CATALOGUE = ModelCatalogue.model_validate(
    {
        "schema": 1,
        "version": "1.0.0",
        "models": [
            {
                "id": "critic-1",
                "provider": "anthropic",
                "family": "claude",
                "pinned": True,
                "context_tokens": 100_000,
                "max_output_tokens": 4096,
                "source": "made up for the test",
            }
        ],
    }
)


REVIEWERS = ("critic", "second", "third")
"""Reviewers that a route may name; the first one is that of a route that names none."""


def plan_of(*rubrics: Rubric, tier: str = "high", **route: object) -> Plan:
    """Plan a request to a route that runs these rubrics, every check of theirs being content."""
    asked: dict[str, object] = {
        "id": "probe",
        "intents": ["probe.*"],
        "domain": "probe",
        "tier": tier,
        "rubrics": [item.id for item in rubrics],
        "reviewers": ["critic"],
        "sample_percent": 0,
    }
    default = asked | {"id": "other", "intents": ["*"], "tier": "high"}
    routing = Routing.model_validate(
        {
            "schema": 1,
            "version": "1.0.0",
            "reviewers": [{"id": name, "provider": "anthropic", "model": f"{name}-1"} for name in REVIEWERS],
            "default": default,
            "routes": [asked | route],
        }
    )
    checks = {f"{r.id}/{c.id}": passes for r in (BASELINE, *rubrics) for c in r.criteria if c.check is not None}
    return assemble(rubrics, routing, CATALOGUE, checks).plan(FACTS.intent, None, FACTS.locale, b"")


def only(plan: Plan, item: Criterion) -> Plan:
    """Return a plan whose one criterion is `probe/<id>`."""
    check = passes if item.check is not None else None
    planned = PlannedCriterion(f"probe/{item.id}", "probe", item, check, asks_critic=check is None)
    return replace(plan, criteria=(planned,))


def finding(
    criterion: str,
    outcome: Outcome = Outcome.MET,
    origin: Origin = Origin.CRITIC,
    *,
    claimed: Outcome | None = None,
    quotes: tuple[Quote, ...] = (),
    why: str = "",
    fix: str | None = None,
    unverified: bool = False,
    by: str = "",
) -> Finding:
    """Build a finding that claims what is in force unless told otherwise."""
    return Finding(criterion, origin, by or origin.value, claimed or outcome, outcome, quotes, why, fix, unverified)


def answers(plan: Plan, judges: tuple[str, ...] = (JUDGE,)) -> tuple[Finding, ...]:
    """Answer every criterion of a plan with MET, by its check and by each judge."""
    by_check = [finding(item.key, origin=Origin.CHECK) for item in plan.criteria if item.check is not None]
    by_critic = [finding(item.key, by=judge) for judge in judges for item in plan.criteria if item.asks_critic]
    return (*by_check, *by_critic)


def clean(plan: Plan) -> EvidenceSet:
    """Return the evidence of a draft that nobody has anything against."""
    return EvidenceSet(plan, FACTS, answers(plan), (Critique(JUDGE, Completed(())),) if plan.full else ())


def heard(plan: Plan, *critiques: Critique) -> EvidenceSet:
    """Return the evidence of critiques that have nothing against a draft, as far as they are complete."""
    judges = tuple(critique.judge for critique in critiques if isinstance(critique.outcome, Completed))
    return EvidenceSet(plan, FACTS, answers(plan, judges), critiques)


def quote(text: str, status: QuoteStatus = QuoteStatus.EXACT, place: Place = Place.DRAFT) -> Quote:
    """Build a quote from the beginning of a draft, or one that was not found."""
    start, end = (-1, -1) if status is QuoteStatus.FAILED else (0, len(text))
    return Quote(place, "draft", text, start, end, status)


def request(text: str = "Rest, and drink plenty of water.", **fields: object) -> ReviewRequest:
    """Build a request; `draft` fields and request fields are told apart by name."""
    drafted = {"tool_calls", "conversation", "sources", "drafter", "finish_reason", "usage"}
    draft = replace(RawDraft(text), **{name: value for name, value in fields.items() if name in drafted})  # type: ignore[arg-type]
    base = ReviewRequest("", draft.digest(), "acme", FACTS.intent, draft, locale="en-US", data_class=DataClass.INTERNAL)
    return replace(base, **{name: value for name, value in fields.items() if name not in drafted})  # type: ignore[arg-type]


def said(*texts: str, role: Role = Role.USER) -> tuple[Message, ...]:
    """Build a conversation of one-part turns."""
    return tuple(Message(role, (TextPart(text),)) for text in texts)


def source(text: str, name: str = "s1", title: str = "") -> Source:
    """Build a source."""
    return Source(name, title, "", text)


def call(arguments_json: str, name: str = "send") -> ToolCall:
    """Build a proposed tool call."""
    return ToolCall("call_1", name, arguments_json)


def index_of(text: str, **fields: object) -> SegmentIndex:
    """Redact and cut a request as the service would."""
    return segment(redact(request(text, **fields)))


def review(number: int = 1, **fields: object) -> Review:
    """Build an approved review; `number` makes its id."""
    base = Review(
        id=str(review_id(number)),
        tenant="acme",
        request_id="",
        content_digest="c" * 64,
        created_at=MOMENT,
        intent=FACTS.intent,
        locale=FACTS.locale,
        verdict=Verdict.APPROVE,
        reasons=(),
        guidance=DrafterGuidance(Guidance.FULL),
        findings=(finding("probe/asked"),),
        criteria={"probe/asked": CriterionFact("Title of asked", Severity.BLOCKER)},
        handoff=None,
        pins=(RubricPin("probe", "1.0.0", "d" * 64),),
        route=RouteTaken("probe", "probe", Tier.HIGH, defaulted=False, full=True, rulebook_digest="e" * 64),
        calls=(),
        timings=(),
        drafter=Drafter("openai", "gpt-5.2", "gpt-5.2-2025-12-11"),
        drafter_usage=RawDraft("").usage,
        draft_digest="f" * 64,
        sources_digest="0" * 64,
        redactions=(),
        simulated=False,
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def review_id(number: int) -> UUID:
    """Return the id of the review of that number."""
    return uuid7(MOMENT, number.to_bytes(10))


def entry(number: int = 1, request_id: str = "", digest: str = "c" * 64, **fields: object) -> Entry:
    """Seal a review for the log."""
    made = review(number, request_id=request_id, content_digest=digest, **fields)
    return seal(made, number.to_bytes(32))


def changed(evidence: EvidenceSet, **fields: object) -> EvidenceSet:
    """Return the evidence with some of its fields replaced."""
    return replace(evidence, **fields)  # type: ignore[arg-type]
