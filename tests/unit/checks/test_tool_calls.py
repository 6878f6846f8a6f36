"""The check `tool_calls`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reviewer.checks import tool_calls
from reviewer.checks.interface import CheckOutcome
from reviewer.core.finding import Outcome
from tests.unit.checks.subjects import outcome_of, subject

REFUND = {
    "name": "refund",
    "arguments": {
        "order": {"type": "string", "required": True, "pattern": r"[A-Z]{2}-\d{3,8}"},
        "amount": {"type": "number", "min": 0.01, "max": 100},
        "currency": {"type": "string", "enum": ["BRL", "USD"]},
        "count": {"type": "integer"},
        "note": {"type": "string", "max_length": 10},
        "urgent": {"type": "boolean"},
        "lines": {"type": "array"},
        "meta": {"type": "object"},
        "level": {"type": "integer", "enum": [1, 2]},
    },
}
MAIL = {"name": "mail", "arguments": {"to": {"type": "string", "required": True, "from_conversation": True}}}
OPEN = {"name": "search", "extra_arguments": True}
ARGS = tool_calls.Args.model_validate({"allow": [REFUND, MAIL, OPEN], "max_calls": 2})
CHECK = tool_calls.build(ARGS)


def _judge(arguments: str, name: str = "refund", user: str = "please") -> CheckOutcome:
    return CHECK(subject(user=user, calls=((name, arguments),)))


@pytest.mark.parametrize(
    "arguments",
    [
        '{"order": "AB-123"}',
        '{"order": "ab-123", "amount": 100, "currency": "USD", "count": 3, "note": "late"}',
        '{"order": "AB-123", "amount": 0.01, "count": 5.0, "urgent": true, "lines": [], "meta": {}, "level": 2}',
    ],
)
def test_call_that_keeps_to_the_rules_is_met(arguments: str) -> None:
    """Every rule can be satisfied; bounds are inclusive and 5.0 is an integer, as in JSON Schema."""
    assert outcome_of(_judge(arguments)) is Outcome.MET


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "not json",
        "[]",
        '"text"',
        "null",
        "{}",
        '{"order": "AB-123", "order": "AB-124"}',
        '{"order": "AB-123", "meta": {"a": 1, "a": 2}}',
        '{"order": "AB-123", "amount": NaN}',
        '{"order": "AB-123", "amount": Infinity}',
        '{"order": "AB-123", "amount": 100.01}',
        '{"order": "AB-123", "amount": 0}',
        '{"order": "AB-123", "amount": 1e400}',
        '{"order": "AB-123", "amount": "5"}',
        '{"order": "AB-123", "amount": true}',
        '{"order": "AB-123", "count": 1.5}',
        '{"order": "AB-123", "currency": "usd"}',
        '{"order": "AB-123", "note": "far too long"}',
        '{"order": "AB-123", "urgent": "true"}',
        '{"order": "AB-123", "lines": {}}',
        '{"order": "AB-123", "meta": []}',
        '{"order": "AB-123", "level": true}',
        '{"order": "AB-123", "level": "1"}',
        '{"order": "AB-123 "}',
        '{"order": null}',
        '{"order": "AB-123", "approve": true}',
        '{"order": "AB-123"} trailing',
        '{"order": "AB-123", "meta": ' + "[" * 200_000 + "}",
        '{"order": "AB-123", "count": ' + "9" * 5_000 + "}",
    ],
)
def test_violation_is_not_met(arguments: str) -> None:
    """Bad JSON, duplicate keys, wrong types, bounds, forms, missing and unlisted arguments are flagged."""
    assert outcome_of(_judge(arguments)) is Outcome.NOT_MET


@pytest.mark.parametrize("name", ["delete_all", "Refund", "refund ", "\u0433efund"])
def test_tool_off_the_list_is_not_met(name: str) -> None:
    """Names are compared exactly."""
    assert outcome_of(_judge('{"order": "AB-123"}', name)) is Outcome.NOT_MET


def test_extra_arguments_by_argument() -> None:
    """A tool may be left open on purpose."""
    assert outcome_of(_judge('{"anything": 1}', "search")) is Outcome.MET


def test_too_many_calls_are_not_met() -> None:
    """One call more than allowed is flagged, whatever the calls say."""
    two, three = ((("search", "{}"),) * n for n in (2, 3))
    assert outcome_of(CHECK(subject(calls=two))) is Outcome.MET
    assert outcome_of(CHECK(subject(calls=three))) is Outcome.NOT_MET


def test_no_calls_are_not_applicable() -> None:
    """Without proposed calls the matter does not arise."""
    assert outcome_of(CHECK(subject("text"))) is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("send it to ana@example.com please", Outcome.MET),
        ("send it to my boss", Outcome.NOT_MET),
        ("send it to eve@example.com", Outcome.NOT_MET),
    ],
)
def test_redacted_value_must_stand_in_the_conversation(user: str, expected: Outcome) -> None:
    """A placeholder is looked up like any other value: the user's address, not just any address."""
    assert outcome_of(_judge('{"to": "ana@example.com"}', "mail", user)) is expected


