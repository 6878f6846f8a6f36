from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import reviewer.rubrics
from reviewer.rubrics.codes import CODES, Weight, errors_among, table, unknown_prefixes
from reviewer.rubrics.lint import lint

if TYPE_CHECKING:
    from tests.unit.rubrics.conftest import Edit

TODAY = date(2026, 11, 21)
RUBRIC = "health/rubric.yaml"
CASES = "health/cases/known_sensitive.yaml"
CHECK = "      id: non_answer\n      args:\n        min_words: 3\n"
EXAMPLES = '    examples:\n      - {draft: "Guaranteed, all of it.", outcome: %s, why: it says so}\n'


def forbidding(*patterns: str, examples: str = "") -> str:
    """Return a check of forbidden text in place of the fixture's own, and examples of its criterion."""
    listed = "".join(f"            - {pattern}\n" for pattern in patterns)
    return f'      id: forbidden_text\n      args:\n        patterns:\n          "*":\n{listed}{examples}'


CALM = """\
  - {id: calm, intents: [health.calm], domain: health, tier: medium, rubrics: [health], reviewers: [critic, other]}
"""
REQUIRING = """\
  - id: wording
    title: wording
    question: Is the wording there?
    kind: presence
    severity: minor
    judge: check
    check: {id: required_text, args: {require: {"*": [guaranteed]}}}
"""


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        (RUBRIC, "owner: tests", "owner:\ttests", "RUB002"),
        (RUBRIC, "owner: tests", "owner: yes", "RUB003"),
        (RUBRIC, "owner: tests", "owner: tests\nowner: others", "RUB004"),
        (RUBRIC, "owner: tests", "owner: tests\nownr: others", "RUB005"),
        (RUBRIC, "owner: tests\n", "", "RUB006"),
        (RUBRIC, "owner: tests", "owner: []", "RUB007"),
        (RUBRIC, "severity: blocker", "severity: major", "RUB008"),
        (RUBRIC, "id: non_answer", "id: no_such_check", "RUB009"),
        (RUBRIC, CHECK, forbidding("'('"), "RUB009"),
        ("routing.yaml", "rubrics: [health]", "rubrics: [health, wealth]", "RUB101"),
        (RUBRIC, "pt-BR:", "pt-br:", "RUB102"),
        ("models.yaml", "max_output_tokens: 128000", "max_output_tokens: 4000", "RUB104"),
        ("routing.yaml", '"health.*"', '"wealth.*"', "RUB201"),
        ("models.yaml", "pinned: true", "pinned: false", "RUB202"),
        ("models.yaml", "pinned: true", "fit_to_approve: false\n    pinned: true", "RUB203"),
        ("models.yaml", "pinned: true", "retires: 2026-11-20\n    pinned: true", "RUB204"),
        ("models.yaml", "pinned: true", "retires: 2026-12-20\n    pinned: true", "RUB205"),
        ("routing.yaml", "    reviewers: [critic, other]", "    reviewers: [critic]", "RUB207"),
        ("routing.yaml", "rubrics: [health]", "rubrics: [health]\n    data_classes: [restricted]", "RUB208"),
        ("routing.yaml", "  - id: health\n", f"{CALM}  - id: health\n", "RUB209"),
        ("routing.yaml", 'intents: ["health.*"]', 'intents: ["health.*", health.dose]', "RUB210"),
        (RUBRIC, 'intents: ["health.*"]', 'intents: ["health.*", health.dose]', "RUB210"),
        ("routing.yaml", "default:", "  - {id: idle, provider: openai, model: gpt-5.5-2026-04-23}\ndefault:", "RUB211"),
        ("routing.yaml", "rubrics: [health]", "rubrics: [quality]", "RUB212"),
        (RUBRIC, "outcome: NOT_MET", "outcome: MET", "RUB301"),
        (RUBRIC, "answer there?", "answer there and is it true?", "RUB302"),
        (RUBRIC, "Is the answer there?", "Is it so that it never lies?", "RUB303"),
        (RUBRIC, "    source: everybody\n", "", "RUB304"),
        (RUBRIC, "Is the answer there?", "Is the answer appropriate?", "RUB305"),
        (RUBRIC, "severity: blocker", 'severity: blocker\n    evidence: {"on": none}', "RUB306"),
        (RUBRIC, "Is the answer there?", "Is it so that the draft does not say never?", "RUB307"),
        (RUBRIC, CHECK, forbidding("guaranteed", examples=EXAMPLES % "MET"), "RUB310"),
        (RUBRIC, CHECK, forbidding("promised", examples=EXAMPLES % "NOT_MET"), "RUB310"),
        (RUBRIC, "kind: presence", "kind: presence\n    applies_when: {intents: [law.suit]}", "RUB311"),
        (RUBRIC, CHECK, forbidding("'a?'"), "RUB312"),
        (RUBRIC, CHECK, forbidding("x" + "[a-z0-9]{999}" * 3), "RUB313"),
        (RUBRIC, CHECK, forbidding("sure", "SURE"), "RUB314"),
        (RUBRIC, CHECK, forbidding("sure win", "sure|certain"), "RUB314"),
        (RUBRIC, CHECK, forbidding("guarantee") + REQUIRING, "RUB315"),
        (CASES, "rubric: health", "rubric: wealth", "RUB401"),
        (CASES, "id: health_silent", "id: quality_silent", "RUB402"),
        (CASES, "health/checked: UNCERTAIN", "other/checked: MET", "RUB403"),
        (CASES, 'text: "three tablets"', 'text: "four tablets"', "RUB404"),
        (CASES, "health/checked: UNCERTAIN", "health/checked: MET", "RUB405"),
        (RUBRIC, "  pt-BR:", "  fr: {}\n  pt-BR:", "RUB406"),
        (CASES, "verdicts: [HUMAN_HANDOFF]", "verdicts: [APPROVE]", "RUB407"),
        (CASES, "locale: pt-BR", "locale: de", "RUB408"),
        (CASES, "intent: health.dose", "intent: law.suit", "RUB409"),
        (RUBRIC, "owner: tests", "owner: tests  # lint: ignore RUB304 of no use here", "RUB501"),
    ],
)
def test_what_gets_which_code(rules: Path, edit: Edit, name: str, old: str, new: str, code: str) -> None:
    """Each kind of mistake is found under its own code, with the weight that the code is said to have."""
    if code == "RUB407":
        edit(CASES, "    intent:", "    canary: true\n    intent:")
    edit(name, old, new)
    report = lint(rules, TODAY)

    found = [fault for fault in (*report.errors, *report.warnings) if fault.code == code]
    assert found, [str(fault) for fault in (*report.errors, *report.warnings)]
    assert re.fullmatch(r"[a-z_/]+\.yaml:\d+:\d+", found[0].where)
    if CODES[code].weight is not Weight.EITHER:
        assert (found[0] in report.errors) is (CODES[code].weight is Weight.ERROR)


