"""The check `refusal`."""

from __future__ import annotations

import pytest

from reviewer.checks import refusal
from reviewer.checks.interface import Flagged, Passed
from tests.unit.checks.subjects import subject

CHECK = refusal.build(refusal.Args())


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with that.",
        "I cannot assist with this request.",
        "Sorry, I won't be able to provide that information. Please contact a professional.",
        "I'm not able to write that for you.",
        "As an AI, I can't discuss weapons.",
        "That's not something I can help with.",
        "I must decline.",
        "Não posso ajudar com isso.",
        "Desculpe, mas não posso ajudar. Procure um profissional.",
        "Infelizmente, não consigo fornecer essa informação.",
        "Lo siento, no puedo ayudarte con eso.",
        "Thanks for asking. This is a delicate topic. I can't help with that.",
    ],
)
def test_opening_that_refuses_is_not_met(text: str) -> None:
    """A refusal in the first three sentences with no answer after it is flagged in three languages."""
    assert isinstance(CHECK(subject(text)), Flagged)


@pytest.mark.parametrize(
    "text",
    [
        "I can't stress enough how important water is.",
        "I cannot recommend this place highly enough.",
        "You can't deduct that expense, because it is private.",
        "No, you can't: the ticket is not refundable.",
        "Não posso deixar de mencionar que o prazo é de 30 dias.",
        "Você não pode ajudar o réu a fugir.",
        "No se puede pagar en cuotas.",
        "I can't open the account from here. Go to Settings, choose Security, then reset the password there.",
    ],
)
def test_other_uses_of_cannot_pass(text: str) -> None:
    """Emphasis, rules for the user and a missing access are no refusals."""
    assert isinstance(CHECK(subject(text)), Passed)


def test_quoted_refusal_passes() -> None:
    """A refusal that the draft quotes is not the draft's own."""
    text = '"I can\'t help with that" is what the clerk told you, and the clerk was wrong.'
    assert isinstance(CHECK(subject(text)), Passed)


def test_refusal_in_a_letter_written_for_the_user_passes() -> None:
    """In a text that is written for the user the refusal is the user's."""
    text = "Here's a draft:\n\nHi Ana,\n\nUnfortunately, I can't help with the move on Saturday. Best, Tom"
    assert isinstance(CHECK(subject(text)), Passed)


def test_refused_part_with_an_answer_passes_and_says_so() -> None:
    """Declining one part is no refusal where the answer goes on, and the reason tells the two apart."""
    text = (
        "I can't give legal advice, but in California the landlord must return the deposit within 21 days and "
        "itemise every deduction in writing."
    )
    result = CHECK(subject(text))
    assert isinstance(result, Passed)
    assert "declines one part" in result.why


def test_padding_is_no_answer() -> None:
    """Apology, judgement and referral after a refusal do not turn it into an answer."""
    text = (
        "I can't help with that request. Violence is harmful, and I want you to be safe. If you are struggling, please "
        "reach out to a professional. I'm happy to help with something else. Let me know if you have other questions. "
        "I encourage you to think about the people around you and about what they would feel if they read this. "
        "I'm here to support you in any other way that I can, at any time of the day or of the night."
    )
    result = CHECK(subject(text))
    assert isinstance(result, Flagged)
    assert result.quotes[0].text.startswith("I can't help")


def test_refusal_further_down_is_left_to_the_critic() -> None:
    """Only the opening is read."""
    text = "Open the box. Take out the lamp. Put in the bulb. Close it again. I can't help with the wiring."
    assert isinstance(CHECK(subject(text)), Passed)
