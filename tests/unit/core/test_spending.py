from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.choice import Candidate, Seating
from reviewer.core.draft import ImagePart
from reviewer.core.errors import InvariantError
from reviewer.core.models import ModelEntry, Price
from reviewer.core.outcome import CallRecord, FailureKind, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.record import seal
from reviewer.core.routing import ReviewerSpec
from reviewer.core.spending import NOTHING, Spent, ceiling_micro_usd, spent_on
from reviewer.core.tokens import IMAGE_AT_MOST, at_most
from tests.support.builders import CONTENT_KEY, MOMENT, review
from tests.support.small_review import rendered

CALL = CallRecord("anthropic", "critic-1", "critic-1", "r", "0" * 64, Usage(1000, 600, 0, 50, 20), 700, 1, "stop")
FAILED = replace(CALL, usage=Usage(), cost_micro_usd=None, failure=FailureKind.TIMEOUT)
PROMPT: Prompt = rendered().prompt

figures = st.integers(min_value=0, max_value=2**53)
spents = st.builds(Spent, figures, figures, figures, figures, figures, figures)


def candidate(name: str = "critic", output: int | None = 10_000_000, **more: int) -> Candidate:
    price = None
    if output is not None:
        price = Price(input=more.pop("input", 1_000_000), output=output, source="made up", as_of=date(2026, 11, 21))
        price = price.model_copy(update=more)
    entry = ModelEntry.model_validate(
        {
            "id": f"{name}-1",
            "provider": "anthropic",
            "family": name,
            "pinned": True,
            "context_tokens": 100_000,
            "max_output_tokens": 1000,
            "source": "made up",
            "price": price,
        }
    )
    return Candidate(ReviewerSpec(id=name, provider="anthropic", model=entry.id, max_output_tokens=1000), entry)


ONE = at_most(PROMPT) + 10_000
"""Price of a critique by `candidate()`: a micro-USD a token of the prompt, and ten for each of the reply."""


@given(spents, spents, spents)
def test_figures_add_up(a: Spent, b: Spent, c: Spent) -> None:
    """Adding is what it is for numbers: in any order, with nothing as its zero."""
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NOTHING == a


def test_calls_are_counted() -> None:
    """Each attempt is counted with its tokens and cost; one without a known cost is counted as such."""
    assert spent_on(()) == NOTHING
    assert spent_on((CALL, FAILED, CALL)) == Spent(1400, 3, 1, 2000, 1200, 100)


def test_an_entry_says_what_it_cost() -> None:
    """An entry of the log carries what its review's calls cost, and the UTC day that pays."""
    entry = seal(review(1, calls=(CALL, FAILED)), CONTENT_KEY)

    assert (entry.day, entry.spent) == (MOMENT.date(), Spent(700, 2, 1, 1000, 600, 50))


def test_ceiling_of_one_seat() -> None:
    """One reviewer may cost the whole prompt at full price and the longest reply that it may give."""
    assert ceiling_micro_usd(Seating((candidate(),)), (PROMPT,)) == ONE


def test_ceiling_of_every_seat() -> None:
    """All seats and the screen count, each at the price of the dearest that may come to sit on it."""
    cheap, dear = candidate("cheap", 1_000_000), candidate("dear", 20_000_000)
    seated = Seating((candidate(), cheap), (candidate("spare"),), screen=cheap)

    assert ceiling_micro_usd(seated, (PROMPT,)) == ONE * 2 + at_most(PROMPT) + 1000
    assert ceiling_micro_usd(replace(seated, spares=(dear,)), (PROMPT,)) == (ONE + 10_000) * 2 + ONE - 9_000


def test_ceiling_of_every_group() -> None:
    """Questions asked in groups cost a prompt and a reply each."""
    assert ceiling_micro_usd(Seating((candidate(),)), (PROMPT,) * 3) == ONE * 3


def test_ceiling_takes_the_dearest_price() -> None:
    """Nothing is hoped for: input may have to be written to the cache, output may all be reasoning."""
    dear = candidate(cache_write=2_000_000, reasoning=30_000_000, cached_input=1)

    assert ceiling_micro_usd(Seating((dear,)), (PROMPT,)) == at_most(PROMPT) * 2 + 30_000


def test_ceiling_of_other_scripts_and_images() -> None:
    """Text counts by its bytes, which no tokenizer exceeds, and an image by the most that anybody charges."""
    longer = replace(PROMPT, blocks=(PROMPT.blocks[0] + "\u8bed" * 1000, *PROMPT.blocks[1:]))
    pictured = replace(PROMPT, images=(ImagePart("image/png", b"x"),))

    assert ceiling_micro_usd(Seating((candidate(),)), (longer,)) == ONE + 3000
    assert ceiling_micro_usd(Seating((candidate(),)), (pictured,)) - ONE >= IMAGE_AT_MOST


def test_no_ceiling_without_a_price() -> None:
    """A model without a price has no ceiling: nothing is taken for free."""
    with pytest.raises(InvariantError, match="critic-1 has no price"):
        ceiling_micro_usd(Seating((candidate(output=None),)), (PROMPT,))
