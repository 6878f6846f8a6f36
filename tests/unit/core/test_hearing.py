"""Several judges of one draft: panels and cascades, and what the verdict makes of them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reviewer.core.finding import Finding, Origin, Outcome
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
from reviewer.core.rubric import Effect, Severity
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Decision, EvidenceSet, Screening, Trouble, Verdict, decide, weigh_screen
from tests.support.builders import FACTS, REVIEWERS, answers, changed, criterion, finding, heard, plan_of, rubric
from tests.support.strategies import evidence_sets, opinions, outcomes

CRITERIA = rubric(
    criterion("blocker", judge="both"),
    criterion("major", "major"),
    criterion("minor", "minor"),
    criterion("odd", "major", on_fail="revise", on_uncertain="handoff"),
    criterion("with_sources", "major", applies_when={"has_sources": True}),
    criterion("waivable", "minor", na_allowed=True),
)
SINGLE = plan_of(CRITERIA)
WHOLE = Completed(())
DOWN = Unavailable(FailureKind.SERVER_ERROR, "gone")
ANA, BEN, CLEO, SCREEN = "ana-1", "ben-1", "cleo-1", "screen-1"


def panel(size: int = 3, quorum: int | None = None) -> Plan:
    bounds = {"size": size} if quorum is None else {"size": size, "quorum": quorum}
    return plan_of(CRITERIA, mode="panel", panel=bounds, reviewers=REVIEWERS)


def cascade(tier: str = "medium", *, clears: bool = False) -> Plan:
    behind = {"screen": "third", "clears": clears}
    return plan_of(CRITERIA, tier=tier, mode="cascade", cascade=behind, reviewers=REVIEWERS)


PANEL = panel(3, 2)
PLANS = [SINGLE, PANEL, cascade("high"), cascade(), cascade(clears=True)]


def whole(judge: str) -> Critique:
    return Critique(judge, WHOLE)


def lost(judge: str, outcome: CritiqueOutcome = DOWN) -> Critique:
    return Critique(judge, outcome)


def screen(outcome: CritiqueOutcome = WHOLE) -> Critique:
    return Critique(SCREEN, outcome, screen=True)


def verdict(evidence: EvidenceSet) -> Verdict:
    return decide(evidence).verdict


def causes(decision: Decision) -> list[tuple[Cause, Effect]]:
    return [(reason.cause, reason.effect) for reason in decision.reasons]


def saying(evidence: EvidenceSet, judge: str, key: str, outcome: Outcome, **fields: object) -> EvidenceSet:
    """Return the evidence with one judge's answer to one question exchanged."""
    rows = [f for f in evidence.findings if (f.by, f.criterion) != (judge, key)]
    return changed(evidence, findings=(*rows, finding(key, outcome, by=judge, **fields)))  # type: ignore[arg-type]


def joined(evidence: EvidenceSet, opinion: tuple[Critique, tuple[Finding, ...]]) -> EvidenceSet:
    """Return the evidence with another judge's."""
    critique, findings = opinion
    critiques = (*evidence.critiques, critique)
    return changed(evidence, critiques=critiques, findings=(*evidence.findings, *findings))


@st.composite
def evidence_of(draw: st.DrawFn, plan: Plan, judges: tuple[str, ...]) -> EvidenceSet:
    """Evidence of checks that are content and of up to so many judges who may not be."""
    evidence = EvidenceSet(plan, FACTS, answers(plan, ()))
    for judge in judges[: draw(st.integers(0, len(judges)))]:
        evidence = joined(evidence, draw(opinions(plan, judge)))
    return evidence


def test_a_panel_that_agrees_approves() -> None:
    """Judges who are all content leave nothing to say."""
    assert decide(heard(PANEL, whole(ANA), whole(BEN), whole(CLEO))) == Decision(Verdict.APPROVE)


@given(evidence_sets(SINGLE))
def test_a_panel_of_one_is_a_single_reviewer(evidence: EvidenceSet) -> None:
    """One critique where one is enough is decided as on a route that asks one reviewer, reason by reason."""
    assert decide(changed(evidence, plan=panel(2, quorum=1))) == decide(evidence)


