from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reviewer.core.change import Meaning, Rerun
from reviewer.core.rubric import Rubric
from reviewer.core.rulebook import Rulebook, assemble
from reviewer.core.rules_diff import Difference, difference
from tests.support.assembled import shipped_rulebook
from tests.support.builders import criterion, passes, rubric

BASE = rubric(
    criterion("asked", on_fail="revise", severity="major"),
    criterion("ruled", judge="check"),
    criterion("noted", "minor"),
)


def _rules(*rubrics: Rubric, **parts: Any) -> Rulebook:
    """Put rubrics beside the shipped routing, which does not name them."""
    shipped = shipped_rulebook()
    everything = (*[r for name, r in shipped.rubrics.items() if name != "baseline"], *rubrics)
    checks = {f"{r.id}/{c.id}": passes for r in everything for c in r.criteria if c.check is not None}
    routing, catalogue = parts.get("routing", shipped.routing), parts.get("catalogue", shipped.catalogue)
    return assemble(everything, routing, catalogue, {**shipped.checks, **checks})


def _edited(at: int, **fields: object) -> Rubric:
    rows = [row.model_dump(mode="json") for row in BASE.criteria]
    rows[at] |= fields
    return Rubric.model_validate(BASE.model_dump(mode="json", by_alias=True) | {"criteria": rows})


def _found(after: Rubric) -> Difference:
    return difference(_rules(BASE), _rules(after))


def test_a_rule_set_does_not_differ_from_itself() -> None:
    """The shipped rules have no changes against themselves, however often they are loaded."""
    again = replace(shipped_rulebook())
    assert difference(shipped_rulebook(), again) == Difference((), (), ())


@pytest.mark.parametrize(
    ("at", "fields", "what", "meaning", "rerun"),
    [
        (0, {"on_fail": "handoff"}, "on_fail revise -> handoff", Meaning.STRICTER, Rerun.CODE),
        (0, {"on_fail": "note"}, "on_fail revise -> note", Meaning.SOFTER, Rerun.CODE),
        (0, {"on_uncertain": "note"}, "on_uncertain revise -> note", Meaning.SOFTER, Rerun.CODE),
        (0, {"on_unverified": "revise"}, "on_unverified handoff -> revise", Meaning.SOFTER, Rerun.CODE),
        (2, {"severity": "major"}, "severity minor -> major", Meaning.STRICTER, Rerun.MODEL),
        (0, {"na_allowed": True}, "may be waived by the critic", Meaning.SOFTER, Rerun.MODEL),
        (0, {"question": "Is it quite another matter?"}, "question changed", Meaning.NEUTRAL, Rerun.MODEL),
        (0, {"not_counting": ["a near miss"]}, "not_counting added: a near miss", Meaning.SOFTER, Rerun.MODEL),
        (
            0,
            {"not_met_when": ["it is not so", "it is odd"]},
            "not_met_when added: it is odd",
            Meaning.STRICTER,
            Rerun.MODEL,
        ),
        (0, {"evidence": {"on": "both"}}, "evidence on_not_met -> both", Meaning.NEUTRAL, Rerun.MODEL),
        (0, {"rationale": "because"}, "rationale changed", Meaning.NEUTRAL, Rerun.CODE),
        (
            0,
            {"applies_when": {"has_sources": True}},
            "applies_when always -> has_sources True",
            Meaning.SOFTER,
            Rerun.CODE,
        ),
        (
            1,
            {"check": {"id": "probe", "args": {"most": 5}}},
            "check probe, most: default -> 5",
            Meaning.NEUTRAL,
            Rerun.CODE,
        ),
        (
            1,
            {"check": {"id": "probe", "args": {"patterns": {"en": ["safe"]}}}},
            "check probe, patterns: default -> {'en': ['safe']}",
            Meaning.NEUTRAL,
            Rerun.CODE,
        ),
    ],
)
def test_a_change_is_told_with_its_meaning(
    at: int, fields: dict[str, object], what: str, meaning: Meaning, rerun: Rerun
) -> None:
    """One edit of one criterion is told in words, which way it moves verdicts, and whether the model must be asked."""
    told = [change for change in _found(_edited(at, **fields)).changes if change.what == what]
    assert [(change.meaning, change.rerun) for change in told] == [(meaning, rerun)]
    assert told[0].criterion == f"probe/{BASE.criteria[at].id}"


