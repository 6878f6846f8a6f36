"""Reuse of answers: the second model is asked once, each review is decided and recorded on its own."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Serve
from tests.support.modes import finds
from tests.support.service import broken, causes, rules, verdicts
from tests.support.subjects import subject

WINDOW = {"window_s": 3600}


async def test_the_same_questions_are_asked_once(serve: Serve) -> None:
    """A second review of the same text takes the answers of the first, says so, and is a review of its own."""
    service = await serve(rules(), reuse=WINDOW)
    first = await service.review(subject())
    second = await service.review(subject())

    assert service.provider.requests == 1
    assert verdicts([first, second]) == ["APPROVE", "APPROVE"]
    assert (first.reused_from, second.reused_from) == ("", first.name)
    assert (len(first.model_calls), len(second.model_calls)) == (1, 0)
    assert second.simulated
    assert [f.outcome for f in second.findings] == [f.outcome for f in first.findings]
    entries = [json.loads(entry.record) for entry in await service.entries()]
    assert [entry.get("reused_from") for entry in entries] == [None, first.name]
    assert (await service.client.get(second.name)).reused_from == first.name


async def test_objections_are_taken_as_well(serve: Serve) -> None:
    """What spoke against a draft speaks against it again, with quotes that were looked up anew."""
    asked = subject()
    quoted = asked.draft.text[:30]
    script = rules(finds("anthropic", "health/no_false_reassurance", "NOT_MET", quoted=quoted))
    service = await serve(script, reuse=WINDOW)
    first, second = await service.review(asked), await service.review(asked)

    assert second.reused_from == first.name
    assert (second.verdict, causes(second)) == (first.verdict, causes(first))
    assert verdicts([second]) != ["APPROVE"]


async def test_another_draft_is_asked_about(serve: Serve) -> None:
    """One word of difference is another question."""
    service = await serve(rules(), reuse=WINDOW)
    await service.review(subject())
    other = subject(asked="is this really right?")

    assert (await service.review(other)).reused_from == ""
    assert service.provider.requests == 2


@pytest.mark.parametrize("kind", ["prose", "rubber_stamp", "refusal", "wrong_model"])
async def test_what_failed_is_asked_again(serve: Serve, kind: str) -> None:
    """Answers that could not be used are not kept: the next review asks anew, and can approve."""
    service = await serve(rules(broken(kind, times=2 if kind == "prose" else 1)), reuse=WINDOW)
    first, second = await service.review(subject()), await service.review(subject())

    assert verdicts([first, second]) == ["HUMAN_HANDOFF", "APPROVE"]
    assert second.reused_from == ""


async def test_nothing_is_reused_unless_configured(serve: Serve) -> None:
    """Without a window each review asks for itself."""
    service = await serve(rules())
    await service.review(subject())

    assert (await service.review(subject())).reused_from == ""
    assert service.provider.requests == 2
