"""The port to a second model: prompt in, reply out, nothing else.

An adapter speaks one provider's wire format for any of that provider's models. It does not retry, cache, choose
models, read findings or decide anything. It owns its connections and is an async context manager.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from reviewer.core.errors import ReviewerError
from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt


class ProviderError(ReviewerError):
    """A call gave no reply. Never leaves the critique step: it becomes an `Unavailable` with its kind.

    Attributes:
        kind: what went wrong.
        retry_after_s: seconds the provider asked to wait, None where it did not.
        http_status: 0 where no response arrived.
        request_id: the provider's id of the failed request, empty where there is none.
        simulated: the failure came from the simulated provider.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        retry_after_s: float | None = None,
        http_status: int = 0,
        request_id: str = "",
        simulated: bool = False,
    ) -> None:
        """Describe the failure; the message must hold neither prompt nor key."""
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.http_status = http_status
        self.request_id = request_id
        self.simulated = simulated


class Listener(Protocol):
    """Somebody who hears one reply while it is written."""

    def heard(self, text: str) -> bool:
        """Take the next piece of output text, never empty; return True once enough was heard.

        Called on the event loop between two reads of the connection: it must be quick, and must not raise.
        """
        ...


class ReviewerProvider(Protocol):
    """One provider of second models.

    Attributes:
        simulated: nothing of this provider is real, so that calls which it never answered are to be marked as well.
    """

    name: str
    simulated: bool

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        """Send one prompt and return what the model answered.

        The caller bounds the time (`asyncio.timeout`) and may cancel at any point; the connection is then given up.

        Args:
            listener: hears the output text as it arrives; the reply is the same as without it, unless it has heard
                enough: then the connection is given up at once, and the reply's stop is ENDED_EARLY.

        Raises:
            ProviderError: no usable response arrived. A refusal, a truncation or an odd stop reason is a `Reply`.
        """
        ...

    async def count(self, model: str, prompt: Prompt) -> int | None:
        """Return how many tokens a prompt's input is for a model, or None where the provider cannot say.

        One attempt, bounded and cancelled as for `complete`; nothing is answered and nothing is charged.

        Raises:
            ProviderError: the provider can say, but did not.
        """
        ...

    async def __aenter__(self) -> Self:
        """Open connections."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close what `__aenter__` opened."""
        ...
