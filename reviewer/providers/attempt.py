"""One attempt at a model, as it goes on record: the request, and the second one that may have been sent beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.providers.interface import Listener, ProviderError, ReviewerProvider


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt on its way to a model, however often it is sent.

    Attributes:
        tenant: whose turn it is where places at the model are scarce.
        deadline: on the event loop's clock.
        listen: gives each sending a listener of its own; plain calls without it. What is heard is never sent twice.
    """

    provider: ReviewerProvider
    model: str
    prompt: Prompt
    tenant: str
    deadline: float
    listen: Callable[[], Listener] | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One request that was sent; exactly one of `reply` and `error` is there.

    Attributes:
        latency_us: from request to reply or failure, microseconds; waiting for a place does not count.
        hedge: it was sent beside an equal one that was late.
    """

    latency_us: int
    reply: Reply | None
    error: ProviderError | None
    hedge: bool = False


class Sent:
    """A request that is under way, or was.

    Attributes:
        began: on the clock that it is told by.
        end: what came of it; None while it is under way, and where it was cut off.
    """

    __slots__ = ("_clock", "_ended", "began", "end", "hedge")

    def __init__(self, clock: Callable[[], float], *, hedge: bool) -> None:
        """Send it now."""
        self._clock = clock
        self._ended: float | None = None
        self.began = clock()
        self.end: Reply | ProviderError | None = None
        self.hedge = hedge

    async def run(self, request: Request) -> None:
        """Send it and wait for what comes of it; cancelled, it is given up."""
        try:
            provider, listen = request.provider, request.listen
            heard = (listen(),) if listen else ()
            self.end = await provider.complete(request.model, request.prompt, *heard)
        except ProviderError as exc:
            self.end = exc
        finally:
            self._ended = self._clock()

    def record(self, cut_off: FailureKind) -> AttemptRecord:
        """Tell it as it was.

        Args:
            cut_off: why it has no end of its own, where it has none.
        """
        ended = self._clock() if self._ended is None else self._ended
        latency_us = round((ended - self.began) * 1_000_000)
        if isinstance(self.end, Reply):
            return AttemptRecord(latency_us, self.end, None, self.hedge)
        return AttemptRecord(latency_us, None, self.end or ProviderError(cut_off, "cut off"), self.hedge)
