"""What an adapter sends: the stated body, the stated key, and nothing that the environment would add."""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr, TypeAdapter

from reviewer.core.draft import ImagePart
from reviewer.core.errors import ConfigError
from tests.support.prompts import PREFIX, prompt_of
from tests.support.wire_formats import ANTHROPIC, CHAT, DECISIONS, RESPONSES, SPEAKING
from tests.support.wired import KEY, MODEL, Make, Wired

IMAGE = ImagePart("image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
AMBIENT = {
    "ANTHROPIC_API_KEY": "ambient",
    "ANTHROPIC_AUTH_TOKEN": "ambient",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_PROFILE": "ambient",
    "ANTHROPIC_CUSTOM_HEADERS": "x-ambient: ambient",
    "ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_VERTEX_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_VERTEX_PROJECT_ID": "ambient",
    "ANTHROPIC_FOUNDRY_API_KEY": "ambient",
    "ANTHROPIC_FOUNDRY_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_FOUNDRY_RESOURCE": "ambient",
    "CLOUD_ML_REGION": "ambient",
    "AWS_REGION": "eu-ambient-1",
    "AWS_DEFAULT_REGION": "eu-ambient-1",
    "AWS_BEDROCK_BASE_URL": "http://127.0.0.1:9",
    "AZURE_OPENAI_API_KEY": "ambient",
    "AZURE_OPENAI_AD_TOKEN": "ambient",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
    "OPENAI_API_VERSION": "ambient",
    "OPENAI_API_KEY": "ambient",
    "OPENAI_ADMIN_KEY": "ambient",
    "OPENAI_BASE_URL": "http://127.0.0.1:9",
    "OPENAI_ORG_ID": "ambient",
    "OPENAI_PROJECT_ID": "ambient",
    "OPENAI_CUSTOM_HEADERS": "x-ambient: ambient\nAuthorization: Bearer ambient",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}
GATEWAYS = pytest.mark.parametrize("form", [CHAT], indirect=True, ids=["openai_compatible"])
VENDORS = pytest.mark.parametrize("form", [ANTHROPIC, RESPONSES, DECISIONS], indirect=True, ids=lambda form: form.label)
SPEAKS = pytest.mark.parametrize("form", SPEAKING, indirect=True, ids=lambda form: form.label)


def _lasting(headers: dict[str, str]) -> dict[str, str]:
    """Leave out what a signature says of the moment."""
    signed = headers.get("authorization", "").partition("Signature=")[0]
    return {name: value for name, value in headers.items() if name != "x-amz-date"} | {"authorization": signed}


@pytest.mark.parametrize("effort", [None, "high"])
async def test_body_equals_the_plain_encoding(wired: Wired, effort: str | None) -> None:
    """The body joined from encoded pieces is the JSON of one plain dict, images and odd characters included."""
    prompt = prompt_of("plain", 'quotes " and \\ and \u2028', "<<hole model>>", images=(IMAGE, IMAGE))
    async with wired.make(effort=effort) as provider:
        await provider.complete(MODEL, prompt)
    assert wired.sent() == wired.form.reference(MODEL, prompt, effort)


@pytest.mark.parametrize("images", [(), (IMAGE,)])
async def test_body_has_the_type_of_the_sdk(wired: Wired, images: tuple[ImagePart, ...]) -> None:
    """The SDK's own request type, closed against unknown top-level keys, accepts the body."""
    await wired.provider.complete(MODEL, prompt_of(images=images))
    body = wired.form.plain(wired.sent())
    assert set(body) <= set(wired.form.params.__annotations__)
    TypeAdapter(wired.form.params).validate_json(orjson.dumps(body))


@SPEAKS
async def test_the_prefix_is_the_same_bytes_in_every_request(wired: Wired) -> None:
    """Everything up to the end of the prefix is byte for byte the same, so that the provider's cache can hold it."""
    await wired.provider.complete(MODEL, prompt_of("first draft"))
    await wired.provider.complete(MODEL, prompt_of("another draft", "and more", images=(IMAGE,)))
    first, second = (seen.body for seen in wired.server.requests)
    end = first.index(orjson.dumps(PREFIX)) + len(orjson.dumps(PREFIX))
    assert first[:end] == second[:end]
    assert wired.form.prefix(wired.sent()) == PREFIX


async def test_key_and_content_type_are_on_the_wire(wired: Wired) -> None:
    """A request is JSON with the configured key or a signature, at the format's path."""
    await wired.provider.complete(MODEL, prompt_of())
    (seen,) = wired.server.requests
    assert (seen.method, seen.path) == ("POST", wired.form.path)
    assert wired.form.authenticated(seen.headers, KEY)
    assert seen.headers["content-type"] == "application/json"
    assert int(seen.headers["content-length"]) == len(seen.body)


async def test_a_large_body_arrives_whole(wired: Wired) -> None:
    """A body of several megabytes is sent in pieces, with its length, and warns of nothing."""
    image = ImagePart("image/jpeg", bytes(3 * 2**20))
    await wired.provider.complete(MODEL, prompt_of(images=(image,)))
    (seen,) = wired.server.requests
    assert base64.b64encode(image.data) in seen.body
    assert int(seen.headers["content-length"]) == len(seen.body)
    assert "transfer-encoding" not in seen.headers


async def test_nothing_of_the_environment_is_used(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Keys, addresses, headers, organisations and proxies of the environment change not one header or byte."""
    await wired.provider.complete(MODEL, prompt_of())
    for name, value in {**AMBIENT, "ANTHROPIC_CONFIG_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    async with wired.make() as provider:
        await provider.complete(MODEL, prompt_of())
    plain, ambient = wired.server.requests
    assert _lasting(ambient.headers) == _lasting(plain.headers)
    assert ambient.body == plain.body
    assert "ambient" not in str(ambient.headers)


async def test_the_key_is_not_shown(wired: Wired) -> None:
    """Neither the adapter nor its settings show the key."""
    assert KEY not in repr(wired.provider)
    assert KEY not in repr(vars(wired.provider))


@VENDORS
def test_an_empty_key_is_refused(make: Make) -> None:
    """An empty key stops the start instead of sending the SDK to the environment."""
    with pytest.raises(ConfigError, match="api_key: is empty"):
        make(api_key=SecretStr(" "))


@GATEWAYS
async def test_a_gateway_without_key_gets_a_placeholder(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the gateway sees `none`, never a key that happens to be in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "ambient")
    async with wired.make(api_key=SecretStr("")) as provider:
        await provider.complete(MODEL, prompt_of())
    assert wired.server.requests[0].headers["authorization"] == "Bearer none"


@GATEWAYS
def test_a_gateway_needs_an_address(make: Make) -> None:
    """A gateway without a base URL is refused: the SDK would send its prompts to the public one."""
    with pytest.raises(ConfigError, match="base_url: is missing"):
        make(base_url=None)


@VENDORS
def test_a_vendor_has_its_public_address(make: Make) -> None:
    """The vendors' own services need no base URL."""
    assert make(base_url=None).name.startswith("test-")


@GATEWAYS
async def test_an_old_gateway_gets_the_old_name_of_the_limit(wired: Wired) -> None:
    """The output limit of Chat Completions can be sent under its older name."""
    async with wired.make(output_limit_field="max_tokens") as provider:
        await provider.complete(MODEL, prompt_of(max_output_tokens=77))
    assert wired.sent()["max_tokens"] == 77
    assert "max_completion_tokens" not in wired.sent()


async def test_no_sampling_setting_is_sent(wired: Wired) -> None:
    """Newer models refuse sampling settings, and none would make a verdict reproducible."""
    await wired.provider.complete(MODEL, prompt_of())
    assert not {"temperature", "top_p", "top_k", "seed", "stream"} & set(wired.sent())
