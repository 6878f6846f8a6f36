"""The wire formats, as the official SDKs read them."""

from __future__ import annotations

import json
from typing import Any

import anthropic.types
import httpx2
import openai.types.chat
import openai.types.responses
import pytest
from pydantic import TypeAdapter

from reviewer.core.finding import Outcome
from reviewer.core.outcome import Completed
from reviewer.simulate.script import Script
from reviewer.simulate.server import SimulatedProvider
from tests.contract.simulate.conftest import MODEL, Connect, Connected
from tests.support.small_review import KEYS, Rendered, rendered

ALL_MET = Script(always_met=True)
FORMATS = ("messages", "responses", "completions")
PATHS = {"messages": "/v1/messages", "responses": "/v1/responses", "completions": "/v1/chat/completions"}


def _body(format_: str, shown: Rendered, *, stream: bool = False) -> dict[str, Any]:
    """Spell a prompt as the service's adapters do."""
    prefix, blocks = shown.prompt.questionnaire.prefix, shown.prompt.blocks
    if format_ == "messages":
        system = [{"type": "text", "text": prefix, "cache_control": {"type": "ephemeral"}}]
        content = [{"type": "text", "text": block} for block in blocks]
        body: dict[str, Any] = {
            "max_tokens": 1_000,
            "system": system,
            "messages": [{"role": "user", "content": content}],
        }
    elif format_ == "responses":
        content = [{"type": "input_text", "text": block} for block in blocks]
        developer = {"role": "developer", "content": [{"type": "input_text", "text": prefix}]}
        body = {"input": [developer, {"role": "user", "content": content}]}
    else:
        content = [{"type": "text", "text": block} for block in blocks]
        body = {"messages": [{"role": "system", "content": prefix}, {"role": "user", "content": content}]}
    return {"model": MODEL, "stream": stream, **body}


async def _post(on: Connected, format_: str, shown: Rendered, *, stream: bool = False) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=on.server.base_url) as client:
        return await client.post(PATHS[format_], json=_body(format_, shown, stream=stream))


def _events(response: httpx2.Response) -> list[tuple[str | None, str]]:
    events = []
    for block in response.text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((fields.get("event"), fields["data"]))
    return events


def _squeezed(names: list[str]) -> list[str]:
    """Drop repetitions, so that the number of deltas does not matter."""
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


@pytest.mark.parametrize("format_", ["messages", "responses"])
async def test_a_count_is_what_an_answer_would_use(connect: Connect, format_: str) -> None:
    """Both counters tell the official clients what the answer to the same request says it used, and answer nothing."""
    on = await connect(script=ALL_MET)
    body = _body(format_, rendered())
    if format_ == "messages":
        asked = {key: value for key, value in body.items() if key not in {"max_tokens", "stream"}}
        counted = (await on.anthropic.messages.count_tokens(**asked)).input_tokens
        usage: Any = (await on.anthropic.messages.create(**body)).usage
        used = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
    else:
        asked = {key: body[key] for key in ("model", "input")}
        counted = (await on.openai.responses.input_tokens.count(**asked)).input_tokens
        used = (await on.openai.responses.create(**body)).usage.input_tokens
    assert counted == used > 0
    assert (on.server.counts, on.server.requests) == (1, 1)


async def _text(on: Connected, format_: str, shown: Rendered) -> str:
    body = _body(format_, shown)
    if format_ == "messages":
        message = await on.anthropic.messages.create(**body)
        assert isinstance(message.content[0], anthropic.types.TextBlock)
        assert (message.model, message.stop_reason) == (MODEL, "end_turn")
        return message.content[0].text
    if format_ == "responses":
        response = await on.openai.responses.create(**body)
        assert (response.model, response.status) == (MODEL, "completed")
        return str(response.output_text)
    completion = await on.openai.chat.completions.create(**body)
    assert (completion.model, completion.choices[0].finish_reason) == (MODEL, "stop")
    return str(completion.choices[0].message.content)


async def _streamed_text(on: Connected, format_: str, shown: Rendered) -> str:
    body = _body(format_, shown, stream=True)
    if format_ == "messages":
        events = await on.anthropic.messages.create(**body)
        return "".join([e.delta.text async for e in events if e.type == "content_block_delta"])
    if format_ == "responses":
        events = await on.openai.responses.create(**body)
        return "".join([e.delta async for e in events if e.type == "response.output_text.delta"])
    chunks = await on.openai.chat.completions.create(**body)
    return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_critique_read_through_the_sdk_completes(connect: Connect, format_: str) -> None:
    """The text that the SDK hands out is a whole critique that passes the attention checks."""
    shown = rendered()
    outcome = shown.read(await _text(await connect(script=ALL_MET), format_, shown))
    assert isinstance(outcome, Completed)
    assert [(a.criterion, a.outcome) for a in outcome.answers] == [(key, Outcome.MET) for key in KEYS]


