from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.finding import Finding, Origin, Outcome, QuoteStatus
from reviewer.core.outcome import Completed, Critique, Stopped
from reviewer.core.rubric import Effect
from reviewer.core.stopping import decides
from reviewer.core.verdict import Cause, EvidenceSet, Screening, Trouble, Verdict, decide, weigh_screen
from tests.support.builders import FACTS, JUDGE, answers, changed, clean, criterion, finding, plan_of, quote, rubric
from tests.support.strategies import evidence_sets, findings, troubles

QUESTIONS = rubric(
    criterion("revises", on_fail="revise"),
    criterion("hands_off"),
    criterion("major", "major"),
    criterion("minor", "minor"),
    criterion("checked", "major", judge="check"),
)
PLAN = plan_of(QUESTIONS, early_exit=True)
CLEARING = plan_of(
    QUESTIONS,
    tier="medium",
    mode="cascade",
    cascade={"screen": "critic", "clears": True},
    reviewers=["critic", "second"],
    early_exit=True,
)
BLOCKERS = ("probe/revises", "probe/hands_off")
stops = st.builds(Stopped, st.just(()), st.sampled_from([*BLOCKERS, "probe/major", "ghost/one", ""]))


def ended(for_what: str, **fields: object) -> EvidenceSet:
    """Return the evidence of a critique that ended with a blocker not met, nothing else being answered."""
    checks = tuple(f for f in answers(PLAN) if f.origin is Origin.CHECK)
    found = finding(for_what, Outcome.NOT_MET)
    evidence = EvidenceSet(PLAN, FACTS, (*checks, found), (Critique(JUDGE, Stopped((), for_what)),))
    return changed(evidence, **fields)


@pytest.mark.parametrize(
    ("for_what", "verdict"), [("probe/revises", Verdict.REVISE), ("probe/hands_off", Verdict.HUMAN_HANDOFF)]
)
def test_the_deciding_answer_gives_the_verdict(for_what: str, verdict: Verdict) -> None:
    """What the blocker asks for is the verdict; the rest is a note that says how much was not heard, and no gap."""
    decision = decide(ended(for_what))

    assert decision.verdict is verdict
    assert [(r.cause, r.effect, r.criterion) for r in decision.reasons[1:]] == [
        (Cause.STOPPED_EARLY, Effect.NOTE, for_what)
    ]
    unheard = sum(item.asks_critic for item in PLAN.criteria) - 1
    assert f"{unheard} questions were not answered" in decision.reasons[1].message


@given(evidence_sets(PLAN), stops, st.sampled_from([JUDGE, "critic-1"]), st.booleans(), st.lists(findings(PLAN)))
def test_an_early_end_never_approves(
    evidence: EvidenceSet, stop: Stopped, judge: str, screen: bool, more: list[Finding]
) -> None:
    """Whatever else is in the evidence, whole critiques of others included, a draft is not approved beside one."""
    early = Critique(judge, stop, screen)
    beside = changed(evidence, critiques=(*evidence.critiques, early), findings=(*evidence.findings, *more))

    assert decide(beside).verdict > Verdict.APPROVE
    assert decide(changed(beside, plan=CLEARING)).verdict > Verdict.APPROVE


@given(evidence_sets(PLAN), st.sampled_from(BLOCKERS), st.lists(troubles, max_size=2))
def test_losing_the_deciding_answer_never_helps(evidence: EvidenceSet, for_what: str, more: list[Trouble]) -> None:
    """Without the finding for which a critique was ended, the verdict is a handoff."""
    rest = tuple(f for f in evidence.findings if f.criterion != for_what)
    stop = (Critique(JUDGE, Stopped((), for_what)),)
    bare = changed(evidence, findings=rest, critiques=stop, troubles=(*evidence.troubles, *more))
    held = changed(bare, findings=(*rest, finding(for_what, Outcome.NOT_MET)))

    assert decide(bare).verdict is Verdict.HUMAN_HANDOFF
    assert decide(held).verdict <= decide(bare).verdict


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": Outcome.MET},
        {"outcome": Outcome.UNCERTAIN},
        {"claimed": Outcome.UNCERTAIN},
        {"unverified": True},
        {"by": "somebody_else"},
        {"origin": Origin.CHECK},
        {"criterion": "probe/hands_off"},
        {"quotes": (quote("an invented sentence", QuoteStatus.FAILED),)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_only_that_answer_stands_for_the_rest(other: dict[str, object]) -> None:
    """Doubted, unverified, by another judge or about something else, it leaves a gap that asks for a person."""
    one = replace(finding("probe/revises", Outcome.NOT_MET), **other)  # type: ignore[arg-type]
    checks = tuple(f for f in answers(PLAN) if f.origin is Origin.CHECK)
    decision = decide(ended("probe/revises", findings=(*checks, one)))

    assert decision.verdict is Verdict.HUMAN_HANDOFF
    assert Cause.PARTIAL_COVERAGE in {reason.cause for reason in decision.reasons}
    assert Cause.STOPPED_EARLY not in {reason.cause for reason in decision.reasons}


def test_a_quote_that_stands_decides() -> None:
    """One verified quote among several is enough, and none is needed where none is due."""
    quotes = (quote("an invented sentence", QuoteStatus.FAILED), quote("a sentence of the draft"))

    assert decides(finding("probe/revises", Outcome.NOT_MET), PLAN)
    assert decides(finding("probe/revises", Outcome.NOT_MET, quotes=quotes), PLAN)
    assert not decides(finding("probe/revises", Outcome.NOT_MET, quotes=quotes[:1]), PLAN)
    assert not decides(finding("probe/major", Outcome.NOT_MET), PLAN)
    assert not decides(finding("ghost/one", Outcome.NOT_MET), PLAN)


@pytest.mark.parametrize(
    ("for_what", "word"), [("probe/revises", Screening.PASSES_ON), ("probe/hands_off", Screening.SETTLES)]
)
def test_a_screen_that_was_ended(for_what: str, word: Screening) -> None:
    """It settles where its objection asks for a person; else the next reviewer is asked, also where it may clear."""
    screen = (Critique(JUDGE, Stopped((), for_what), screen=True),)
    evidence = EvidenceSet(PLAN, FACTS, (finding(for_what, Outcome.NOT_MET),), screen)

    assert weigh_screen(evidence) is word
    assert weigh_screen(changed(evidence, plan=CLEARING)) is word


def test_a_screens_objection_stays_beside_a_whole_critique() -> None:
    """What the screen was ended for counts, whatever the reviewer behind it finds."""
    screen = Critique("critic-1", Stopped((), "probe/revises"), screen=True)
    objection = finding("probe/revises", Outcome.NOT_MET, by="critic-1")
    evidence = clean(PLAN)
    both = changed(evidence, critiques=(screen, *evidence.critiques), findings=(*evidence.findings, objection))

    assert isinstance(evidence.critiques[0].outcome, Completed)
    assert decide(both).verdict is Verdict.REVISE
    assert {reason.cause for reason in decide(both).reasons} == {Cause.CRITERION, Cause.STOPPED_EARLY}
