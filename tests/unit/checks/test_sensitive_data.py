"""The check `sensitive_data`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reviewer.checks import sensitive_data
from reviewer.checks.interface import Flagged, Passed
from tests.unit.checks.subjects import subject

EMAIL = "ana.souza@example.com"
SECRET = "AKIA" + "Q7H2M4X9T1B8Z3L6"
CHECK = sensitive_data.build(sensitive_data.Args(kinds=("email", "cpf", "secret")))


def test_value_that_nobody_gave_is_not_met() -> None:
    """Personal data out of nowhere is flagged, and the quote spans the value in the caller's own draft."""
    text = f"Write to {EMAIL} today."
    result = CHECK(subject(text))
    assert isinstance(result, Flagged)
    assert result.quotes[0].text == "[EMAIL_1]"
    assert text[result.quotes[0].start : result.quotes[0].end] == EMAIL


def test_value_in_tool_arguments_is_not_met() -> None:
    """Tool arguments leave the house like the text does."""
    assert isinstance(CHECK(subject(calls=(("send", f'{{"to": "{EMAIL}"}}'),))), Flagged)


@pytest.mark.parametrize(("allowed", "kind"), [(True, Passed), (False, Flagged)])
def test_value_of_the_user_is_allowed_by_argument(allowed: bool, kind: type) -> None:
    """The user's own value may be repeated only where the rubric allows it."""
    args = sensitive_data.Args(kinds=("email",), allow_from_conversation=allowed)
    result = sensitive_data.build(args)(subject(f"Sent to {EMAIL}.", user=f"my mail is {EMAIL}"))
    assert isinstance(result, kind)


@pytest.mark.parametrize(("allowed", "kind"), [(True, Passed), (False, Flagged)])
def test_value_of_a_source_is_allowed_by_argument(allowed: bool, kind: type) -> None:
    """A source's value may be given out only where the rubric allows it."""
    args = sensitive_data.Args(kinds=("email",), allow_from_sources=allowed)
    result = sensitive_data.build(args)(subject(f"Write to {EMAIL}.", sources=(f"Contact: {EMAIL}",)))
    assert isinstance(result, kind)


def test_value_of_a_tool_result_or_system_turn_is_not_the_users() -> None:
    """Only user turns count as the user's conversation."""
    assert isinstance(CHECK(subject(f"Write to {EMAIL}.", results=(f"mail {EMAIL}",))), Flagged)
    assert isinstance(CHECK(subject(f"Write to {EMAIL}.", system=f"mail {EMAIL}")), Flagged)


def test_secret_is_never_allowed() -> None:
    """A secret that the user pasted is flagged when it is repeated."""
    result = CHECK(subject(f"Your key is {SECRET}.", user=f"key {SECRET}", sources=(SECRET,)))
    assert isinstance(result, Flagged)
    assert SECRET not in result.why


def test_kinds_that_are_not_listed_pass() -> None:
    """The rubric's list bounds the check."""
    check = sensitive_data.build(sensitive_data.Args(kinds=("card",)))
    assert isinstance(check(subject(f"Write to {EMAIL}.")), Passed)


def test_empty_list_of_kinds_is_refused() -> None:
    """A check that looks for nothing cannot be built."""
    with pytest.raises(ValidationError):
        sensitive_data.Args(kinds=())


def test_many_values_give_eight_quotes() -> None:
    """Quotes are bounded and each value is shown once."""
    text = " ".join(f"user{n}@example.com user{n}@example.com" for n in range(20))
    result = CHECK(subject(text))
    assert isinstance(result, Flagged)
    assert len({quote.text for quote in result.quotes}) == len(result.quotes) == 8
