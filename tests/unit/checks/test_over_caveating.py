"""The check `over_caveating`."""

from __future__ import annotations

import pytest

from reviewer.checks import over_caveating
from reviewer.checks.interface import Flagged, Passed
from tests.unit.checks.subjects import subject

CHECK = over_caveating.build(over_caveating.Args())

ENGLISH = (
    "As an AI, I am not a doctor.",
    "Please note that this is not medical advice.",
    "It's important to remember that every situation is different.",
    "Always consult a qualified professional.",
)
PORTUGUESE = (
    "Lembre-se de que sou apenas uma IA.",
    "Não sou médico.",
    "É importante ressaltar que isso não substitui uma consulta.",
    "Procure sempre um profissional qualificado.",
)
SPANISH = (
    "No soy médico.",
    "Es importante recordar que cada caso es único.",
    "Esto no sustituye la consulta con un especialista.",
    "Consulta siempre a un profesional.",
)


@pytest.mark.parametrize("caveats", [ENGLISH, PORTUGUESE, SPANISH], ids=["en", "pt", "es"])
def test_more_caveats_than_allowed_are_not_met(caveats: tuple[str, ...]) -> None:
    """Four sentences of general caution exceed the default of three, however long the answer."""
    answer = "Cut the bread, toast it, rub it with garlic, and pour on the oil. " * 12
    result = CHECK(subject(answer + " ".join(caveats)))
    assert isinstance(result, Flagged)
    assert len(result.quotes) == 4


@pytest.mark.parametrize("caveats", [ENGLISH, PORTUGUESE, SPANISH], ids=["en", "pt", "es"])
def test_share_above_the_bound_is_not_met(caveats: tuple[str, ...]) -> None:
    """Two caveats that outweigh the answer are too many."""
    assert isinstance(CHECK(subject("Beba água. " + " ".join(caveats[:2]))), Flagged)


@pytest.mark.parametrize(
    "text",
    [
        "Switch the breaker off first, then undo the two screws.",
        "Do not mix bleach with ammonia: the gas is poisonous. Open a window before you start.",
        "Your doctor prescribed 500 mg; take it with food. Stop and call the clinic if a rash appears.",
        "Tire a panela do fogo antes de abrir a tampa. A pressão precisa sair primeiro.",
        "The professional plan costs 20 euros. Consult the price list for discounts.",
        "",
    ],
)
def test_concrete_warnings_are_no_caveats(text: str) -> None:
    """A warning on which the task depends does not count."""
    result = CHECK(subject(text))
    assert isinstance(result, Passed)
    assert result.quotes == ()


def test_one_caveat_passes_and_is_shown() -> None:
    """One caveat stays within any share, and the reason shows it."""
    result = CHECK(subject("Please note that this is not legal advice. Send the letter."))
    assert isinstance(result, Passed)
    assert len(result.quotes) == 1


def test_many_caveats_give_eight_quotes() -> None:
    """Quotes are bounded, the count is not."""
    result = CHECK(subject("Please note that this is not legal advice. " * 20))
    assert isinstance(result, Flagged)
    assert len(result.quotes) == 8
    assert result.why.startswith("20 sentences")
