"""Platforms: what each request carries there, held against the SDK's own way and against the platform's own rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import openai
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from reviewer.core.errors import ConfigError
from reviewer.core.outcome import FailureKind
from reviewer.providers import platform
from reviewer.providers.anthropic_platforms import PLATFORMS as ON_CLAUDE
from reviewer.providers.openai_platforms import PLATFORMS as ON_GPT
from reviewer.providers.settings import ProviderSettings
from tests.support.prompts import prompt_of
from tests.support.wire_formats import AZURE, BEDROCK, FOUNDRY, OPENAI_BEDROCK, PLATFORMS, SIGNING, VERTEX, WireFormat
from tests.support.wire_server import Seen, canned
from tests.support.wired import AWS, KEY, MODEL, Make, Wired

_OF_THE_TRANSPORT = {"accept-encoding", "connection", "content-length", "host", "user-agent"}
_OF_THE_MOMENT = {
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-stainless-read-timeout",
    "x-stainless-retry-count",
    "x-stainless-timeout",
}


def on(*forms: WireFormat) -> pytest.MarkDecorator:
    """Run a test on these platforms."""
    return pytest.mark.parametrize("form", forms, indirect=True, ids=lambda form: form.label)


@asynccontextmanager
async def sdk_client(form: WireFormat, root: str) -> AsyncIterator[Any]:
    """Make the client as its documentation says."""
    made: dict[str, Any] = {
        "anthropic-bedrock": lambda: anthropic.AsyncAnthropicBedrock(aws_region="sa-east-1", base_url=root),
        "anthropic-vertex": lambda: anthropic.AsyncAnthropicVertex(
            region="us-east5", project_id="clinic-1", access_token=KEY, base_url=f"{root}/v1"
        ),
        "anthropic-foundry": lambda: anthropic.AsyncAnthropicFoundry(base_url=f"{root}/anthropic", api_key=KEY),
        "openai-azure": lambda: openai.AsyncAzureOpenAI(azure_endpoint=root, api_version="2026-09-01", api_key=KEY),
        "openai-bedrock": lambda: openai.AsyncBedrockOpenAI(aws_region="us-east-1", base_url=f"{root}/openai/v1"),
    }
    async with made[form.label]() as client:
        yield client


def _asked(seen: Seen) -> dict[str, str]:
    return {n: v for n, v in seen.headers.items() if n not in _OF_THE_TRANSPORT | _OF_THE_MOMENT}


@on(*PLATFORMS)
async def test_a_request_is_the_one_that_the_sdk_would_send(wired: Wired) -> None:
    """Asked by its own documented method, the SDK sends the same method, address, headers and JSON."""
    await wired.provider.complete(MODEL, prompt_of())
    (ours,) = wired.server.requests
    body = wired.form.plain(wired.sent())
    async with sdk_client(wired.form, wired.server.base_url) as client:
        await (client.messages if wired.form.module == "anthropic" else client.responses).create(**body)
    theirs = wired.server.requests[1]
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert _asked(ours) == _asked(theirs)
    assert orjson.loads(ours.body) == orjson.loads(theirs.body)
    assert wired.form.authenticated(theirs.headers, KEY)


@on(*PLATFORMS)
async def test_the_public_address_is_the_sdks(wired: Wired) -> None:
    """Without a base URL a request goes where the SDK would send it; Azure and Foundry have none of their own."""
    known: dict[str, Any] = {
        "anthropic-bedrock": lambda: anthropic.AsyncAnthropicBedrock(aws_region="sa-east-1"),
        "openai-bedrock": lambda: openai.AsyncBedrockOpenAI(aws_region="us-east-1"),
    }
    settings = dict(wired.form.settings)
    regions = [settings.get("region", "")]
    if wired.form is VERTEX:
        regions = ["us-east5", "global", "us", "eu"]
        known["anthropic-vertex"] = lambda: anthropic.AsyncAnthropicVertex(
            region=settings["region"], project_id="clinic-1", access_token=KEY
        )
    if wired.form.label not in known:
        with pytest.raises(ConfigError, match="base_url: is missing"):
            wired.make(base_url=None)
        return
    for region in regions:
        settings["region"] = region
        values: dict[str, Any] = {"name": "n", "base_url": None, "api_key": SecretStr(KEY), **settings}
        made = (ON_CLAUDE if wired.form.module == "anthropic" else ON_GPT)[wired.form.platform].make
        ours: Any = made(ProviderSettings(**values), httpx2.AsyncClient())
        async with known[wired.form.label]() as theirs:
            assert ours.base_url == theirs.base_url
        await ours.close()


@on(*SIGNING)
@pytest.mark.parametrize("model", [MODEL, "us.anthropic.claude-opus-4-6-v1:0", "arn:aws:bedrock:sa-east-1:1:profile/x"])
async def test_a_signature_holds(wired: Wired, model: str) -> None:
    """Computed again by botocore from what arrived, signed headers, address and body included, it is the same."""
    async with wired.make(model_ids={MODEL: model}) as provider:
        await provider.complete(MODEL, prompt_of("draft with \u2028 and \u00e9"))
    (seen,) = wired.server.requests
    service = "bedrock" if wired.form is BEDROCK else "bedrock-mantle"
    assert seen.headers["x-amz-security-token"] == AWS["AWS_SESSION_TOKEN"]
    signed = seen.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token", "content-type"} <= set(signed)
    assert _signature(seen, signed, wired, service) in seen.headers["authorization"]


def _signature(seen: Seen, signed: list[str], wired: Wired, service: str) -> str:
    headers = {name: seen.headers[name] for name in signed}
    request = AWSRequest("POST", wired.server.base_url + seen.target, headers=headers, data=seen.body)
    request.context["timestamp"] = seen.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDTEST", KEY), service, wired.form.settings["region"])
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    return f"Signature={signer.signature(to_sign, request)}"


@on(AZURE)
async def test_azure_names_version_and_deployment(wired: Wired) -> None:
    """The API version stands in the address, the deployment in the body, the key in a header of its own."""
    async with wired.make(model_ids={MODEL: "reviewer-prod"}) as provider:
        await provider.complete(MODEL, prompt_of())
    (seen,) = wired.server.requests
    assert urlsplit(seen.target).query == "api-version=2026-09-01"
    assert wired.sent()["model"] == "reviewer-prod"


@on(BEDROCK, VERTEX)
async def test_the_path_names_the_platforms_id(wired: Wired) -> None:
    """An id of the catalogue is asked for under the platform's id; one without is asked for as it is."""
    async with wired.make(model_ids={"claude-opus-4-6": "anthropic.claude-opus-4-6-v1"}) as provider:
        for model in ("claude-opus-4-6", MODEL):
            await provider.complete(model, prompt_of())
    first, second = (seen.path for seen in wired.server.requests)
    assert "/anthropic.claude-opus-4-6-v1" in first
    assert f"/{MODEL}" in second


