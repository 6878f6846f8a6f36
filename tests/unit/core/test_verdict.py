from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from reviewer.core.baseline import INJECTION_CRITERIA
from reviewer.core.finding import Finding, Origin, Outcome, QuoteStatus
from reviewer.core.outcome import (
    Completed,
    Critique,
    CritiqueOutcome,
    FailureKind,
    Malformed,
    Refused,
    Truncated,
    Unavailable,
)
from reviewer.core.rubric import Criterion, Effect, Severity
from reviewer.core.rulebook import Plan, PlannedCriterion, applies, inapplicable
from reviewer.core.verdict import Cause, Decision, EvidenceSet, Reason, Trouble, Verdict, decide, verdict_of
from tests.support.builders import (
    FACTS,
    JUDGE,
    answers,
    changed,
    clean,
    criterion,
    finding,
    only,
    plan_of,
    quote,
    rubric,
)
from tests.support.strategies import evidence_sets, failures, findings, outcomes, troubles

PLAN = plan_of(
    rubric(
        criterion("blocker", judge="both"),
        criterion("major", "major", fix="Say it better."),
        criterion("minor", "minor"),
        criterion("odd", "major", on_fail="revise", on_uncertain="handoff"),
        criterion("checked", "major", judge="check"),
        criterion("with_sources", "major", applies_when={"has_sources": True}),
        criterion("waivable", "minor", na_allowed=True),
    )
)
BY_RULE = plan_of(rubric(criterion("checked", judge="check")), tier="medium")
CRITERIA = {item.key: item for item in PLAN.criteria}


def verdict(evidence: EvidenceSet) -> Verdict:
    return decide(evidence).verdict


def causes(decision: Decision) -> list[Cause]:
    return [reason.cause for reason in decision.reasons]


def due(evidence: EvidenceSet) -> list[PlannedCriterion]:
    return [item for item in evidence.plan.criteria if applies(item.criterion, evidence.facts)]


def open_questions(evidence: EvidenceSet) -> set[tuple[str, Origin]]:
    """Return who still owes an answer to what."""
    given_by = {(f.criterion, f.origin) for f in evidence.findings}
    owed = {(item.key, Origin.CHECK) for item in due(evidence) if item.check is not None}
    return (owed | {(item.key, Origin.CRITIC) for item in due(evidence) if item.asks_critic}) - given_by


def test_clean_evidence_is_approved() -> None:
    """A draft that everybody is content with is approved, with nothing to say about it."""
    assert decide(clean(PLAN)) == Decision(Verdict.APPROVE)
    assert decide(clean(BY_RULE)) == Decision(Verdict.APPROVE)


@given(evidence_sets(PLAN), troubles)
def test_trouble_never_lowers(evidence: EvidenceSet, trouble: Trouble) -> None:
    """Another trouble never lowers the verdict."""
    assert verdict(changed(evidence, troubles=(*evidence.troubles, trouble))) >= verdict(evidence)


@given(evidence_sets(PLAN), findings(PLAN))
def test_finding_never_lowers(evidence: EvidenceSet, extra: Finding) -> None:
    """Another finding never lowers the verdict, unless it is the first answer to a question that is still open."""
    assume((extra.criterion, extra.origin) not in open_questions(evidence))

    assert verdict(changed(evidence, findings=(*evidence.findings, extra))) >= verdict(evidence)


@given(evidence_sets(PLAN), st.sampled_from(answers(PLAN)))
def test_missing_answer_never_helps(evidence: EvidenceSet, taken: Finding) -> None:
    """What a judge says to a question that arises can be taken away without the verdict being lowered."""
    assume(taken.criterion in {item.key for item in due(evidence)})
    rest = tuple(f for f in evidence.findings if (f.criterion, f.origin) != (taken.criterion, taken.origin))

    assert verdict(changed(evidence, findings=rest)) >= verdict(evidence)


@given(evidence_sets(PLAN), st.integers(0, 50), outcomes, outcomes)
def test_met_is_best(evidence: EvidenceSet, at: int, claimed: Outcome, outcome: Outcome) -> None:
    """A MET that turns into anything else never lowers the verdict."""
    met = with_outcome(evidence, at, Outcome.MET, claimed)

    assert verdict(with_outcome(evidence, at, outcome, claimed)) >= verdict(met)


