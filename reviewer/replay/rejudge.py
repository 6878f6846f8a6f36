"""Rejudging: what a candidate rule set says of a logged review, as far as recorded findings and kept material tell.

`decide` is the one verdict rule here as in a review. What is recorded is taken wherever the same was asked; a check
that changed is run on the kept material; a question that changed is left open for `reviewer.replay.asking`, unless what
is known asks for a person already. Where something is missing that could matter, nothing is guessed: the answer is that
it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reviewer.checks.runner import not_applicable, run_checks
from reviewer.core.barring import barred, steered
from reviewer.core.check import Subject
from reviewer.core.choice import Candidate, Seating
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.kept import Material, read_material
from reviewer.core.outcome import Completed, Critique, Stopped
from reviewer.core.review import Review
from reviewer.core.rulebook import Facts, Plan, PlannedCriterion, applies
from reviewer.core.stopping import stands
from reviewer.core.verdict import Decision, EvidenceSet, Trouble, Verdict, decide
from reviewer.replay.comparison import UNKNOWN, Comparison, Rules, names
from reviewer.replay.recorded import BARS, Recorded, recorded

_NO_SOURCES = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
"""`RawDraft.sources_digest` where there are none: SHA-256 of `[]`."""


@dataclass(frozen=True, slots=True)
class Told:
    """The candidate's verdict.

    Attributes:
        open_questions: keys that the model was not asked about, since the verdict does not hang on them.
    """

    decision: Decision
    open_questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asks:
    """The verdict hangs on questions that the second model has not been asked.

    Attributes:
        evidence: what is known without them.
        questions: who has to be asked about which keys; the critique of each is to be added to the evidence.
    """

    evidence: EvidenceSet
    material: Material
    questions: tuple[tuple[Candidate, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Untold:
    """It cannot be told; in one English sentence why."""

    why: str


Answer = Told | Asks | Untold


class _UntoldError(Exception):
    """Ends a rejudgement in the middle; never leaves this module."""


@dataclass(slots=True)
class _Docket:
    """One review while it is judged again; its material is read when it is first needed."""

    review: Review
    rules: Rules
    _material: Material | None = field(default=None, repr=False)

    @property
    def has_material(self) -> bool:
        return bool(self.review.material)

    def material(self, why: str) -> Material:
        """Return the kept material; where there is none, it cannot be told for the reason given."""
        if self._material is None:
            if not self.review.material:
                raise _UntoldError(f"{why}, and its draft was not kept")
            self._material = read_material(self.review.material, self.review.drafter)
        return self._material


def rejudge(review: Review, rules: Rules) -> Answer:
    """Say what the candidate rules make of a review.

    Raises:
        LedgerCorruptError: its kept material cannot be read.
    """
    docket = _Docket(review, rules)
    try:
        return _rejudge(docket)
    except _UntoldError as untold:
        return Untold(str(untold))


def settle(evidence: EvidenceSet, critiques: Iterable[Critique], findings: Iterable[Finding]) -> Decision:
    """Decide once the open questions were answered."""
    return decide(
        replace(
            evidence,
            findings=(*evidence.findings, *findings),
            critiques=(*evidence.critiques, *critiques),
        )
    )


def _rejudge(docket: _Docket) -> Answer:
    review, rules = docket.review, docket.rules
    plan = _plan(docket)
    before = rules.at_the_time(review)
    old = before and before.plan(review.intent, review.route.tier, review.locale, review.content_digest.encode())
    alike = rules.compare(before, old, plan, review) if before and old else UNKNOWN
    heard = recorded(review, plan.tier, _screen(old or plan))
    waived = _waived(docket, plan, alike, heard)
    checked, troubles = _checked(docket, plan, alike, heard, waived)
    attempt = review.revision.attempt if review.revision else 0
    facts = _facts(docket)
    evidence = EvidenceSet(plan, facts, checked, (), troubles, attempt, waived)
    if not plan.full:
        return Told(decide(evidence))
    bars = _bars(docket, plan, alike, heard, checked)
    if bars:
        return Told(decide(replace(evidence, troubles=(*troubles, *bars))))
    today = review.created_at.date()
    seated = rules.seated(plan, rules.candidate.catalogue, review.drafter, today)
    was = rules.seated(old, before.catalogue, review.drafter, today) if before and old else None
    if was is None or names(was) != names(seated) or not (old and old.full) or _was_barred(review):
        # Nobody whose answers these would be has been asked.
        if isinstance(seated, Trouble):
            return Told(decide(replace(evidence, troubles=(*troubles, seated))))
        everything = tuple([key for key in plan.asked if key not in waived])
        noted = replace(evidence, troubles=(*troubles, *seated.notes))
        return _open(docket, noted, [(seat, everything) for seat in seated.seats])
    evidence = replace(evidence, troubles=(*troubles, *heard.circumstances))
    return _reuse(docket, evidence, alike, heard, seated)


def _plan(docket: _Docket) -> Plan:
    """Return the candidate's plan for the request; the caller's wish matters only where the route's tier fell."""
    review, rules = docket.review, docket.rules
    key = review.content_digest.encode()
    candidate = rules.candidate
    plan = candidate.plan(review.intent, None, review.locale, key)
    if plan.tier >= review.route.tier:
        return plan
    before = rules.at_the_time(review)
    if docket.has_material:
        wish = docket.material("").tier
    elif before is not None and before.plan(review.intent, None, review.locale, key).tier < review.route.tier:
        wish = review.route.tier
    else:
        raise _UntoldError("the route's tier fell, and which tier the caller asked for was not kept")
    return candidate.plan(review.intent, wish, review.locale, key)


