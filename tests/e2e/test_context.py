"""Requests about as long as a second model's context: asked where they fit, and never cut where they do not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from reviewer.simulate.script import Script
from tests.e2e.conftest import Serve
from tests.support.modes import ANTHROPIC, CLAUDE_MODEL, GATEWAY, GEMINI, GPT_MODEL, LLAMA_MODEL, OPENAI, rubrics_with
from tests.support.service import Service, causes, deciding, rules, verdicts
from tests.support.subjects import RUBRICS, subject

SEATS = {
    ANTHROPIC: ("claude_opus", CLAUDE_MODEL, 4096),
    OPENAI: ("gpt", GPT_MODEL, 8192),
    GATEWAY: ("llama", LLAMA_MODEL, 4096),
}
"""Reviewer, model, and what the reply is given."""
AMPLE, ENOUGH, SHORT, TINY = 200_000, 24_000, 5_000, 100
"""Room for input in tokens. The prompt has about 30,000 bytes, which the simulated counter takes for 7,500 tokens."""
Rise = Callable[..., Awaitable[Service]]


@pytest.fixture
def rise(serve: Serve, tmp_path: Path) -> Rise:
    """Serve with one reviewer whose context has a size."""

    async def start(provider: str, room: int, script: Script | None = None) -> Service:
        reviewer, model, reply = SEATS[provider]
        section = rubrics_with(tmp_path, (reviewer,))
        catalogue = tmp_path / "rubrics" / "models.yaml"
        text = (RUBRICS / "models.yaml").read_text(encoding="utf-8")
        entry = rf"(- id: {re.escape(model)}\n(?:    .*\n)*?    context_tokens: )\d+"
        changed, found = re.subn(entry, rf"\g<1>{room + reply}", text)
        assert found == 1
        catalogue.write_text(changed, encoding="utf-8")
        return await serve(script or rules(), rubrics=section)

    return start


@pytest.mark.parametrize(
    ("provider", "room", "counts"),
    [
        (ANTHROPIC, AMPLE, 0),
        (OPENAI, AMPLE, 0),
        (GATEWAY, AMPLE, 0),
        (ANTHROPIC, ENOUGH, 1),
        (OPENAI, ENOUGH, 1),
        (GATEWAY, ENOUGH, 0),
    ],
)
async def test_what_fits_is_reviewed(rise: Rise, provider: str, room: int, counts: int) -> None:
    """A prompt that fits for sure is sent uncounted; one that may not is counted first, where the provider can."""
    service = await rise(provider, room)
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), causes(review)) == (["APPROVE"], set())
    assert (service.provider.counts, service.provider.requests) == (counts, 1)


@pytest.mark.parametrize(
    ("provider", "room", "counts"),
    [(ANTHROPIC, SHORT, 1), (OPENAI, SHORT, 1), (GATEWAY, SHORT, 0)],
)
async def test_what_does_not_fit_is_not_sent(rise: Rise, provider: str, room: int, counts: int) -> None:
    """A prompt that is counted to be too long is not cut and not sent; a person gets the draft."""
    service = await rise(provider, room)
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"partial_coverage"})
    assert (service.provider.counts, service.provider.requests) == (counts, 0)
    assert list(review.model_calls) == []


async def test_what_can_never_fit_is_not_even_counted(rise: Rise) -> None:
    """Where no vocabulary could write the prompt in so few tokens, the provider hears nothing of it."""
    service = await rise(ANTHROPIC, TINY)
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"partial_coverage"})
    assert service.provider.bodies == []


async def test_the_count_is_of_the_call_itself(rise: Rise) -> None:
    """What was counted and what was sent are the same prompt, and count and usage agree."""
    service = await rise(ANTHROPIC, ENOUGH)
    review = await service.review(subject(drafter=GEMINI))

    counted, sent = map(orjson.loads, service.provider.bodies)
    assert sent.pop("max_tokens") == SEATS[ANTHROPIC][2]
    assert counted == sent
    (call,) = review.model_calls
    assert 0 < call.usage.input_tokens <= ENOUGH


async def test_a_hanging_counter_leaves_time_for_the_critique(rise: Rise) -> None:
    """A counter that does not answer costs its share of the deadline and the review nothing else."""
    service = await rise(ANTHROPIC, ENOUGH)
    service.provider.gate.clear()
    review = asyncio.create_task(service.review(subject(drafter=GEMINI), 4.0))
    await service.provider.left(1)
    service.provider.gate.set()

    assert verdicts([await review]) == ["APPROVE"]
    assert service.provider.requests == 1
