"""Passages: the redacted, addressable pieces of text that checks, critic and verifier all read.

A passage is one text of the request (the draft, one source, one turn's part, one tool call's arguments) after
redaction. Offsets are in characters (Unicode code points), half-open. `original_span` maps a span of the redacted
text back to the text as the caller sent it, so that reasons can point into the caller's own draft.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from reviewer.core.draft import Drafter, ImagePart, Role, ToolCall
from reviewer.core.rubric import Place

TITLE = "#title"
NAME = "#name"
"""Suffixes of the address of a source's title and of a proposed call's tool name, which are passages of their own."""


@dataclass(frozen=True, slots=True)
class Substitution:
    """One value replaced by a typed placeholder.

    Attributes:
        kind: `card`, `iban`, `ssn`, `cpf`, `cnpj`, `email`, `phone` or `secret`.
        placeholder: `[EMAIL_1]`; one value has one placeholder in the whole request.
        start, end: span in the redacted text.
        original_start, original_end: span in the text as received.
    """

    kind: str
    placeholder: str
    start: int
    end: int
    original_start: int
    original_end: int


_START = attrgetter("start")


@dataclass(frozen=True, slots=True)
class Passage:
    """One redacted text with its address.

    Attributes:
        place: where a quote from it is said to stand.
        ref: `draft`; a source's id; `m3.0` for part 0 of turn 3; a proposed call's id; `TITLE`, `NAME` appended.
        role: who wrote it, for conversation passages.
        substitutions: in order of position.
    """

    place: Place
    ref: str
    text: str
    role: Role | None = None
    substitutions: tuple[Substitution, ...] = ()

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the redacted text to the original; a cut placeholder maps to its whole value."""
        subs = self.substitutions
        if not subs:
            return start, end
        return self._map(start, at_end=False), self._map(end, at_end=True)

    def _map(self, offset: int, *, at_end: bool) -> int:
        subs = self.substitutions
        index = (bisect_left if at_end else bisect_right)(subs, offset, key=_START) - 1
        if index < 0:
            return offset
        sub = subs[index]
        if offset >= sub.end:
            return offset - sub.end + sub.original_end
        return sub.original_end if at_end else sub.original_start


@dataclass(frozen=True, slots=True)
class SourceMeta:
    """What is known of a source besides its text."""

    id: str
    title: str
    uri: str
    retrieved_at: datetime | None


@dataclass(frozen=True, slots=True)
class RedactionReport:
    """What redaction replaced: counts only, never values.

    Attributes:
        counts: number of replaced occurrences by `(place, kind)`.
        complete: False where something that may hold personal data could not be scanned.
        incomplete_because: one sentence, empty where complete.
    """

    counts: tuple[tuple[Place, str, int], ...] = ()
    complete: bool = True
    incomplete_because: str = ""


@dataclass(frozen=True, slots=True)
class RedactedDraft:
    """Everything a check or a critic may see. Made by `reviewer.core.redaction.redact` only.

    Attributes:
        passages: conversation (oldest first), sources, proposed tool calls, draft last.
        tool_calls: the proposed calls with redacted arguments.
        images: images of the conversation, in order; they are not redacted.
    """

    passages: tuple[Passage, ...]
    tool_calls: tuple[ToolCall, ...]
    sources: tuple[SourceMeta, ...]
    images: tuple[ImagePart, ...]
    drafter: Drafter
    finish_reason: str
    report: RedactionReport
    by_place: dict[Place, tuple[Passage, ...]] = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The draft's redacted text; empty where only tool calls are proposed."""
        return self.passages[-1].text

    @property
    def draft(self) -> Passage:
        """The draft's passage: always present, always last."""
        return self.passages[-1]

    def at(self, place: Place) -> tuple[Passage, ...]:
        """Passages of one place, in order; empty where there is none."""
        return self.by_place.get(place, ())
