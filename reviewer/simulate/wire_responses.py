"""The OpenAI Responses format: `POST /v1/responses` and `.../input_tokens`, as openai 3.52 reads it.

Source: the SDK's `types/responses/response.py`, `input_token_count_response.py` and `response_stream_event.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Annotated, Final

from pydantic import Field

from reviewer.core.outcome import StopReason
from reviewer.simulate import wire_openai
from reviewer.simulate.script import FaultKind, ProviderName
from reviewer.simulate.wire import REFUSAL, Answered, Asked, Json, Turn, WireModel, pieces

_INCOMPLETE: Final = {StopReason.TRUNCATED: "max_output_tokens", StopReason.OTHER: "content_filter"}
_Input = Annotated[str | tuple[Turn, ...], Field(union_mode="left_to_right")]


class _Request(WireModel):
    model: str = Field(min_length=1)
    input: _Input
    instructions: str | None = None
    stream: bool | None = False


class OpenAIResponses:
    """See `WireFormat`."""

    provider: ProviderName = "openai"
    error_kinds = wire_openai.ERROR_KINDS

    def __init__(self, request_id_header: str = wire_openai.REQUEST_ID_HEADER) -> None:
        """Platforms have headers of their own for the request's id."""
        self.request_id_header = request_id_header

    def read(self, body: bytes) -> Asked:
        """Read a request; instructions and developer turns are the prefix."""
        request = _Request.model_validate_json(body)
        turns = (Turn(role="user", content=request.input),) if isinstance(request.input, str) else request.input
        prefix, blocks = wire_openai.split(turns)
        head = [request.instructions] if request.instructions else []
        return Asked(request.model, bool(request.stream), "\n".join([*head, *prefix]), tuple(blocks), caches=True)

    def read_countable(self, body: bytes) -> Asked:
        """Read a request for a count, which has the fields of any other."""
        return self.read(body)

    def count(self, input_tokens: int) -> Json:
        """Build an `InputTokenCountResponse`."""
        return {"object": "response.input_tokens", "input_tokens": input_tokens}

    def body(self, answered: Answered) -> Json:
        """Build a `Response` with one message."""
        return _response(answered, _status(answered), [_message(answered, _status(answered), [_content(answered)])])

    def events(self, answered: Answered) -> Iterator[tuple[str | None, Json | str]]:
        """Yield the life of one response with one message, numbered from 0."""
        numbers = count()
        for name, fields in _life(answered):
            yield name, {"type": name, "sequence_number": next(numbers), **fields}

    def error(self, kind: FaultKind | None, request_id: str) -> tuple[int, Json]:
        """Build an error; the id stands in the header only."""
        del request_id
        return wire_openai.error(kind)


def _life(answered: Answered) -> Iterator[tuple[str, Json]]:
    status = _status(answered)
    at_item: Json = {"item_id": _item_id(answered), "output_index": 0}
    at_part: Json = {**at_item, "content_index": 0}
    started = {"response": _response(answered, "in_progress", [])}
    yield "response.created", started
    yield "response.in_progress", started
    yield "response.output_item.added", {"output_index": 0, "item": _message(answered, "in_progress", [])}
    yield "response.content_part.added", {**at_part, "part": _content(answered, text="")}
    kind, key, log = _spoken(answered)
    for piece in pieces(_words(answered)):
        yield f"response.{kind}.delta", {**at_part, "delta": piece, **log}
    yield f"response.{kind}.done", {**at_part, key: _words(answered), **log}
    yield "response.content_part.done", {**at_part, "part": _content(answered)}
    item = _message(answered, status, [_content(answered)])
    yield "response.output_item.done", {"output_index": 0, "item": item}
    yield f"response.{status}", {"response": _response(answered, status, [item])}


def _spoken(answered: Answered) -> tuple[str, str, Json]:
    """Name the events of the text, the field that holds it, and what else these events carry."""
    return (
        ("refusal", "refusal", {}) if answered.stop is StopReason.REFUSED else ("output_text", "text", {"logprobs": []})
    )


def _words(answered: Answered) -> str:
    return REFUSAL if answered.stop is StopReason.REFUSED else answered.text


def _content(answered: Answered, text: str | None = None) -> Json:
    words = _words(answered) if text is None else text
    if answered.stop is StopReason.REFUSED:
        return {"type": "refusal", "refusal": words}
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def _status(answered: Answered) -> str:
    return "incomplete" if answered.stop in _INCOMPLETE else "completed"


def _item_id(answered: Answered) -> str:
    return f"msg_{answered.id}"


def _message(answered: Answered, status: str, content: list[Json]) -> Json:
    return {
        "id": _item_id(answered),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _response(answered: Answered, status: str, output: list[Json]) -> Json:
    reason = _INCOMPLETE.get(answered.stop) if status == "incomplete" else None
    return {
        "id": f"resp_{answered.id}",
        "object": "response",
        "created_at": answered.created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "model": answered.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None if status == "in_progress" else wire_openai.usage(answered),
    }
