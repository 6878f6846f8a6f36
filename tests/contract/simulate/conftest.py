"""A simulated provider of each test's own script, and the official clients that talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from reviewer.simulate.script import Rule, Script
from reviewer.simulate.server import SimulatedProvider

MODEL = "critic-1"


@dataclass(frozen=True, slots=True)
class Connected:
    """A running server with a client of each kind."""

    server: SimulatedProvider
    anthropic: AsyncAnthropic
    openai: AsyncOpenAI


Connect = Callable[..., Awaitable[Connected]]


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clients from picking up keys, addresses and proxies of whoever runs the tests."""
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Start a server for a script, or for rules as a file would state them, and connect both clients."""
    async with AsyncExitStack() as stack:

        async def start(*rules: dict[str, Any], script: Script | None = None) -> Connected:
            own = Script(rules=tuple(Rule.model_validate(rule) for rule in rules))
            server = await stack.enter_async_context(SimulatedProvider(script or own))
            anthropic = AsyncAnthropic(base_url=server.base_url, api_key="k", max_retries=0)
            openai = AsyncOpenAI(base_url=server.openai_base_url, api_key="k", max_retries=0)
            await stack.enter_async_context(anthropic)
            await stack.enter_async_context(openai)
            return Connected(server, anthropic, openai)

        yield start
