from __future__ import annotations

import json

from reviewer.core.errors import Edit, Fault
from reviewer.rubrics.codes import CODES
from reviewer.rubrics.lint import LintReport
from reviewer.rubrics.lint_formats import Format, written

REPORT = LintReport(
    (
        Fault("a/rubric.yaml:3:5", "ownr", "unknown key", "RUB005", Edit(3, 5, "ownr", "owner")),
        Fault("models.yaml", "", "no such file", "RUB001"),
    ),
    (Fault("a/rubric.yaml:9:1", "criteria[0]", "100 % of\nnothing", "RUB405"),),
)


def test_text() -> None:
    """People get one line a finding: weight, code, place from where they are, field, message; and the counts."""
    assert written(REPORT, Format.TEXT, "rules").splitlines() == [
        "error   RUB005 rules/a/rubric.yaml:3:5: ownr: unknown key",
        "error   RUB001 rules/models.yaml: no such file",
        "warning RUB405 rules/a/rubric.yaml:9:1: criteria[0]: 100 % of",
        "nothing",
        "2 errors, 1 warning; --fix mends 1",
    ]
    assert written(REPORT, Format.TEXT, "").startswith("error   RUB005 a/rubric.yaml:3:5")


def test_json() -> None:
    """Scripts get one object a finding, with file, line and column apart."""
    rows = json.loads(written(REPORT, Format.JSON, "rules"))

    assert [(r["code"], r["severity"], r["file"], r["line"], r["column"], r["fixable"]) for r in rows] == [
        ("RUB005", "error", "rules/a/rubric.yaml", 3, 5, True),
        ("RUB001", "error", "rules/models.yaml", 1, 1, False),
        ("RUB405", "warning", "rules/a/rubric.yaml", 9, 1, False),
    ]


def test_sarif() -> None:
    """Code scanners get SARIF 2.1.0 whose rules are all codes, and whose results name one of them."""
    (run,) = json.loads(written(REPORT, Format.SARIF, "rules"))["runs"]

    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == CODES.keys()
    assert [result["ruleId"] for result in run["results"]] == ["RUB005", "RUB001", "RUB405"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "rules/a/rubric.yaml"},
        "region": {"startLine": 3, "startColumn": 5},
    }


def test_github() -> None:
    """A message cannot end its command and begin another."""
    assert written(REPORT, Format.GITHUB, "rules").splitlines() == [
        "::error file=rules/a/rubric.yaml,line=3,col=5,title=RUB005::ownr: unknown key",
        "::error file=rules/models.yaml,line=1,col=1,title=RUB001::no such file",
        "::warning file=rules/a/rubric.yaml,line=9,col=1,title=RUB405::criteria[0]: 100 %25 of%0Anothing",
    ]
