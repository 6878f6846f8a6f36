from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reviewer.core.errors import RubricError
from reviewer.core.rubric import Rubric
from reviewer.core.rulebook import file_digest
from reviewer.rubrics.files import read_rules
from reviewer.rubrics.lint import lint
from reviewer.rubrics.load import load_rulebook

if TYPE_CHECKING:
    from tests.unit.rubrics.conftest import Edit

TODAY = date(2026, 11, 21)
CHILD = """\
schema: 1
id: child
version: "2.0.0"
extends: health
changed: 2026-11-21
purpose: a rubric that extends another
policy_facts:
  - text: ice is cold
    source: everybody
locales:
  pt-BR:
    guidance: {own: a seguir}
    met_when: {asked: [está em português]}
criteria:
  - id: checked
    severity: blocker
  - id: own
    title: own
    question: Is it new?
    kind: presence
    severity: minor
    met_when: [it is new]
    not_met_when: [it is old]
    examples:
      - {draft: "Yes, it is.", outcome: MET, why: it is there}
      - {draft: "Well now.", outcome: NOT_MET, why: it is not}
"""
CASES = """\
schema: 1
rubric: child
suite: known_sensitive
cases:
  - id: child_silent
    intent: health.dose
    locale: pt-BR
    conversation: [{role: user, text: "Quanto?"}]
    draft: {text: "You should ask somebody who knows."}
    expect:
      verdicts: [HUMAN_HANDOFF]
      findings: {child/checked: NOT_MET, child/own: NOT_MET}
"""


@pytest.fixture
def child(rules: Path, edit: Edit) -> Path:
    """Add a rubric that extends `health`, with a route and a case; returns its file."""
    (rules / "child" / "cases").mkdir(parents=True)
    (rules / "child" / "rubric.yaml").write_text(CHILD)
    (rules / "child" / "cases" / "known_sensitive.yaml").write_text(CASES)
    edit("routing.yaml", "rubrics: [health]", "rubrics: [health, child]")
    return rules / "child" / "rubric.yaml"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def rubric(rules: Path, name: str = "child") -> Rubric:
    return load_rulebook(rules, today=TODAY)[0].rubrics[name]


def faults(rules: Path) -> list[str]:
    with pytest.raises(RubricError) as caught:
        load_rulebook(rules, today=TODAY)
    return [str(fault) for fault in caught.value.faults]


def codes(rules: Path) -> list[str]:
    report = lint(rules, TODAY)
    return [f"{fault.code} {fault.where}" for fault in (*report.errors, *report.warnings)]


def test_takes_over_overrides_and_adds(rules: Path, child: Path) -> None:
    """The base's criteria come first and in its order, named fields are overridden, new criteria and facts follow."""
    base, own = rubric(rules, "health"), rubric(rules)

    assert [criterion.id for criterion in own.criteria] == ["asked", "checked", "own"]
    assert own.criteria[0] == base.criteria[0]
    assert own.criteria[1] == base.criteria[1].model_copy(update={"severity": own.criteria[1].severity})
    assert own.criteria[1].severity.value == "blocker"
    assert (own.id, own.version, own.owner, own.domain) == ("child", "2.0.0", "tests", "health")
    assert [fact.text for fact in own.facts("pt-BR")] == ["water is wet", "ice is cold"]
    assert own.locales["pt-BR"].guidance == {"asked": "em português", "own": "a seguir"}
    assert codes(rules) == []


def test_a_resolved_rubric_is_like_one_written_out(rules: Path, child: Path) -> None:
    """Extending a base and copying it give the same rubric with the same digest."""
    resolved = rubric(rules)
    copied = Rubric.model_validate(resolved.model_dump(mode="json", by_alias=True))

    assert file_digest(copied) == file_digest(resolved)
    before = load_rulebook(rules, today=TODAY)[0].digest
    change(rules / "health" / "rubric.yaml", "met_when: [it is there]", "met_when: [it is here]")
    assert rubric(rules).criteria[0].met_when == ("it is here",)
    assert load_rulebook(rules, today=TODAY)[0].digest != before


