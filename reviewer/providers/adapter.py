"""The adapter that all wire formats share; a format is data and three functions, told in a module of its own.

One call is: fill the format's body, post it, read the answer. No retry, no cache of replies, no choice of model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, TypeVar

import orjson
from pydantic import BaseModel, NonNegativeInt, ValidationError

from reviewer.core.errors import ConfigError, Fault
from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.providers.batch_api import BatchApi
from reviewer.providers.body import BodyTemplate, encoded_prefix
from reviewer.providers.intake import Assembly, Intake
from reviewer.providers.interface import Listener
from reviewer.providers.platform import Platform, Signer, chosen
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.wire import Exchange, Received, Vendor

CACHE_KEY_CHARS = 32
"""OpenAI accepts 64; half of a SHA-256 in hex is enough to route calls of one questionnaire to one cache."""
T = TypeVar("T")


class _Count(BaseModel):
    """What both counters answer, as far as it matters."""

    input_tokens: NonNegativeInt


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a provider counts tokens: it takes the body of a call, without what only an answer needs.

    Attributes:
        path: appended to the base URL.
        leaves_out: keys of the body that the counter does not know.
    """

    path: str
    leaves_out: frozenset[str]


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format.

    Attributes:
        path: appended to the base URL.
        public_url: base URL where the settings name none; None where they must.
        needs_key: whether an empty key is a mistake.
        shape: the body with the holes `model`, `max_tokens`, `prefix`, `content` and, where wanted, `cache_key`.
        content: the variable part of a prompt, for the hole of that name.
        read: the answer's envelope; raises pydantic's `ValidationError` where it is not the format's.
        streamed: fields of the body that ask for a stream.
        assemble: what puts a streamed reply together, made anew for each.
        batch: how the vendor takes many calls at once; None where it does not.
        counter: None where the provider has none.
        platforms: by name, through which the same models can be asked in the same words.
    """

    vendor: Vendor
    path: str
    public_url: str | None
    needs_key: bool
    shape: Callable[[ProviderSettings], dict[str, object]]
    content: Callable[[Prompt], list[dict[str, object]]]
    read: Callable[[bytes, Received], Reply]
    streamed: dict[str, object]
    assemble: Callable[[], Assembly]
    batch: BatchApi | None = None
    counter: Counter | None = None
    platforms: Mapping[str, Platform] = field(default_factory=dict)


class Adapter:
    """One configured provider: a `ReviewerProvider`. Safe for concurrent calls.

    Attributes:
        batch: see `Format`.
        exchange: what requests about batches go through as well; open as long as the adapter is.
    """

    def __init__(self, form: Format, settings: ProviderSettings) -> None:
        """Check the settings and encode what never changes; nothing connects.

        Raises:
            ConfigError: the key is empty or the base URL missing, for which the SDKs would ask the environment; or the
                platform is unknown or lacks something.
        """
        platform = chosen(form.platforms, settings)
        shape = form.shape(settings)
        self.exchange = _direct(form, settings) if platform is None else _through(platform, form, settings)
        self._template = BodyTemplate(shape if platform is None else platform.shape(shape))
        self._model_ids = dict(settings.model_ids)
        self.name = settings.name
        self.simulated = settings.simulated
        self._form = form
        # A platform takes single plain calls only: its streams are of forms of its own, and it has no counter we know.
        self._streams = platform is None
        self._stream_template = BodyTemplate({**shape, **form.streamed})
        self.batch = form.batch if platform is None else None
        self._counter = form.counter if platform is None else None
        unknown = form.counter.leaves_out if form.counter else frozenset()
        self._count_template = BodyTemplate({key: value for key, value in shape.items() if key not in unknown})

    async def __aenter__(self) -> Self:
        """Make the client; connections are opened by the first calls."""
        await self.exchange.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.exchange.close()

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        """Send one prompt; see `ReviewerProvider.complete`."""
        asked = self._model_ids.get(model, model)
        if listener is not None and self._streams:
            return await self._stream(asked, prompt, listener)
        reply = self.read(await self.exchange.post(self._form.path, self.body(model, prompt), asked))
        if listener is not None and reply.text:
            listener.heard(reply.text)
        return reply

    async def _stream(self, model: str, prompt: Prompt, listener: Listener) -> Reply:
        """Ask for a stream; a gateway that answers in one piece all the same is heard in one piece."""
        intake = Intake(self.name, self._form.assemble(), listener)
        body = self._stream_template.fill(self._values(model, prompt))
        received = await self.exchange.post(self._form.path, body, model, intake.hear)
        if received.streamed:
            return intake.reply(received)
        reply = self.read(received)
        if reply.text:
            listener.heard(reply.text)
        return reply

    async def count(self, model: str, prompt: Prompt) -> int | None:
        """Ask the provider's counter; see `ReviewerProvider.count`."""
        counter = self._counter
        if counter is None:
            return None
        received = await self.exchange.post(counter.path, self._count_template.fill(self._values(model, prompt)))
        return self._opened(received, lambda answer: _Count.model_validate_json(answer.content)).input_tokens

    def body(self, model: str, prompt: Prompt) -> bytes:
        """Return what one prompt is as a request's body."""
        return self._template.fill(self._values(model, prompt))

    def read(self, received: Received) -> Reply:
        """Read a successful response.

        Raises:
            ProviderError: `BAD_ENVELOPE` where it is not the format's, or what the response itself tells.
        """
        return self._opened(received, lambda answer: self._form.read(answer.content, answer))

    def _values(self, model: str, prompt: Prompt) -> dict[str, bytes]:
        questionnaire = prompt.questionnaire
        return {
            "model": orjson.dumps(self._model_ids.get(model, model)),
            "max_tokens": orjson.dumps(prompt.max_output_tokens),
            "cache_key": orjson.dumps(questionnaire.prefix_digest[:CACHE_KEY_CHARS]),
            "prefix": encoded_prefix(questionnaire.prefix),
            "content": orjson.dumps(self._form.content(prompt)),
        }

    def _opened(self, received: Received, read: Callable[[Received], T]) -> T:
        try:
            return read(received)
        except ValidationError as exc:
            faults = exc.error_count()
        # Raised out here: pydantic's error repeats the body, which may repeat the prompt.
        raise received.failed(FailureKind.BAD_ENVELOPE, f"{self.name}: not the stated JSON envelope ({faults} faults)")


def _direct(form: Format, settings: ProviderSettings) -> Exchange:
    base_url = settings.base_url or form.public_url
    if not base_url:
        raise config_error(settings, "base_url", "is missing; expected the root of the gateway's API")
    if form.needs_key and not settings.api_key.get_secret_value().strip():
        raise config_error(settings, "api_key", "is empty; expected the provider's key")
    return Exchange(form.vendor, settings, base_url)


def _through(platform: Platform, form: Format, settings: ProviderSettings) -> Exchange:
    vendor = replace(form.vendor, request_id_header=platform.request_id_header)
    return Exchange(vendor, settings, "", Signer(platform, settings))


def config_error(settings: ProviderSettings, key: str, message: str) -> ConfigError:
    """Return the fault of one key of a provider's section; the message must not repeat a secret."""
    return ConfigError((Fault(f"providers.{settings.name}.{key}", "", message),))
