"""The platforms' addresses of the simulated provider, as the service's own adapters call them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from reviewer import discovery
from reviewer.core.outcome import Completed, FailureKind
from reviewer.providers.interface import ProviderError, ReviewerProvider
from reviewer.providers.settings import ProviderSettings
from reviewer.simulate.script import Script
from tests.contract.simulate.conftest import MODEL, Connect, Connected
from tests.support.small_review import rendered
from tests.support.wire_formats import PLATFORMS, WireFormat
from tests.support.wired import AWS, KEY

pytestmark = pytest.mark.parametrize("form", PLATFORMS, ids=lambda form: form.label)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


def _adapter(form: WireFormat, on: Connected) -> ReviewerProvider:
    given: dict[str, Any] = {"api_key": SecretStr(KEY), **form.settings}
    settings = ProviderSettings(
        name=form.module, base_url=on.server.base_url + form.root, platform=form.platform, **given
    )
    provider: ReviewerProvider = discovery.load("providers", form.module, "PROVIDER")(settings)
    return provider


async def test_a_critique_completes(connect: Connect, form: WireFormat) -> None:
    """Model, id and mark come back as from the vendor's own address, and the critique is whole."""
    shown = rendered()
    async with _adapter(form, await connect(script=Script(always_met=True))) as provider:
        reply = await provider.complete(MODEL, shown.prompt)
    assert isinstance(shown.read(reply.text), Completed)
    assert (reply.served_model, reply.simulated) == (MODEL, True)
    assert reply.request_id.startswith("sim_")
    assert reply.usage.input_tokens > 0


async def test_faults_are_those_of_the_vendor(connect: Connect, form: WireFormat) -> None:
    """A rule for the vendor's provider is one for its platforms too."""
    on = await connect({"match": {"provider": form.module}, "fault": {"kind": "rate_limited"}})
    async with _adapter(form, on) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.complete(MODEL, rendered().prompt)
    assert caught.value.kind is FailureKind.RATE_LIMITED


@pytest.mark.parametrize("content", [b"not json", b"[]", b"{}"])
async def test_what_is_no_request_is_refused(connect: Connect, form: WireFormat, content: bytes) -> None:
    """Unreadable bodies are a 400 here as well."""
    async with httpx2.AsyncClient(base_url=(await connect()).server.base_url) as client:
        assert (await client.post(form.path, content=content)).status_code == 400