def test_a_locale_adds_signs_to_the_prompt(rules: Path, child: Path) -> None:
    """Signs of an overlay follow those of the base in that locale's prompt, and stand in no other."""
    rulebook = load_rulebook(rules, today=TODAY)[0]

    assert (
        "Met when: it is there / está em português"
        in rulebook.plan("health.dose", None, "pt-BR", b"").questionnaire.prefix
    )
    assert "português" not in rulebook.plan("health.dose", None, "en-US", b"").questionnaire.prefix


def test_faults_point_to_where_the_text_stands(rules: Path, child: Path, edit: Edit) -> None:
    """A fault of the base is reported once, in the base's file; one that an override brings in, in the override's."""
    line = edit("health/rubric.yaml", "min_words: 3", "min_words: many")
    change(child, "severity: blocker", "severity: dreadful")

    found = faults(rules)
    assert [fault.split(": ")[0] for fault in found] == ["child/rubric.yaml:16:5", f"health/rubric.yaml:{line}:9"]


def test_an_abstract_base(rules: Path, child: Path) -> None:
    """What stands in `_base` can be extended, need not be complete, is no rubric, and must be extended by something."""
    (rules / "_base").mkdir()
    (rules / "_base" / "shared.yaml").write_text(
        "schema: 1\nid: shared\nextends: health\npolicy_facts: [{text: snow is white, source: everybody}]\n"
    )
    assert codes(rules) == ["RUB318 _base/shared.yaml:2:1"]

    change(child, "extends: health", "extends: shared")
    assert codes(rules) == []
    assert [fact.text for fact in rubric(rules).policy_facts] == ["water is wet", "snow is white", "ice is cold"]
    assert "shared" not in load_rulebook(rules, today=TODAY)[0].rubrics

    change(rules / "_base" / "shared.yaml", "id: shared", "id: other")
    assert faults(rules) == ["_base/shared.yaml:2:1: id: id other differs from the file shared"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("extends: health", "extends: nobody", "no rubric or base nobody; known: health, quality"),
        ("extends: health", "extends: [health]", "no rubric or base list; known: health, quality"),
        ("extends: health", "extends: child", "extends leads in a circle: child -> child"),
        ("extends: health", "extends: health\nwithout: [{id: nothing}]", "expected the id of a criterion of the base"),
        ("extends: health", "extends: health\nwithout: all", "expected a list of {id, allow_softer}"),
        ("severity: blocker", 'severity: blocker\n    allow_softer: ""', "expected the reason, in words"),
        (
            "extends: health",
            "extends: health\nwithout: [{id: checked, allow_softer: gone}]",
            "is left out by `without`, and overridden here",
        ),
    ],
)
def test_what_cannot_be_put_together(rules: Path, child: Path, old: str, new: str, expected: str) -> None:
    """A base that is not there, a circle, or an override of nothing is one fault with file, line and column."""
    change(child, old, new)
    found = faults(rules)

    assert len(found) == 1
    assert found[0].startswith("child/rubric.yaml:")
    assert expected in found[0]


def test_a_circle_of_two(rules: Path, child: Path, edit: Edit) -> None:
    """Every member of a circle is named at its own `extends`; what is outside of it is not."""
    line = edit("health/rubric.yaml", "domain: health", "domain: health\nextends: child") + 1

    assert faults(rules) == [
        "child/rubric.yaml:4:1: extends: extends leads in a circle: child -> health -> child",
        f"health/rubric.yaml:{line}:1: extends: extends leads in a circle: health -> child -> health",
    ]


