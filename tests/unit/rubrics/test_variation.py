from __future__ import annotations

import pytest

from reviewer.rubrics.variation import derive
from tests.support.subjects import shipped_cases
from tests.support.trials import case, written


def test_the_same_seed_gives_the_same_variant() -> None:
    """A variant can be made again from its seed and number, and differs from the others."""
    own = shipped_cases()["tool_use/broken_mug_refund"]
    assert derive(own, 7, 1) == derive(own, 7, 1)
    assert len({derive(own, seed, number).model_dump_json() for seed in (7, 8) for number in (1, 2)}) == 4


def test_names_and_identifiers_change_everywhere_alike() -> None:
    """A name and an order number are swapped in conversation, arguments, script and expectations together."""
    own = case(
        written(
            conversation=[{"role": "user", "text": "Maria here, order A-10233 and #48213, sent by Anna"}],
            draft={
                "text": "Maria, order A-10233 is on its way.",
                "tool_calls": [{"name": "track", "arguments": {"order": "A-10233", "who": ["Maria"]}}],
            },
            expect={"verdicts": ["APPROVE"], "quotes": {"health/safety_net": "order A-10233"}},
        )
    )
    other = derive(own, 1, 1)
    text = other.model_dump_json(exclude={"id"})
    assert "Maria" not in text
    assert "10233" not in text
    (order,) = {str(call.arguments["order"]) for call in other.draft.tool_calls}
    assert order in other.draft.text
    assert order in other.conversation[0].text
    assert order in other.expect.quotes["health/safety_net"]
    assert other.draft.tool_calls[0].id != "call_1"


@pytest.mark.parametrize("published", ["CVE-2021-44228", "ISO-27001", "RFC-9162"])
def test_published_names_stay(published: str) -> None:
    """What the world knows by a number keeps it."""
    own = case(written(draft={"text": f"See {published} for more."}))
    assert published in derive(own, 3, 1).draft.text


def test_words_stay_as_they_are() -> None:
    """But for names and identifiers, a variant holds the same words in the same order."""
    for name, own in shipped_cases().items():
        if not own.draft.tool_calls:
            assert len(derive(own, 1, 1).draft.text.split()) == len(own.draft.text.split()), name
