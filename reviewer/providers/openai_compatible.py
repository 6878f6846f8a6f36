"""Chat Completions (`POST /chat/completions`) as gateways and local servers speak it, by the OpenAI SDK's client.

Many of them honour a JSON schema on this endpoint only. Not here: the HTTP exchange and its errors (`wire.py`),
retries (`retry.py`), the meaning of a reply (`core.critique`). Field names follow `openai.types.chat` of openai 3.52;
what gateways commonly leave out (model, usage) may be missing, what decides the outcome may not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pydantic import BaseModel, Field, NonNegativeInt

from reviewer.core.outcome import Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import FINDINGS_SCHEMA
from reviewer.providers.adapter import Adapter, Format
from reviewer.providers.body import hole, image_data_url, image_label
from reviewer.providers.failure import tidy
from reviewer.providers.intake import ENDED_EARLY, ErrorEventError
from reviewer.providers.openai_client import VENDOR
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.sse import Event
from reviewer.providers.wire import Received

_STOPS = {
    "stop": StopReason.COMPLETE,
    "length": StopReason.TRUNCATED,
    "content_filter": StopReason.REFUSED,
}


class _PromptDetails(BaseModel):
    cached_tokens: NonNegativeInt | None = None
    cache_write_tokens: NonNegativeInt | None = None


class _CompletionDetails(BaseModel):
    reasoning_tokens: NonNegativeInt | None = None


class _Usage(BaseModel):
    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: _Usage | None = None


def _shape(settings: ProviderSettings) -> dict[str, object]:
    """Return the body with holes for what differs between calls."""
    form = {"name": "findings", "strict": True, "schema": FINDINGS_SCHEMA}
    body: dict[str, object] = {
        "model": hole("model"),
        settings.output_limit_field: hole("max_tokens"),
        "response_format": {"type": "json_schema", "json_schema": form},
        "messages": [{"role": "system", "content": hole("prefix")}, {"role": "user", "content": hole("content")}],
    }
    if settings.effort is not None:
        body["reasoning_effort"] = settings.effort
    return body


def _content(prompt: Prompt) -> list[dict[str, object]]:
    """Return the variable part as content parts: all text, then each image after its label."""
    parts: list[dict[str, object]] = [{"type": "text", "text": block} for block in prompt.blocks]
    for number, image in enumerate(prompt.images, 1):
        shown: dict[str, object] = {"type": "image_url", "image_url": {"url": image_data_url(image)}}
        parts += ({"type": "text", "text": image_label(number)}, shown)
    return parts


def _read(content: bytes, received: Received) -> Reply:
    return _reply(_Completion.model_validate_json(content), received)


def _reply(completion: _Completion, received: Received) -> Reply:
    choice = completion.choices[0]
    word = "refusal" if choice.message.refusal else choice.finish_reason or ""
    return Reply(
        text=choice.message.content or "",
        stop=StopReason.REFUSED if choice.message.refusal else _STOPS.get(word, StopReason.OTHER),
        provider_stop=tidy(word),
        served_model=tidy(completion.model or ""),
        request_id=received.request_id,
        usage=_usage(completion.usage),
        simulated=received.simulated,
    )


def _usage(usage: _Usage | None) -> Usage:
    if usage is None:
        return Usage()
    read, written = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input_tokens=usage.prompt_tokens,
        cached_input_tokens=(read and read.cached_tokens) or 0,
        cache_write_tokens=(read and read.cache_write_tokens) or 0,
        output_tokens=usage.completion_tokens,
        reasoning_tokens=(written and written.reasoning_tokens) or 0,
    )


class _ChunkChoice(BaseModel):
    index: int = 0
    delta: _Message = _Message()
    finish_reason: str | None = None


class _Chunk(BaseModel):
    choices: list[_ChunkChoice] = []
    model: str | None = None
    usage: _Usage | None = None
    error: object = None


class _Stream:
    """A completion as its chunks tell it (`openai.types.chat.ChatCompletionChunk`): an `Assembly`.

    The usage comes in a chunk without choices after the last word, on demand; a gateway may leave it out.
    """

    def __init__(self) -> None:
        self.whole = False
        self._begun = False
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._finish: str | None = None
        self._model: str | None = None
        self._usage: _Usage | None = None

    def take(self, event: Event) -> str:
        """See `Assembly.take`."""
        if event.data == "[DONE]":
            self.whole = True
            return ""
        chunk = _Chunk.model_validate_json(event.data)
        if chunk.error is not None:
            raise ErrorEventError(event.data)
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        return "".join([self._say(choice) for choice in chunk.choices if choice.index == 0])

    def reply(self, received: Received) -> Reply:
        """See `Assembly.reply`; without a chunk of any choice there is none."""
        message = _Message(content="".join(self._text), refusal="".join(self._refusal))
        choices = [_Choice(message=message, finish_reason=self._finish)] if self._begun else []
        return _reply(_Completion(choices=choices, model=self._model, usage=self._usage), received)

    def cut(self, received: Received) -> Reply:
        """See `Assembly.cut`; the usage would have come last."""
        return replace(self.reply(received), stop=StopReason.ENDED_EARLY, provider_stop=ENDED_EARLY)

    def _say(self, choice: _ChunkChoice) -> str:
        self._begun = True
        text = choice.delta.content or ""
        self._text.append(text)
        self._refusal.append(choice.delta.refusal or "")
        self._finish = choice.finish_reason or self._finish
        return text


PROVIDER = partial(
    Adapter,
    Format(
        vendor=VENDOR,
        path="/chat/completions",
        public_url=None,
        needs_key=False,
        shape=_shape,
        content=_content,
        read=_read,
        streamed={"stream": True, "stream_options": {"include_usage": True}},
        assemble=_Stream,
    ),
)
