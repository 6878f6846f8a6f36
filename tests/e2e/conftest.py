"""One service a test, on a log of its own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from reviewer.simulate.script import Script
from tests.support.postgres_server import PostgresServer
from tests.support.service import Service, running

Serve = Callable[..., Awaitable[Service]]
_AMBIENT = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "REVIEWER_CONFIG")


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep keys, addresses and proxies of whoever runs the tests out, and logging as a process finds it at start."""
    for name in _AMBIENT:
        monkeypatch.delenv(name, raising=False)
    for scheme in ("http", "https", "all", "grpc"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    # Events go past whatever stands for standard output while a command runs in this process, and whose own stream of
    # events is closed after it.
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.__stderr__))
    yield
    structlog.reset_defaults()


def stored_in(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of the store that a fixture's parameter names; a database has an empty schema."""
    if request.param == "sqlite":
        return {}
    running_server: PostgresServer = request.getfixturevalue("running_server")
    return {"store": "postgres", "dsn": running_server.new_dsn()}


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start services; all of one test share one log, unless their settings name another."""
    async with AsyncExitStack() as stack:

        async def start(script: Script | None = None, **sections: dict[str, Any]) -> Service:
            return await stack.enter_async_context(running(tmp_path, script, **sections))

        yield start


@pytest.fixture
async def service(serve: Serve) -> Service:
    """A service whose second model finds every criterion met."""
    return await serve()