@given(evidence_sets(PLAN), st.integers(0, 50), outcomes)
def test_clear_failure_is_worse_than_doubt(evidence: EvidenceSet, at: int, claimed: Outcome) -> None:
    """An UNCERTAIN that turns into NOT_MET never lowers the verdict where `on_fail` is at least `on_uncertain`."""
    item = CRITERIA.get(evidence.findings[at % len(evidence.findings)].criterion)
    assume(item is None or item.criterion.fail_effect >= item.criterion.uncertain_effect)
    doubted = with_outcome(evidence, at, Outcome.UNCERTAIN, claimed)

    assert verdict(with_outcome(evidence, at, Outcome.NOT_MET, claimed)) >= verdict(doubted)


def with_outcome(evidence: EvidenceSet, at: int, outcome: Outcome, claimed: Outcome) -> EvidenceSet:
    """Return the evidence with one of its findings, counted round and round, ending otherwise."""
    rows = list(evidence.findings)
    at %= len(rows)
    rows[at] = replace(rows[at], outcome=outcome, claimed=claimed)
    return changed(evidence, findings=tuple(rows))


@given(evidence_sets(PLAN), st.randoms(use_true_random=False))
def test_order_does_not_matter(evidence: EvidenceSet, random: Random) -> None:
    """The same findings and troubles in any order give the same decision, down to the order of its reasons."""
    shuffled_findings, shuffled_troubles = list(evidence.findings), list(evidence.troubles)
    random.shuffle(shuffled_findings)
    random.shuffle(shuffled_troubles)
    other = changed(evidence, findings=tuple(shuffled_findings), troubles=tuple(shuffled_troubles))

    assert decide(other) == decide(evidence)


@given(evidence_sets(PLAN))
def test_conditions_worked_out_before(evidence: EvidenceSet) -> None:
    """What does not apply may be handed in or worked out anew, with the same decision."""
    assert decide(changed(evidence, waived=inapplicable(PLAN, evidence.facts))) == decide(evidence)


@given(evidence_sets(PLAN))
def test_repetition_changes_nothing(evidence: EvidenceSet) -> None:
    """Evidence told twice gives the decision of evidence told once."""
    twice = changed(evidence, findings=evidence.findings * 2, troubles=evidence.troubles * 2)

    assert decide(twice) == decide(evidence)


@given(evidence_sets(PLAN) | evidence_sets(BY_RULE))
def test_approval_rests_on_positive_evidence(evidence: EvidenceSet) -> None:
    """A draft is approved exactly where all judges have answered, a due critique is complete, and nothing is amiss."""
    asked = any(item.asks_critic for item in due(evidence))
    spotless = (
        not open_questions(evidence)
        and all(trouble.effect is Effect.NOTE for trouble in evidence.troubles)
        and (evidence.critiques == (Critique(JUDGE, Completed(())),) or (not evidence.critiques and not asked))
        and all(harmless(one, evidence) for one in evidence.findings)
        and not mostly_waived(evidence)
    )

    assert (verdict(evidence) is Verdict.APPROVE) == spotless


def harmless(one: Finding, evidence: EvidenceSet) -> bool:
    """Whether a finding, as its criterion's author weighs it, speaks against nothing."""
    item = {item.key: item for item in evidence.plan.criteria}.get(one.criterion)
    if item is None or one.unverified:
        return False
    failed = Outcome.NOT_MET in (one.outcome, one.claimed) and item.criterion.fail_effect is not Effect.NOTE
    doubted = one.outcome is Outcome.UNCERTAIN and item.criterion.uncertain_effect is not Effect.NOTE
    return not failed and not doubted


def mostly_waived(evidence: EvidenceSet) -> bool:
    asked = {item.key for item in due(evidence) if item.asks_critic}
    waivers = {
        f.criterion for f in evidence.findings if f.origin is Origin.CRITIC and f.outcome is Outcome.NOT_APPLICABLE
    }
    return len(asked & waivers) * 2 > len(asked)