@pytest.mark.parametrize("format_", FORMATS)
async def test_an_unscripted_draft_is_uncertain(connect: Connect, format_: str) -> None:
    """A server without a script for the draft claims nothing about it."""
    shown = rendered()
    outcome = shown.read(await _text(await connect(), format_, shown))
    assert isinstance(outcome, Completed)
    assert {a.outcome for a in outcome.answers} == {Outcome.UNCERTAIN}
    assert len(outcome.answers) == len(KEYS)


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_stream_says_what_a_whole_answer_says(connect: Connect, format_: str) -> None:
    """The deltas of a stream, put together, are the text of the answer that is not streamed."""
    on = await connect(script=ALL_MET)
    shown = rendered()
    whole = await _text(on, format_, shown)
    assert len(whole) > 200
    assert await _streamed_text(on, format_, shown) == whole


async def test_the_messages_accumulator_ends_with_the_whole_message(connect: Connect) -> None:
    """The SDK's own stream helper collects text, stop reason and usage."""
    on = await connect(script=ALL_MET)
    shown = rendered()
    body = _body("messages", shown)
    del body["stream"]
    async with on.anthropic.messages.stream(**body) as stream:
        final = await stream.get_final_message()
    assert isinstance(final.content[0], anthropic.types.TextBlock)
    assert isinstance(shown.read(final.content[0].text), Completed)
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", -(-len(final.content[0].text) // 4))


async def test_the_responses_accumulator_ends_with_the_whole_response(connect: Connect) -> None:
    """The SDK's own stream helper collects the text and the final response."""
    on = await connect(script=ALL_MET)
    shown = rendered()
    body = _body("responses", shown)
    del body["stream"]
    async with on.openai.responses.stream(**body) as stream:
        final = await stream.get_final_response()
    assert isinstance(shown.read(final.output_text), Completed)
    assert final.status == "completed"


@pytest.mark.parametrize(
    ("format_", "type_"),
    [
        ("messages", anthropic.types.Message),
        ("responses", openai.types.responses.Response),
        ("completions", openai.types.chat.ChatCompletion),
    ],
)
@pytest.mark.parametrize("fault", [None, "refusal", "truncation"])
async def test_bodies_hold_every_field_the_sdk_declares(
    connect: Connect, format_: str, type_: type[Any], fault: str | None
) -> None:
    """The SDKs build objects unchecked; checked, the body still is one of their type."""
    on = await connect(*([{"fault": {"kind": fault}, "critique": {}}] if fault else []))
    TypeAdapter(type_).validate_json((await _post(on, format_, rendered())).content)


@pytest.mark.parametrize(
    ("format_", "type_"),
    [
        ("messages", anthropic.types.RawMessageStreamEvent),
        ("responses", openai.types.responses.ResponseStreamEvent),
        ("completions", openai.types.chat.ChatCompletionChunk),
    ],
)
@pytest.mark.parametrize("fault", [None, "refusal", "truncation"])
async def test_events_hold_every_field_the_sdk_declares(
    connect: Connect, format_: str, type_: Any, fault: str | None
) -> None:
    """Checked against the SDK's event types, each event of a stream is one of them."""
    on = await connect(*([{"fault": {"kind": fault}, "critique": {}}] if fault else []))
    adapter: TypeAdapter[Any] = TypeAdapter(type_)
    events = _events(await _post(on, format_, rendered(), stream=True))
    for name, data in events:
        if name != "ping" and data != "[DONE]":
            adapter.validate_json(data)
    assert len(events) >= 3


async def test_messages_events_come_in_the_real_order(connect: Connect) -> None:
    """Start, block, ping, deltas, end of block, stop reason, stop; each named like its type."""
    events = _events(await _post(await connect(script=ALL_MET), "messages", rendered(), stream=True))
    assert _squeezed([str(name) for name, _ in events]) == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert all(json.loads(data)["type"] == name for name, data in events)


async def test_responses_events_come_in_the_real_order(connect: Connect) -> None:
    """The life of one response with one message, numbered without a gap."""
    events = _events(await _post(await connect(script=ALL_MET), "responses", rendered(), stream=True))
    assert _squeezed([str(name) for name, _ in events]) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [json.loads(data)["sequence_number"] for _, data in events] == list(range(len(events)))