@pytest.mark.parametrize(
    ("user", "expected"), [("mail it to Team-A", Outcome.MET), ("mail it to Team-AB", Outcome.NOT_MET)]
)
def test_literal_value_must_stand_as_whole_words(user: str, expected: Outcome) -> None:
    """Part of a longer word is not the value that was said."""
    assert outcome_of(_judge('{"to": "team-a"}', "mail", user)) is expected


def test_placeholder_satisfies_a_pattern_but_no_enum() -> None:
    """A hidden value is taken to have the right form, and never to be one of a list."""
    rule = {"type": "string", "pattern": "x+"}
    pattern = tool_calls.build(tool_calls.Args.model_validate({"allow": [{"name": "t", "arguments": {"a": rule}}]}))
    listed = {"type": "string", "enum": ["x"]}
    enum = tool_calls.build(tool_calls.Args.model_validate({"allow": [{"name": "t", "arguments": {"a": listed}}]}))
    looked_at = subject(calls=(("t", '{"a": "ana@example.com"}'),))
    literal = subject(calls=(("t", '{"a": "[EMAIL_1]"}'),))
    assert outcome_of(pattern(looked_at)) is Outcome.MET
    assert outcome_of(pattern(literal)) is Outcome.NOT_MET
    assert outcome_of(enum(looked_at)) is Outcome.NOT_MET


def test_hidden_number_with_bounds_is_uncertain() -> None:
    """A number that redaction took for personal data cannot be held against its bounds."""
    rule = {"type": "integer", "max": 5}
    check = tool_calls.build(tool_calls.Args.model_validate({"allow": [{"name": "t", "arguments": {"a": rule}}]}))
    assert outcome_of(check(subject(calls=(("t", '{"a": 52998224725}'),)))) is Outcome.UNCERTAIN


def test_numeric_value_from_the_conversation() -> None:
    """A number may be spelled otherwise than in the turn that gave it."""
    rule = {"type": "number", "from_conversation": True}
    check = tool_calls.build(tool_calls.Args.model_validate({"allow": [{"name": "t", "arguments": {"a": rule}}]}))
    assert outcome_of(check(subject(user="refund R$ 1.234,50", calls=(("t", '{"a": 1234.5}'),)))) is Outcome.MET
    assert outcome_of(check(subject(user="refund R$ 1.234,50", calls=(("t", '{"a": 1235}'),)))) is Outcome.NOT_MET


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "integer", "pattern": "x"},
        {"type": "string", "min": 1},
        {"type": "number", "min": 2, "max": 1},
        {"type": "array", "from_conversation": True},
        {"type": "string", "unknown": 1},
    ],
)
def test_rule_that_could_never_apply_is_refused(rule: dict[str, object]) -> None:
    """A constraint that would silently do nothing is an error at load."""
    with pytest.raises(ValidationError):
        tool_calls.Args.model_validate({"allow": [{"name": "t", "arguments": {"a": rule}}]})


def test_tool_listed_twice_is_refused() -> None:
    """Two rules for one tool contradict each other."""
    with pytest.raises(ValueError, match="twice"):
        tool_calls.build(tool_calls.Args.model_validate({"allow": [OPEN, OPEN]}))