@given(evidence_sets(PLAN))
def test_verdict_is_the_greatest_asked_for(evidence: EvidenceSet) -> None:
    """The verdict is that of its strictest reason, and reasons stand from the strictest on."""
    decision = decide(evidence)
    asked = [reason.effect for reason in decision.reasons]

    assert decision.verdict is verdict_of(max(asked, default=Effect.NOTE))
    assert asked == sorted(asked, reverse=True)
    assert len(set(decision.reasons)) == len(decision.reasons)


def test_each_trouble_alone_hands_off() -> None:
    """Every cause, on its own beside clean evidence, gives a handoff for that cause and no other."""
    for cause in Cause:
        decision = decide(changed(clean(PLAN), troubles=(Trouble(cause, "it happened"),)))

        assert decision == Decision(Verdict.HUMAN_HANDOFF, (Reason(cause, Effect.HANDOFF, "", None, "it happened"),)), (
            cause
        )


def test_a_note_moves_nothing() -> None:
    """A trouble of effect NOTE is kept as a reason and leaves the approval standing."""
    noted = decide(changed(clean(PLAN), troubles=(Trouble(Cause.SERVED_MODEL_MISMATCH, "alias", Effect.NOTE),)))

    assert noted.verdict is Verdict.APPROVE
    assert causes(noted) == [Cause.SERVED_MODEL_MISMATCH]


KINDS = {
    FailureKind.DEADLINE: Cause.DEADLINE,
    FailureKind.DRAINING: Cause.DRAINING,
    FailureKind.TOO_LARGE: Cause.PARTIAL_COVERAGE,
}
FAILED: list[tuple[CritiqueOutcome, Cause]] = [
    (Refused("no"), Cause.REVIEWER_REFUSED),
    (Refused(), Cause.REVIEWER_REFUSED),
    (Malformed("prose"), Cause.REVIEWER_UNREADABLE),
    (Malformed("inattentive", repairable=False), Cause.REVIEWER_UNREADABLE),
    (Truncated("cut"), Cause.PARTIAL_COVERAGE),
    *((Unavailable(kind, "gone"), KINDS.get(kind, Cause.REVIEWER_UNAVAILABLE)) for kind in FailureKind),
]


@pytest.mark.parametrize(("critique", "cause"), FAILED)
@pytest.mark.parametrize("answered", [True, False])
def test_each_failed_critique_has_its_own_cause(critique: CritiqueOutcome, cause: Cause, answered: bool) -> None:
    """Whatever kept the critique from completing is the one cause of the handoff, whether or not answers came along."""
    evidence = changed(clean(PLAN), critiques=(Critique(JUDGE, critique),))
    if not answered:
        evidence = changed(evidence, findings=tuple(f for f in evidence.findings if f.origin is Origin.CHECK))
    decision = decide(evidence)

    assert decision.verdict is Verdict.HUMAN_HANDOFF
    assert causes(decision) == [cause]


@given(failures)
def test_failed_critique_of_an_optional_review_hands_off(critique: CritiqueOutcome) -> None:
    """A critique that was begun and failed hands off even where no criterion needed it."""
    assert verdict(changed(clean(BY_RULE), critiques=(Critique(JUDGE, critique),))) is Verdict.HUMAN_HANDOFF


@pytest.mark.parametrize(
    ("critique", "cause"),
    [
        (Completed((), steering=True), Cause.INJECTION_SUSPECTED),
        (Completed((), unreadable_parts=("d3",)), Cause.PARTIAL_COVERAGE),
    ],
)
def test_completed_with_reservations_hands_off(critique: CritiqueOutcome, cause: Cause) -> None:
    """A critic that was steered, or could not use a part, cannot approve although all is met."""
    assert causes(decide(changed(clean(PLAN), critiques=(Critique(JUDGE, critique),)))) == [cause]


def test_unasked_critic_hands_off() -> None:
    """A plan with questions for the critic and no critique is partial coverage, unless a trouble says why."""
    checks = tuple(f for f in answers(PLAN) if f.origin is Origin.CHECK)
    silent = EvidenceSet(PLAN, FACTS, checks)
    explained = changed(silent, troubles=(Trouble(Cause.SAME_FAMILY, "the same"),))

    assert causes(decide(silent)) == [Cause.PARTIAL_COVERAGE]
    assert causes(decide(explained)) == [Cause.SAME_FAMILY]


