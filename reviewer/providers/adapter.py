"""The adapter that all wire formats share; a format is data and three functions, told in a module of its own.

One call is: fill the format's body, post it, read the answer. No retry, no cache of replies, no choice of model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import orjson
from pydantic import ValidationError

from reviewer.core.errors import ConfigError, Fault
from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.providers.body import BodyTemplate, encoded_prefix
from reviewer.providers.platform import Platform, Signer, chosen
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.wire import Exchange, Received, Vendor

CACHE_KEY_CHARS = 32
"""OpenAI accepts 64; half of a SHA-256 in hex is enough to route calls of one questionnaire to one cache."""


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
        platforms: by name, through which the same models can be asked in the same words.
    """

    vendor: Vendor
    path: str
    public_url: str | None
    needs_key: bool
    shape: Callable[[ProviderSettings], dict[str, object]]
    content: Callable[[Prompt], list[dict[str, object]]]
    read: Callable[[Received], Reply]
    platforms: Mapping[str, Platform] = field(default_factory=dict)


class Adapter:
    """One configured provider: a `ReviewerProvider`. Safe for concurrent calls."""

    def __init__(self, form: Format, settings: ProviderSettings) -> None:
        """Check the settings and encode what never changes; nothing connects.

        Raises:
            ConfigError: the key is empty or the base URL missing, for which the SDKs would ask the environment; or the
                platform is unknown or lacks something.
        """
        platform = chosen(form.platforms, settings)
        shape = form.shape(settings)
        self._exchange = _direct(form, settings) if platform is None else _through(platform, form, settings)
        self._template = BodyTemplate(shape if platform is None else platform.shape(shape))
        self._model_ids = dict(settings.model_ids)
        self.name = settings.name
        self.simulated = settings.simulated
        self._form = form

    async def __aenter__(self) -> Self:
        """Make the client; connections are opened by the first calls."""
        await self._exchange.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._exchange.close()

    async def complete(self, model: str, prompt: Prompt) -> Reply:
        """Send one prompt; see `ReviewerProvider.complete`."""
        questionnaire = prompt.questionnaire
        model = self._model_ids.get(model, model)
        body = self._template.fill(
            {
                "model": orjson.dumps(model),
                "max_tokens": orjson.dumps(prompt.max_output_tokens),
                "cache_key": orjson.dumps(questionnaire.prefix_digest[:CACHE_KEY_CHARS]),
                "prefix": encoded_prefix(questionnaire.prefix),
                "content": orjson.dumps(self._form.content(prompt)),
            }
        )
        received = await self._exchange.post(body, model)
        try:
            return self._form.read(received)
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
    return Exchange(form.vendor, settings, base_url, form.path)


def _through(platform: Platform, form: Format, settings: ProviderSettings) -> Exchange:
    vendor = replace(form.vendor, request_id_header=platform.request_id_header)
    return Exchange(vendor, settings, "", platform.path, Signer(platform, settings))


def config_error(settings: ProviderSettings, key: str, message: str) -> ConfigError:
    """Return the fault of one key of a provider's section; the message must not repeat a secret."""
    return ConfigError((Fault(f"providers.{settings.name}.{key}", "", message),))
