"""OpenAI Responses (`POST /responses`), by the official SDK's client.

Not here: the HTTP exchange and its errors (`wire.py`), retries (`retry.py`), the meaning of a reply (`core.critique`).
Field names follow `openai.types.responses` of openai 3.52. Nothing is stored at the provider (`store: false`).
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import BaseModel

from reviewer.core.outcome import FailureKind, Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import FINDINGS_SCHEMA
from reviewer.providers.adapter import Adapter, Counter, Format
from reviewer.providers.batch_openai import ResponseBatches
from reviewer.providers.body import hole, image_data_url, image_label
from reviewer.providers.failure import tidy
from reviewer.providers.intake import ENDED_EARLY, ErrorEventError
from reviewer.providers.openai_client import PUBLIC_URL, VENDOR
from reviewer.providers.openai_platforms import PLATFORMS
from reviewer.providers.openai_tokens import BilledTokens, used
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.sse import Event
from reviewer.providers.wire import Received

_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_INCOMPLETE = {"max_output_tokens": StopReason.TRUNCATED, "content_filter": StopReason.REFUSED}


class _Content(BaseModel):
    type: str
    text: str | None = None


class _Item(BaseModel):
    type: str
    content: list[_Content] | None = None


class _Incomplete(BaseModel):
    reason: str | None = None


class _Response(BaseModel):
    object: Literal["response"]
    model: str
    status: str
    output: list[_Item]
    incomplete_details: _Incomplete | None = None
    usage: BilledTokens | None = None


def _shape(settings: ProviderSettings) -> dict[str, object]:
    """Return the body with holes for what differs between calls."""
    form = {"type": "json_schema", "name": "findings", "strict": True, "schema": FINDINGS_SCHEMA}
    body: dict[str, object] = {
        "model": hole("model"),
        "max_output_tokens": hole("max_tokens"),
        "store": False,
        "prompt_cache_key": hole("cache_key"),
        "text": {"format": form},
        "input": [
            {"role": "developer", "content": [{"type": "input_text", "text": hole("prefix")}]},
            {"role": "user", "content": hole("content")},
        ],
    }
    if settings.effort is not None:
        body["reasoning"] = {"effort": settings.effort}
    return body


def _content(prompt: Prompt) -> list[dict[str, object]]:
    """Return the variable part as content parts: all text, then each image after its label."""
    parts: list[dict[str, object]] = [{"type": "input_text", "text": block} for block in prompt.blocks]
    for number, image in enumerate(prompt.images, 1):
        shown: dict[str, object] = {"type": "input_image", "image_url": image_data_url(image), "detail": "auto"}
        parts += ({"type": "input_text", "text": image_label(number)}, shown)
    return parts


def _read(content: bytes | str, received: Received) -> Reply:
    return _reply(_Response.model_validate_json(content), received)


def _reply(response: _Response, received: Received) -> Reply:
    if response.status == "failed":
        raise received.failed(FailureKind.SERVER_ERROR, "the provider reports that it failed to generate a response")
    parts = [part for item in response.output if item.type == "message" for part in item.content or ()]
    stop, word = _stop(response, parts)
    return Reply(
        text="".join([part.text or "" for part in parts if part.type == "output_text"]),
        stop=stop,
        provider_stop=tidy(word),
        served_model=tidy(response.model),
        request_id=received.request_id,
        usage=used(response.usage),
        simulated=received.simulated,
    )


def _stop(response: _Response, parts: list[_Content]) -> tuple[StopReason, str]:
    """A refusal arrives as content of a response that says it is completed, so it is looked for first."""
    if any(part.type == "refusal" for part in parts):
        return StopReason.REFUSED, "refusal"
    if response.status == "completed":
        return StopReason.COMPLETE, response.status
    reason = (response.incomplete_details and response.incomplete_details.reason) or response.status
    return _INCOMPLETE.get(reason, StopReason.OTHER), reason


class _Typed(BaseModel):
    type: str


class _TextDelta(BaseModel):
    delta: str


class _Named(BaseModel):
    model: str = ""


class _Created(BaseModel):
    response: _Named


class _Final(BaseModel):
    response: _Response


class _Stream:
    """A response as its events tell it (`openai.types.responses.ResponseStreamEvent`): an `Assembly`.

    The last event repeats the response as a whole, and only that is read as the reply.
    """

    def __init__(self) -> None:
        self.whole = False
        self._model = ""
        self._final: _Response | None = None

    def take(self, event: Event) -> str:
        """See `Assembly.take`."""
        # Some gateways leave the name to the data, where OpenAI has it as well.
        name = event.name or _Typed.model_validate_json(event.data).type
        if name == "response.output_text.delta":
            return _TextDelta.model_validate_json(event.data).delta
        if name in _FINAL:
            self._final = _Final.model_validate_json(event.data).response
            self.whole = True
        elif name == "response.created":
            self._model = _Created.model_validate_json(event.data).response.model
        elif name == "error":
            raise ErrorEventError(event.data)
        return ""

    def reply(self, received: Received) -> Reply:
        """See `Assembly.reply`."""
        return _reply(self._final or _Response.model_validate({}), received)

    def cut(self, received: Received) -> Reply:
        """See `Assembly.cut`; usage would have come with the last event."""
        return Reply(
            text="",
            stop=StopReason.ENDED_EARLY,
            provider_stop=ENDED_EARLY,
            served_model=tidy(self._model),
            request_id=received.request_id,
            usage=Usage(),
            simulated=received.simulated,
        )


PROVIDER = partial(
    Adapter,
    Format(
        vendor=VENDOR,
        path="/responses",
        public_url=PUBLIC_URL,
        needs_key=True,
        shape=_shape,
        content=_content,
        read=_read,
        streamed={"stream": True},
        assemble=_Stream,
        batch=ResponseBatches(),
        counter=Counter("/responses/input_tokens", frozenset({"max_output_tokens", "store", "prompt_cache_key"})),
        platforms=PLATFORMS,
    ),
)
