"""What an adapter asks a provider's counter, and what it makes of the answer."""

from __future__ import annotations

import orjson
import pytest
from pydantic import TypeAdapter

from reviewer.core.draft import ImagePart
from reviewer.core.outcome import FailureKind
from reviewer.providers.interface import ProviderError
from tests.support.prompts import SECRET_TEXT, prompt_of
from tests.support.wire_formats import ANTHROPIC, CHAT, RESPONSES
from tests.support.wire_server import canned
from tests.support.wired import MODEL, Wired

IMAGE = ImagePart("image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
COUNTERS = pytest.mark.parametrize("form", [ANTHROPIC, RESPONSES], indirect=True, ids=["anthropic", "openai"])
COUNTED = b'{"object":"response.input_tokens","input_tokens":4711}'


@COUNTERS
@pytest.mark.parametrize("effort", [None, "high"])
async def test_what_is_counted_is_what_would_be_sent(wired: Wired, effort: str | None) -> None:
    """The counter gets the body of the call but for what only an answer needs, in the type that the SDK states."""
    wired.server.script(canned(COUNTED))
    prompt = prompt_of("plain", 'quotes " and \\', images=(IMAGE,))
    async with wired.make(effort=effort) as provider:
        assert await provider.count(MODEL, prompt) == 4711

    body = wired.form.reference(MODEL, prompt, effort)
    assert wired.sent() == {key: value for key, value in body.items() if key not in wired.form.answer_only}
    assert set(wired.sent()) <= set(wired.form.counter_params.__annotations__)
    TypeAdapter(wired.form.counter_params).validate_json(orjson.dumps(wired.sent()))
    assert wired.server.requests[-1].path == wired.form.counter


@pytest.mark.parametrize("form", [CHAT], indirect=True, ids=["openai_compatible"])
async def test_a_gateway_does_not_count(wired: Wired) -> None:
    """Chat Completions has no counter: nothing is sent, and nothing is known."""
    assert await wired.provider.count(MODEL, prompt_of()) is None
    assert wired.server.requests == []


@COUNTERS
@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b'{"error":{"code":"not_found"}}', 404, FailureKind.REJECTED),
        (b'{"error":{"code":"c"}}', 500, FailureKind.SERVER_ERROR),
        (b'{"input_tokens":-1}', 200, FailureKind.BAD_ENVELOPE),
        (b'{"tokens":5}', 200, FailureKind.BAD_ENVELOPE),
        (SECRET_TEXT.encode(), 200, FailureKind.BAD_ENVELOPE),
    ],
)
async def test_a_counter_that_fails_says_how(wired: Wired, body: bytes, status: int, kind: FailureKind) -> None:
    """A counter's failures are told like those of a call, and hold no word of the prompt."""
    wired.server.script(canned(body, status))
    with pytest.raises(ProviderError) as failed:
        await wired.provider.count(MODEL, prompt_of())
    assert failed.value.kind is kind
    assert SECRET_TEXT not in str(failed.value)
    assert failed.value.__context__ is None
