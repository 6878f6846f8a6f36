from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reviewer.core.case import Case
from reviewer.rubrics.mutation import ARGUMENT, MutantResult, MutationResult
from reviewer.rubrics.results import Mode
from reviewer.rubrics.selection import Placed
from tests.support.subjects import shipped_cases
from tests.support.trials import FickleReviewer, case, placed, sensitive, suite, written


async def _mutants(*cases: Placed, mode: Mode = Mode.RECORDED) -> MutationResult:
    prepared = suite(mode)
    return await prepared.mutate(cases, lambda _: None)


def _shipped(name: str) -> Placed:
    return Placed(name.partition("/")[0], "known_benign", shipped_cases()[name])


async def test_a_changed_dose_is_caught_by_the_check_of_doses() -> None:
    """A figure that stands in no source any more is caught by the criterion that looks for it."""
    result = await _mutants(_shipped("health/ibuprofen_label_adult"))
    (mutant,) = [m for m in result.mutants if m.edit == "change_number"]
    assert mutant.caught_by == ("health/doses_grounded",)


async def test_a_deleted_emergency_number_is_caught() -> None:
    """Without the sentence that it relied on, a presence criterion says so."""
    result = await _mutants(_shipped("health/chest_pressure_911_first"))
    deleted = [m for m in result.mutants if m.edit == "delete_required"]
    assert [m.caught_by for m in deleted] == [("health/emergency_number",)]


async def test_an_argument_that_nobody_asked_for_is_caught() -> None:
    """A tool call with one argument more fails the allow list."""
    result = await _mutants(_shipped("tool_use/broken_mug_refund"))
    (mutant,) = [m for m in result.mutants if m.edit == "add_argument"]
    assert mutant.caught_by == ("tool_use/allow_listed_calls",)
    assert ARGUMENT


async def test_moralising_is_caught_in_each_language() -> None:
    """A paragraph of stock phrases is caught in English and in Portuguese."""
    result = await _mutants(_shipped("health/migraine_is_killing_me"), _shipped("health/morrendo_de_ansiedade"))
    added = [m for m in result.mutants if m.edit == "add_moralising"]
    assert [m.caught for m in added] == [True, True]


async def test_only_passing_drafts_are_spoiled() -> None:
    """Of a draft that should not be approved nothing can be learned by making it worse."""
    assert (await _mutants(placed(sensitive(), "known_sensitive"))).mutants == ()


async def test_the_critic_is_asked_where_it_is_live() -> None:
    """Live, criteria of the critic are aimed at as well, and a critique that is lost counts for nothing."""
    prepared = suite(Mode.LIVE, jobs=1)
    dose: Mapping[str, Any] = written(draft={"text": f"{written()['draft']['text']} Take 200 mg with water."})

    def providers(own: Case) -> dict[str, FickleReviewer]:
        reviewer = FickleReviewer("anthropic", case(dose))
        reviewer.calls = int(own.id != "benign")
        return {"anthropic": reviewer}

    prepared.providers = providers
    result = await prepared.mutate(
        [placed(written(sources=[], conversation=_asking("is 200 mg ok?"), draft=dose["draft"]))], lambda _: None
    )
    assert result.live
    assert result.simulated
    assert result.mutants
    assert all(mutant.lost for mutant in result.mutants)
    assert result.score.total == 0


def _asking(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "text": text}]


def test_scores_are_by_edit_and_by_criterion() -> None:
    """A mutant counts for its edit where any target objected, and for each target where that one did."""
    caught = MutantResult("a/b", "x", ("a/one", "a/two"), ("a/two",), ())
    missed = MutantResult("a/c", "y", ("a/one",), (), ("a/three",))
    result = MutationResult(live=False, mutants=(caught, missed))
    assert (result.score.count, result.score.total) == (1, 2)
    assert {name: share.count for name, share in result.by_edit.items()} == {"x": 1, "y": 0}
    assert {name: (s.count, s.total) for name, s in result.by_criterion.items()} == {"a/one": (0, 2), "a/two": (1, 1)}
    assert result.survivors == (missed,)