@given(evidence_of(PANEL, (ANA, BEN, CLEO)), st.randoms(use_true_random=False))
def test_order_of_judges_does_not_matter(evidence: EvidenceSet, random: Random) -> None:
    """Whose critique and findings come first changes nothing, down to the words of the reasons."""
    critiques, findings = list(evidence.critiques), list(evidence.findings)
    random.shuffle(critiques)
    random.shuffle(findings)

    assert decide(changed(evidence, critiques=tuple(critiques), findings=tuple(findings))) == decide(evidence)


@given(evidence_of(PANEL, (ANA, BEN)), opinions(PANEL, CLEO))
def test_another_critique_never_lowers(evidence: EvidenceSet, another: tuple[Critique, tuple[Finding, ...]]) -> None:
    """A further judge never lowers the verdict, unless the quorum was missing without that critique."""
    complete = [c for c in evidence.critiques if isinstance(c.outcome, Completed)]
    assume(len(complete) >= 2 or not isinstance(another[0].outcome, Completed))

    assert verdict(joined(evidence, another)) >= verdict(evidence)


@given(evidence_of(PANEL, (ANA, BEN, CLEO)), st.integers(0, 50))
def test_a_missing_answer_never_helps(evidence: EvidenceSet, at: int) -> None:
    """No judge's answer can be taken away with gain, also not where another judge has answered the same question."""
    assume(evidence.critiques)
    gone = evidence.findings[at % len(evidence.findings)]
    rest = tuple(
        f for f in evidence.findings if (f.criterion, f.by, f.origin) != (gone.criterion, gone.by, gone.origin)
    )

    assert verdict(changed(evidence, findings=rest)) >= verdict(evidence)


@given(evidence_of(PANEL, (ANA, BEN, CLEO)))
def test_approval_rests_on_every_judge(evidence: EvidenceSet) -> None:
    """Approved is exactly what a quorum judged whole, without reservation, objection, gap or disagreement."""
    complete = {c.judge: c.outcome for c in evidence.critiques if isinstance(c.outcome, Completed)}
    spotless = len(complete) >= 2 and all(
        outcome == WHOLE and content([f for f in evidence.findings if f.by == judge])
        for judge, outcome in complete.items()
    )

    assert (verdict(evidence) is Verdict.APPROVE) == (spotless and not contradicted(evidence))


def content(own: list[Finding]) -> bool:
    """Whether one judge has answered all that is asked, and nothing in it asks for more than a note."""
    asked = {item.key for item in PANEL.criteria if item.asks_critic}
    waivers = [f for f in own if f.outcome is Outcome.NOT_APPLICABLE]
    return {f.criterion for f in own} == asked and len(waivers) * 2 <= len(asked) and all(map(harmless, own))


def harmless(one: Finding) -> bool:
    criterion_ = PANEL.by_key[one.criterion].criterion
    failed = Outcome.NOT_MET in (one.outcome, one.claimed) and criterion_.fail_effect is not Effect.NOTE
    doubted = one.outcome is Outcome.UNCERTAIN and criterion_.uncertain_effect is not Effect.NOTE
    return not (failed or doubted or one.unverified)


def contradicted(evidence: EvidenceSet) -> bool:
    """Whether a blocker or major is met for one judge and not for another."""
    grave = {item.key for item in PANEL.criteria if item.criterion.severity is not Severity.MINOR}
    said = {(f.criterion, f.outcome) for f in evidence.findings if f.origin is Origin.CRITIC}
    return any({(key, Outcome.MET), (key, Outcome.NOT_MET)} <= said for key in grave)


@given(evidence_of(PANEL, (ANA, BEN, CLEO)), st.integers(0, 50), outcomes)
def test_a_worse_answer_never_lowers_but_by_agreement(evidence: EvidenceSet, at: int, outcome: Outcome) -> None:
    """A MET that turns into anything else lowers nothing but a disagreement that ends with it."""
    rows = list(evidence.findings)
    at %= len(rows)
    rows[at] = replace(rows[at], outcome=Outcome.MET, claimed=Outcome.MET)
    met = decide(changed(evidence, findings=tuple(rows)))
    rows[at] = replace(rows[at], outcome=outcome)
    strictest = max((r.effect for r in met.reasons if r.cause is not Cause.DISAGREEMENT), default=Effect.NOTE)

    assert verdict(changed(evidence, findings=tuple(rows))).value - 1 >= strictest