def test_a_lost_base_is_reported_once(rules: Path, child: Path, edit: Edit) -> None:
    """What extends a file that cannot be read has no fault of its own."""
    edit("health/rubric.yaml", "owner: tests", "owner: no")

    assert len(faults(rules)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    severity: blocker\n", "    severity: minor\n"),
        ("    severity: blocker\n", "    on_fail: note\n"),
        ("    severity: blocker\n", "    on_uncertain: note\n"),
        ("    severity: blocker\n", "    on_unverified: revise\n"),
        ("    severity: blocker\n", "    na_allowed: true\n"),
        ("    severity: blocker\n", "    applies_when: {has_sources: true}\n"),
        ("    severity: blocker\n", '    evidence: {"on": none}\n'),
        ("    severity: blocker\n", "    check: {id: refusal}\n"),
        ("  - id: own\n", "  - {id: asked, not_met_when: [it is gone]}\n  - id: own\n"),
        ("extends: health\n", "extends: health\nwithout: [{id: asked}]\n"),
    ],
)
def test_softer_needs_a_reason(rules: Path, child: Path, old: str, new: str) -> None:
    """What asks for less than the base, or leaves a criterion of it out, is an error unless a reason is given."""
    if "without" in new:
        change(child, "    met_when: {asked: [está em português]}\n", "")
    change(child, old, new)
    assert "RUB316" in {code.split()[0] for code in codes(rules)}

    where = "{id: asked" if "asked" in new else "  - id: checked\n"
    reason = ", allow_softer: the team agreed" if "asked" in new else "    allow_softer: the team agreed\n"
    change(child, where, where + reason)
    assert [code for code in codes(rules) if code.startswith(("RUB0", "RUB316", "RUB501"))] == []


def test_a_reason_that_excuses_nothing(rules: Path, child: Path) -> None:
    """A reason that is left over once the criterion is as strict as its base is warned of."""
    change(child, "  - id: checked\n", "  - id: checked\n    allow_softer: the team agreed\n")

    assert [code.split()[0] for code in codes(rules)] == ["RUB501"]


def test_replaced_arguments(rules: Path, child: Path) -> None:
    """An override that replaces the arguments of a check is warned of, since nobody can tell which way it goes."""
    change(child, "    severity: blocker\n", "    check: {id: non_answer, args: {min_words: 4}}\n")

    assert [code.split()[0] for code in codes(rules)] == ["RUB317"]


REQUIRED = """\
  - id: wording
    title: wording
    question: Is the number there?
    kind: presence
    severity: minor
    judge: check
    check:
      id: required_text
      args:
        when: {"*": [heart]}
        require: {"*": ["911"]}
"""


def test_a_locale_adds_wording_to_a_check(rules: Path, child: Path) -> None:
    """Patterns of an overlay become arguments of the check, after those that counted for the locale until then."""
    base = rules / "health" / "rubric.yaml"
    base.write_text(base.read_text() + REQUIRED)
    change(
        child,
        "    guidance: {own",
        '    require: {wording: ["192"]}\n    when: {wording: [coração]}\n    guidance: {own',
    )
    check = rubric(rules).criteria[2].check

    assert check is not None
    assert check.args == {
        "when": {"*": ["heart"], "pt-BR": ["coração"]},
        "require": {"*": ["911"], "pt-BR": ["911", "192"]},
    }
    assert [code for code in codes(rules) if not code.startswith("RUB405")] == []


@pytest.mark.parametrize(
    ("wording", "expected"),
    [
        ("require: {nothing: [x]}", "the rubric has no such criterion"),
        ("require: {checked: [x]}", "the criterion's check is not required_text"),
        ("require: {wording: x}", "expected a list of patterns"),
        ("require: [x]", "expected lists of patterns by criterion"),
        ("when: {wording: [x]}", "the wording is always due: a locale cannot say when"),
        ('require: {wording: ["("]}', "missing )"),
    ],
)
def test_wording_that_fits_no_check(rules: Path, child: Path, wording: str, expected: str) -> None:
    """Wording for a criterion without such a check is one fault, at the place where it stands in the overlay."""
    change(child, "    severity: blocker\n", "    severity: blocker\n" + REQUIRED.replace('when: {"*": [heart]}', ""))
    change(child, "    guidance: {own", f"    {wording}\n    guidance: {{own")
    found = faults(rules)

    assert len(found) == 1
    assert found[0].startswith("child/rubric.yaml:")
    assert expected in found[0]


def test_sources_are_kept(rules: Path, child: Path) -> None:
    """What was read is kept beside what was made of it."""
    files = read_rules(rules)

    assert files.composed["child"].bases == ("health",)
    assert {document.name for document in files.sources} == {f"{n}/rubric.yaml" for n in ("child", "health", "quality")}
