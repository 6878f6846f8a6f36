"""What an adapter makes of a successful response."""

from __future__ import annotations

import orjson
import pytest

from reviewer.core.outcome import FailureKind, Reply, StopReason, Usage
from tests.support.prompts import prompt_of
from tests.support.wire_formats import ANTHROPIC, CHAT, DECISIONS, RESPONSES, SERVED, SPEAKING, WireFormat
from tests.support.wire_server import canned, dripped
from tests.support.wired import MODEL, Wired

SPEAKS = pytest.mark.parametrize("form", SPEAKING, indirect=True, ids=lambda form: form.label)
STOPS = [
    *((form, "complete", StopReason.COMPLETE) for form in (ANTHROPIC, RESPONSES, CHAT)),
    *((form, "truncated", StopReason.TRUNCATED) for form in (ANTHROPIC, RESPONSES, CHAT)),
    *((form, "refused", StopReason.REFUSED) for form in (ANTHROPIC, RESPONSES, CHAT)),
    *((form, "other", StopReason.OTHER) for form in (ANTHROPIC, RESPONSES, CHAT)),
    *((form, "filtered", StopReason.REFUSED) for form in (RESPONSES, CHAT)),
    (ANTHROPIC, "context_exceeded", StopReason.CONTEXT_EXCEEDED),
]


@SPEAKS
async def test_a_complete_reply_is_told_whole(wired: Wired) -> None:
    """Text, served model, request id and usage come back as the provider said them, hidden reasoning left out."""
    wired.script_stop("complete", '{"met":["c1"]}', headers={wired.form.request_id_header: "req_7"})
    reply = await wired.provider.complete(MODEL, prompt_of())
    assert reply == Reply(
        text='{"met":["c1"]}',
        stop=StopReason.COMPLETE,
        provider_stop=reply.provider_stop,
        served_model=SERVED,
        request_id="req_7",
        usage=wired.form.usage,
    )
    assert reply.provider_stop in {"end_turn", "completed", "stop"}


@pytest.mark.parametrize(("form", "stop", "expected"), STOPS, indirect=["form"])
async def test_every_stop_has_its_own_reason(wired: Wired, stop: str, expected: StopReason) -> None:
    """Refusals, truncations and odd stops are replies, and none of them reads as complete."""
    wired.script_stop(stop)
    reply = await wired.provider.complete(MODEL, prompt_of())
    assert reply.stop is expected
    assert reply.provider_stop


@SPEAKS
async def test_prose_is_a_reply(wired: Wired) -> None:
    """An adapter does not judge the text: what is not JSON comes back as it was said."""
    wired.script_stop("complete", "I think this draft is fine.")
    assert (await wired.provider.complete(MODEL, prompt_of())).text == "I think this draft is fine."


@SPEAKS
async def test_a_dripping_body_is_read_to_its_end(wired: Wired) -> None:
    """A response that arrives in tiny pieces reads like one that arrives at once."""
    wired.server.script(dripped(wired.form.stops("complete", '{"met":["c1","c2"]}')))
    assert (await wired.provider.complete(MODEL, prompt_of())).text == '{"met":["c1","c2"]}'


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"<html>", b'{"error":{"code":"x"}}', b"\xff\xfe", b"{"])
async def test_another_body_is_a_bad_envelope(wired: Wired, body: bytes) -> None:
    """A success status over anything but the stated envelope is a failure of its own kind, with its request id."""
    error = await wired.failure(canned(body, headers={wired.form.request_id_header: "req_8"}))
    assert (error.kind, error.http_status, error.request_id) == (FailureKind.BAD_ENVELOPE, 200, "req_8")


@pytest.mark.parametrize("status", [201, 204])
async def test_any_success_status_needs_the_envelope(wired: Wired, status: int) -> None:
    """An empty success is no reply."""
    assert (await wired.failure(canned(b"", status))).kind is FailureKind.BAD_ENVELOPE


async def test_the_simulated_mark_comes_from_header_or_settings(wired: Wired) -> None:
    """Either is enough, neither means that the answer is taken for real."""
    assert not (await wired.provider.complete(MODEL, prompt_of())).simulated
    async with wired.make(simulated=True) as provider:
        assert (await provider.complete(MODEL, prompt_of())).simulated
    wired.script_stop("complete", headers={"x-reviewer-simulated": "1"})
    assert (await wired.provider.complete(MODEL, prompt_of())).simulated


async def test_identifiers_are_cut_to_plain_text(wired: Wired) -> None:
    """A provider's identifiers go into records: they are bounded and printable whatever was sent."""
    body = wired.form.stops("complete", "{}").replace(SERVED.encode(), b"m\\u0000\\u202e" + b"o" * 500)
    wired.server.script(canned(body, headers={wired.form.request_id_header: "r" * 500}))
    reply = await wired.provider.complete(MODEL, prompt_of())
    assert reply.served_model == "m" + "o" * 125
    assert reply.request_id == "r" * 128


@pytest.mark.parametrize("form", [CHAT, RESPONSES, DECISIONS], indirect=True, ids=lambda form: form.label)
async def test_missing_usage_is_no_usage(wired: Wired, form: WireFormat) -> None:
    """A gateway that does not count leaves zeros; the reply is still a reply."""
    body = orjson.loads(form.stops("complete", "{}")) | {"usage": None}
    wired.server.script(canned(orjson.dumps(body)))
    assert (await wired.provider.complete(MODEL, prompt_of())).usage == Usage()


@pytest.mark.parametrize("form", [RESPONSES], indirect=True, ids=["openai"])
async def test_a_failed_response_is_a_server_error(wired: Wired) -> None:
    """A response that reports its own failure is retryable, and its text is not repeated."""
    error = await wired.failure(canned(wired.form.stops("failed", "secret words")))
    assert error.kind is FailureKind.SERVER_ERROR
    assert "secret" not in str(error)
