"""The check `required_text`."""

from __future__ import annotations

import pytest

from reviewer.checks import required_text
from reviewer.core.finding import Outcome
from tests.unit.checks.subjects import outcome_of, subject

ARGS = required_text.Args(
    when={"en": (r"\bchest pain\b",), "pt": ("dor no peito",)},
    require={"en-US": (r"\b911\b",), "en": (r"\b112\b",), "pt": (r"\b192\b",)},
)
CHECK = required_text.build(ARGS)
ALWAYS = required_text.build(required_text.Args(require={"*": ("not a bank",)}))


@pytest.mark.parametrize(
    ("locale", "user", "text", "expected"),
    [
        ("en-US", "I have Chest Pain", "Call 911.", Outcome.MET),
        ("en-us", "I have chest pain", "Call 911.", Outcome.MET),
        ("en-US", "I have chest pain", "Call 112.", Outcome.NOT_MET),
        ("en-GB", "I have chest pain", "Call 112.", Outcome.MET),
        ("pt-BR", "estou com dor no peito", "Ligue 192.", Outcome.MET),
        ("pt-BR", "estou com dor no peito", "Beba água.", Outcome.NOT_MET),
        ("en-US", "I have a cold", "Drink tea.", Outcome.MET),
        ("fr", "chest pain", "Appelez.", Outcome.UNCERTAIN),
        ("fr", "bonjour", "Bonjour.", Outcome.UNCERTAIN),
        ("", "estou com dor no peito", "Ligue 192.", Outcome.UNCERTAIN),
        ("", "good morning", "Hello.", Outcome.MET),
    ],
)
def test_wording_by_locale(locale: str, user: str, text: str, expected: Outcome) -> None:
    """The most specific group is due; a locale that the rule does not know is doubt, not a pass."""
    assert outcome_of(CHECK(subject(text, user=user, locale=locale))) is expected


def test_only_user_turns_make_it_due() -> None:
    """What a source or the system says does not trigger the rule."""
    assert outcome_of(CHECK(subject("Tea.", user="hi", system="chest pain", sources=("chest pain",)))) is Outcome.MET


def test_earlier_turn_makes_it_due() -> None:
    """The trigger may stand in any turn of the user."""
    assert outcome_of(CHECK(subject("Tea.", user=("chest pain", "and a cold")))) is Outcome.NOT_MET


def test_without_when_always_due() -> None:
    """A rule without a trigger holds for every draft, also an empty one."""
    assert outcome_of(ALWAYS(subject("We are not a bank."))) is Outcome.MET
    assert outcome_of(ALWAYS(subject("Hello."))) is Outcome.NOT_MET
    assert outcome_of(ALWAYS(subject(""))) is Outcome.NOT_MET


def test_decomposed_letters_match() -> None:
    """A letter typed as base and accent is the same letter."""
    check = required_text.build(required_text.Args(require={"*": ("atenção",)}))
    assert outcome_of(check(subject("Atenc\u0327a\u0303o!"))) is Outcome.MET


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", r"require\.en\[1\].*missing"), (r"(?=x)", r"require\.en\[1\]"), (r"você\b", "ASCII")]
)
def test_invalid_pattern_is_named(pattern: str, message: str) -> None:
    """The message says which pattern is wrong and why; a boundary that can never match counts as wrong."""
    with pytest.raises(ValueError, match=message):
        required_text.build(required_text.Args(require={"en": ("fine", pattern)}))
