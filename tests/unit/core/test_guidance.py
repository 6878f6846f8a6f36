from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.core.finding import Finding, Outcome, Quote, QuoteStatus
from reviewer.core.guidance import DrafterGuidance, GuidanceItem, guide
from reviewer.core.routing import Guidance
from reviewer.core.rubric import Place
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Decision, Verdict, decide
from tests.support.builders import answers, changed, clean, criterion, finding, plan_of, quote, rubric

RUBRIC = rubric(
    criterion("shown", "major", fix="Say it better."),
    criterion("named", "major", reveal="category"),
    criterion("secret", "major", reveal="none"),
    criterion("small", "minor"),
    criterion("steered", "major", on_fail="handoff"),
)


def plan_for(level: str) -> Plan:
    return plan_of(RUBRIC, guidance=level)


def decided(plan: Plan, *failed: Finding) -> Decision:
    names = {one.criterion for one in failed}
    rest = tuple(one for one in answers(plan) if one.criterion not in names)
    return decide(changed(clean(plan), findings=(*rest, *failed)))


def fails(name: str, *quotes: Quote, why: str = "why so", fix: str | None = None) -> Finding:
    return finding(f"probe/{name}", Outcome.NOT_MET, quotes=quotes, why=why, fix=fix)


def guided(level: str, *failed: Finding) -> DrafterGuidance:
    plan = plan_for(level)
    return guide(decided(plan, *failed), plan)


def test_full_guidance() -> None:
    """At full level the drafter sees fix and quotes of its own draft, the name alone of what is half shown."""
    told = quote("a sentence of mine")
    foreign = quote("a sentence of a source", place=Place.SOURCE)
    failed_quote = quote("never written", QuoteStatus.FAILED)
    told_all = guided(
        "full", fails("shown", told, foreign, failed_quote), fails("named", told), fails("secret"), fails("small")
    )

    assert told_all == DrafterGuidance(
        Guidance.FULL,
        (
            GuidanceItem("probe/named", "Title of named"),
            GuidanceItem("probe/shown", "Title of shown", "Say it better.", (told,)),
        ),
    )


@pytest.mark.parametrize(("fix", "instruction"), [("Name the dose.", "Name the dose."), (None, "Say it better.")])
def test_instruction(fix: str | None, instruction: str) -> None:
    """The instruction is the judge's fix, else the rubric's."""
    (item,) = guided("full", fails("shown", fix=fix)).items

    assert item.instruction == instruction


def test_criteria_guidance() -> None:
    """At level `criteria` the drafter learns which criteria failed, and nothing of how."""
    assert guided("criteria", fails("shown", quote("mine")), fails("secret")) == DrafterGuidance(
        Guidance.CRITERIA, (GuidanceItem("probe/shown", "Title of shown"),)
    )


def test_no_guidance() -> None:
    """At level `none` the drafter learns that it must revise, and nothing else."""
    assert guided("none", fails("shown")) == DrafterGuidance(Guidance.NONE)


@pytest.mark.parametrize("level", ["full", "criteria", "none"])
def test_only_a_revision_is_guided(level: str) -> None:
    """An approval has nothing to work on, and a handoff is for people to work on."""
    plan = plan_for(level)
    handed_off = decided(plan, fails("shown"), fails("steered"))

    assert handed_off.verdict is Verdict.HUMAN_HANDOFF
    assert guide(handed_off, plan).items == ()
    assert guide(decided(plan), plan).items == ()


def test_suspected_injection_is_never_shown() -> None:
    """Who tries to steer the review does not learn what gave it away, even should a revision be all that is asked."""
    plan = plan_for("full")
    steered = decided(plan, finding("baseline/no_reviewer_steering", Outcome.NOT_MET, why="line 3"), fails("shown"))
    softened = replace(steered, verdict=Verdict.REVISE)

    assert [item.criterion for item in guide(softened, plan).items] == ["probe/shown"]


def test_one_item_a_criterion() -> None:
    """A criterion that two judges failed is one point to work on."""
    both = rubric(criterion("twice", "major", judge="both"))
    plan = plan_of(both)
    failed = [
        replace(one, outcome=Outcome.NOT_MET, why=one.by) for one in answers(plan) if one.criterion == "probe/twice"
    ]

    assert len(guide(decided(plan, *failed), plan).items) == 1
