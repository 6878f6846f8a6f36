"""The check `forbidden_text`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reviewer.checks import forbidden_text
from reviewer.checks.interface import Flagged
from reviewer.core.finding import Outcome
from tests.unit.checks.subjects import outcome_of, subject

ARGS = forbidden_text.Args(
    patterns={"*": ("100% safe",), "pt": ("sem risco",), "pt-BR": ("risco zero",), "en": ("no risk",)}
)
CHECK = forbidden_text.build(ARGS)


@pytest.mark.parametrize(
    ("locale", "text", "expected"),
    [
        ("pt-BR", "É 100% Safe.", Outcome.NOT_MET),
        ("pt-BR", "Investimento sem risco.", Outcome.NOT_MET),
        ("pt-BR", "Risco zero!", Outcome.NOT_MET),
        ("pt-PT", "Risco zero!", Outcome.MET),
        ("pt-BR", "There is no risk.", Outcome.MET),
        ("fr", "sem risco", Outcome.MET),
        ("fr", "100% safe", Outcome.NOT_MET),
        ("", "sem risco", Outcome.NOT_MET),
        ("en-US", "", Outcome.MET),
    ],
)
def test_patterns_by_locale(locale: str, text: str, expected: Outcome) -> None:
    """`*`, language and exact tag all apply; without a locale everything does."""
    assert outcome_of(CHECK(subject(text, locale=locale))) is expected


def test_quote_is_the_match() -> None:
    """The reason shows the wording as it stands in the draft."""
    result = CHECK(subject("Well, there is No Risk here."))
    assert isinstance(result, Flagged)
    assert result.quotes[0].text == "No Risk"


def test_many_matches_give_eight_quotes() -> None:
    """Quotes are bounded."""
    result = CHECK(subject("no risk " * 50))
    assert isinstance(result, Flagged)
    assert len(result.quotes) == 8


def test_decomposed_text_is_matched_without_quotes() -> None:
    """A letter typed as base and accent is found, and offsets that would not fit are not given."""
    check = forbidden_text.build(forbidden_text.Args(patterns={"*": ("garantia",), "pt": ("não perde",)}))
    result = check(subject("Na\u0303o perde nunca.", locale="pt-BR"))
    assert isinstance(result, Flagged)
    assert result.quotes == ()


def test_bad_keys_and_patterns_are_refused() -> None:
    """A locale key that names nothing and a pattern that is no RE2 are errors at load."""
    with pytest.raises(ValidationError):
        forbidden_text.Args(patterns={"English": ("x",)})
    with pytest.raises(ValueError, match=r"patterns\.\*\[0\]"):
        forbidden_text.build(forbidden_text.Args(patterns={"*": ("a{2000}",)}))
