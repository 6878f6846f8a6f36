"""Sentences of prose, well enough to count them: a line break ends one, an abbreviation may end one too early."""

from __future__ import annotations

import re
from collections.abc import Iterator

# The look-ahead leaves a run of dots to its last one, so that no run is read twice.
_END = re.compile(
    '[.!?\u2026\u3002\uff01\uff1f\n](?:(?<=\n)\\n*+|(?<=[\u3002\uff01\uff1f])["\u201d\u2019\u300d\u300f\uff09]*+\\s*+'
    "|(?![.!?\u2026])[\"'\u201d\u2019)\\]]*+\\s++)"
)
_OPENING_QUOTES = "\u201c\u00ab\u2018"
_CLOSING_QUOTES = "\u201d\u00bb\u2019"


def sentences(text: str, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield half-open spans of sentences that hold more than white space, in order.

    Args:
        end: read no further than this offset.
    """
    stop = len(text) if end is None else min(end, len(text))
    at = 0
    for match in _END.finditer(text, 0, stop):
        if text[at : match.end()].strip():
            yield at, match.end()
        at = match.end()
    if text[at:stop].strip():
        yield at, stop


def is_quoted(text: str, start: int, floor: int) -> bool:
    """Whether the character at `start` stands inside quotation marks or back-ticks opened after `floor`."""
    before = text[floor:start]
    if before.count('"') % 2 or before.count("`") % 2:
        return True
    return any(
        before.rfind(opening) > before.rfind(closing)
        for opening, closing in zip(_OPENING_QUOTES, _CLOSING_QUOTES, strict=True)
    )


def word_count(text: str) -> int:
    """Count words as white space parts them."""
    return len(text.split())