@pytest.mark.parametrize("usage", [False, True])
async def test_completion_chunks_come_in_the_real_order(connect: Connect, *, usage: bool) -> None:
    """Role first, then text, the finish reason, the usage only where asked for, and the end mark."""
    on = await connect(script=ALL_MET)
    body = {**_body("completions", rendered(), stream=True), "stream_options": {"include_usage": usage}}
    async with httpx2.AsyncClient(base_url=on.server.base_url) as client:
        events = _events(await client.post(PATHS["completions"], json=body))
    assert {name for name, _ in events} == {None}
    assert events[-1][1] == "[DONE]"
    chunks = [json.loads(data) for _, data in events[:-1]]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert ("usage" in chunks[-1]) is usage
    finish = chunks[-2] if usage else chunks[-1]
    assert finish["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("path", [*PATHS.values(), "/v1/models", "/v1/nothing"])
@pytest.mark.parametrize("content", [b"not json", b"{}"])
async def test_every_response_says_that_it_is_simulated(connect: Connect, path: str, content: bytes) -> None:
    """Errors, listings and unknown paths carry the mark too."""
    on = await connect()
    async with httpx2.AsyncClient(base_url=on.server.base_url) as client:
        method = "GET" if path == "/v1/models" else "POST"
        response = await client.request(method, path, content=content)
    assert response.headers["x-reviewer-simulated"] == "1"
    assert response.status_code == {"/v1/models": 200, "/v1/nothing": 404}.get(path, 400)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("stream", [False, True])
async def test_request_ids_say_that_they_are_simulated(connect: Connect, format_: str, *, stream: bool) -> None:
    """The provider's own header holds an id that begins with `sim_` and is never given twice."""
    on = await connect()
    header = "request-id" if format_ == "messages" else "x-request-id"
    ids = [(await _post(on, format_, rendered(), stream=stream)).headers[header] for _ in range(2)]
    assert all(id_.startswith("sim_") for id_ in ids)
    assert len({*ids}) == on.server.requests == 2


async def test_the_second_request_finds_its_prefix_cached(connect: Connect) -> None:
    """Each format reports the prefix as cached in its own fields, per model, and counts all input alike."""
    on = await connect()
    prefix = -(-len(rendered().prompt.questionnaire.prefix) // 4)
    first, second = [await on.anthropic.messages.create(**_body("messages", rendered())) for _ in range(2)]
    assert (first.usage.cache_creation_input_tokens, first.usage.cache_read_input_tokens) == (prefix, 0)
    assert (second.usage.cache_creation_input_tokens, second.usage.cache_read_input_tokens) == (0, prefix)
    other = {"model": "critic-2"}
    response, again = [
        await on.openai.responses.create(**{**_body("responses", rendered()), **other}) for _ in range(2)
    ]
    assert response.usage.input_tokens_details.cached_tokens == 0
    assert again.usage.input_tokens_details.cached_tokens == prefix
    assert again.usage.input_tokens == second.usage.input_tokens + prefix
    completion = await on.openai.chat.completions.create(**{**_body("completions", rendered()), **other})
    assert completion.usage.prompt_tokens_details.cached_tokens == prefix
    assert completion.usage.prompt_tokens == again.usage.input_tokens


async def test_a_prefix_that_nobody_marked_is_not_cached_by_messages(connect: Connect) -> None:
    """Anthropic caches where it is asked to, and only there."""
    on = await connect()
    body = {**_body("messages", rendered()), "system": rendered().prompt.questionnaire.prefix}
    usages = [(await on.anthropic.messages.create(**body)).usage for _ in range(2)]
    assert [(u.cache_creation_input_tokens, u.cache_read_input_tokens) for u in usages] == [(0, 0), (0, 0)]


async def test_models_are_listed_for_both_clients() -> None:
    """Each SDK reads the listing in its own shape."""
    async with SimulatedProvider(Script(), models=("a", "b")) as server:
        async with anthropic.AsyncAnthropic(base_url=server.base_url, api_key="k") as client:
            page = await client.models.list()
            assert [TypeAdapter(anthropic.types.ModelInfo).validate_python(m.model_dump()).id for m in page.data] == [
                "a",
                "b",
            ]
        async with openai.AsyncOpenAI(base_url=server.openai_base_url, api_key="k") as other:
            assert [model.id async for model in other.models.list()] == ["a", "b"]


async def test_a_server_that_has_stopped_answers_nobody() -> None:
    """After exit the port is closed."""
    async with SimulatedProvider(Script()) as server:
        address = server.base_url
    async with httpx2.AsyncClient(base_url=address) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get("/v1/models")


async def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    """A second server on the same port does not start; the first one goes on."""
    async with SimulatedProvider(Script()) as server:
        port = int(server.base_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="address already in use"):
            await SimulatedProvider(Script(), port=port).__aenter__()
        async with httpx2.AsyncClient(base_url=server.base_url) as client:
            assert (await client.get("/v1/models")).status_code == 200
