"""Every provider of the port, opened against a scripted loopback server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from reviewer import discovery
from reviewer.providers.interface import ReviewerProvider
from reviewer.providers.settings import ProviderSettings
from tests.support.wire_formats import FORMATS, WireFormat
from tests.support.wire_server import WireServer, wire_server
from tests.support.wired import AWS, KEY, Make, Wired


@pytest.fixture(params=FORMATS, ids=lambda form: form.label)
def form(request: pytest.FixtureRequest) -> WireFormat:
    """Every wire format in turn."""
    chosen: WireFormat = request.param
    return chosen


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials as AWS's own tools find them, and nowhere else to look."""
    for name in ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    """A loopback server without a script."""
    async with wire_server() as running:
        yield running


@pytest.fixture
def make(form: WireFormat, server: WireServer) -> Make:
    """Make an adapter for the server; settings may be overridden."""

    def build(**overrides: Any) -> ReviewerProvider:
        settings = {
            "name": f"test-{form.module}",
            "base_url": server.base_url + form.root,
            "api_key": SecretStr(KEY),
            "platform": form.platform,
            **form.settings,
            **overrides,
        }
        provider: ReviewerProvider = discovery.load("providers", form.module, "PROVIDER")(ProviderSettings(**settings))
        return provider

    return build


@pytest.fixture
async def wired(form: WireFormat, server: WireServer, make: Make) -> AsyncIterator[Wired]:
    """An open adapter; the server answers with a complete critique until told otherwise."""
    async with make() as provider:
        opened = Wired(form, server, provider, make)
        opened.script_stop("complete", headers={form.request_id_header: "req_1"})
        yield opened