FAILED: list[tuple[CritiqueOutcome, Cause]] = [
    (Refused("no"), Cause.REVIEWER_REFUSED),
    (Malformed("prose"), Cause.REVIEWER_UNREADABLE),
    (Truncated("cut"), Cause.PARTIAL_COVERAGE),
    (DOWN, Cause.REVIEWER_UNAVAILABLE),
    (Unavailable(FailureKind.DEADLINE, "late"), Cause.DEADLINE),
    (Unavailable(FailureKind.DRAINING, "closing"), Cause.DRAINING),
]


@pytest.mark.parametrize(("outcome", "cause"), FAILED)
def test_a_lost_member_is_noted_where_the_quorum_stands(outcome: CritiqueOutcome, cause: Cause) -> None:
    """With enough complete critiques the verdict stands, and a note names who is missing and why."""
    decision = decide(heard(PANEL, whole(ANA), lost(BEN, outcome), whole(CLEO)))

    assert (decision.verdict, causes(decision)) == (Verdict.APPROVE, [(cause, Effect.NOTE)])
    assert decision.reasons[0].message.startswith(f"{BEN}: ")


@pytest.mark.parametrize(("outcome", "cause"), FAILED)
def test_a_missing_quorum_hands_off_for_the_causes_of_the_lost(outcome: CritiqueOutcome, cause: Cause) -> None:
    """With too few complete critiques each lost one is a reason of its own, and nothing else is."""
    decision = decide(heard(PANEL, whole(ANA), lost(BEN, outcome), lost(CLEO)))
    expected = {(cause, Effect.HANDOFF), (Cause.REVIEWER_UNAVAILABLE, Effect.HANDOFF)}

    assert (decision.verdict, set(causes(decision))) == (Verdict.HUMAN_HANDOFF, expected)
    assert {reason.message.split(":")[0] for reason in decision.reasons} == {BEN, CLEO}


def test_critiques_that_were_never_made_are_missing() -> None:
    """A panel with one critique where two are due hands off, although that one is content."""
    decision = decide(heard(PANEL, whole(ANA)))

    assert causes(decision) == [(Cause.PARTIAL_COVERAGE, Effect.HANDOFF)]
    assert decision.reasons[0].message == "1 of 2 due critiques were made"


def test_nobody_answers_for_another_judge() -> None:
    """A question that one judge left open is open, although the others answered it."""
    evidence = heard(PANEL, whole(ANA), whole(BEN))
    rest = tuple(f for f in evidence.findings if (f.by, f.criterion) != (BEN, "probe/major"))
    decision = decide(changed(evidence, findings=rest))

    assert [(r.cause, r.criterion) for r in decision.reasons] == [(Cause.PARTIAL_COVERAGE, "probe/major")]


def test_waivers_are_counted_for_each_judge() -> None:
    """One judge who waives most questions asks for a person, however many others answered them."""
    evidence = heard(PANEL, whole(ANA), whole(BEN), whole(CLEO))
    rows = tuple(replace(f, outcome=Outcome.NOT_APPLICABLE) if f.by == BEN else f for f in evidence.findings)

    assert causes(decide(changed(evidence, findings=rows))) == [(Cause.PARTIAL_COVERAGE, Effect.HANDOFF)]


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("second", Outcome)
def test_met_against_not_met_is_a_disagreement(severity: Severity, second: Outcome) -> None:
    """On a blocker or major, and only there, MET against NOT_MET asks for a person and names both opinions."""
    key = f"probe/{severity.value}"
    evidence = saying(heard(PANEL, whole(ANA), whole(BEN)), ANA, key, second, why="No dose is given.")
    evidence = saying(evidence, BEN, key, Outcome.MET, why="The dose is there.")
    found = [reason for reason in decide(evidence).reasons if reason.cause is Cause.DISAGREEMENT]
    due = second is Outcome.NOT_MET and severity is not Severity.MINOR

    assert [(r.effect, r.criterion, r.severity) for r in found] == ([(Effect.HANDOFF, key, severity)] if due else [])
    if due:
        said = f"{ANA} says NOT_MET (No dose is given.); {BEN} says MET (The dose is there.)"
        assert [reason.message for reason in found] == [said]