def _screen(plan: Plan) -> str:
    return next((spec.model for spec in plan.reviewers if spec.id == plan.route.screen), "")


def _facts(docket: _Docket) -> Facts:
    """Return the routing facts, as far as they are known without the material; what hangs on more asks for it."""
    review = docket.review
    sources = review.sources_digest != _NO_SOURCES
    return Facts(review.intent, review.locale, sources, has_tool_calls=False, has_draft_text=True)


def _waived(docket: _Docket, plan: Plan, alike: Comparison, heard: Recorded) -> frozenset[str]:
    waived: list[str] = []
    for item in plan.conditional:
        if item.key in alike.conditions:
            if item.key in heard.waived:
                waived.append(item.key)
        elif not applies(item.criterion, _facts_for(docket, item)):
            waived.append(item.key)
    return frozenset(waived)


def _facts_for(docket: _Docket, item: PlannedCriterion) -> Facts:
    """Return facts that are enough for one criterion's conditions."""
    when = item.criterion.applies_when
    if docket.has_material or (when and (when.has_tool_calls is not None or when.has_draft_text is not None)):
        return docket.material(f"whether {item.key} applies hangs on the draft").facts
    return _facts(docket)


def _checked(
    docket: _Docket, plan: Plan, alike: Comparison, heard: Recorded, waived: frozenset[str]
) -> tuple[tuple[Finding, ...], tuple[Trouble, ...]]:
    """Take what checks found where they are the same, and run the others on the kept material."""
    findings: list[Finding] = []
    troubles: list[Trouble] = []
    anew: list[str] = []
    for item in plan.criteria:
        same = item.key in alike.checks
        if item.key in waived:
            findings.append(not_applicable(item.key))
        elif item.check is None:
            continue
        elif same and (known := heard.by_check.get(item.key)) is not None:
            findings.append(known)
        elif same and (failed := heard.unchecked.get(item.key)) is not None:
            troubles.append(failed)
        else:
            anew.append(item.key)
    if anew:
        review = docket.review
        draft = docket.material("a check changed").draft
        subject = Subject(draft, review.locale, review.created_at, plan.policy_facts)
        done = run_checks(docket.rules.part(plan, tuple(anew)), frozenset(), subject)
        findings.extend(done.findings)
        troubles.extend(done.troubles)
    return tuple(findings), tuple(troubles)


