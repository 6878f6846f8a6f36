from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from reviewer.core.draft import RawDraft
from reviewer.core.models import ModelCatalogue
from reviewer.core.questionnaire import PROMPT_VERSION
from reviewer.core.review import Review
from reviewer.core.routing import Routing
from reviewer.core.rubric import Effect, Judge, Rubric, Severity
from reviewer.core.rulebook import Rulebook, assemble
from reviewer.core.verdict import Cause, Reason, Verdict
from reviewer.replay.comparison import Rules
from reviewer.replay.rejudge import _NO_SOURCES, Answer, Asks, Told, Untold, rejudge
from reviewer.replay.tally import Fate, Tally, told
from tests.support.assembled import shipped_rulebook
from tests.support.builders import criterion, passes
from tests.support.logged import logged

NUMBERS = range(0, 400, 3)


@cache
def _shipped() -> Rulebook:
    return shipped_rulebook()


def _with(
    edit: Callable[[Rubric], Rubric] = lambda rubric: rubric,
    routes: dict[str, Any] | None = None,
    catalogue: ModelCatalogue | None = None,
) -> Rulebook:
    """Change every shipped rubric but the baseline, and lay fields over every route."""
    shipped = _shipped()
    rubrics = tuple(edit(r) for name, r in shipped.rubrics.items() if name != "baseline")
    raw = shipped.routing.model_dump(mode="json", by_alias=True)
    for route in (raw["default"], *raw["routes"]):
        # The default route cannot be of another tier.
        route.update(
            {name: value for name, value in (routes or {}).items() if name != "tier" or route in raw["routes"]}
        )
    added = {f"{r.id}/{c.id}": passes for r in rubrics for c in r.criteria if c.check is not None}
    checks = {**added, **shipped.checks}
    return assemble(rubrics, Routing.model_validate(raw), catalogue or shipped.catalogue, checks)


def _every(**fields: object) -> Callable[[Rubric], Rubric]:
    def edit(rubric: Rubric) -> Rubric:
        rows = [c.model_copy(update=fields) if c.severity is Severity.MAJOR else c for c in rubric.criteria]
        return rubric.model_copy(update={"criteria": tuple(rows)})

    return edit


def _reviews(**more: Any) -> Iterator[Review]:
    return (logged(_shipped(), number, **more) for number in NUMBERS)


def _against(candidate: Rulebook, **more: Any) -> list[tuple[Review, Answer]]:
    rules = Rules(candidate, (_shipped(),))
    return [(review, rejudge(review, rules)) for review in _reviews(**more)]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("met_percent", [100, 95, 50])
def test_the_same_rules_give_the_same_verdict(kept: bool, met_percent: int) -> None:
    """Whatever a critic found, the rules of the time come to the same verdict and reasons, with a draft or without."""
    verdicts = set()
    for review, answer in _against(_shipped(), kept=kept, met_percent=met_percent):
        assert isinstance(answer, Told)
        assert answer.decision.verdict is review.verdict
        assert set(answer.decision.reasons) == set(review.reasons)
        verdicts.add(review.verdict)
    assert Verdict.HUMAN_HANDOFF in verdicts
    assert met_percent < 95 or Verdict.APPROVE in verdicts


@pytest.mark.parametrize(
    ("edit", "routes"),
    [
        (_every(on_fail="handoff"), {}),
        (_every(on_uncertain="handoff"), {}),
        (_every(), {"mandatory_human": True}),
        (_every(), {"max_revisions": 0}),
    ],
)
def test_a_stricter_candidate_never_lowers(edit: Callable[[Rubric], Rubric], routes: dict[str, Any]) -> None:
    """Where every change is stricter and none touches what is asked, no verdict falls, some rise, and none is open."""
    answers = _against(_with(edit, routes))
    assert all(isinstance(answer, Told) for _, answer in answers)
    moves = [(r.verdict, a.decision.verdict) for r, a in answers if isinstance(a, Told)]
    assert all(now >= was for was, now in moves)
    assert any(now > was for was, now in moves)


def test_a_softer_candidate_never_raises() -> None:
    """Where every change is softer, no verdict rises."""
    answers = _against(_with(_every(on_fail="note", on_uncertain="note")))
    moves = [(r.verdict, a.decision.verdict) for r, a in answers if isinstance(a, Told)]
    assert len(moves) == len(answers)
    assert all(now <= was for was, now in moves)
    assert any(now < was for was, now in moves)


def _added(judge: str) -> Callable[[Rubric], Rubric]:
    row = criterion("brand_new", judge=judge)
    return lambda rubric: rubric.model_copy(update={"criteria": (row, *rubric.criteria)})


def test_a_new_question_leaves_only_itself_open() -> None:
    """Recorded answers to all other questions are taken; who is a person's case already is not asked about at all."""
    seen = set()
    for review, answer in _against(_with(_added("critic"))):
        if isinstance(answer, Asks):
            ((_, keys),) = answer.questions
            assert {key.split("/")[1] for key in keys} == {"brand_new"}
            assert review.verdict is not Verdict.HUMAN_HANDOFF
        else:
            assert isinstance(answer, Told)
            assert answer.decision.verdict is review.verdict is Verdict.HUMAN_HANDOFF or not review.route.full
        seen.add(type(answer))
    assert seen == {Asks, Told}


def test_without_the_draft_a_new_question_cannot_be_told() -> None:
    """What would have to be shown to a model or a check, and was not kept, is neither guessed nor left out."""
    for judge in ("critic", "check"):
        answers = [answer for _, answer in _against(_with(_added(judge)), kept=False)]
        untold = [answer for answer in answers if isinstance(answer, Untold)]
        assert untold
        assert {answer.why.partition(", and its draft")[1] for answer in untold} == {", and its draft"}
        assert not any(isinstance(answer, Asks) for answer in answers)


