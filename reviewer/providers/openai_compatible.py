"""Chat Completions (`POST /chat/completions`) as gateways and local servers speak it, by the OpenAI SDK's client.

Many of them honour a JSON schema on this endpoint only. Not here: the HTTP exchange and its errors (`wire.py`),
retries (`retry.py`), the meaning of a reply (`core.critique`). Field names follow `openai.types.chat` of openai 3.52;
what gateways commonly leave out (model, usage) may be missing, what decides the outcome may not.
"""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel, Field, NonNegativeInt

from reviewer.core.outcome import Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import FINDINGS_SCHEMA
from reviewer.providers.adapter import Adapter, Format
from reviewer.providers.body import hole, image_data_url, image_label
from reviewer.providers.failure import tidy
from reviewer.providers.openai_client import VENDOR
from reviewer.providers.settings import ProviderSettings
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


def _read(received: Received) -> Reply:
    completion = _Completion.model_validate_json(received.content)
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
    ),
)
