"""The adapter that all wire formats share; a format is data and three functions, told in a module of its own.

One call is: fill the format's body, post it, read the answer. No retry, no cache of replies, no choice of model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import orjson
from pydantic import ValidationError

from reviewer.core.errors import ConfigError, Fault
from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.providers.body import BodyTemplate, encoded_prefix
from reviewer.providers.intake import Assembly, Intake
from reviewer.providers.interface import Listener
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.wire import Exchange, Received, Vendor

# OpenAI accepts 64 characters; half of a SHA-256 in hex is enough to route calls of one questionnaire to one cache.
_CACHE_KEY_CHARS = 32


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


class Adapter:
    """One configured provider: a `ReviewerProvider`. Safe for concurrent calls."""

    def __init__(self, form: Format, settings: ProviderSettings) -> None:
        """Check the settings and encode what never changes; nothing connects.

        Raises:
            ConfigError: the key is empty or the base URL missing, for which the SDKs would ask the environment.
        """
        base_url = settings.base_url or form.public_url
        if not base_url:
            raise _config_error(settings, "base_url", "is missing; expected the root of the gateway's API")
        if form.needs_key and not settings.api_key.get_secret_value().strip():
            raise _config_error(settings, "api_key", "is empty; expected the provider's key")
        self.name = settings.name
        self.simulated = settings.simulated
        self._form = form
        shape = form.shape(settings)
        self._template = BodyTemplate(shape)
        self._stream_template = BodyTemplate({**shape, **form.streamed})
        self._exchange = Exchange(form.vendor, settings, base_url, form.path)

    async def __aenter__(self) -> Self:
        """Make the client; connections are opened by the first calls."""
        await self._exchange.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._exchange.close()

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        """Send one prompt; see `ReviewerProvider.complete`."""
        if listener is None:
            received = await self._exchange.post(self._template.fill(self._values(model, prompt)))
            return self._whole(received, received.content or b"")
        intake = Intake(self.name, self._form.assemble(), listener)
        received = await self._exchange.post(self._stream_template.fill(self._values(model, prompt)), intake.hear)
        if received.content is None:
            return intake.reply(received)
        reply = self._whole(received, received.content)
        if reply.text:
            listener.heard(reply.text)
        return reply

    def _values(self, model: str, prompt: Prompt) -> dict[str, bytes]:
        questionnaire = prompt.questionnaire
        return {
            "model": orjson.dumps(model),
            "max_tokens": orjson.dumps(prompt.max_output_tokens),
            "cache_key": orjson.dumps(questionnaire.prefix_digest[:_CACHE_KEY_CHARS]),
            "prefix": encoded_prefix(questionnaire.prefix),
            "content": orjson.dumps(self._form.content(prompt)),
        }

    def _whole(self, received: Received, content: bytes) -> Reply:
        try:
            return self._form.read(content, received)
        except ValidationError as exc:
            faults = exc.error_count()
        # Raised out here: pydantic's error repeats the body, which may repeat the prompt.
        raise received.failed(FailureKind.BAD_ENVELOPE, f"{self.name}: not the stated JSON envelope ({faults} faults)")


def _config_error(settings: ProviderSettings, key: str, message: str) -> ConfigError:
    return ConfigError((Fault(f"providers.{settings.name}.{key}", "", message),))