def test_full_plan_needs_a_critique() -> None:
    """A plan in which the critic is part is never approved without a critique, whichever of its questions arise."""
    conditional = plan_of(rubric(criterion("cited", "major", applies_when={"has_sources": True})))
    facts = replace(FACTS, has_sources=False)
    checks = tuple(f for f in answers(conditional) if f.origin is Origin.CHECK)

    assert conditional.full
    assert verdict(EvidenceSet(conditional, facts, checks)) is Verdict.HUMAN_HANDOFF


@pytest.mark.parametrize("missing", list(answers(PLAN)), ids=lambda f: f"{f.criterion}-{f.origin}")
def test_each_answer_is_needed(missing: Finding) -> None:
    """Taking one judge's answer to one question away turns an approval into a handoff."""
    rest = tuple(f for f in answers(PLAN) if f != missing)
    decision = decide(changed(clean(PLAN), findings=rest))
    expected = Cause.CHECK_UNAVAILABLE if missing.origin is Origin.CHECK else Cause.PARTIAL_COVERAGE

    assert [(r.cause, r.effect, r.criterion) for r in decision.reasons] == [
        (expected, Effect.HANDOFF, missing.criterion)
    ]


def test_an_explained_gap_is_told_once() -> None:
    """A check that said why it could not judge is not reported as silent as well."""
    rest = tuple(f for f in answers(PLAN) if f.criterion != "probe/checked")
    trouble = Trouble(Cause.CHECK_UNAVAILABLE, "a limit was hit", criterion="probe/checked")
    decision = decide(changed(clean(PLAN), findings=rest, troubles=(trouble,)))

    assert [reason.message for reason in decision.reasons] == ["a limit was hit"]


def test_code_does_not_answer_for_a_judge() -> None:
    """A finding made by the code itself is no answer to a criterion that applies."""
    rest = tuple(replace(f, origin=Origin.CODE) if f.criterion == "probe/checked" else f for f in answers(PLAN))

    assert causes(decide(changed(clean(PLAN), findings=rest))) == [Cause.CHECK_UNAVAILABLE]


def test_inapplicable_criteria_need_no_answer() -> None:
    """A criterion whose conditions do not hold needs no answer, but a NOT_MET on it still counts."""
    facts = replace(FACTS, has_sources=False)
    rest = tuple(f for f in answers(PLAN) if f.criterion != "probe/with_sources")
    evidence = changed(clean(PLAN), facts=facts, findings=rest)
    failed = changed(evidence, findings=(*rest, finding("probe/with_sources", Outcome.NOT_MET)))

    assert verdict(evidence) is Verdict.APPROVE
    assert verdict(failed) is Verdict.REVISE


def test_unknown_criterion_hands_off() -> None:
    """A finding about a criterion that is not in the plan asks for a person, whatever it says."""
    for outcome in Outcome:
        decision = decide(changed(clean(PLAN), findings=(*answers(PLAN), finding("ghost/one", outcome))))

        assert [(r.cause, r.criterion) for r in decision.reasons] == [(Cause.PARTIAL_COVERAGE, "ghost/one")]


def test_mandatory_human() -> None:
    """A route that demands a person gets one for a clean draft, by policy."""
    decision = decide(clean(plan_of(rubric(criterion("blocker")), mandatory_human=True)))

    assert decision.verdict is Verdict.HUMAN_HANDOFF
    assert causes(decision) == [Cause.POLICY]


@pytest.mark.parametrize("bound", [0, 1, 3])
@pytest.mark.parametrize("attempt", [0, 1, 2, 3, 4])
def test_revisions_are_bounded(bound: int, attempt: int) -> None:
    """The revision after the last allowed one becomes a handoff; approvals are not affected by the count."""
    plan = plan_of(rubric(criterion("major", "major")), max_revisions=bound)
    failing = tuple(replace(f, outcome=Outcome.NOT_MET) if f.criterion == "probe/major" else f for f in answers(plan))
    decision = decide(changed(clean(plan), findings=failing, attempt=attempt))
    exhausted = attempt >= bound

    assert decision.verdict is (Verdict.HUMAN_HANDOFF if exhausted else Verdict.REVISE)
    assert causes(decision) == ([Cause.REVISIONS_EXHAUSTED] if exhausted else []) + [Cause.CRITERION]
    assert verdict(changed(clean(plan), attempt=attempt)) is Verdict.APPROVE


