"""An adapter together with the server that plays its provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from reviewer.providers.interface import ProviderError, ReviewerProvider
from tests.support.prompts import prompt_of
from tests.support.wire_formats import WireFormat
from tests.support.wire_server import Answer, WireServer, canned

KEY = "sk-contract-0123456789"
MODEL = "critic-1"
Make = Callable[..., ReviewerProvider]


@dataclass(frozen=True, slots=True)
class Wired:
    """One open adapter.

    Attributes:
        make: makes further ones for the same server, with settings overridden.
    """

    form: WireFormat
    server: WireServer
    provider: ReviewerProvider
    make: Make

    def script_stop(self, stop: str, text: str = "{}", headers: dict[str, str] | None = None) -> None:
        """Let the server answer with one way to stop."""
        self.server.script(canned(self.form.stops(stop, text), headers=headers))

    def sent(self, index: int = -1) -> Any:
        """Return the body of a request, decoded."""
        return orjson.loads(self.server.requests[index].body)

    async def failure(self, answer: Answer) -> ProviderError:
        """Make one call that must fail and return its error."""
        self.server.script(answer)
        try:
            await self.provider.complete(MODEL, prompt_of())
        except ProviderError as exc:
            return exc
        raise AssertionError("the call was expected to fail")