def test_judges_who_agree_that_it_fails_do_not_disagree() -> None:
    """What both find not met leads where the criterion says, and each gives its own reason."""
    evidence = saying(heard(PANEL, whole(ANA), whole(BEN)), ANA, "probe/major", Outcome.NOT_MET, why="Too vague.")
    decision = decide(saying(evidence, BEN, "probe/major", Outcome.NOT_MET, why="Too long."))

    assert decision.verdict is Verdict.REVISE
    assert sorted(reason.message for reason in decision.reasons) == ["Too long.", "Too vague."]


def test_a_check_is_no_member_of_the_panel() -> None:
    """A check that finds not met what the judges find met is no disagreement: it stands by itself."""
    evidence = heard(PANEL, whole(ANA), whole(BEN))
    rows = tuple(replace(f, outcome=Outcome.NOT_MET) if f.origin is Origin.CHECK else f for f in evidence.findings)

    assert Cause.DISAGREEMENT not in {r.cause for r in decide(changed(evidence, findings=rows)).reasons}


@given(evidence_sets(SINGLE))
def test_one_judge_cannot_disagree_with_itself(evidence: EvidenceSet) -> None:
    """Two answers of one judge to one question are no disagreement between judges."""
    assert Cause.DISAGREEMENT not in {r.cause for r in decide(changed(evidence, troubles=())).reasons}


def settled(plan: Plan, opinion: tuple[Critique, tuple[Finding, ...]]) -> Screening:
    critique, findings = opinion
    return weigh_screen(EvidenceSet(plan, FACTS, findings, (critique,)))


def screened(plan: Plan) -> st.SearchStrategy[tuple[Critique, tuple[Finding, ...]]]:
    return opinions(plan, SCREEN).map(lambda opinion: (replace(opinion[0], screen=True), opinion[1]))


@pytest.mark.parametrize("plan", [SINGLE, cascade("high"), cascade()], ids=["single", "high", "medium"])
@given(st.data())
def test_a_screen_alone_never_approves(plan: Plan, data: st.DataObject) -> None:
    """Where a screen does not clear, nothing that it says stands for the critique that is due."""
    alone = joined(EvidenceSet(plan, FACTS, answers(plan, ())), data.draw(screened(plan)))

    assert verdict(alone) is Verdict.HUMAN_HANDOFF
    assert settled(plan, (alone.critiques[0], alone.findings)) is not Screening.CLEARS


def test_a_caller_who_raises_the_tier_takes_the_screens_word_away() -> None:
    """A screen that clears on its route's own tier clears nothing in tier high."""
    raised = replace(cascade(clears=True), tier=cascade("high").tier)

    assert cascade(clears=True).screen_clears
    assert not raised.screen_clears
    assert verdict(heard(raised, screen())) is Verdict.HUMAN_HANDOFF


@given(screened(cascade(clears=True)))
def test_a_screen_that_clears_is_a_single_reviewer(opinion: tuple[Critique, tuple[Finding, ...]]) -> None:
    """A screen that stands alone where it may is held to all that a single reviewer is held to."""
    plan, (critique, findings) = cascade(clears=True), opinion
    alone = joined(EvidenceSet(plan, FACTS, answers(plan, ())), opinion)
    single = joined(EvidenceSet(plan, FACTS, answers(plan, ())), (replace(critique, screen=False), findings))

    assert decide(alone) == decide(single)
    assert (settled(plan, opinion) is Screening.CLEARS) == (verdict(alone) is Verdict.APPROVE)


