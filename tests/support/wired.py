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
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDTEST",
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_SESSION_TOKEN": "session-token-0123456789",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""The environment of a process that AWS's own tools know what to do with."""
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