def test_a_new_check_is_run_on_the_kept_draft() -> None:
    """A check that nobody ran before is run, and nothing is asked for it."""
    answers = _against(_with(_added("check")))
    assert all(isinstance(answer, Told) for _, answer in answers)
    assert all(r.verdict is a.decision.verdict for r, a in answers if isinstance(a, Told))


def test_other_words_need_the_model() -> None:
    """Another question under the same name takes no recorded answer; its neighbours' answers stand."""

    def edit(rubric: Rubric) -> Rubric:
        at = next(n for n, c in enumerate(rubric.criteria) if c.judge is not Judge.CHECK)
        rows = list(rubric.criteria)
        rows[at] = rows[at].model_copy(update={"question": "Is it another matter altogether?"})
        return rubric.model_copy(update={"criteria": tuple(rows)})

    candidate = _with(edit)
    rows = [(r.id, c) for r in candidate.rubrics.values() for c in r.criteria]
    changed = {f"{name}/{c.id}" for name, c in rows if c.question.startswith("Is it another")}
    asks = [answer for _, answer in _against(candidate) if isinstance(answer, Asks)]
    assert asks
    assert all(set(keys) <= changed for answer in asks for _, keys in answer.questions)


def test_another_model_is_asked_everything() -> None:
    """Where other reviewers would sit, no recorded answer stands for theirs."""
    asks = [a for _, a in _against(_with(routes={"reviewers": ["gpt"]})) if isinstance(a, Asks)]
    assert asks
    for answer in asks:
        ((candidate, keys),) = answer.questions
        assert candidate.spec.id == "gpt"
        assert set(keys) == set(answer.evidence.plan.asked) - answer.evidence.inapplicable
        assert not [f for f in answer.evidence.findings if f.origin == "critic"]


def test_answers_under_other_instructions_are_not_taken() -> None:
    """A review of another prompt version is asked again, whatever else is the same."""
    assert PROMPT_VERSION != "0"
    rules = Rules(_shipped(), ())
    for number in NUMBERS:
        review = logged(_shipped(), number, met_percent=100)
        older = replace(review, route=replace(review.route, prompt_version="0"))
        answer = rejudge(older, rules)
        assert isinstance(answer, Asks) or not review.route.full or review.verdict is Verdict.HUMAN_HANDOFF


def test_rules_that_are_not_at_hand_answer_nothing() -> None:
    """Where the rules of a review are unknown, none of its findings is taken for the candidate's."""
    candidate = _with(_every(title="Another title"))
    review = next(r for r in _reviews(met_percent=100) if r.route.full and r.verdict is Verdict.APPROVE)
    assert isinstance(rejudge(review, Rules(candidate, (_shipped(),))), Told)
    answer = rejudge(review, Rules(candidate, ()))
    assert isinstance(answer, Asks)
    assert isinstance(rejudge(replace(review, material=""), Rules(candidate, ())), Untold)


def test_an_outage_stays_what_it_was() -> None:
    """A review that was lost to an outage stays a person's case under any rules that ask the same people."""
    review = next(r for r in _reviews() if r.route.full and r.verdict is Verdict.APPROVE)
    lost = Reason(Cause.REVIEWER_UNAVAILABLE, Effect.HANDOFF, "", None, "the second model gave no answer (overloaded)")
    findings = tuple(f for f in review.findings if f.origin != "critic")
    outage = replace(review, verdict=Verdict.HUMAN_HANDOFF, reasons=(lost,), findings=findings)
    for candidate in (_shipped(), _with(_every(on_fail="note")), _with(_added("critic"))):
        answer = rejudge(outage, Rules(candidate, (_shipped(),)))
        assert isinstance(answer, Told)
        assert answer.decision.verdict is Verdict.HUMAN_HANDOFF
        assert lost.cause in {reason.cause for reason in answer.decision.reasons}


def test_a_route_that_rises_asks_everything_or_bars() -> None:
    """Where the second model was not asked before and is now, it is asked everything, unless the class forbids it."""
    for classes, kind in ((["public", "internal", "confidential"], Asks), (["public"], Told)):
        low = _with(routes={"tier": "low", "sample_percent": 0, "data_classes": classes})
        high = _with(routes={"data_classes": classes})
        seen = set()
        for number in NUMBERS:
            review = logged(low, number)
            if review.route.full or review.verdict is not Verdict.APPROVE:
                continue
            answer = rejudge(review, Rules(high, (low,)))
            seen.add(type(answer))
            if isinstance(answer, Told):
                assert {r.cause for r in answer.decision.reasons} & {Cause.DATA_CLASS_FORBIDDEN, Cause.POLICY}
        assert kind in seen


def test_having_no_sources_is_known_without_the_draft() -> None:
    """The digest by which a review without sources is known is that of no sources."""
    assert RawDraft("").sources_digest() == _NO_SOURCES


def test_the_tally_adds_up() -> None:
    """Every review is counted once; groups hold every change, and shares count what was decided."""
    tally = Tally()
    for review, answer in _against(_with(_every(on_fail="handoff"))):
        assert isinstance(answer, Told)
        tally.add(told(review, answer.decision))
    assert tally.total == len(NUMBERS) == sum(segment.decided for segment in tally.by_route.values())
    assert sum(group.count for _, group in tally.ordered()) == tally.fates[Fate.CHANGED] > 0
    assert sum(segment.stricter for segment in tally.by_locale.values()) == tally.fates[Fate.CHANGED]
    assert all(group.samples[0].after for _, group in tally.ordered())
