"""The same answers as streams: the plain body of `wire_formats.py`, told as the events its provider would send.

Event shapes follow `RawMessageStreamEvent` of anthropic 2.11, `ResponseStreamEvent` and `ChatCompletionChunk` of
openai 3.52. `reviewer.providers` has no part in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.support.wire_formats import ANTHROPIC, CHAT, RESPONSES, WireFormat
from tests.support.wire_server import Answer, WireServer

Told = tuple[str, Any]
"""Name (empty for none) and data of an event; text is sent as it is."""


def _anthropic(body: dict[str, Any]) -> list[Told]:
    usage = body["usage"]
    head = {**body, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    del head["usage"]["output_tokens_details"]
    events: list[Told] = [("message_start", {"message": head}), ("ping", {})]
    for index, block in enumerate(body["content"]):
        key = "thinking" if block["type"] == "thinking" else "text"
        events.append(("content_block_start", {"index": index, "content_block": {**block, key: ""}}))
        kind = "text_delta" if block["type"] == "text" else f"{block['type']}_delta"
        deltas = [{"type": kind, key: block[key][at : at + 3]} for at in range(0, len(block[key]), 3)]
        events += [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
        events.append(("content_block_stop", {"index": index}))
    counted = {name: usage[name] for name in ("output_tokens", "output_tokens_details")}
    events.append(("message_delta", {"delta": {"stop_reason": body["stop_reason"]}, "usage": counted}))
    events += [("a_later_event", {"text": "not for the reader"}), ("message_stop", {})]
    return [(name, {"type": name, **fields}) for name, fields in events]


def _responses(body: dict[str, Any]) -> list[Told]:
    begun = {**body, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[Told] = [("response.created", {"response": begun}), ("response.in_progress", {"response": begun})]
    for index, item in enumerate(body["output"]):
        events.append(("response.output_item.added", {"output_index": index, "item": {**item, "content": []}}))
        for part in item.get("content", ()):
            kind, key = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
            pieces = [part[key][at : at + 3] for at in range(0, len(part[key]), 3)]
            events += [(f"response.{kind}.delta", {"output_index": index, "delta": piece}) for piece in pieces]
            events.append((f"response.{kind}.done", {"output_index": index, key: part[key]}))
        events.append(("response.output_item.done", {"output_index": index, "item": item}))
    events.append((f"response.{body['status']}", {"response": body}))
    return [(name, {"type": name, "sequence_number": at, **fields}) for at, (name, fields) in enumerate(events)]


def _chat(body: dict[str, Any]) -> list[Told]:
    (choice,) = body["choices"]
    head = {**body, "object": "chat.completion.chunk", "usage": None}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> Told:
        return "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    events = [chunk({"role": "assistant", "content": ""})]
    for key in ("content", "refusal"):
        text = choice["message"][key] or ""
        events += [chunk({key: text[at : at + 3]}) for at in range(0, len(text), 3)]
    events.append(chunk({}, choice["finish_reason"]))
    return [*events, ("", {**head, "choices": [], "usage": body["usage"]}), ("", "[DONE]")]


_EVENTS: dict[str, Callable[[dict[str, Any]], list[Told]]] = {
    ANTHROPIC.module: _anthropic,
    RESPONSES.module: _responses,
    CHAT.module: _chat,
}
ERROR_EVENTS: dict[str, Callable[[str, str], Told]] = {
    ANTHROPIC.module: lambda code, text: (
        "error",
        {"type": "error", "error": {"type": code, "message": text}, "request_id": "r"},
    ),
    RESPONSES.module: lambda code, text: (
        "error",
        {"type": "error", "code": code, "message": text, "param": None, "sequence_number": 3},
    ),
    CHAT.module: lambda code, text: ("", {"error": {"code": code, "message": text, "type": None, "param": None}}),
}
"""An error in the middle of a stream, with a code and a text."""


def told(form: WireFormat, stop: str, text: str = "{}") -> list[Told]:
    """Return the events of one way to stop; nothing comes after the last one."""
    return _EVENTS[form.module](orjson.loads(form.stops(stop, text)))


def written(events: Iterable[Told]) -> bytes:
    """Write events as bytes of a stream."""
    lines = []
    for name, data in events:
        body = data if isinstance(data, str) else orjson.dumps(data).decode()
        lines.append((f"event: {name}\n" if name else "") + f"data: {body}\n\n")
    return "".join(lines).encode()


def streamed(pieces: Sequence[bytes], headers: dict[str, str] | None = None, *, then: Answer | None = None) -> Answer:
    """Answer with a stream in these pieces, and go on as another answer would instead of ending it."""

    async def answer(request: web.Request, server: WireServer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **(headers or {})})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        return await then(request, server) if then else response

    return answer


@dataclass(slots=True)
class Heard:
    """A listener that keeps what it hears, and has enough once it has heard `until`."""

    until: str | None = None
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self.pieces)

    def heard(self, text: str) -> bool:
        """Keep a piece."""
        self.pieces.append(text)
        return self.until is not None and self.until in self.text
