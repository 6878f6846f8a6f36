"""The Anthropic Messages format: `POST /v1/messages` and `.../count_tokens`, as anthropic 2.11 reads it.

Source: the SDK's `types/message.py`, `types/message_tokens_count.py`, `types/raw_message_stream_event.py` and
`_exceptions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from reviewer.core.outcome import StopReason
from reviewer.simulate.script import FaultKind, ProviderName
from reviewer.simulate.wire import (
    REFUSAL,
    Answered,
    Asked,
    Content,
    Json,
    Turn,
    WireModel,
    pieces,
    texts,
)

_STOPS: Final = {
    StopReason.COMPLETE: "end_turn",
    StopReason.TRUNCATED: "max_tokens",
    StopReason.REFUSED: "refusal",
    StopReason.CONTEXT_EXCEEDED: "model_context_window_exceeded",
    StopReason.OTHER: "pause_turn",
}
_ERRORS: Final = {
    FaultKind.RATE_LIMITED: (429, "rate_limit_error"),
    FaultKind.SERVER_ERROR: (500, "api_error"),
    FaultKind.OVERLOADED: (529, "overloaded_error"),
    FaultKind.UNAUTHORIZED: (401, "authentication_error"),
    FaultKind.TOO_LARGE: (413, "request_too_large"),
}
_UNREADABLE: Final = (400, "invalid_request_error")


class _Countable(WireModel):
    model: str = Field(min_length=1)
    messages: tuple[Turn, ...] = Field(min_length=1)
    system: Content = ""
    stream: bool = False


class _Request(_Countable):
    max_tokens: int = Field(ge=1)


class AnthropicMessages:
    """See `WireFormat`."""

    provider: ProviderName = "anthropic"
    error_kinds = frozenset(_ERRORS)

    def __init__(self, request_id_header: str = "request-id") -> None:
        """Platforms have headers of their own for the request's id."""
        self.request_id_header = request_id_header

    def read(self, body: bytes) -> Asked:
        """Read a request; the prefix counts as cached only where a system block asks for it."""
        return _asked(_Request.model_validate_json(body))

    def read_countable(self, body: bytes) -> Asked:
        """Read a request for a count, which names no bound on the output."""
        return _asked(_Countable.model_validate_json(body))

    def count(self, input_tokens: int) -> Json:
        """Build a `MessageTokensCount`."""
        return {"input_tokens": input_tokens}

    def body(self, answered: Answered) -> Json:
        """Build a `Message`."""
        content = [] if answered.stop is StopReason.REFUSED else [{"type": "text", "text": answered.text}]
        return {**_opening(answered), "content": content, **_ending(answered), "usage": _usage(answered)}

    def events(self, answered: Answered) -> Iterator[tuple[str | None, Json | str]]:
        """Yield start, the text's block (none for a refusal), the stop reason with the usage, and the stop."""
        start: Json = {**_opening(answered), "content": [], "stop_reason": None, "stop_sequence": None}
        start["usage"] = {**_usage(answered), "output_tokens": 1}
        yield _event("message_start", message=start)
        if answered.stop is not StopReason.REFUSED:
            yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            yield _event("ping")
            for piece in pieces(answered.text):
                yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
            yield _event("content_block_stop", index=0)
        yield _event("message_delta", delta=_ending(answered), usage={"output_tokens": answered.usage.output_tokens})
        yield _event("message_stop")

    def error(self, kind: FaultKind | None, request_id: str) -> tuple[int, Json]:
        """Build an `ErrorResponse`."""
        status, name = _ERRORS[kind] if kind is not None else _UNREADABLE
        message = f"The simulated provider answers with {name}."
        return status, {"type": "error", "error": {"type": name, "message": message}, "request_id": request_id}


def _asked(request: _Countable) -> Asked:
    marked = not isinstance(request.system, str) and any(block.cache_control for block in request.system)
    blocks = tuple(text for turn in request.messages for text in texts(turn.content))
    return Asked(request.model, request.stream, "\n".join(texts(request.system)), blocks, caches=marked)


def _event(name: str, **fields: object) -> tuple[str, Json]:
    return name, {"type": name, **fields}


def _opening(answered: Answered) -> Json:
    return {"id": f"msg_{answered.id}", "type": "message", "role": "assistant", "model": answered.model}


def _ending(answered: Answered) -> Json:
    refused = answered.stop is StopReason.REFUSED
    details = {"type": "refusal", "category": None, "explanation": REFUSAL} if refused else None
    return {"stop_reason": _STOPS[answered.stop], "stop_sequence": None, "stop_details": details}


def _usage(answered: Answered) -> Json:
    """Split the input as Anthropic does: `input_tokens` is what was neither read from nor written to the cache."""
    usage = answered.usage
    return {
        "input_tokens": usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
    }