def _bars(
    docket: _Docket, plan: Plan, alike: Comparison, heard: Recorded, checked: tuple[Finding, ...]
) -> tuple[Trouble, ...]:
    """Say why the second model must not see this request."""
    if alike.data_classes and docket.review.route.full:
        return (*heard.bars, *steered(checked))
    material = docket.material("the route shows other classes of material")
    return barred(plan, material.data_class, material.draft.report, checked)


def _was_barred(review: Review) -> bool:
    found = [finding for finding in review.findings if finding.origin is Origin.CHECK]
    return bool(steered(found)) or any(reason.cause in BARS for reason in review.reasons)


def _reuse(
    docket: _Docket, evidence: EvidenceSet, alike: Comparison, heard: Recorded, seated: Seating | Trouble
) -> Answer:
    """Take the recorded answers to what is still asked, and open what they leave."""
    plan, waived = evidence.plan, evidence.inapplicable
    arising = [key for key in plan.asked if key not in waived]
    changed = [key for key in arising if key not in alike.questions or key in heard.waived]
    findings: list[Finding] = []
    critiques: list[Critique] = []
    missing: dict[str, list[str]] = {}
    for critique in heard.critiques:
        own = [f for f in heard.by_judge.get(critique.judge, ()) if _stands(f, alike, waived)]
        findings += own
        lacks = changed
        if isinstance(critique.outcome, Stopped):
            answered = {finding.criterion for finding in own}
            ended = stands(critique, critique.outcome, own, plan)
            lacks = [] if ended else [key for key in arising if key not in answered]
        if critique.screen or not lacks:
            critiques.append(critique)
        else:
            missing[critique.judge] = lacks
    candidates = () if isinstance(seated, Trouble) else (*seated.seats, *seated.spares)
    if changed and critiques and not missing and all(critique.screen for critique in critiques):
        # The screen alone was heard, and not on this: whoever stands behind it has to be.
        missing = {candidate.spec.model: arising for candidate in candidates[:1]}
    asks = [(c, tuple(missing.pop(c.spec.model))) for c in candidates if c.spec.model in missing]
    if missing:
        raise _UntoldError("a question changed, and whoever answered it is no reviewer of this route")
    known = replace(evidence, findings=(*evidence.findings, *findings), critiques=tuple(critiques))
    return _open(docket, known, asks)


def _stands(finding: Finding, alike: Comparison, waived: frozenset[str]) -> bool:
    if finding.criterion not in alike.questions:
        return False
    return finding.criterion not in waived or Outcome.NOT_MET in (finding.outcome, finding.claimed)


def _open(docket: _Docket, known: EvidenceSet, asks: list[tuple[Candidate, tuple[str, ...]]]) -> Answer:
    """Leave questions open, unless the verdict is a person's already, whatever the answers."""
    silent = [Critique(candidate.spec.model, Completed(())) for candidate, keys in asks if not keys]
    asks = [ask for ask in asks if ask[1]]
    known = replace(known, critiques=(*known.critiques, *silent))
    if not asks:
        return Told(decide(known))
    best = [
        Finding(key, Origin.CRITIC, candidate.spec.model, Outcome.MET, Outcome.MET)
        for candidate, keys in asks
        for key in keys
    ]
    hoped = settle(known, [Critique(candidate.spec.model, Completed(())) for candidate, _ in asks], best)
    # Of two judges one could still agree with the other's objection: only a single one can do nothing but object.
    if hoped.verdict is Verdict.HUMAN_HANDOFF and known.plan.route.seats == 1:
        return Told(hoped, tuple(dict.fromkeys([key for _, keys in asks for key in keys])))
    material = docket.material("a question changed")
    if material.images:
        raise _UntoldError("a question changed, and images are not kept")
    return Asks(known, material, tuple(asks))