@pytest.mark.parametrize(
    ("questions", "waived", "handed_off"), [(1, 1, True), (2, 1, False), (3, 2, True), (4, 2, False)]
)
def test_waivers_are_bounded(questions: int, waived: int, handed_off: bool) -> None:
    """More than half of the questions waived asks for a person; half of them does not."""
    plan = plan_of(rubric(*(criterion(f"asked_{n}") for n in range(questions))))
    answered = list(answers(plan))
    answered[-waived:] = [replace(f, outcome=Outcome.NOT_APPLICABLE) for f in answered[-waived:]]
    decision = decide(changed(clean(plan), findings=tuple(answered)))

    assert decision.verdict is (Verdict.HUMAN_HANDOFF if handed_off else Verdict.APPROVE)
    assert causes(decision) == ([Cause.PARTIAL_COVERAGE] if handed_off else [])


@pytest.mark.parametrize("backwards", [True, False])
def test_a_waiver_is_not_undone_by_a_second_answer(backwards: bool) -> None:
    """One question both waived and answered counts as waived, in whichever order the two findings stand."""
    plan = plan_of(rubric(criterion("asked")))
    waived = finding("probe/asked", Outcome.NOT_APPLICABLE)
    both = (*answers(plan), waived)

    assert verdict(changed(clean(plan), findings=both[::-1] if backwards else both)) is Verdict.HUMAN_HANDOFF


def test_waivers_of_checks_do_not_count() -> None:
    """A check for which the matter does not arise is an answer and no waiver of the critic's."""
    rows = tuple(replace(f, outcome=Outcome.NOT_APPLICABLE) if f.origin is Origin.CHECK else f for f in answers(PLAN))

    assert verdict(changed(clean(PLAN), findings=rows)) is Verdict.APPROVE


EFFECTS = {"note": Effect.NOTE, "revise": Effect.REVISE, "handoff": Effect.HANDOFF}
BY_SEVERITY = {Severity.BLOCKER: Effect.HANDOFF, Severity.MAJOR: Effect.REVISE, Severity.MINOR: Effect.NOTE}
CHOICES: list[str | None] = [None, *EFFECTS]
WEIGHTS = list(itertools.product(Severity, CHOICES, CHOICES, ["revise", "handoff"]))


def lenient_blocker(severity: Severity, on_fail: str | None, on_uncertain: str | None) -> bool:
    return severity is Severity.BLOCKER and "note" in (on_fail, on_uncertain)


def weighed(severity: Severity, on_fail: str | None, on_uncertain: str | None, on_unverified: str) -> Criterion:
    return criterion(
        "asked", severity.value, "check", on_fail=on_fail, on_uncertain=on_uncertain, on_unverified=on_unverified
    )


@pytest.mark.parametrize(("severity", "on_fail", "on_uncertain", "on_unverified"), WEIGHTS)
def test_every_weight(severity: Severity, on_fail: str | None, on_uncertain: str | None, on_unverified: str) -> None:
    """Each combination of weight, outcome, claim and verification asks for exactly what the rubric's author wrote."""
    if lenient_blocker(severity, on_fail, on_uncertain):
        with pytest.raises(ValidationError, match="blocker cannot"):
            weighed(severity, on_fail, on_uncertain, on_unverified)
        return
    plan = only(PLAN, weighed(severity, on_fail, on_uncertain, on_unverified))
    fail = EFFECTS[on_fail] if on_fail else BY_SEVERITY[severity]
    doubt = EFFECTS[on_uncertain] if on_uncertain else BY_SEVERITY[severity]
    for outcome, claimed, unverified in itertools.product(Outcome, Outcome, [True, False]):
        asked = [Effect.NOTE]
        if Outcome.NOT_MET in (outcome, claimed):
            asked.append(fail)
        if outcome is Outcome.UNCERTAIN:
            asked.append(doubt)
        if unverified:
            asked.append(EFFECTS[on_unverified])
        answer = finding("probe/asked", outcome, Origin.CHECK, claimed=claimed, unverified=unverified)

        assert verdict(EvidenceSet(plan, FACTS, (answer,))) is verdict_of(max(asked)), (outcome, claimed, unverified)


