"""Check `reviewer_steering`: no text of the request addresses the reviewer or forges its work.

Built in: it runs over every passage of every request, so a cheap pass comes first. The wording is also looked for
under hidden characters and look-alike letters, and in what `reviewer.checks.encodings` can read. Detection by wording
catches the crude attempts only; the verdict does not rest on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import partial
from itertools import islice

from reviewer.checks.encodings import Reading, readings
from reviewer.checks.lookalikes import SUSPECT, folded, original_offsets
from reviewer.checks.patterns import Match
from reviewer.checks.places import PlacesArgs
from reviewer.checks.quoting import MAX_QUOTES, quote
from reviewer.checks.screens import EVERYWHERE
from reviewer.checks.sentences import is_quoted
from reviewer.checks.steering_claims import BARE, PAIRS, WHOLE, Pair
from reviewer.checks.steering_phrases import HINT, HINT_OR_ENCODED, SIGNS, Sign
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Role
from reviewer.core.passage import Passage
from reviewer.core.rubric import Place

_PASSED = Passed()
# Claims and cues that are paired in one text; more of them than this are noise of one kind or the other.
_MAX_CLAIMS = 64
# How far back the mark may stand that opens a quotation.
_QUOTATION_CHARS = 200
# "A guest wrote "ignore ..."": the word before a quotation that makes it one; a key of JSON ends with a quotation mark.
_TOLD = re.compile(
    r"\b(?:wrote|typed|entered|says?|said|reads?|saying|reading|like|as|phrase|text|sentence|words|instruction|prompt|message"
    r"|escreveu|digitou|dizia|diz|frase|texto|escribió|decía|dice)\s*[,:]?\s*[\"\u201c]"
    r"[^\"\u201c\u201d\n]{0,100}$"
)

Hit = tuple[str, int, int]


class _Mentions(Enum):
    """Where a text may speak of instructions to models without giving any."""

    NONE = auto()
    TOLD = auto()
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
            for hit in _hits(passage):
                yield passage, hit


def _mentions(passage: Passage) -> _Mentions:
    if passage.role is Role.SYSTEM:
        return _Mentions.ALLOWED
    if passage.place in (Place.DRAFT, Place.CONVERSATION):
        return _Mentions.QUOTED
    # Planted text comes from sources and tool results, and JSON puts every string in quotation marks: a source must say
    # whose words it quotes, and a result quotes nothing.
    return _Mentions.TOLD if passage.place is Place.SOURCE else _Mentions.NONE


def _hits(passage: Passage) -> Iterator[Hit]:
    """Yield what steers in a text: as written, as it looks, and encoded; the last two only where the first is clean."""
    text, place, mentions = passage.text, passage.place, _mentions(passage)
    raw = text.encode()
    worth_reading = HINT_OR_ENCODED.search(raw) is not None
    plain = list(_signs(text, place, mentions)) if worth_reading else []
    if plain:
        yield from plain
        return
    if not text.isascii() and SUSPECT.search(raw) is not None:
        looks = folded(text)
        disguised = list(_signs(looks, place, mentions)) if looks != text else []
        if disguised:
            offsets = original_offsets(text)
            yield from ((f"disguised {label}", offsets[start], offsets[end]) for label, start, end in disguised)
    if worth_reading:
        for reading in readings(text, raw):
            yield from islice(_encoded(reading, place, mentions), 1)


def _encoded(reading: Reading, place: Place, mentions: _Mentions) -> Iterator[Hit]:
    # Where a reading stands for the whole text, its offsets are not those of the text.
    for label, _, _ in _signs(reading.text, place, mentions):
        yield f"encoded {label}", reading.start, reading.end
    if reading.hidden and BARE.search(reading.text.encode()) is not None:
        yield "encoded claim that all is in order", reading.start, reading.end


def _signs(text: str, place: Place, mentions: _Mentions) -> Iterator[Hit]:
    raw = text.encode()
    if HINT.search(raw) is None:
        return
    for sign in SIGNS:
        if (sign.places is not None and place not in sign.places) or (sign.quotable and mentions is _Mentions.ALLOWED):
            continue
        if sign.pattern.search(raw) is None:
            continue
        for match in islice(sign.pattern.finditer(text), MAX_QUOTES):
            if not (_is_excused(sign, match) or (sign.quotable and _is_mentioned(text, match.start(), mentions))):
                yield sign.label, match.start(), match.end()
    for pair in PAIRS:
        if place not in pair.spared:
            yield from _paired(pair, text, raw)
    if place is Place.DRAFT and WHOLE.search(raw) is not None:
        yield "claim that the criteria are met instead of an answer", 0, len(text)


def _is_excused(sign: Sign, match: Match) -> bool:
    return any(match.start(group) >= 0 for group in range(1, sign.excuses + 1))


def _is_mentioned(text: str, start: int, mentions: _Mentions) -> bool:
    floor = max(text.rfind("\n", 0, start) + 1, start - _QUOTATION_CHARS)
    if mentions is _Mentions.TOLD:
        return _TOLD.search(text, floor, start) is not None
    return mentions is _Mentions.QUOTED and is_quoted(text, start, floor)


def _paired(pair: Pair, text: str, raw: bytes) -> Iterator[Hit]:
    """Yield the claims that a cue stands near; both lists are in order, so each is walked once."""
    if pair.claim.search(raw) is None or pair.cue.search(raw) is None:
        return
    cues = [match.span() for match in islice(pair.cue.finditer(text), _MAX_CLAIMS)]
    at = 0
    for claim in islice(pair.claim.finditer(text), _MAX_CLAIMS):
        start, end = claim.span()
        while at < len(cues) and cues[at][1] < start - pair.within:
            at += 1
        if at < len(cues) and cues[at][0] <= end + pair.within and not (pair.conditional and claim.start(1) >= 0):
            yield pair.label, start, end
