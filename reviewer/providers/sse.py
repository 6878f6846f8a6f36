"""Server-sent events out of bytes: the event stream format of the WHATWG HTML standard, section 9.2.6.

Bytes may be cut anywhere. What an event means is the format's business; `id` and `retry` serve reconnecting, which a
call that costs money never does by itself, so they are read over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reviewer.providers.transport import MAX_RESPONSE_BYTES

# The last event of a stream may repeat the whole reply, so that no single line needs more than a whole body may have.
MAX_LINE_BYTES = MAX_RESPONSE_BYTES
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class LineTooLongError(Exception):
    """A line of a stream passed `MAX_LINE_BYTES`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        name: the `event` field, empty where there was none (the standard's `message`).
        data: the `data` lines, joined with a line feed.
    """

    name: str
    data: str


class EventDecoder:
    """Reads one stream. Linear in its bytes; what is held is one line and one event."""

    __slots__ = ("_after_cr", "_data", "_held", "_held_bytes", "_name", "_started")

    def __init__(self) -> None:
        """Start before the first byte."""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._data: list[str] = []
        self._name = ""
        self._after_cr = False
        self._started = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that these bytes complete, in order.

        An event counts once its blank line is there: what a broken stream leaves behind is none.

        Raises:
            LineTooLongError: see `MAX_LINE_BYTES`; the decoder is of no more use.
        """
        if not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        events: list[Event] = []
        for piece in ended:
            self._hold(piece)
            line = b"".join(self._held)
            self._held.clear()
            self._held_bytes = 0
            if (event := self._line(line)) is not None:
                events.append(event)
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        self._held_bytes += len(piece)
        if self._held_bytes > MAX_LINE_BYTES:
            raise LineTooLongError
        if piece:
            self._held.append(piece)

    def _line(self, raw: bytes) -> Event | None:
        if not self._started:
            self._started = True
            raw = raw.removeprefix(_BOM)
        if not raw:
            return self._dispatched()
        # Line ends are ASCII and so never part of a longer character: decoding line by line loses nothing.
        field, _, value = raw.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        return None

    def _dispatched(self) -> Event | None:
        event = Event(self._name, "\n".join(self._data)) if self._data else None
        self._data.clear()
        self._name = ""
        return event
