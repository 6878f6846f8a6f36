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
from functools import partial
from itertools import islice

from reviewer.checks.lookalikes import SUSPECT, folded, original_offsets
from reviewer.checks.places import PlacesArgs
from reviewer.checks.quoting import MAX_QUOTES, quote
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

Hit = tuple[str, int, int]


class Args(PlacesArgs):
    """Where to look; by default everywhere."""


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args.places)


def _check(places: tuple[Place, ...], subject: Subject) -> CheckOutcome:
    found = list(islice(_steering(places, subject), MAX_QUOTES))
    if not found:
        return _PASSED
    shown = tuple(quote(passage, start, end) for passage, (_, start, end) in found)
    labels = ", ".join(dict.fromkeys(f"{label} in {p.place.value} {p.ref}" for p, (label, _, _) in found))
    return Flagged(f"text that addresses the reviewer: {labels}", shown)


def _steering(places: tuple[Place, ...], subject: Subject) -> Iterator[tuple[Passage, Hit]]:
    for place in places:
        for passage in subject.draft.at(place):
            for hit in _hits(passage.text, system=passage.role is Role.SYSTEM):
                yield passage, hit


def _hits(text: str, *, system: bool) -> Iterator[Hit]:
    """Yield what steers in a text: as written, as it looks, and encoded; the last two only where the first is clean."""
    worth_reading = HINT_OR_BLOB.search(text) is not None
    plain = list(_signs(text, system=system)) if worth_reading else []
    if plain:
        yield from plain
        return
    if not text.isascii() and SUSPECT.search(text) is not None:
        looks = folded(text)
        disguised = list(_signs(looks, system=system)) if looks != text else []
        if disguised:
            offsets = original_offsets(text)
            yield from ((f"disguised {label}", offsets[start], offsets[end]) for label, start, end in disguised)
    if worth_reading:
        yield from _encoded(text, system=system)


def _signs(text: str, *, system: bool) -> Iterator[Hit]:
    if HINT.search(text) is None:
        return
    for sign in SIGNS:
        if sign.quotable and system:
            continue
        for match in islice(sign.pattern.finditer(text), MAX_QUOTES):
            negated = sign.negatable and match.group(1) is not None
            line = text.rfind("\n", 0, match.start()) + 1
            if negated or (sign.quotable and is_quoted(text, match.start(), max(line, match.start() - 200))):
                continue
            yield sign.label, match.start(), match.end()


def _encoded(text: str, *, system: bool) -> Iterator[Hit]:
    for match in islice(BLOB.finditer(text), _MAX_BLOBS):
        start, end = match.start(), match.end()
        for decoded in _decodings(text[start : min(end, start + _MAX_BLOB_CHARS)]):
            for label, _, _ in islice(_signs(decoded, system=system), 1):
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
