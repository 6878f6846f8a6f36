"""Folding: the form in which two texts are compared, with a way back to the offsets of the text as it is.

Folded are compatibility variants (Unicode NFKC), case, runs of white space, typographic quotes and dashes; dropped
are soft hyphens, zero-width and bidirectional controls. A passage is folded a segment at a time, at the speed of the
standard library; characters are only walked inside the one or two segments in which a match begins and ends.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

from reviewer.core.segments import HIDDEN, Segmented

_VARIANTS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)
_SPACE = re.compile(r"\s+")


def fold(text: str) -> str:
    """Return the folded form, without white space at either end."""
    return _fold(text).strip()


def _fold(text: str) -> str:
    if not text.isascii():
        text = HIDDEN.sub("", unicodedata.normalize("NFKC", text.translate(_VARIANTS)))
        return _SPACE.sub(" ", text.casefold())
    return _SPACE.sub(" ", text.translate(_VARIANTS).lower())


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

    def _back(self, offset: int) -> tuple[int, int]:
        """Span in the passage's text of what became the folded character at `offset`."""
        number = max(bisect_right(self.starts, offset) - 1, 0)
        begin, finish = self.part.spans[number]
        inside = offset - self.starts[number]
        for left, right, width in _clusters(self.part.passage.text[begin:finish]):
            if inside < width:
                return begin + left, begin + right
            inside -= width
        return begin, finish


def fold_part(part: Segmented) -> Folded:
    """Fold a passage; linear in its text."""
    text = part.passage.text
    pieces: list[str] = []
    starts: list[int] = []
    length = last = 0
    for begin, end in part.spans:
        # A long line is cut anywhere where it holds no space: its pieces belong together.
        if pieces and (begin > last or text[last - 1].isspace()):
            pieces.append(" ")
            length += 1
        folded = fold(text[begin:end])
        starts.append(length)
        pieces.append(folded)
        length += len(folded)
        last = end
    return Folded(part, "".join(pieces), tuple(starts))


def _clusters(text: str) -> list[tuple[int, int, int]]:
    """Cut a segment into (start, end, folded width), a base character with its marks and a run of spaces being one."""
    clusters: list[tuple[int, int, int]] = []
    at = 0
    begun = False
    while at < len(text):
        end = at + 1
        if text[at].isspace():
            while end < len(text) and text[end].isspace():
                end += 1
            width = 1 if begun else 0
        else:
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
            width = len(_fold(text[at:end]))
            begun = begun or width > 0
        clusters.append((at, end, width))
        at = end
    return clusters
