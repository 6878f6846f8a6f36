"""The gate file: the shipped one loads, and what is wrong with another is told with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reviewer.core.errors import RubricError
from reviewer.rubrics.gates import GATES, gate_errors, read_gates
from reviewer.rubrics.lint import lint

SHIPPED = Path(__file__).resolve().parents[3] / "rubrics"

WRONG = """schema: 1
gates:
  - id: one
    of: criteria
    criteria: [health/dose, health/gone]
    rate: false_approve
    at_most: 0.05
  - id: two
    of: verdict
    suite: unknown_suite
    rate: false_block
    at_most: 0.1
"""


def faults(folder: Path, text: str) -> list[str]:
    (folder / GATES).write_text(text, encoding="utf-8")
    with pytest.raises(RubricError) as caught:
        read_gates(folder, GATES, {"health/dose"})
    return [str(fault) for fault in caught.value.faults]


def test_the_shipped_gates_load_and_bound_what_matters() -> None:
    """The shipped file holds blockers, known bad and known good drafts, and both directions of getting worse."""
    gates = {gate.id: gate for gate in read_gates(SHIPPED, GATES, set()).gates}
    assert gates["blockers_let_nothing_through"].too_few == "fail"
    assert gates["sensitive_is_not_approved"].suite == "known_sensitive"
    assert gates["benign_is_not_blocked"].rate == "false_block"
    assert {gate.rate for gate in gates.values() if gate.no_worse} == {"false_approve", "false_block"}


def test_unknown_criteria_and_suites_are_placed(tmp_path: Path) -> None:
    """A criterion or suite that does not exist is a fault with line, column and field."""
    assert faults(tmp_path, WRONG) == [
        "gates.yaml:5:29: gates[0].criteria[1]: no criterion 'health/gone' in the rule set",
        "gates.yaml:10:5: gates[1].suite: no suite 'unknown_suite'; "
        "known: adversarial, known_benign, known_sensitive, multilingual",
    ]


def test_what_a_gate_cannot_say_is_placed(tmp_path: Path) -> None:
    """An unknown key and a gate without a limit are told where they stand."""
    told = faults(tmp_path, WRONG.replace("at_most: 0.05", "atmost: 0.05").replace("[health/dose, health/gone]", "[]"))
    assert told[0].startswith("gates.yaml:7:5: gates[0].atmost: unknown key; did you mean at_most?")


def test_lint_tells_of_gates_too(tmp_path: Path) -> None:
    """A fault of the gate file is an error of lint, a rule set without gates has none, and the baseline is known."""
    assert gate_errors(tmp_path, ()) == ()
    (tmp_path / GATES).write_text(WRONG.replace("health/gone", "baseline/no_hidden_text"), encoding="utf-8")
    told = [str(fault) for fault in lint(tmp_path, date(2026, 11, 21)).errors]
    assert any("no criterion 'health/dose'" in line for line in told)
    assert not any("baseline/no_hidden_text" in line for line in told)
    assert lint(SHIPPED, date(2026, 11, 21)).errors == ()
