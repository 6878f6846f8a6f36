from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reviewer.core.rubric import Rubric
from reviewer.rubrics.files import read_rules
from reviewer.rubrics.load import resolve
from reviewer.rubrics.show import in_force, prompt_of, route_in_force, stated
from reviewer.rubrics.yaml_file import read
from tests.unit.rubrics.test_composition import CHILD

RUBRICS = Path(__file__).parents[3] / "rubrics"
TODAY = date(2026, 11, 21)
SHIPPED = read_rules(RUBRICS)


@pytest.mark.parametrize("name", SHIPPED.rubrics)
def test_what_is_shown_reads_back(name: str) -> None:
    """The YAML that is shown is the rubric: read again it has the same values, with the defaults written out."""
    rubric = SHIPPED.rubrics[name]
    again = Rubric.model_validate(read("shown", in_force(rubric)).value)
    written_out = {"on_fail", "on_uncertain", "evidence"}

    assert again.model_dump(exclude={"criteria"}) == rubric.model.model_dump(exclude={"criteria"})
    for shown, criterion in zip(again.criteria, rubric.model.criteria, strict=True):
        assert shown.model_dump(exclude=written_out) == criterion.model_dump(exclude=written_out)
        assert (shown.fail_effect, shown.uncertain_effect) == (criterion.fail_effect, criterion.uncertain_effect)
        assert shown.evidence_rule == criterion.evidence_rule
    assert read("shown", stated(rubric.document)).value == rubric.document.value


def test_every_value_has_its_origin(rules: Path) -> None:
    """Beside each value stands the file and line that says it, of the base or the rubric, or that it is a default."""
    (rules / "child").mkdir()
    (rules / "child" / "rubric.yaml").write_text(CHILD)
    lines = in_force(read_rules(rules).rubrics["child"]).splitlines()

    assert '    question: "Does the draft answer at all?"  # health/rubric.yaml:30:5' in lines
    assert "    severity: blocker  # child/rubric.yaml:16:5" in lines
    assert "    on_fail: handoff  # default" in lines
    assert all("  # " in line for line in lines)


def test_a_locale(rules: Path) -> None:
    """Of the overlays only the one that serves the locale is shown, in whatever way its tag is written."""
    rubric = read_rules(rules).rubrics["health"]

    assert "em português" in in_force(rubric, "pt_br")
    assert "em português" not in in_force(rubric, "pt-PT")


def test_a_route(rules: Path) -> None:
    """A route is shown as comments, with its origins; one that does not run the rubric is refused."""
    files = read_rules(rules)
    shown = route_in_force(files, "health", "health")

    assert "# tier: high  # routing.yaml:21:5\n" in shown
    assert "# fan_out: 1  # default\n" in shown
    with pytest.raises(LookupError, match="no route unknown runs health; there are: health"):
        route_in_force(files, "unknown", "health")


def test_the_prompt(rules: Path) -> None:
    """The prompt is the very prefix that the route's requests are sent with."""
    rulebook, _ = resolve(read_rules(rules), TODAY)
    plan = rulebook.plan("health.dose", None, "pt-BR", b"")

    assert prompt_of(rulebook, "health", "health", "pt-BR") == plan.questionnaire.prefix + "\n"
    assert prompt_of(rulebook, "health", "", "pt-br") == plan.questionnaire.prefix + "\n"
    assert "em português" not in prompt_of(rulebook, "health", "", "")
    with pytest.raises(LookupError, match="no rubric nothing; there are: health, quality"):
        prompt_of(rulebook, "nothing", "", "")
