"""Gates: evidence passes them, its absence does not, and one criterion that broke is not hidden by the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reviewer.core.gates import Checked, Gate, GateFile, Status, check_gates
from reviewer.core.labels import VERDICT, Judged, Label, Matched, match
from reviewer.core.rubric import Severity

SEVERITIES = {"a/blocks": Severity.BLOCKER, "a/other": Severity.BLOCKER, "a/small": Severity.MINOR}


def gate(**fields: object) -> Gate:
    content: dict[str, object] = {"id": "probe", "of": "criteria", "rate": "false_approve", "at_most": 0.05}
    return Gate.model_validate({**content, **fields})


def rows(subject: str, misses: int, n: int, locale: str = "") -> tuple[Matched, ...]:
    """Return answers about what people fail, so many of them wrong."""
    judged = [Judged(f"i{at}", subject, "MET" if at < misses else "NOT_MET", locale=locale) for at in range(n)]
    return match(judged, [Label(f"i{at}", subject, "x", "NOT_MET") for at in range(n)])


def only(checked: tuple[Checked, ...], subject: str) -> Checked:
    (one,) = (one for one in checked if one.subject == subject)
    return one


@pytest.mark.parametrize(("n", "status"), [(58, Status.FAILED), (59, Status.PASSED)])
def test_no_miss_in_59_shows_five_percent(n: int, status: Status) -> None:
    """Without a miss 59 labels pass a bound of 5 % and 58 do not; the reason says how many would."""
    (found,) = check_gates([gate(criteria=["a/blocks"])], rows("a/blocks", 0, n), SEVERITIES)
    assert found.status is status
    assert found.passed is (status is Status.PASSED)
    assert ("59 without a miss would show it" in found.reason) is (n == 58)


def test_what_was_never_judged_cannot_pass() -> None:
    """A gate on blockers checks every blocker of the rule set, and one without labels holds the release."""
    found = check_gates([gate(severity="blocker")], rows("a/blocks", 0, 100), SEVERITIES)
    assert [(one.subject, one.status, one.passed) for one in found] == [
        ("a/blocks", Status.PASSED, True),
        ("a/other", Status.TOO_FEW, False),
    ]


def test_too_few_passes_only_where_the_gate_says_so() -> None:
    """Fewer labels than asked for are not a pass, unless the file says so; the status stays "too few"."""
    few = rows("a/blocks", 0, 10)
    for says, passed in (("fail", False), ("pass", True)):
        (found,) = check_gates([gate(criteria=["a/blocks"], too_few=says)], few, SEVERITIES)
        assert (found.status, found.passed, found.bound) == (Status.TOO_FEW, passed, None)


def test_each_locale_stands_for_itself() -> None:
    """A locale that is bad fails its gate although the whole is good."""
    good, bad = rows("a/blocks", 0, 900, locale="en"), rows("a/blocks", 20, 60, locale="pt")
    found = check_gates([gate(criteria=["a/blocks"], each="locale", at_most=0.1)], (*good, *bad), SEVERITIES)
    assert {one.segment: one.status for one in found} == {"locale=en": Status.PASSED, "locale=pt": Status.FAILED}
    assert check_gates([gate(criteria=["a/blocks"], at_most=0.1)], (*good, *bad), SEVERITIES)[0].passed


def test_only_the_suite_counts() -> None:
    """A gate on a suite looks at no other answers."""
    judged = [("known_sensitive", "REVISE")] * 60 + [("known_benign", "APPROVE")] * 60
    labelled = [
        Matched(Judged(f"i{at}", VERDICT, verdict, suite=suite), "HUMAN_HANDOFF", {"x": "HUMAN_HANDOFF"})
        for at, (suite, verdict) in enumerate(judged)
    ]
    for suite, status in (("known_sensitive", Status.PASSED), ("known_benign", Status.FAILED)):
        (found,) = check_gates([gate(of="verdict", suite=suite)], labelled, {})
        assert found.status is status


def test_a_criterion_that_got_worse_is_named() -> None:
    """By a one-sided test shared over all criteria, the one that lets more through fails and the others pass."""
    now = (*rows("a/blocks", 30, 100), *rows("a/other", 10, 100), *rows("a/small", 9, 100))
    was = tuple(row for name in SEVERITIES for row in rows(name, 10, 100))
    found = check_gates([gate(at_most=None, no_worse=0.05)], now, SEVERITIES, was)
    assert {one.subject: one.status for one in found} == {
        "a/blocks": Status.FAILED,
        "a/other": Status.PASSED,
        "a/small": Status.PASSED,
    }
    assert "30 of 100 (30.0%), in force 10 of 100" in only(found, "a/blocks").reason


def test_better_than_in_force_is_no_fault() -> None:
    """A criterion that got much better passes."""
    was, now = rows("a/blocks", 40, 100), rows("a/blocks", 1, 100)
    (found,) = check_gates([gate(criteria=["a/blocks"], at_most=None, no_worse=0.05)], now, SEVERITIES, was)
    assert found.status is Status.PASSED


def test_nothing_to_compare_with_is_too_few() -> None:
    """Without the release in force, or with too little of it, no comparison passes."""
    asked = [gate(criteria=["a/blocks"], at_most=None, no_worse=0.05)]
    now = rows("a/blocks", 0, 100)
    for was in (None, rows("a/blocks", 0, 29)):
        (found,) = check_gates(asked, now, SEVERITIES, was)
        assert (found.status, found.passed) == (Status.TOO_FEW, False)


@pytest.mark.parametrize("bound", ["exact", "wilson"])
def test_recall_has_a_floor(bound: str) -> None:
    """A rate that is good to be high is held from below."""
    asked = [gate(criteria=["a/blocks"], rate="recall", at_most=None, at_least=0.9, bound=bound)]
    assert check_gates(asked, rows("a/blocks", 2, 100), SEVERITIES)[0].passed
    assert not check_gates(asked, rows("a/blocks", 8, 100), SEVERITIES)[0].passed


@given(st.integers(0, 80), st.integers(0, 80))
def test_one_more_miss_never_helps(misses: int, more: int) -> None:
    """A gate that fails with so many misses fails with more of them."""
    low, high = sorted((misses, min(misses + more, 80)))
    asked = [gate(criteria=["a/blocks"], at_most=0.2)]
    fewer, worse = (check_gates(asked, rows("a/blocks", count, 80), SEVERITIES)[0] for count in (low, high))
    assert fewer.passed or not worse.passed


@pytest.mark.parametrize(
    "fields",
    [
        {"at_most": None},
        {"at_least": 0.5},
        {"rate": "recall"},
        {"at_most": None, "at_least": 0.5},
        {"of": "verdict", "severity": "blocker"},
        {"criteria": ["a/b"], "severity": "blocker"},
        {"at_most": 1.5},
        {"too_few": "maybe"},
    ],
)
def test_toothless_gates_cannot_be_built(fields: dict[str, object]) -> None:
    """A gate without a limit, with two, or with one that asks for the wrong side is refused."""
    with pytest.raises(ValidationError):
        gate(**fields)


def test_gates_have_one_name_each() -> None:
    """Two gates of one name are refused: a report could not tell them apart."""
    with pytest.raises(ValidationError, match="gate ids stand twice: probe"):
        GateFile(schema=1, gates=(gate(), gate()))
