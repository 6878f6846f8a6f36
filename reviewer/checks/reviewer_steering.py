"""Check `reviewer_steering`: no text of the request addresses the reviewer or forges its work.

Built in: it runs over every passage of every request, so a cheap pass comes first. The wording is also looked for
under hidden characters and look-alike letters, and one level inside base64 and hexadecimal. Detection by wording
catches the crude attempts only; the verdict does not rest on it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import partial
from itertools import islice

from reviewer.checks.lookalikes import SUSPECT, folded, original_offsets
from reviewer.checks.places import PlacesArgs
from reviewer.checks.quoting import MAX_QUOTES, quote
from reviewer.checks.screens import EVERYWHERE
from reviewer.checks.sentences import is_quoted
from reviewer.checks.steering_phrases import BLOB, HINT, HINT_OR_BLOB, SIGNS
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Role
from reviewer.core.passage import Passage
from reviewer.core.rubric import Place

_PASSED = Passed()
# Bounds on decoding: blobs a passage, and characters of each. More is a file, not a phrase.
_MAX_BLOBS = 16
_MAX_BLOB_CHARS = 16_384
_URL_SAFE = str.maketrans("-_", "+/")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")

# How far back the mark may stand that opens a quotation.
_QUOTATION_CHARS = 200

Hit = tuple[str, int, int]


class _Mentions(Enum):
    """Where a text may speak of instructions to models without giving any."""

    NONE = auto()
    QUOTED = auto()
    ALLOWED = auto()


class Args(PlacesArgs):
    """Where to look; by default everywhere."""


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args.places)


def _check(places: tuple[Place, ...], subject: Subject) -> CheckOutcome:
    if EVERYWHERE.clears(subject.draft):
        return _PASSED
    found = list(islice(_steering(places, subject), MAX_QUOTES))
    if not found:
        return _PASSED
    shown = tuple(quote(passage, start, end) for passage, (_, start, end) in found)
    labels = ", ".join(dict.fromkeys(f"{label} in {p.place.value} {p.ref}" for p, (label, _, _) in found))
    return Flagged(f"text that addresses the reviewer: {labels}", shown)


def _steering(places: tuple[Place, ...], subject: Subject) -> Iterator[tuple[Passage, Hit]]:
    for place in places:
        for passage in subject.draft.at(place):
            for hit in _hits(passage.text, _mentions(passage)):
                yield passage, hit


def _mentions(passage: Passage) -> _Mentions:
    if passage.role is Role.SYSTEM:
        return _Mentions.ALLOWED
    # Sources and tool results are where planted text comes from, and JSON puts every string in quotation marks.
    return _Mentions.QUOTED if passage.place in (Place.DRAFT, Place.CONVERSATION) else _Mentions.NONE


def _hits(text: str, mentions: _Mentions) -> Iterator[Hit]:
    """Yield what steers in a text: as written, as it looks, and encoded; the last two only where the first is clean."""
    raw = text.encode()
    worth_reading = HINT_OR_BLOB.search(raw) is not None
    plain = list(_signs(text, mentions)) if worth_reading else []
    if plain:
        yield from plain
        return
    if not text.isascii() and SUSPECT.search(raw) is not None:
        looks = folded(text)
        disguised = list(_signs(looks, mentions)) if looks != text else []
        if disguised:
            offsets = original_offsets(text)
            yield from ((f"disguised {label}", offsets[start], offsets[end]) for label, start, end in disguised)
    if worth_reading:
        yield from _encoded(text, mentions)


def _signs(text: str, mentions: _Mentions) -> Iterator[Hit]:
    if HINT.search(text.encode()) is None:
        return
    for sign in SIGNS:
        if sign.quotable and mentions is _Mentions.ALLOWED:
            continue
        for match in islice(sign.pattern.finditer(text), MAX_QUOTES):
            negated = sign.negatable and match.group(1) is not None
            may_quote = sign.quotable and mentions is _Mentions.QUOTED
            if negated or (may_quote and _is_mentioned(text, match.start())):
                continue
            yield sign.label, match.start(), match.end()


def _is_mentioned(text: str, start: int) -> bool:
    line = text.rfind("\n", 0, start) + 1
    return is_quoted(text, start, max(line, start - _QUOTATION_CHARS))


def _encoded(text: str, mentions: _Mentions) -> Iterator[Hit]:
    for match in islice(BLOB.finditer(text), _MAX_BLOBS):
        start, end = match.start(), match.end()
        for decoded in _decodings(text[start : min(end, start + _MAX_BLOB_CHARS)]):
            for label, _, _ in islice(_signs(decoded, mentions), 1):
                yield f"encoded {label}", start, end


def _decodings(blob: str) -> Iterator[str]:
    if _HEX.fullmatch(blob):
        yield bytes.fromhex(blob).decode("utf-8", "replace")
    bare = blob.rstrip("=").translate(_URL_SAFE)
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    try:
        yield base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return