def test_a_claimed_failure_weighs_as_one() -> None:
    """A NOT_MET whose evidence failed weighs no less than the NOT_MET, and no less than the doubt it became."""
    for fail, doubt in itertools.product(EFFECTS, repeat=2):
        plan = only(PLAN, criterion("asked", "minor", "check", on_fail=fail, on_uncertain=doubt))
        doubted = finding("probe/asked", Outcome.UNCERTAIN, Origin.CHECK, claimed=Outcome.NOT_MET)

        assert verdict(EvidenceSet(plan, FACTS, (doubted,))) is verdict_of(max(EFFECTS[fail], EFFECTS[doubt]))


def test_check_and_critic_do_not_outvote_each_other() -> None:
    """Of two judges of one criterion the worse answer counts, whoever gave it."""
    for origin in (Origin.CHECK, Origin.CRITIC):
        rows = tuple(
            replace(f, outcome=Outcome.NOT_MET) if (f.criterion, f.origin) == ("probe/blocker", origin) else f
            for f in answers(PLAN)
        )

        assert verdict(changed(clean(PLAN), findings=rows)) is Verdict.HUMAN_HANDOFF


def test_injection_criteria_have_their_own_cause() -> None:
    """A failed injection criterion of the baseline is suspected injection, not a criterion like others."""
    for key in INJECTION_CRITERIA:
        rows = tuple(replace(f, outcome=Outcome.NOT_MET) if f.criterion == key else f for f in answers(PLAN))

        assert causes(decide(changed(clean(PLAN), findings=rows))) == [Cause.INJECTION_SUSPECTED]


def test_reason_tells_what_the_finding_said() -> None:
    """A reason carries the finding's words and verified quotes, and falls back to the criterion's title and fix."""
    found, invented = quote("a sentence of the draft"), quote("never written", QuoteStatus.FAILED)
    told = finding("probe/major", Outcome.NOT_MET, quotes=(found, invented), why="It is vague.", fix="Name the dose.")
    silent = finding("probe/major", Outcome.NOT_MET)

    assert _reason_of(told) == Reason(
        Cause.CRITERION, Effect.REVISE, "probe/major", Severity.MAJOR, "It is vague.", (found,), "Name the dose."
    )
    assert _reason_of(silent) == Reason(
        Cause.CRITERION, Effect.REVISE, "probe/major", Severity.MAJOR, "Title of major", (), "Say it better."
    )


def _reason_of(answer: Finding) -> Reason:
    rest = tuple(f for f in answers(PLAN) if f.criterion != answer.criterion)
    (reason,) = decide(changed(clean(PLAN), findings=(*rest, answer))).reasons
    return reason


def test_reasons_are_shown_in_order() -> None:
    """Stricter effects come first, then causes in their fixed order, then severity, then the criterion's name."""
    troubles_ = tuple(Trouble(cause, "m") for cause in reversed(Cause))
    noted = tuple(Trouble(cause, "m", Effect.NOTE) for cause in Cause)
    rows = tuple(replace(f, outcome=Outcome.NOT_MET) for f in answers(PLAN) if f.origin is Origin.CRITIC)
    checks = tuple(f for f in answers(PLAN) if f.origin is Origin.CHECK)
    decision = decide(changed(clean(PLAN), findings=(*rows, *checks), troubles=(*noted, *troubles_)))
    shown = [(r.effect, r.cause, r.criterion) for r in decision.reasons]

    assert [cause for effect, cause, key in shown if effect is Effect.HANDOFF and not key] == list(Cause)
    assert [key for effect, _, key in shown if effect is Effect.HANDOFF and key] == ["probe/blocker"]
    assert [key for effect, _, key in shown if effect is Effect.REVISE] == [
        "probe/major",
        "probe/odd",
        "probe/with_sources",
    ]
    assert shown[-3:] == [(Effect.NOTE, Cause.CRITERION, key) for key in ("probe/minor", "probe/waivable", "")]


def test_plans_hold_no_evidence() -> None:
    """Deciding leaves the shared plan as it was."""
    before: Plan = plan_of(rubric(criterion("asked")))
    evidence = clean(before)
    decide(changed(evidence, findings=()))

    assert before == plan_of(rubric(criterion("asked")))
    assert verdict(evidence) is Verdict.APPROVE
