"""Scripts: file models, cases as scripts, and which rule answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reviewer.core.case import CaseFile, ScriptedFinding
from reviewer.core.case_request import request_of
from reviewer.core.draft import Message, Role, TextPart, ToolResult
from reviewer.core.errors import ConfigError, RubricError
from reviewer.simulate.cases import script_for_cases
from reviewer.simulate.loading import load_script
from reviewer.simulate.reading import read
from reviewer.simulate.script import FaultKind, Rule, Script, ScriptFile
from reviewer.simulate.selection import Scene, Selector
from tests.support.small_review import DRAFT, QUESTION, Rendered, case, rendered

NOT_MET = {"outcome": "NOT_MET", "why": "No red flag is named."}
RULE = {"critique": {"health/red_flag": NOT_MET}}
FAULT = {"fault": {"kind": "server_error"}}


def _select(selector: Selector, shown: Rendered | None = None, model: str = "m") -> Scene:
    prompt = (shown or rendered()).prompt
    return selector.select(read(prompt.questionnaire.prefix, prompt.blocks), "anthropic", model)


def _selector(*rules: dict[str, Any]) -> Selector:
    return Selector(Script(rules=tuple(Rule.model_validate(rule) for rule in rules)))


def _file(*cases: Any) -> CaseFile:
    rows = [c.model_dump(mode="json") for c in cases]
    return CaseFile.model_validate({"schema": 1, "rubric": "health", "suite": "known_benign", "cases": rows})


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "melts"},
        {"kind": "hang", "retry_after_s": 1},
        {"kind": "delay"},
        {"kind": "slow_drip", "bytes_per_s": 0},
        {"kind": "rate_limited", "retry_after_s": -1},
    ],
)
def test_a_fault_with_settings_that_mean_nothing_is_refused(fault: dict[str, object]) -> None:
    """Unknown kinds, settings of another kind, missing and impossible ones do not load."""
    with pytest.raises(ValidationError):
        Rule.model_validate({"fault": fault})


@pytest.mark.parametrize("rule", [{}, {"match": {"model": "m"}}, {"fault": {"kind": "hang"}, "steering": True}])
def test_a_rule_without_consequence_is_refused(rule: dict[str, object]) -> None:
    """A rule needs a critique or a fault, and steering needs a critique that can report it."""
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({}, True),
        ({"contains": "ibuprofen after a meal. If the pain lasts"}, True),
        ({"contains": "Tooth hurts"}, False),
        ({"contains": "tooth hurts since monday"}, True),
        ({"contains": "take it with food"}, False),
        ({"contains": "for it Take one tablet"}, False),
        ({"model": "m", "provider": "anthropic"}, True),
        ({"model": "other"}, False),
        ({"provider": "openai"}, False),
    ],
)
def test_a_rule_matches_what_is_shown_and_who_asks(match: dict[str, object], *, matches: bool) -> None:
    """Draft or conversation hold the text, case-sensitive, over line breaks but not over parts; the rest is exact."""
    scene = _select(_selector({"match": match, **RULE}))
    assert (scene.answers is not None) is matches


def test_the_first_matching_rule_wins() -> None:
    """Of two rules that match, the second one is not looked at."""
    scene = _select(_selector({**RULE, **FAULT}, {"critique": {}}))
    assert scene.fault is not None
    assert scene.answers == {"health/red_flag": ScriptedFinding.model_validate(NOT_MET)}


def test_a_rule_that_is_used_up_makes_way() -> None:
    """`times` bounds how often a rule fires; then the next one that matches answers."""
    selector = _selector({"match": {"times": 2}, **FAULT}, RULE)
    assert [_select(selector).fault is not None for _ in range(4)] == [True, True, False, False]


def test_a_fault_leaves_the_answers_to_the_next_rule() -> None:
    """A rule with a fault only is answered by the next rule with a critique, without using that one up."""
    selector = _selector({"match": {"times": 1}, **FAULT}, {"match": {"times": 1}, **RULE})
    scenes = [_select(selector) for _ in range(3)]
    assert [(s.fault is not None, s.answers is not None) for s in scenes] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_steering_names_the_segment_of_the_matched_text() -> None:
    """Where a rule reports steering, its report points at the line that the rule was matched by."""
    scene = _select(_selector({"match": {"contains": "the pain lasts"}, "critique": {}, "steering": True}))
    assert (scene.steering, scene.steering_segment) == (True, "d2")


def test_a_case_becomes_the_request_that_a_backend_would_send() -> None:
    """Text turns become text, tool turns become tool results, arguments become compact JSON."""
    request = request_of(
        case(
            conversation=[{"role": "user", "text": "hi"}, {"role": "tool", "text": "42"}],
            draft={"text": "", "tool_calls": [{"name": "add", "arguments": {"b": 1, "a": "\u00e9"}}]},
        )
    )
    assert request.draft.conversation == (
        Message(Role.USER, (TextPart("hi"),)),
        Message(Role.TOOL, (ToolResult("turn_1", "42"),)),
    )
    assert request.draft.tool_calls[0].arguments_json == '{"b":1,"a":"\u00e9"}'
    assert request.content_digest == request.draft.digest()


def test_a_case_answers_its_own_prompt_only() -> None:
    """The case's critique comes for its prompt, and none for another draft or another last turn."""
    script = script_for_cases([_file(case(critique={"health/red_flag": NOT_MET}))])
    selector = Selector(script)
    assert _select(selector).answers
    assert _select(selector, rendered(case(draft={"text": DRAFT + " Really."}))).answers is None
    assert _select(selector, rendered(case(conversation=[{"role": "user", "text": "other"}]))).answers is None


