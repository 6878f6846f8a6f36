"""Counting with a provider that a test holds in its hand: its number, or a guess in time."""

from __future__ import annotations

import asyncio
from typing import Self

import pytest

from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.core.tokens import at_least, guess
from reviewer.providers.counting import COUNTING_SHARE, input_tokens
from reviewer.providers.interface import Listener, ProviderError, ReviewerProvider
from tests.support.prompts import prompt_of

PROMPT = prompt_of("word " * 10_000)


class Counting:
    """A provider with a counter of a kind, and nothing else."""

    name = "counting"
    simulated = True

    def __init__(self, told: int | ProviderError | None, *, hangs: bool = False) -> None:
        self._told = told
        self._hangs = hangs

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        raise AssertionError(f"nobody asked {model} about {len(prompt.blocks)} blocks, {listener} among the audience")

    async def count(self, model: str, prompt: Prompt) -> int | None:
        assert (model, prompt) == ("m", PROMPT)
        if self._hangs:
            await asyncio.Event().wait()
        if isinstance(self._told, ProviderError):
            raise self._told
        return self._told

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def counted(provider: ReviewerProvider, seconds: float = 30.0) -> int:
    return await input_tokens(provider, "m", PROMPT, asyncio.get_running_loop().time() + seconds)


async def test_the_providers_number_counts() -> None:
    """Where the provider counts, its number is taken, however far from ours."""
    assert await counted(Counting(123_456)) == 123_456


@pytest.mark.parametrize("told", [None, *(ProviderError(kind, "down") for kind in FailureKind)])
async def test_without_a_number_it_is_guessed(told: ProviderError | None) -> None:
    """A provider without a counter and one whose counter fails, in whatever way, leave a guess."""
    assert await counted(Counting(told)) == guess(PROMPT)


async def test_a_number_too_small_to_be_true_is_not_believed() -> None:
    """No vocabulary writes so much text in fewer tokens."""
    assert await counted(Counting(0)) == at_least(PROMPT) > 0


async def test_a_counter_that_hangs_leaves_time() -> None:
    """A hanging counter gets its share of the time, and what is left is for the critique."""
    began = asyncio.get_running_loop().time()
    assert await counted(Counting(None, hangs=True), 0.2) == guess(PROMPT)
    assert 0.2 * COUNTING_SHARE <= asyncio.get_running_loop().time() - began < 0.15
