"""Anthropic Messages (`POST /v1/messages`), by the official SDK's client.

Not here: the HTTP exchange and its errors (`wire.py`), retries (`retry.py`), the meaning of a reply (`core.critique`).
Field names follow `anthropic.types.message_create_params`, `message` and `message_count_tokens_params` of anthropic
2.11.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import anthropic
from pydantic import BaseModel, NonNegativeInt

from reviewer.core.outcome import Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import FINDINGS_SCHEMA
from reviewer.providers.adapter import Adapter, Counter, Format
from reviewer.providers.anthropic_platforms import PLATFORMS
from reviewer.providers.batch_anthropic import MessageBatches
from reviewer.providers.body import hole, image_base64, image_label
from reviewer.providers.failure import tidy
from reviewer.providers.intake import ENDED_EARLY, ErrorEventError
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.sse import Event
from reviewer.providers.wire import Received, Vendor

PUBLIC_URL = "https://api.anthropic.com"
_STOPS = {
    "end_turn": StopReason.COMPLETE,
    "stop_sequence": StopReason.COMPLETE,
    "max_tokens": StopReason.TRUNCATED,
    "refusal": StopReason.REFUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_EXCEEDED,
}


class _OutputDetails(BaseModel):
    thinking_tokens: NonNegativeInt = 0


class _Usage(BaseModel):
    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt
    cache_creation_input_tokens: NonNegativeInt | None = None
    cache_read_input_tokens: NonNegativeInt | None = None
    output_tokens_details: _OutputDetails | None = None


class _Block(BaseModel):
    type: str
    text: str | None = None


class _Message(BaseModel):
    type: Literal["message"]
    model: str
    content: list[_Block]
    stop_reason: str | None
    usage: _Usage


def _shape(settings: ProviderSettings) -> dict[str, object]:
    """Return the body with holes for what differs between calls."""
    output: dict[str, object] = {"format": {"type": "json_schema", "schema": FINDINGS_SCHEMA}}
    if settings.effort is not None:
        output["effort"] = settings.effort
    return {
        "model": hole("model"),
        "max_tokens": hole("max_tokens"),
        "output_config": output,
        "system": [{"type": "text", "text": hole("prefix"), "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": hole("content")}],
    }


def _content(prompt: Prompt) -> list[dict[str, object]]:
    """Return the variable part as content blocks: all text, then each image after its label."""
    blocks: list[dict[str, object]] = [{"type": "text", "text": block} for block in prompt.blocks]
    for number, image in enumerate(prompt.images, 1):
        source = {"type": "base64", "media_type": image.media_type, "data": image_base64(image)}
        blocks += ({"type": "text", "text": image_label(number)}, {"type": "image", "source": source})
    return blocks


def _read(content: bytes, received: Received) -> Reply:
    return _reply(_Message.model_validate_json(content), received)


def _reply(message: _Message, received: Received) -> Reply:
    usage = message.usage
    written, cached = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    stop = message.stop_reason or ""
    return Reply(
        text="".join([block.text or "" for block in message.content if block.type == "text"]),
        stop=_STOPS.get(stop, StopReason.OTHER),
        provider_stop=tidy(stop),
        served_model=tidy(message.model),
        request_id=received.request_id,
        usage=Usage(
            input_tokens=usage.input_tokens + written + cached,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0,
        ),
        simulated=received.simulated,
    )


class _Start(BaseModel):
    message: _Message


class _BlockStart(BaseModel):
    index: int
    content_block: _Block


class _BlockDelta(BaseModel):
    index: int
    delta: _Block


class _End(BaseModel):
    stop_reason: str | None = None


class _UsageSoFar(BaseModel):
    """Cumulative counts; one that is missing stays what it was."""

    input_tokens: NonNegativeInt | None = None
    output_tokens: NonNegativeInt | None = None
    cache_creation_input_tokens: NonNegativeInt | None = None
    cache_read_input_tokens: NonNegativeInt | None = None
    output_tokens_details: _OutputDetails | None = None


class _MessageDelta(BaseModel):
    delta: _End
    usage: _UsageSoFar = _UsageSoFar()


class _Stream:
    """A message as its events tell it (`anthropic.types.RawMessageStreamEvent`): an `Assembly`."""

    def __init__(self) -> None:
        self.whole = False
        self._message: _Message | None = None
        self._texts: dict[int, list[str]] = {}

    def take(self, event: Event) -> str:
        """See `Assembly.take`."""
        match event.name:
            case "content_block_delta":
                delta = _BlockDelta.model_validate_json(event.data)
                return self._add(delta.index, delta.delta.text) if delta.delta.type == "text_delta" else ""
            case "content_block_start":
                start = _BlockStart.model_validate_json(event.data)
                return self._add(start.index, start.content_block.text) if start.content_block.type == "text" else ""
            case "message_start":
                self._message = _Start.model_validate_json(event.data).message
            case "message_delta":
                self._end(_MessageDelta.model_validate_json(event.data))
            case "message_stop":
                self.whole = True
            case "error":
                raise ErrorEventError(event.data)
            case _:
                pass
        return ""

    def reply(self, received: Received) -> Reply:
        """See `Assembly.reply`; one that never began is no message."""
        texts = [_Block(type="text", text="".join(pieces)) for _, pieces in sorted(self._texts.items())]
        message = self._message or _Message.model_validate({})
        return _reply(message.model_copy(update={"content": texts}), received)

    def cut(self, received: Received) -> Reply:
        """See `Assembly.cut`; the input was counted at the start, the output up to the last count that was told."""
        return replace(self.reply(received), stop=StopReason.ENDED_EARLY, provider_stop=ENDED_EARLY)

    def _add(self, index: int, text: str | None) -> str:
        if text:
            self._texts.setdefault(index, []).append(text)
        return text or ""

    def _end(self, told: _MessageDelta) -> None:
        if self._message is None:
            return
        usage = self._message.usage.model_copy(update=told.usage.model_dump(exclude_none=True) | _details(told.usage))
        self._message = self._message.model_copy(update={"stop_reason": told.delta.stop_reason, "usage": usage})


def _details(usage: _UsageSoFar) -> dict[str, _OutputDetails]:
    """Keep what is a model: a dump would make a plain dict of it."""
    return {"output_tokens_details": usage.output_tokens_details} if usage.output_tokens_details else {}


def _make(settings: ProviderSettings, base_url: str) -> anthropic.AsyncAnthropic:
    client = anthropic.AsyncAnthropic(
        api_key=settings.api_key.get_secret_value(), base_url=base_url, max_retries=0, open_telemetry=False
    )
    # The SDK adds headers from ANTHROPIC_CUSTOM_HEADERS and has no argument against it.
    client._custom_headers = {}  # noqa: SLF001
    return client


_VENDOR = Vendor(make=_make, request_id_header="request-id")
PROVIDER = partial(
    Adapter,
    Format(
        vendor=_VENDOR,
        path="/v1/messages",
        public_url=PUBLIC_URL,
        needs_key=True,
        shape=_shape,
        content=_content,
        read=_read,
        streamed={"stream": True},
        assemble=_Stream,
        batch=MessageBatches(),
        counter=Counter("/v1/messages/count_tokens", frozenset({"max_tokens"})),
        platforms=PLATFORMS,
    ),
)
