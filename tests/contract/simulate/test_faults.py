"""Injected faults, as the official SDKs see them."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
import pytest

from reviewer.core.outcome import Completed, Malformed
from reviewer.simulate.server import run_simulated_provider
from tests.contract.simulate.conftest import MODEL, Connect, Connected
from tests.support.small_review import QUESTIONNAIRE, rendered

PROVIDERS = ("anthropic", "openai", "openai_compatible")


async def _ask(on: Connected, provider: str, *, stream: bool = False) -> Any:
    """Ask with one text block; a stream is read to its end."""
    prefix, text = QUESTIONNAIRE.prefix, "\n".join(rendered().prompt.blocks)
    turn: Any = {"role": "user", "content": text}
    common: Any = {"model": MODEL, "stream": stream}
    if provider == "anthropic":
        answer = await on.anthropic.messages.create(max_tokens=1_000, system=prefix, messages=[turn], **common)
    elif provider == "openai":
        answer = await on.openai.responses.create(instructions=prefix, input=text, **common)
    else:
        system: Any = {"role": "system", "content": prefix}
        answer = await on.openai.chat.completions.create(messages=[system, turn], **common)
    return [event async for event in answer] if stream else answer


async def _arrival(on: Connected) -> None:
    while not on.server.requests:  # noqa: ASYNC110 - a count is all that the server tells
        await asyncio.sleep(0)


def _text(provider: str, answer: Any) -> str:
    if provider == "anthropic":
        return str(answer.content[0].text)
    return str(answer.output_text if provider == "openai" else answer.choices[0].message.content)


def _fault(kind: str, **settings: object) -> dict[str, Any]:
    return {"fault": {"kind": kind, **settings}, "critique": {}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("kind", "statuses", "error_type"),
    [
        ("rate_limited", {429}, "RateLimitError"),
        ("server_error", {500}, "InternalServerError"),
        ("overloaded", {529, 503}, None),
        ("unauthorized", {401}, "AuthenticationError"),
        ("too_large", {413}, None),
    ],
)
async def test_error_statuses_raise_the_sdks_own_errors(
    connect: Connect, provider: str, kind: str, statuses: set[int], error_type: str | None, *, stream: bool
) -> None:
    """Status, class and request id are those of the real provider, streamed or not."""
    on = await connect(_fault(kind))
    vendor: Any = anthropic if provider == "anthropic" else openai
    with pytest.raises(vendor.APIStatusError) as caught:
        await _ask(on, provider, stream=stream)
    assert caught.value.status_code in statuses
    assert caught.value.request_id.startswith("sim_")
    if error_type:
        assert isinstance(caught.value, getattr(vendor, error_type))


async def test_each_provider_overloads_with_its_own_status(connect: Connect) -> None:
    """529 is Anthropic's word for it, 503 everybody else's."""
    on = await connect(_fault("overloaded"))
    with pytest.raises(anthropic.APIStatusError) as first:
        await _ask(on, "anthropic")
    with pytest.raises(openai.APIStatusError) as second:
        await _ask(on, "openai")
    assert (first.value.status_code, second.value.status_code) == (529, 503)
    assert type(first.value).__name__ == "OverloadedError"


@pytest.mark.parametrize(("asked", "seconds", "millis"), [(2, "2", "2000"), (0.25, "1", "250"), (None, "1", "1000")])
async def test_a_rate_limit_says_when_to_come_back(
    connect: Connect, asked: float | None, seconds: str, millis: str
) -> None:
    """Whole seconds, never fewer than asked for, and the milliseconds beside them."""
    on = await connect(_fault("rate_limited", **({} if asked is None else {"retry_after_s": asked})))
    with pytest.raises(openai.RateLimitError) as caught:
        await _ask(on, "openai")
    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == (seconds, millis)


async def test_a_refusal_is_spelt_as_each_provider_spells_it(connect: Connect) -> None:
    """Stop reason with details; a refusal item; a refusal field: and no text anywhere."""
    on = await connect(_fault("refusal"))
    message = await _ask(on, "anthropic")
    assert (message.stop_reason, message.content, message.stop_details.type) == ("refusal", [], "refusal")
    response = await _ask(on, "openai")
    assert (response.status, response.output_text) == ("completed", "")
    assert response.output[0].content[0].type == "refusal"
    choice = (await _ask(on, "openai_compatible")).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("stop", None)
    assert choice.message.refusal == response.output[0].content[0].refusal


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_streamed_refusal_streams_no_text(connect: Connect, provider: str) -> None:
    """A stream refuses in its own events, and ends properly."""
    events = await _ask(await connect(_fault("refusal")), provider, stream=True)
    if provider == "anthropic":
        assert [event.type for event in events] == ["message_start", "message_delta", "message_stop"]
        assert events[1].delta.stop_reason == "refusal"
    elif provider == "openai":
        assert "response.refusal.done" in {event.type for event in events}
        assert events[-1].type == "response.completed"
    else:
        deltas = [choice.delta for chunk in events for choice in chunk.choices]
        assert not any(delta.content for delta in deltas)
        assert "".join(delta.refusal or "" for delta in deltas)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_truncated_answer_stops_for_its_length(connect: Connect, provider: str) -> None:
    """Half of the JSON, and the stop reason that says why."""
    answer = await _ask(await connect(_fault("truncation")), provider)
    if provider == "anthropic":
        assert answer.stop_reason == "max_tokens"
    elif provider == "openai":
        assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    else:
        assert answer.choices[0].finish_reason == "length"
    assert isinstance(rendered().read(_text(provider, answer)), Malformed)


async def test_a_truncated_stream_of_responses_ends_incomplete(connect: Connect) -> None:
    """The last event is `response.incomplete`, with the reason."""
    last = (await _ask(await connect(_fault("truncation")), "openai", stream=True))[-1]
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", "max_output_tokens")


async def test_too_long_a_context_is_an_error_or_a_stop_reason(connect: Connect) -> None:
    """OpenAI refuses the request with a code of its own; Anthropic answers and says why it stopped."""
    on = await connect(_fault("context_exceeded"))
    assert (await _ask(on, "anthropic")).stop_reason == "model_context_window_exceeded"
    for provider in ("openai", "openai_compatible"):
        with pytest.raises(openai.BadRequestError) as caught:
            await _ask(on, provider)
        assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["prose", "invalid_json", "fenced_json", "rubber_stamp", "fail_attention"])
async def test_unreadable_text_arrives_as_a_normal_answer(connect: Connect, provider: str, kind: str) -> None:
    """On the wire all is well; what arrives cannot be read as a critique."""
    answer = await _ask(await connect(_fault(kind)), provider)
    assert isinstance(rendered().read(_text(provider, answer)), Malformed)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_another_model_than_asked_for_can_answer(connect: Connect, provider: str) -> None:
    """The served model differs from the requested one; otherwise it is the same."""
    assert (await _ask(await connect(_fault("wrong_model")), provider)).model != MODEL
    assert (await _ask(await connect(), provider)).model == MODEL


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_reset_connection_is_a_connection_error(connect: Connect, provider: str, *, stream: bool) -> None:
    """The client hears nothing, and the next request is served."""
    on = await connect({"match": {"times": 1}, "fault": {"kind": "connection_reset"}})
    vendor: Any = anthropic if provider == "anthropic" else openai
    with pytest.raises(vendor.APIConnectionError):
        await _ask(on, provider, stream=stream)
    await _ask(on, provider, stream=stream)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_empty_body_is_no_answer(connect: Connect, provider: str) -> None:
    """200 with nothing in it: the SDKs cannot make an answer of it, a stream has no events."""
    on = await connect(_fault("empty_body"))
    assert await _ask(on, provider, stream=True) == []
    with pytest.raises(Exception, match=r"(?i)expecting value|json|attribute"):
        _text(provider, await _ask(on, provider))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_hanging_request_ends_when_its_client_leaves(connect: Connect, provider: str) -> None:
    """Nothing arrives; once the client has given up nothing of its request is left, and the server goes on."""
    on = await connect({"match": {"times": 1}, "fault": {"kind": "hang"}})
    before = asyncio.all_tasks()
    asking = asyncio.create_task(_ask(on, provider))
    await _arrival(on)
    serving = asyncio.all_tasks() - before - {asking}
    assert serving
    asking.cancel()
    _, pending = await asyncio.wait({asking, *serving}, timeout=5)
    assert not pending
    await _ask(on, provider)


async def test_a_hanging_request_does_not_hold_up_the_end(connect: Connect) -> None:
    """A server that stops cuts off who still waits."""
    on = await connect({"fault": {"kind": "hang"}})
    waiting = asyncio.create_task(_ask(on, "openai"))
    await _arrival(on)
    async with asyncio.timeout(5):
        await on.server.__aexit__(None, None, None)
        with pytest.raises(openai.APIConnectionError):
            await waiting


@pytest.mark.parametrize("stream", [False, True])
async def test_a_slow_body_arrives_whole_but_late(connect: Connect, *, stream: bool) -> None:
    """At a few bytes a second nobody waits for the end; at many the answer is the usual one."""
    slow = await connect(_fault("slow_drip", bytes_per_s=5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await _ask(slow, "anthropic", stream=stream)
    fast = await connect(_fault("slow_drip", bytes_per_s=1_000_000))
    answer = await _ask(fast, "anthropic", stream=stream)
    if stream:
        assert answer[-1].type == "message_stop"
    else:
        assert isinstance(rendered().read(_text("anthropic", answer)), Completed)


async def test_a_delayed_answer_is_a_proper_one(connect: Connect) -> None:
    """It comes not before its time, and is a whole critique."""
    on = await connect(_fault("delay", delay_ms=60))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    answer = await _ask(on, "openai")
    assert loop.time() - begin >= 0.06
    assert isinstance(rendered().read(_text("openai", answer)), Completed)


async def test_running_it_tells_where_it_listens() -> None:
    """The entry point of the command serves until it is cancelled."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_simulated_provider(None, None, port=0, on_ready=ready.set_result))
    async with openai.AsyncOpenAI(base_url=f"{await ready}/v1", api_key="k") as client:
        assert (await client.models.list()).data
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