@pytest.mark.parametrize("public", [(), ("call 415 555 0134", "+1 415 555 0134")])
def test_a_case_is_found_with_and_without_public_values(public: tuple[str, ...]) -> None:
    """Redaction may leave a hotline standing or not; the case answers both prompts."""
    of = case(draft={"text": "Call +1 415 555 0134 or write to ann@example.com at once."}, critique={})
    script = script_for_cases([_file(of)], public_values=("+1 415 555 0134",))
    assert _select(Selector(script), rendered(of, public_values=public)).answers == {}


def test_a_scripted_quote_is_given_as_the_prompt_shows_it() -> None:
    """A quote over a redacted value carries the placeholder: the critic never saw the value."""
    quote = {"text": "write to ann@example.com at once"}
    of = case(
        draft={"text": "Please write to ann@example.com at once."},
        critique={"health/red_flag": {**NOT_MET, "quotes": [quote]}},
    )
    answers = _select(Selector(script_for_cases([_file(of)])), rendered(of)).answers
    assert answers is not None
    assert answers["health/red_flag"].quotes[0].text == "write to [EMAIL_1] at once"


def test_tool_calls_that_differ_in_spelling_only_are_one_case() -> None:
    """Order and spacing of arguments do not hide a case; their values do."""
    call = {"name": "pay", "arguments": {"to": "ann", "amount": 5}}
    turned = {"name": "pay", "arguments": {"amount": 5, "to": "ann"}}
    other = {"name": "pay", "arguments": {"to": "ann", "amount": 6}}
    selector = Selector(script_for_cases([_file(case(draft={"text": "", "tool_calls": [call]}, critique={}))]))
    found = [_select(selector, rendered(case(draft={"text": "", "tool_calls": [c]}))).answers for c in (turned, other)]
    assert found == [{}, None]


def test_two_cases_that_show_the_same_must_agree() -> None:
    """Equal prompts with different critiques are refused, naming both cases; equal critiques are not."""
    twin = case(id="twin")
    script_for_cases([_file(case(), twin)])
    with pytest.raises(RubricError, match=r"known_benign/twin.*known_benign/toothache"):
        script_for_cases([_file(case(), case(id="twin", critique={"health/red_flag": NOT_MET}))])


def test_a_draft_without_a_script_is_unknown_unless_all_is_met() -> None:
    """Nothing matches: no answers, or with `always_met` the answer that names no bad criterion."""
    assert _select(Selector(Script())).answers is None
    assert _select(Selector(Script(always_met=True))).answers == {}


def test_a_script_file_loads(tmp_path: Path) -> None:
    """Rules come in the file's order, with their matches and faults."""
    path = tmp_path / "script.yaml"
    path.write_text(
        "schema: 1\nrules:\n"
        f"  - match: {{contains: '{QUESTION}', times: 1}}\n    fault: {{kind: rate_limited, retry_after_s: 2}}\n"
        "  - critique: {health/red_flag: {outcome: NOT_MET, why: It is missing.}}\n",
        encoding="utf-8",
    )
    first, second = load_script(path).rules
    assert first.fault is not None
    assert (first.fault.kind, first.fault.retry_after_s) == (FaultKind.RATE_LIMITED, 2)
    assert second.critique is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema: 1\nrules:\n  - fault: {kind: melts}\n", r"script\.yaml: rules\.0\.fault\.kind: "),
        ("schema: 2\nrules: []\n", r"script\.yaml: schema: .*\n.*script\.yaml: rules: "),
        ("schema: 1\nrules: [\n", r"script\.yaml:3:1: is not YAML"),
        ("", r"script\.yaml: "),
    ],
)
def test_a_bad_script_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    """Every fault names the file and the field, or the line where it is no YAML."""
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_script(path)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    """A missing script and a folder without cases are errors of their own kind."""
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load_script(tmp_path / "none.yaml")
    with pytest.raises(RubricError, match="holds no cases"):
        load_script(None, tmp_path)


def test_cases_load_from_a_folder_of_rubrics(tmp_path: Path) -> None:
    """Cases are found beside their rubric, whose public values are known; a bad case names file and field."""
    folder = tmp_path / "health" / "cases"
    folder.mkdir(parents=True)
    (tmp_path / "health" / "rubric.yaml").write_text("public_values: ['+1 415 555 0134']\n", encoding="utf-8")
    of = case(draft={"text": "Call +1 415 555 0134 now."})
    (folder / "known_benign.yaml").write_text(_file(of).model_dump_json(by_alias=True), encoding="utf-8")
    selector = Selector(load_script(None, tmp_path))
    assert _select(selector, rendered(of, public_values=["+1 415 555 0134"])).answers == {}
    assert _select(selector, rendered(of)).answers == {}
    (folder / "known_sensitive.yaml").write_text(
        "schema: 1\nrubric: health\nsuite: other\ncases: []\n", encoding="utf-8"
    )
    with pytest.raises(RubricError, match=r"known_sensitive\.yaml: suite: "):
        load_script(None, tmp_path)


def test_script_files_refuse_unknown_keys() -> None:
    """A misspelt key is an error, not a rule that never fires."""
    with pytest.raises(ValidationError, match="contain"):
        ScriptFile.model_validate({"schema": 1, "rules": [{"match": {"contain": "x"}, "critique": {}}]})