@pytest.mark.parametrize("plan", [cascade("high"), cascade(), cascade(clears=True)], ids=["high", "medium", "clears"])
@given(st.data())
def test_a_screen_only_raises(plan: Plan, data: st.DataObject) -> None:
    """Beside the reviewer behind it a screen never lowers the verdict, and its praise and doubts change nothing."""
    behind = joined(EvidenceSet(plan, FACTS, answers(plan, ())), data.draw(opinions(plan, ANA)))
    critique, findings = data.draw(screened(plan))
    beside = joined(behind, (critique, findings))
    objections = tuple(f for f in findings if Outcome.NOT_MET in (f.outcome, f.claimed))

    assert verdict(beside) >= verdict(behind)
    assert decide(beside) == decide(joined(behind, (critique, objections)))


@pytest.mark.parametrize("plan", [cascade("high"), cascade()], ids=["high", "medium"])
@given(st.data())
def test_a_settled_case_is_settled(plan: Plan, data: st.DataObject) -> None:
    """Nobody else need be asked exactly where the reviewer behind the screen could not change the handoff."""
    opinion = data.draw(screened(plan))
    beside = joined(heard(plan, whole(ANA)), opinion)

    assert (settled(plan, opinion) is Screening.SETTLES) == (verdict(beside) is Verdict.HUMAN_HANDOFF)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Completed((), steering=True), {(Cause.INJECTION_SUSPECTED, Effect.HANDOFF)}),
        (Completed((), unreadable_parts=("d1",)), {(Cause.PARTIAL_COVERAGE, Effect.NOTE)}),
        *(((outcome, {(cause, Effect.NOTE)})) for outcome, cause in FAILED),
    ],
)
def test_a_lost_screen_is_noted(outcome: CritiqueOutcome, expected: set[tuple[Cause, Effect]]) -> None:
    """What kept a screen from looking is a note beside a whole critique; steering that it saw is not."""
    plan = cascade("high")
    decision = decide(joined(heard(plan, whole(ANA)), (screen(outcome), ())))

    assert set(causes(decision)) == expected
    assert all(reason.message.startswith(f"{SCREEN}: ") for reason in decision.reasons)


def test_a_screen_and_the_one_behind_it_do_not_disagree() -> None:
    """A screen's NOT_MET counts for itself: it is no member of a panel whose split a person must settle."""
    plan = cascade("high")
    objection = finding("probe/major", Outcome.NOT_MET, by=SCREEN, why="Too vague.")
    decision = decide(joined(heard(plan, whole(ANA)), (screen(), (objection,))))

    assert (decision.verdict, causes(decision)) == (Verdict.REVISE, [(Cause.CRITERION, Effect.REVISE)])


def test_a_screens_claim_counts_as_one() -> None:
    """A screen's NOT_MET whose quote stands nowhere is an objection all the same, and its failed quote is told."""
    plan = cascade("high")
    claim = finding("probe/major", Outcome.UNCERTAIN, claimed=Outcome.NOT_MET, unverified=True, by=SCREEN)
    decision = decide(joined(heard(plan, whole(ANA)), (screen(), (claim,))))

    assert causes(decision) == [(Cause.EVIDENCE_UNVERIFIED, Effect.HANDOFF), (Cause.CRITERION, Effect.REVISE)]


def test_an_early_end_is_told() -> None:
    """A record of a case that the screen settled says that nobody else was asked, and why."""
    plan = cascade("high")
    objection = finding("probe/blocker", Outcome.NOT_MET, by=SCREEN)
    decision = decide(joined(EvidenceSet(plan, FACTS, answers(plan, ())), (screen(), (objection,))))

    assert causes(decision) == [(Cause.CRITERION, Effect.HANDOFF), (Cause.PARTIAL_COVERAGE, Effect.NOTE)]
    assert "nobody else was asked" in decision.reasons[1].message


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.route.mode}-{plan.tier.label}")
@given(st.data())
def test_any_trouble_hands_off_whoever_was_asked(plan: Plan, data: st.DataObject) -> None:
    """No mode outweighs a trouble that asks for a person."""
    evidence = data.draw(evidence_of(plan, (ANA, BEN)))
    troubled = changed(evidence, troubles=(Trouble(data.draw(st.sampled_from(Cause)), "it happened"),))

    assert verdict(troubled) is Verdict.HUMAN_HANDOFF
