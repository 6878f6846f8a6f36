from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from reviewer.core.errors import RubricError
from reviewer.rubrics.bounds import STRICT, SuiteBounds, breaches, load_bounds
from reviewer.rubrics.lint import lint
from reviewer.rubrics.results import Status, TrialResult, Wording
from reviewer.rubrics.shares import Share
from tests.support.subjects import RUBRICS


def _trial(suite: str, verdict: str, wording: Wording = Wording.OWN) -> TrialResult:
    return TrialResult("a/b", "a/b", "a", suite, "en-US", wording, 0, Status.PASSED, verdict)


def test_a_bound_is_broken_only_from_beyond_it() -> None:
    """Exactly as much as is allowed is allowed; trials without a verdict and derived ones count in no share."""
    bounds = {"known_benign": SuiteBounds(max_not_approved_percent=50)}
    half = [_trial("known_benign", "APPROVE"), _trial("known_benign", "REVISE")]
    beside = [_trial("known_benign", ""), _trial("known_benign", "REVISE", Wording.DERIVED)]
    assert breaches(bounds, [*half, *beside]) == ()
    (breach,) = breaches(bounds, [*half, _trial("known_benign", "HUMAN_HANDOFF")])
    assert (breach.rule, breach.share) == ("not approved", Share(2, 3))


def test_a_rule_set_without_bounds_has_the_strict_ones(tmp_path: Path) -> None:
    """Nothing known to be fine may be stopped and nothing known to be bad approved, unless a file says otherwise."""
    assert load_bounds(tmp_path) == STRICT
    (tmp_path / "suites.yaml").write_text("schema: 1\nsuites:\n  multilingual: {max_approved_percent: 10}\n")
    assert load_bounds(tmp_path) == {**STRICT, "multilingual": SuiteBounds(max_approved_percent=10)}


def test_the_shipped_bounds_are_the_strict_ones() -> None:
    """The shipped rule set allows no exception."""
    assert load_bounds(RUBRICS) == STRICT


def test_a_wrong_bound_is_told_with_its_line(tmp_path: Path) -> None:
    """A bound beyond 100 % or an unknown suite is a fault at its place."""
    (tmp_path / "suites.yaml").write_text("schema: 1\nsuites:\n  known_benign: {max_approved_percent: 101}\n")
    with pytest.raises(RubricError) as told:
        load_bounds(tmp_path)
    assert told.value.faults[0].where.startswith("suites.yaml:3")


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
        (Share(81, 263), 25.53, 36.62),
        (Share(15, 148), 6.24, 16.05),
        (Share(0, 20), 0.00, 16.11),
        (Share(1, 29), 0.61, 17.18),
        (Share(0, 0), 0.00, 100.00),
    ],
)
def test_intervals_are_those_of_the_literature(share: Share, low: float, high: float) -> None:
    """Wilson's interval agrees with Newcombe's worked examples to the digits that he gives."""
    assert share.interval == pytest.approx((low, high), abs=0.006)


def test_lint_reads_the_bounds(tmp_path: Path) -> None:
    """A fault in `suites.yaml` is a finding of lint with its line; a set without that file has none of it."""
    shutil.copytree(RUBRICS, tmp_path / "rules")
    path = tmp_path / "rules" / "suites.yaml"
    path.write_text("schema: 1\nsuites:\n  known_benign: {max_approved_percent: 101}\n", encoding="utf-8")
    today = date(2026, 11, 21)
    assert [fault.where for fault in lint(tmp_path / "rules", today).errors] == ["suites.yaml:3:18"]
    path.unlink()
    assert lint(tmp_path / "rules", today).errors == ()
