"""The Chat Completions format: `POST /v1/chat/completions`, as openai 3.52 and compatible gateways read it.

Source: the SDK's `types/chat/chat_completion.py` and `chat_completion_chunk.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from reviewer.core.outcome import StopReason
from reviewer.simulate import wire_openai
from reviewer.simulate.script import FaultKind, ProviderName
from reviewer.simulate.wire import REFUSAL, Answered, Asked, Json, Turn, WireModel, pieces

_FINISH: Final = {
    StopReason.COMPLETE: "stop",
    StopReason.REFUSED: "stop",
    StopReason.TRUNCATED: "length",
    StopReason.CONTEXT_EXCEEDED: "length",
    StopReason.OTHER: "content_filter",
}


class _StreamOptions(WireModel):
    include_usage: bool = False


class _Request(WireModel):
    model: str = Field(min_length=1)
    messages: tuple[Turn, ...] = Field(min_length=1)
    stream: bool | None = False
    stream_options: _StreamOptions | None = None


class ChatCompletions:
    """See `WireFormat`."""

    provider: ProviderName = "openai_compatible"
    request_id_header = wire_openai.REQUEST_ID_HEADER
    error_kinds = wire_openai.ERROR_KINDS

    def read(self, body: bytes) -> Asked:
        """Read a request; system and developer turns are the prefix."""
        request = _Request.model_validate_json(body)
        prefix, blocks = wire_openai.split(request.messages)
        options = request.stream_options or _StreamOptions()
        return Asked(
            request.model,
            bool(request.stream),
            "\n".join(prefix),
            tuple(blocks),
            caches=True,
            usage_in_stream=options.include_usage,
        )

    def body(self, answered: Answered) -> Json:
        """Build a `ChatCompletion` with one choice."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", **_said(answered), "annotations": []},
            "logprobs": None,
            "finish_reason": _FINISH[answered.stop],
        }
        return {**_envelope(answered, "chat.completion"), "choices": [choice], "usage": _usage(answered)}

    def events(self, answered: Answered) -> Iterator[tuple[str | None, Json | str]]:
        """Yield the role, the text, the finish reason, the usage if asked for, and the end mark."""
        refused = answered.stop is StopReason.REFUSED
        key = "refusal" if refused else "content"
        yield None, _chunk(answered, {"role": "assistant", key: ""})
        for piece in pieces(REFUSAL if refused else answered.text):
            yield None, _chunk(answered, {key: piece})
        yield None, _chunk(answered, {}, _FINISH[answered.stop])
        if answered.usage_in_stream:
            envelope = _envelope(answered, "chat.completion.chunk")
            yield None, {**envelope, "choices": [], "usage": _usage(answered)}
        yield None, "[DONE]"

    def error(self, kind: FaultKind | None, request_id: str) -> tuple[int, Json]:
        """Build an error; the id stands in the header only."""
        del request_id
        return wire_openai.error(kind)


def _said(answered: Answered) -> Json:
    if answered.stop is StopReason.REFUSED:
        return {"content": None, "refusal": REFUSAL}
    return {"content": answered.text, "refusal": None}


def _envelope(answered: Answered, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{answered.id}",
        "object": kind,
        "created": answered.created,
        "model": answered.model,
        "system_fingerprint": None,
    }


def _chunk(answered: Answered, delta: Json, finish: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_envelope(answered, "chat.completion.chunk"), "choices": [choice]}


def _usage(answered: Answered) -> Json:
    usage = answered.usage
    return {
        "prompt_tokens": usage.input_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens": usage.output_tokens,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
