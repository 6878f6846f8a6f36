"""Counting a prompt's tokens: by its provider where that has a counter and it works, else by a cautious guess.

Counting decides only whether a call is made at all. A counter that is down says nothing of the model or of the draft,
so it is no outage, speaks against no model, and is not tried again.
"""

from __future__ import annotations

import asyncio

from reviewer.core.prompt import Prompt
from reviewer.core.tokens import at_least, guess
from reviewer.providers.interface import ProviderError, ReviewerProvider

COUNTING_SHARE = 0.25
"""Of the time that is left, what counting may use up: a counter that hangs must not take the critique's time."""


async def input_tokens(provider: ReviewerProvider, model: str, prompt: Prompt, deadline: float) -> int:
    """Return how many tokens a prompt's input is.

    Args:
        deadline: of the whole consultation, on the event loop's clock.

    Returns:
        The provider's own number where there is one that can be true. Providers promise it but for a small amount;
        a prompt that it lets through by mistake is refused by the provider, not cut.
    """
    now = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(now + (deadline - now) * COUNTING_SHARE):
            counted = await provider.count(model, prompt)
    except (ProviderError, TimeoutError):
        counted = None
    return guess(prompt) if counted is None else max(counted, at_least(prompt))