@on(BEDROCK)
async def test_a_bedrock_key_stands_in_for_a_signature(wired: Wired) -> None:
    """A key of Bedrock's own, from settings, is a bearer token."""
    async with wired.make(api_key=SecretStr(KEY)) as provider:
        await provider.complete(MODEL, prompt_of())
    assert wired.server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@on(VERTEX)
async def test_vertex_takes_googles_own_credentials(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a token in the settings Google's tools give one, from a service account's file for instance, and once."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "clinic-1",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "reviewer@clinic-1.iam.gserviceaccount.com",
        "token_uri": f"{wired.server.base_url}/token",
    }
    (tmp_path / "account.json").write_bytes(orjson.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    token = orjson.dumps({"access_token": "minted", "expires_in": 3600, "token_type": "Bearer"})
    wired.server.script(canned(token), canned(wired.form.stops("complete", "{}")))
    async with wired.make(api_key=SecretStr("")) as provider:
        for _ in range(2):
            await provider.complete(MODEL, prompt_of())
    assert [seen.path for seen in wired.server.requests] == ["/token", wired.form.path, wired.form.path]
    assert {seen.headers.get("authorization") for seen in wired.server.requests[1:]} == {"Bearer minted"}


@on(BEDROCK, OPENAI_BEDROCK, VERTEX)
async def test_missing_credentials_are_a_connection_failure(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the platform's tools find no credentials, a call fails as an outage that tells the cause's name alone."""
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_PROFILE", "nobody-here")
    (tmp_path / "account.json").write_text(KEY)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    # The SDK keeps sessions by region: another one has never seen the credentials of other tests.
    async with wired.make(api_key=SecretStr(""), region="ap-south-1") as provider:
        fresh = Wired(wired.form, wired.server, provider, wired.make)
        error = await fresh.failure(canned(b""))
    assert error.kind is FailureKind.CONNECTION
    assert "could not be signed" in str(error)
    assert KEY not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    assert not wired.server.requests


@on(*PLATFORMS)
def test_what_a_platform_needs_is_asked_for_at_the_start(make: Make, form: WireFormat) -> None:
    """A missing setting stops the start with the setting's name."""
    needed = {
        BEDROCK.label: ["region"],
        OPENAI_BEDROCK.label: ["region"],
        VERTEX.label: ["region", "project"],
        FOUNDRY.label: ["base_url", "api_key"],
        AZURE.label: ["base_url", "api_version", "api_key"],
    }
    for name in needed[form.label]:
        with pytest.raises(ConfigError, match=rf"{name}: is missing; platform {form.platform} needs it"):
            make(**{name: SecretStr("") if name == "api_key" else None})


@on(BEDROCK, VERTEX, OPENAI_BEDROCK)
def test_a_missing_package_is_named_with_its_extra(
    make: Make, form: WireFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the platform's package is not installed, the start says what to install."""
    monkeypatch.setattr(platform, "find_spec", lambda _: None)
    extra = "vertex" if form is VERTEX else "bedrock"
    with pytest.raises(ConfigError, match=rf"install oversight-reviewer\[{extra}\]"):
        make()


@on(BEDROCK)
def test_an_unknown_platform_is_refused(make: Make) -> None:
    """A platform through which the vendor's models are not asked stops the start, with those that are there."""
    with pytest.raises(ConfigError, match="there are: direct, bedrock, vertex, foundry"):
        make(platform="azure")


@on(BEDROCK)
async def test_an_error_of_aws_tells_its_type(wired: Wired) -> None:
    """AWS names an error's type in a header; it is told, and the message in the body is not."""
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/", "x-amzn-requestid": "req_9"}
    error = await wired.failure(canned(orjson.dumps({"message": KEY}), 429, headers))
    assert error.kind is FailureKind.RATE_LIMITED
    assert str(error) == "test-anthropic: HTTP status 429, code ThrottlingException, request req_9"
