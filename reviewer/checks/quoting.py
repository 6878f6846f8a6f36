"""Quotes that a check gives as evidence: spans of a passage's redacted text, with offsets in the caller's own text."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from reviewer.core.finding import Quote
from reviewer.core.passage import Passage

MAX_QUOTES = 8
MAX_QUOTE_CHARS = 300


def quote(passage: Passage, start: int, end: int) -> Quote:
    """Quote `text[start:end]` of a passage, cut after `MAX_QUOTE_CHARS` characters."""
    text = passage.text
    end = min(end, start + MAX_QUOTE_CHARS, len(text))
    original_start, original_end = passage.original_span(start, end) if passage.substitutions else (start, end)
    return Quote(passage.place, passage.ref, text[start:end], original_start, original_end)


def quotes(passage: Passage, spans: Iterable[tuple[int, int]]) -> tuple[Quote, ...]:
    """Quote the first `MAX_QUOTES` spans of a passage."""
    return tuple([quote(passage, start, end) for start, end in islice(spans, MAX_QUOTES)])