def test_a_pattern_that_is_none_is_named_by_its_own_line(rules: Path, edit: Edit) -> None:
    """The place of a bad pattern is its line, and syntax of other engines is said not to be there."""
    edit(RUBRIC, CHECK, forbidding("fine", "'(?<!not )sure'"))
    (fault,) = lint(rules, TODAY).errors

    line = int(fault.where.split(":")[1])
    assert "(?<!not )sure" in (rules / RUBRIC).read_text().splitlines()[line - 1]
    assert fault.field.endswith("check.args.patterns.*[1]")
    assert "RE2 has no look-around and no back-references" in fault.message


def test_every_finding_has_a_code(rules: Path, edit: Edit) -> None:
    """Whatever a set is broken by, no finding comes without a code that can be explained."""
    edit(RUBRIC, "id: non_answer", "id: no_such_check")
    edit(CASES, "verdicts:", "verdict:")
    edit("models.yaml", "pinned: true", "pinned: maybe")
    (rules / "quality" / "rubric.yaml").unlink()
    report = lint(rules, TODAY)

    assert report.errors
    assert {fault.code for fault in (*report.errors, *report.warnings)} <= CODES.keys()


def test_every_code_is_used() -> None:
    """No code is explained that nothing finds, and none is found that nothing explains."""
    folder = Path(reviewer.rubrics.__file__).parent
    sources = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "codes.py")

    assert set(re.findall(r"RUB\d{3}", sources)) == CODES.keys()


def test_prefixes() -> None:
    """A beginning of a code stands for all codes that begin so; an unknown one is named."""
    assert unknown_prefixes(("RUB3", "RUB405", "RUB9", "X")) == ("RUB9", "X")
    assert "RUB312" in errors_among(("RUB3",))
    assert errors_among(("RUB202", "RUB405")) == ()
    assert errors_among(()) == ()


def test_the_table_in_the_manual_is_fresh() -> None:
    """docs/rubrics.md shows the codes as they are."""
    manual = Path(__file__).parents[3] / "docs" / "rubrics.md"

    assert table() in manual.read_text()
