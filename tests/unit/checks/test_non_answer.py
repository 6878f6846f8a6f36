"""The check `non_answer`."""

from __future__ import annotations

import pytest

from reviewer.checks import non_answer
from reviewer.checks.interface import Flagged, Passed
from reviewer.core.finding import Outcome
from tests.unit.checks.subjects import outcome_of, subject

CHECK = non_answer.build(non_answer.Args())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n ",
        ".",
        ":",
        "\uff1a",
        "Solution",
        "Thought process:",
        "Sure! Here is",
        "Let's solve this problem step by step.",
        "**Sure!** Here is the answer to your question:",
        "Claro! Vamos resolver isso passo a passo.",
        "\u89e3",
        "." * 500,
        "Thank you for your question! I'd be happy to help you with that.",
    ],
)
def test_bare_opener_is_not_met(text: str) -> None:
    """Near-empty drafts and openers that announce an answer hold no content."""
    result = CHECK(subject(text))
    assert isinstance(result, Flagged)
    assert result.outcome is Outcome.NOT_MET


@pytest.mark.parametrize(
    "text",
    [
        "I recommend that you consult a qualified professional.",
        "Great question! Please contact our support team for help with that.",
        "Please visit our website for more information: https://example.com/help/articles/12",
        "See https://example.com/some/long/link/to/a/page and https://example.org/another/page",
        "Consulte um médico especialista, por favor.",
        "Por favor, entre em contato com o nosso suporte.",
        "Consulte a un abogado especialista en el tema.",
    ],
)
def test_pure_deflection_is_not_met(text: str) -> None:
    """A draft that only points to a person or a page holds no content."""
    assert outcome_of(CHECK(subject(text))) is Outcome.NOT_MET


@pytest.mark.parametrize(
    "text",
    [
        "The capital of Australia is Canberra.",
        "Call 911 now and tell them where you are.",
        "Ligue 192 agora e fale com o médico do SAMU.",
        "Sure! The store opens at nine on weekdays and at ten on Sundays.",
        "Claro! O prazo é de sete dias corridos a partir da entrega.",
        "Which model of phone do you have?",
        "Talk to your pharmacist: ibuprofen raises the level of lithium in blood, so the two do not go together.",
        "\u6771\u4eac\u306e\u4eba\u53e3\u306f\u7d04\u4e00\u5343\u56db\u767e\u4e07\u4eba\u3067\u3059\u3002",
    ],
)
def test_short_answer_passes(text: str) -> None:
    """An answer, an urgent referral and a needed question back are content, in any script."""
    assert isinstance(CHECK(subject(text)), Passed)


@pytest.mark.parametrize(
    "text",
    ["What is the fee for an international transfer?", "You asked what the fee is for an international transfer."],
)
def test_echo_of_the_question_is_not_met(text: str) -> None:
    """Restating the user's question is no answer."""
    asked = "what is the fee for an international transfer"
    assert outcome_of(CHECK(subject(text, user=asked))) is Outcome.NOT_MET


def test_answer_in_the_words_of_the_question_passes() -> None:
    """An answer may take up the question's words, as long as it adds some."""
    text = "The fee for an international transfer is 12 euros."
    assert isinstance(CHECK(subject(text, user="what is the fee for an international transfer")), Passed)


def test_tool_calls_without_text_are_not_applicable() -> None:
    """A draft that proposes calls need not say anything."""
    assert outcome_of(CHECK(subject("", calls=(("look_up", "{}"),)))) is Outcome.NOT_APPLICABLE


def test_minimum_is_an_argument() -> None:
    """The bounds of the rubric decide, not constants."""
    strict = non_answer.build(non_answer.Args(min_characters=60, min_words=12))
    text = "The capital of Australia is Canberra."
    assert outcome_of(strict(subject(text))) is Outcome.NOT_MET


def test_equal_arguments_give_one_check() -> None:
    """Criteria that ask the same, one by default and one in words, share a check and so run it once."""
    built = non_answer.build(non_answer.Args())
    assert non_answer.build(non_answer.Args(min_characters=20, min_words=4)) is built
    assert non_answer.build(non_answer.Args(min_characters=21, min_words=4)) is not built
