"""Folding: the form in which two texts are compared, with a way back to the offsets of the text as it is.

Folded are compatibility variants (Unicode NFKC), case, runs of white space, typographic quotes and dashes; dropped
are soft hyphens, controls, zero-width and bidirectional characters. A passage is folded a segment at a time, at the
speed of the standard library; characters are only looked at one by one inside the one or two segments (of at most 240
characters) in which a match begins and ends.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

from reviewer.core.segments import HIDDEN, Segmented, may_hide

_VARIANTS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u1fef\uff40", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        # What normalising would turn into one of the above, which are looked for before it.
        **dict.fromkeys("\u207b\u208b\ufe31\ufe32\ufe58", "-"),
        "\u2033": "''",
        "\u2034": "'''",
        "\u2057": "''''",
    }
)
_SPACE = re.compile(r"\s+")


def fold(text: str) -> str:
    """Return the folded form, without white space at either end."""
    return _fold(text).strip()


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_VARIANTS)).casefold()
    else:
        text = text.translate(_VARIANTS).lower()
    if may_hide(text):
        text = HIDDEN.sub("", text)
    return _SPACE.sub(" ", text)


@dataclass(frozen=True, slots=True)
class Folded:
    """A passage in folded form.

    Attributes:
        text: folded segments, joined by one space where white space stood between them.
        starts: offset in `text` at which each segment begins.
    """

    part: Segmented
    text: str
    starts: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a non-empty span of the folded text to the passage's text."""
        return self._back(start)[0], self._back(end - 1)[1]

    def bounds(self, span: tuple[int, int]) -> tuple[int, int]:
        """Return where one of the part's segments begins and ends in the folded text."""
        number = self.part.spans.index(span)
        following = number + 1
        return self.starts[number], self.starts[following] if following < len(self.starts) else len(self.text)

    def _back(self, offset: int) -> tuple[int, int]:
        """Span in the passage's text of what became the folded character at `offset`."""
        number = max(bisect_right(self.starts, offset) - 1, 0)
        begin, finish = self.part.spans[number]
        first, last = _source_of(self.part.passage.text[begin:finish], offset - self.starts[number])
        return begin + first, begin + last


def fold_part(part: Segmented) -> Folded:
    """Fold a passage; linear in its text."""
    text = part.passage.text
    pieces: list[str] = []
    starts: list[int] = []
    length = last = 0
    for begin, end in part.spans:
        folded = fold(text[begin:end])
        # A long line is cut anywhere where it holds no space: its pieces belong together.
        if folded and pieces and (begin > last or text[last - 1].isspace() or text[begin].isspace()):
            pieces.append(" ")
            length += 1
        starts.append(length)
        if folded:
            pieces.append(folded)
            length += len(folded)
        last = end
    return Folded(part, "".join(pieces), tuple(starts))


def _source_of(segment: str, offset: int) -> tuple[int, int]:
    """Return the span of a segment that became one character of its folded form.

    Told by the folded length of every prefix: characters that combine, expand or vanish when folded need no rule of
    their own. The whole segment where the offset lies beyond its folded form.
    """
    if segment.isascii() and len(fold(segment)) == len(segment):
        return offset, offset + 1
    widths = [len(_fold(segment[:end]).lstrip()) for end in range(len(segment) + 1)]
    end = next((at for at, width in enumerate(widths) if width > offset), 0)
    if not end:
        return 0, len(segment)
    start = end - 1
    while end < len(segment) and widths[end + 1] <= offset + 1:
        end += 1
    return start, end
