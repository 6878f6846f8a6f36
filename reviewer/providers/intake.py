"""How a streamed reply is put together: bytes into events, events into text for a listener and a reply for the caller.

What an event means is said by each format's `Assembly`; it ends in the same envelope as a plain answer does, so that
both are read by the same code and say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from reviewer.core.outcome import FailureKind, Reply
from reviewer.providers.failure import error_code, kind_in_stream
from reviewer.providers.interface import Listener, ProviderError
from reviewer.providers.sse import Event, EventDecoder, LineTooLongError
from reviewer.providers.transport import Heard
from reviewer.providers.wire import Received

ENDED_EARLY = "ended_early"
"""Stands where a provider's own word for why it stopped would: it did not, we did."""


class ErrorEventError(Exception):
    """The stream told of an error; holds nothing but its code."""

    def __init__(self, data: str) -> None:
        """Read the code out of an event's data and forget the rest."""
        self.code = error_code(data)
        super().__init__(self.code)


class Assembly(Protocol):
    """One reply of one format, as far as its events have come.

    Attributes:
        whole: the format's last event was there.
    """

    whole: bool

    def take(self, event: Event) -> str:
        """Take the next event and return the output text in it, mostly empty. Events of unknown kinds say nothing.

        Raises:
            ErrorEventError: the event tells of an error.
            pydantic.ValidationError: it is not an event of the format.
        """
        ...

    def reply(self, received: Received) -> Reply:
        """Return the whole reply.

        Raises:
            ProviderError: the reply itself tells of a failure.
            pydantic.ValidationError: something that every reply has did not come.
        """
        ...

    def cut(self, received: Received) -> Reply:
        """Return what is known of a reply that we ended: stop ENDED_EARLY, whatever usage was told by then."""
        ...


class Intake:
    """Takes in one stream."""

    def __init__(self, name: str, assembly: Assembly, listener: Listener) -> None:
        """Start before the first byte; `name` is the provider's, for messages."""
        self._name = name
        self._assembly = assembly
        self._listener = listener
        self._decoder = EventDecoder()
        self._enough = False
        self._failure: Callable[[Received], ProviderError] | None = None

    def hear(self, chunk: bytes) -> Heard:
        """Take the next bytes. A failure is kept for `reply`, and no more is asked for."""
        try:
            for event in self._decoder.feed(chunk):
                text = self._assembly.take(event)
                if text and self._listener.heard(text):
                    self._enough = True
                    return Heard.ENOUGH
                if self._assembly.whole:
                    return Heard.WHOLE
        except ErrorEventError as exc:
            self._failure = self._told(exc.code)
        except ValidationError as exc:
            self._failure = self._bad(f"not an event of the stated format ({exc.error_count()} faults)")
        except LineTooLongError:
            self._failure = self._bad("a line of the stream is too long")
        return Heard.ENOUGH if self._failure is not None else Heard.MORE

    def reply(self, received: Received) -> Reply:
        """Return what the stream came to.

        Raises:
            ProviderError: it told of an error, was not of the format, or ended before its last event.
        """
        if self._failure is not None:
            raise self._failure(received)
        if self._enough:
            return self._assembly.cut(received)
        if not self._assembly.whole:
            raise self._bad("the stream ended before its last event")(received)
        try:
            return self._assembly.reply(received)
        except ValidationError as exc:
            faults = exc.error_count()
        # Raised out here: pydantic's error repeats the reply, which may repeat the prompt.
        raise self._bad(f"not the stated JSON envelope ({faults} faults)")(received)

    def _bad(self, what: str) -> Callable[[Received], ProviderError]:
        return lambda received: received.failed(FailureKind.BAD_ENVELOPE, f"{self._name}: {what}")

    def _told(self, code: str) -> Callable[[Received], ProviderError]:
        what = f"{self._name}: error in the stream" + (f", code {code}" if code else "")
        return lambda received: received.failed(kind_in_stream(code), what)
