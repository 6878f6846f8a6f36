"""What the wire formats have in common: a request asked, an answer to give, and the seam between server and format.

The formats themselves live in `wire_anthropic.py`, `wire_responses.py`, `wire_chat.py` and `wire_decisions.py`. A
format turns values into JSON objects and server-sent events; it neither chooses answers nor sends anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from reviewer.core.outcome import StopReason, Usage
from reviewer.simulate.script import FaultKind, ProviderName

Json = dict[str, Any]
_PIECE = 48
_CHARS_PER_TOKEN = 4

REFUSAL: Final = "I cannot help with examining this draft."


class WireModel(BaseModel):
    """Base of request models: only what the simulated provider reads is named, the rest passes unread."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TextBlock(WireModel):
    """A content block: its text where it has any (images and the like have none)."""

    text: str = ""
    cache_control: dict[str, Any] | None = None


Content = Annotated[str | tuple[TextBlock, ...], Field(union_mode="left_to_right")]


class Turn(WireModel):
    """One message of a request."""

    role: str = ""
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, whatever its format.

    Attributes:
        prefix: text of the system or developer turns.
        blocks: text of all other turns, one string a content block.
        caches: the format would look for the prefix in its cache and leave it there.
        usage_in_stream: a stream is to end with the usage (Chat Completions only says so on demand).
        names: of the questions that the answer is to go through one by one (Decisions only).
    """

    model: str
    stream: bool
    prefix: str
    blocks: tuple[str, ...]
    caches: bool
    usage_in_stream: bool = True
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, whatever its format.

    Attributes:
        id: of the answer itself, not of the request; the format puts its own prefix before it.
        model: as served.
        created: seconds since the epoch.
        text: empty where the model refused.
    """

    id: str
    model: str
    created: int
    text: str
    stop: StopReason
    usage: Usage
    usage_in_stream: bool = True
    names: tuple[str, ...] = ()


class WireFormat(Protocol):
    """One wire format."""

    provider: ProviderName
    request_id_header: str
    error_kinds: frozenset[FaultKind]
    """Faults that this format answers with an error status."""

    def read(self, body: bytes) -> Asked:
        """Read a request body.

        Raises:
            pydantic.ValidationError: not a request of this format.
        """
        ...

    def body(self, answered: Answered) -> Json:
        """Build the body of a response that is not streamed."""
        ...

    def events(self, answered: Answered) -> Iterator[tuple[str | None, Json | str]]:
        """Yield the events of a stream: name (None where the format has none) and data, in the real order."""
        ...

    def error(self, kind: FaultKind | None, request_id: str) -> tuple[int, Json]:
        """Build status and body of an error; None stands for a request that could not be read (400)."""
        ...


class CountingFormat(WireFormat, Protocol):
    """A wire format whose provider also counts tokens without answering."""

    def read_countable(self, body: bytes) -> Asked:
        """Read the body of a request for a count: that of a request for an answer, without what only that needs.

        Raises:
            pydantic.ValidationError: not a request of this format.
        """
        ...

    def count(self, input_tokens: int) -> Json:
        """Build the body of a count."""
        ...


def texts(content: Content | None) -> tuple[str, ...]:
    """Return the texts of a content, one a block, blocks without text left out."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (content,)
    return tuple(block.text for block in content if block.text)


def pieces(text: str) -> Iterator[str]:
    """Cut a text into the deltas of a stream, in order."""
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def tokens(text: str) -> int:
    """Estimate tokens: one for every four characters begun."""
    return -(-len(text) // _CHARS_PER_TOKEN)
