from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from reviewer.core.errors import RubricError
from reviewer.rubrics.lint import lint
from reviewer.rubrics.load import load_rulebook
from reviewer.rubrics.scaffold import scaffold

SHIPPED = Path(__file__).parents[3] / "rubrics"
TODAY = date(2026, 11, 21)


def findings(rules: Path) -> list[str]:
    report = lint(rules, TODAY)
    return [str(fault) for fault in (*report.errors, *report.warnings)]


def test_a_new_domain_is_clean(tmp_path: Path) -> None:
    """A scaffolded domain beside the shipped ones gives neither errors nor warnings, and its intents reach it."""
    rules = Path(shutil.copytree(SHIPPED, tmp_path / "rules"))
    made = scaffold(rules, "tenancy_law", TODAY, append=True)

    assert made.appended
    assert findings(rules) == []
    plan = load_rulebook(rules, today=TODAY)[0].plan("tenancy_law.rent", None, "pt-BR", b"")
    assert [rubric.id for rubric in plan.rubrics] == ["baseline", "tenancy_law", "answer_quality"]
    assert plan.tier.label == "high"


def test_the_rest_of_the_table_is_left_alone(rules: Path) -> None:
    """A route is appended as text; what stood in the table before stands there unchanged."""
    before = (rules / "routing.yaml").read_text()
    made = scaffold(rules, "travel", TODAY, append=True)

    assert (rules / "routing.yaml").read_text() == f"{before}\n{made.route}"
    assert findings(rules) == []


@pytest.mark.parametrize("append", [True, False])
def test_a_route_to_paste(rules: Path, append: bool) -> None:
    """Where the table does not end with its routes, or nobody wants it, the route is only returned."""
    path = rules / "routing.yaml"
    if append:
        path.write_text("routes: []\n" + path.read_text().partition("routes:\n")[0])
    before = path.read_text()
    made = scaffold(rules, "travel", TODAY, append=append)

    assert (made.appended, path.read_text()) == (False, before)
    assert 'intents: ["travel.*"]' in made.route


@pytest.mark.parametrize("domain", ["health", "baseline", "Travel", "../x", "a", "", "travel law", "routing.yaml"])
def test_a_name_that_will_not_do(rules: Path, domain: str) -> None:
    """A name that is taken or is none writes nothing."""
    before = sorted(rules.rglob("*"))
    with pytest.raises(RubricError):
        scaffold(rules, domain, TODAY, append=True)

    assert sorted(rules.rglob("*")) == before