def test_arguments_of_a_check_are_told_apart() -> None:
    """Arguments are told entry by entry; more wording that is ruled out is stricter, less of it softer."""

    def ruling_out(*words: str) -> Rulebook:
        args = {"patterns": {"en": words, "pt": ["certo"]}}
        return _rules(_edited(1, check={"id": "forbidden_text", "args": args}))

    changes = difference(ruling_out("safe", "sure"), ruling_out("safe", "never")).changes
    assert {change.what: change.meaning for change in changes} == {
        "check forbidden_text, patterns.en added: never": Meaning.STRICTER,
        "check forbidden_text, patterns.en removed: sure": Meaning.SOFTER,
    }


def test_code_only_and_asking_are_told_apart() -> None:
    """A key stands in exactly one of the two lists, and the model weighs more where both hold."""
    both = _found(_edited(0, on_fail="handoff", question="Is it another matter?"))
    assert (both.needs_model, both.code_only) == (("probe/asked",), ())
    code = _found(_edited(0, on_fail="handoff"))
    assert (code.needs_model, code.code_only) == ((), ("probe/asked",))


def test_what_is_new_gone_or_renamed_is_told() -> None:
    """What is new is stricter, what is gone is softer, and what has nearly the same words was renamed."""
    rows = [*BASE.criteria, criterion("brand_new", question="Does the moon shine tonight?")]
    added = _found(BASE.model_copy(update={"criteria": tuple(rows)}))
    assert [(c.where, c.meaning, c.rerun) for c in added.changes] == [
        ("probe/brand_new", Meaning.STRICTER, Rerun.MODEL)
    ]
    gone = _found(BASE.model_copy(update={"criteria": BASE.criteria[:2]}))
    assert [(c.where, c.meaning) for c in gone.changes] == [("probe/noted", Meaning.SOFTER)]
    renamed = _found(_edited(2, id="remarked"))
    assert [c.what for c in renamed.changes] == ["renamed from noted (a guess)"]
    assert renamed.needs_model == ("probe/remarked",)


def test_what_every_question_is_read_with_asks_all_of_them() -> None:
    """Another purpose, fact or overlay concerns each question of the rubric that a critic answers, and no check."""
    for update in (
        {"purpose": "To be tested more."},
        {"policy_facts": [{"text": "The sky is blue."}]},
        {"locales": {"pt-BR": {"policy_facts": [{"text": "The sky is blue."}]}}},
    ):
        after = Rubric.model_validate(BASE.model_dump(mode="json", by_alias=True) | update)
        assert _found(after).needs_model == ("probe/asked", "probe/noted")


def _routing(edit: Callable[[dict[str, Any]], None]) -> Difference:
    shipped = shipped_rulebook()
    raw = shipped.routing.model_dump(mode="json", by_alias=True)
    edit(raw)
    return difference(shipped, _rules(routing=type(shipped.routing).model_validate(raw)))


def test_routes_are_compared_by_meaning() -> None:
    """A mandatory person, fewer revisions and data classes are stricter; another reviewer is neutral and asks anew."""

    def edit(raw: dict[str, Any]) -> None:
        health = next(route for route in raw["routes"] if route["id"] == "health")
        health |= {"mandatory_human": True, "max_revisions": 1, "data_classes": ["public"], "reviewers": ["gpt"]}

    changes = {change.what: change for change in _routing(edit).changes}
    assert {change.where for change in changes.values()} == {"route health"}
    assert changes["demands a person for every draft"].meaning is Meaning.STRICTER
    assert changes["max_revisions 2 -> 1"].meaning is Meaning.STRICTER
    assert changes["data class removed: internal"].meaning is Meaning.STRICTER
    assert changes["reviewers claude_opus, gpt -> gpt"].rerun is Rerun.MODEL


def test_models_are_compared_by_price_pin_and_retirement() -> None:
    """A model's price, pin and end are told; a name that no longer means the same weights is softer."""
    shipped = shipped_rulebook()
    raw = shipped.catalogue.model_dump(mode="json", by_alias=True)
    entry = next(e for e in raw["models"] if e["id"] == "claude-opus-4-6")
    entry |= {"pinned": False, "retires": "2027-01-31"}
    entry["price"] |= {"input": 1_000_000}
    changes = difference(shipped, _rules(catalogue=type(shipped.catalogue).model_validate(raw))).changes
    assert {change.where for change in changes} == {"model claude-opus-4-6"}
    told = {change.what.split(" ")[0]: change.meaning for change in changes}
    assert told == {"no": Meaning.SOFTER, "price": Meaning.NEUTRAL, "retires": Meaning.NEUTRAL}
