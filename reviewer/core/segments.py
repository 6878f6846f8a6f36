"""Segments: the numbered lines in which a critic sees a passage, and by which it cites it.

Every physical line of untrusted text gets a number of ours, so that no line of data can pose as a line of the prompt
(the number is data mark and citation in one). Long lines are cut at sentence ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reviewer.core.passage import Passage, RedactedDraft
from reviewer.core.rubric import Place

_ASCII_CONTROLS = bytes([*range(0x00, 0x09), *range(0x0E, 0x20), 0x7F])
_LONG_LINE = 240
_SENTENCE_END = re.compile(r"[.!?\u2026;:][\"'\u201d\u2019)\]]*\s+")
_PREFIX = {
    Place.CONVERSATION: "m",
    Place.SOURCE: "s",
    Place.TOOL_RESULT: "r",
    Place.TOOL_CALL: "t",
    Place.DRAFT: "d",
    Place.IMAGE: "i",
}
_PLACES = {letter: place for place, letter in _PREFIX.items()}
_LETTERED = re.compile(r"\s*([a-z])\d")
_SEGMENT_ID = re.compile(r"([a-z]\d*)\.(\d+)|d(\d+)")
# Controls, zero-width, bidirectional, tag and variation characters: shown to the critic by name, never raw.
HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff\U0001d173-\U0001d17a]"
)


@dataclass(frozen=True, slots=True)
class Segmented:
    """A passage cut into segments.

    Attributes:
        label: `d`, `s1`, `m0`, `r2`, `t1`: unique in one request.
        spans: half-open character spans of the redacted text, in order; segment n is `spans[n - 1]`.
    """

    label: str
    passage: Passage
    spans: tuple[tuple[int, int], ...]

    def segment_id(self, number: int) -> str:
        """Return the id of segment `number`, counted from 1: `d12`, `s3.7`."""
        return f"{self.label}{number}" if self.label == "d" else f"{self.label}.{number}"

    def rendered(self) -> str:
        """Render one numbered line a segment, hidden characters spelled out."""
        text = self.passage.text
        head = self.label if self.label == "d" else f"{self.label}."
        body = "\n".join([f"{head}{n}| {text[a:b]}" for n, (a, b) in enumerate(self.spans, 1)])
        return HIDDEN.sub(_named, body) if may_hide(text) else body


def may_hide(text: str) -> bool:
    """Cheap guard: False only where the text certainly holds no hidden character."""
    if not text.isascii():
        return True
    raw = text.encode("ascii")
    return len(raw.translate(None, _ASCII_CONTROLS)) != len(raw)


def _named(match: re.Match[str]) -> str:
    return f"\u27e8U+{ord(match.group(0)):04X}\u27e9"


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """All passages of a request, cut and addressable by segment id."""

    parts: tuple[Segmented, ...]
    by_label: dict[str, Segmented] = field(repr=False)

    def locate(self, segment_id: str) -> tuple[Segmented, tuple[int, int]] | None:
        """Return the part and span of a segment id as a critic wrote it, or None where there is no such segment."""
        match = _SEGMENT_ID.fullmatch(segment_id.strip())
        if match is None:
            return None
        label, number = (match.group(1), match.group(2)) if match.group(1) else ("d", match.group(3))
        part = self.by_label.get(label)
        index = int(number) - 1 if len(number) < 9 else -1
        if part is None or not 0 <= index < len(part.spans):
            return None
        return part, part.spans[index]


def place_of(segment_id: str) -> Place | None:
    """Return the place that a segment id names by its letter, as a critic wrote it; None where it names none."""
    match = _LETTERED.match(segment_id)
    return _PLACES.get(match[1]) if match else None


def segment(draft: RedactedDraft) -> SegmentIndex:
    """Cut every passage of a request; linear in the text."""
    counts: dict[Place, int] = {}
    parts: list[Segmented] = []
    for passage in draft.passages:
        number = counts[passage.place] = counts.get(passage.place, 0) + 1
        label = "d" if passage.place is Place.DRAFT else f"{_PREFIX[passage.place]}{number}"
        parts.append(Segmented(label, passage, _spans(passage.text)))
    return SegmentIndex(tuple(parts), {part.label: part for part in parts})


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    """Cut at every line break Python knows (U+2028 and its kin too), then long lines at sentence ends."""
    spans: list[tuple[int, int]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        end = at + len(line)
        bare = len(line.rstrip())
        if bare > _LONG_LINE:
            _cut_line(text, at, at + bare, spans)
        elif bare:
            spans.append((at, at + bare))
        at = end
    return tuple(spans)


def _cut_line(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    """Cut one long line into pieces of roughly `_LONG_LINE` characters, at sentence or word ends where it has them."""
    while end - start > _LONG_LINE:
        window_end = start + _LONG_LINE
        cut = 0
        for match in _SENTENCE_END.finditer(text, start, window_end):
            cut = match.end()
        if not cut:
            space = text.rfind(" ", start + _LONG_LINE // 2, window_end)
            cut = space + 1 if space > 0 else window_end
        spans.append((start, cut))
        start = cut
    if start < end:
        spans.append((start, end))
