from __future__ import annotations

import pytest

from reviewer.core.case import CaseFile
from reviewer.core.errors import RubricError
from reviewer.core.rubric import Rubric
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import read

HEAD = """\
schema: 1
id: health
version: "1.0.0"
domain: health
owner: tests
changed: 2026-11-21
purpose: a rubric for tests
applies_to: {intents: ["health.*"]}
"""
CRITERION = """\
criteria:
  - id: asked
    title: asked
    question: Is the answer there?
    kind: presence
    severity: blocker
    met_when: [it is there]
    not_met_when: [it is not]
"""


def faults(text: str) -> list[str]:
    with pytest.raises(RubricError) as caught:
        validate(read("f.yaml", text), Rubric)
    return [str(fault) for fault in caught.value.faults]


def test_valid() -> None:
    """A valid document gives its model."""
    assert validate(read("f.yaml", HEAD + CRITERION), Rubric).id == "health"


def test_all_broken_rules_at_once() -> None:
    """Every broken rule is placed at its own line and says what was expected and got."""
    text = (HEAD + CRITERION).replace("kind: presence", "kind: wish").replace("schema: 1", "schema: 2")
    text = text.replace("    severity: blocker\n", "").replace('"1.0.0"', "1.0")

    assert faults(text) == [
        "f.yaml:1:1: schema: expected 1; got 2",
        "f.yaml:3:1: version: expected a valid string; got 1.0",
        "f.yaml:13:5: criteria[0].kind: expected 'presence', 'absence', 'grounding', 'action' or 'quality'; got 'wish'",
        "f.yaml:10:5: criteria[0].severity: required key is missing",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    on_fial: revise\n", "f.yaml:17:5: criteria[0].on_fial: unknown key; did you mean on_fail?"),
        ("    evidence: {'on': both, place: [draft]}\n", "evidence.place: unknown key; did you mean places?"),
        ("    check: {id: refusal, argument: {}}\n", "check.argument: unknown key; known: id, args"),
        (
            "    examples: [{drafts: x}]\n",
            "f.yaml:17:17: criteria[0].examples[0].drafts: unknown key; did you mean draft?",
        ),
    ],
)
def test_unknown_key_suggests(line: str, expected: str) -> None:
    """An unknown key is answered with the nearest known one of that place, or with all of them."""
    assert any(fault.endswith(expected) for fault in faults(HEAD + CRITERION + line))


def test_unknown_key_under_a_locale() -> None:
    """Suggestions also work below keys that authors choose themselves."""
    text = HEAD + "locales:\n  pt-BR:\n    guidanse: {}\n" + CRITERION

    assert faults(text) == ["f.yaml:11:5: locales.pt-BR.guidanse: unknown key; did you mean guidance?"]


def test_bad_dictionary_key() -> None:
    """A key that breaks the pattern of its place is placed there."""
    (fault,) = faults(HEAD + "locales:\n  Brazil: {}\n" + CRITERION)

    assert fault.startswith("f.yaml:10:3: locales.Brazil: expected string should match pattern")


def test_rule_over_several_fields() -> None:
    """A rule of a whole criterion is placed at the criterion, without a prefix of the library."""
    text = (HEAD + CRITERION).replace("    met_when: [it is there]\n", "")

    assert faults(text) == [
        "f.yaml:10:5: criteria[0]: a criterion that the critic judges needs met_when and not_met_when"
    ]


def test_not_a_mapping() -> None:
    """A file that is a list is told so."""
    (fault,) = faults("- a\n- b\n")

    assert fault.endswith("got a list of 2 items")


def test_long_text_is_not_repeated() -> None:
    """A text that may be a draft's is described by its length and never shown."""
    secret = "my card is 4111 1111 1111 1111 " * 1000
    text = f'schema: 1\nrubric: health\nsuite: known_benign\ncases:\n  - {{id: "{secret}", draft: {{text: x}}}}\n'
    with pytest.raises(RubricError) as caught:
        validate(read("f.yaml", text), CaseFile)

    assert "4111" not in str(caught.value)
    assert "got a text of 31,000 characters" in str(caught.value)
