"""Invisible characters: which uses are part of a script or an emoji, and which hide or reorder text.

The characters are those of `reviewer.core.segments.HIDDEN`. Sources: Unicode Standard 16, 23.2 to 23.4 (joiners,
bidirectional controls, variation selectors, tags); UTS 51 (emoji sequences); UTR 36, 3.1 (bidirectional text).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from reviewer.checks.patterns import compile_own
from reviewer.core.rubric import Place
from reviewer.core.segments import HIDDEN

HIDDEN_HINT = compile_own(HIDDEN.pattern)
"""The same class as `HIDDEN`, for a search that costs one fast pass."""

_RUN = re.compile(f"{HIDDEN.pattern}+")
# Windows-1252 punctuation that was decoded as Latin-1: unsightly, hides nothing. CSI, OSC and DCS are not among it.
_MISDECODED = frozenset(
    "\x80\x82\x83\x84\x86\x87\x88\x89\x8a\x8b\x8c\x8e\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9c\x9e\x9f"
)
_MARKS = frozenset("\u200e\u200f\u061c")
_EMBEDDINGS = frozenset("\u202a\u202c\u2066\u2068\u2069")
_RIGHT_TO_LEFT = frozenset("\u202b\u2067")
_BIDI = _MARKS | _EMBEDDINGS | _RIGHT_TO_LEFT
_ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\ufeff\u034f\u2061\u2062\u2063\u2064")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_FLAG = "\U0001f3f4"
# England, Scotland, Wales: the tag sequences that are recommended for interchange.
_FLAG_TAGS = frozenset(
    "".join(chr(0xE0000 + ord(c)) for c in code) + "\U000e007f" for code in ("gbeng", "gbsct", "gbwls")
)
_JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a00-\u1cff\ua800-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc]"
)
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]")
_HAN = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa1-\uffdc]")
_WITH_SELECTOR = frozenset({"So", "Sm", "Sk", "Po", "Pd", "Nd", "No"})
_PICTURES = frozenset({"So", "Sm", "Sk"})
_UNCHECKED_PLACES = frozenset({Place.SOURCE, Place.TOOL_RESULT, Place.CONVERSATION})
_NEAR = 12


def hiding_runs(text: str, place: Place) -> Iterator[tuple[int, int]]:
    """Yield spans of invisible characters that hide or reorder text; work is linear in the text.

    Args:
        place: text that people or web pages wrote may hold stray soft hyphens; a draft or a tool call may not.
    """
    for match in _RUN.finditer(text):
        start, end = match.span()
        if start == 0 and text[0] == "\ufeff":
            start = 1
        if start < end and not _is_benign(text, start, end, place):
            yield start, end


def _is_benign(text: str, start: int, end: int, place: Place) -> bool:
    run = text[start:end]
    if end - start == 1:
        return _one_is_benign(text, start, place)
    if len(run) == 2 and run[0] in "\ufe0e\ufe0f" and run[1] == "\u200d":
        return _is_picture(text, start - 1) and _is_picture(text, end)
    if text[start - 1 : start] == _FLAG:
        return run in _FLAG_TAGS
    if _BIDI.issuperset(run):
        return end - start <= _NEAR and all(_bidi_is_benign(text, at, place) for at in range(start, end))
    return set(run) <= _MISDECODED


def _one_is_benign(text: str, at: int, place: Place) -> bool:
    char, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char in _BIDI:
        return _bidi_is_benign(text, at, place)
    if char in _ZERO_WIDTH:
        return _zero_width_is_benign(text, at, place)
    if char == "\u00ad":
        return place in _UNCHECKED_PLACES and before.isalpha() and after.isalpha()
    if char in _FILLERS:
        return _in(_HANGUL, before) or _in(_HANGUL, after)
    return char in _MISDECODED or _selects(char, before)


def _selects(char: str, before: str) -> bool:
    """Whether a variation selector (or a vowel of Khmer, Mongolian) follows a character that has variants."""
    category = unicodedata.category(before) if before else ""
    if char in "\ufe0e\ufe0f":
        return category in _WITH_SELECTOR or before == "\u2139" or _in(_HAN, before)
    if "\ufe00" <= char <= "\ufe0d" or "\U000e0100" <= char <= "\U000e01ef":
        return category == "Sm" or _in(_HAN, before)
    return ("\u17b4" <= char <= "\u17b5" or "\u180b" <= char <= "\u180f") and _in(_JOINING, before)


def _zero_width_is_benign(text: str, at: int, place: Place) -> bool:
    char, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char == "\u200d" and _is_picture(text, at - 1) and _is_picture(text, at + 1):
        return True
    if char in "\u200c\u200d" and _in(_JOINING, before):
        return True
    if char == "\u200b" and (_in(_UNSPACED, before) or _in(_UNSPACED, after)):
        return True
    # Alone at the edge of a word it splits nothing; scraped pages are full of such.
    return place is not Place.TOOL_CALL and not (_in_word(before) and _in_word(after))


def _bidi_is_benign(text: str, at: int, place: Place) -> bool:
    """Marks belong beside right-to-left letters; embeddings keep the order of left-to-right text; overrides hide."""
    char = text[at]
    if char not in _BIDI:
        return False
    around = text[max(0, at - _NEAR) : at + _NEAR]
    if char in _MARKS:
        return any(_is_right_to_left(c) for c in around) or (char == "\u200e" and place is not Place.TOOL_CALL)
    if char in _RIGHT_TO_LEFT:
        strong = next((c for c in text[at + 1 : at + _NEAR] if unicodedata.bidirectional(c) in {"L", "R", "AL"}), "")
        return _is_right_to_left(strong)
    return place is not Place.TOOL_CALL


def _is_right_to_left(char: str) -> bool:
    return char != "" and unicodedata.bidirectional(char) in {"R", "AL"} and char not in _BIDI


def _is_picture(text: str, at: int) -> bool:
    return 0 <= at < len(text) and unicodedata.category(text[at]) in _PICTURES


def _in_word(char: str) -> bool:
    return char != "" and (char.isalnum() or unicodedata.category(char).startswith("M"))


def _in(pattern: re.Pattern[str], char: str) -> bool:
    return pattern.match(char) is not None
