"""Check `hidden_text`: no invisible character hides or reorders what a reader sees.

Built in: it runs over every passage of every request. What is benign is decided in `reviewer.checks.invisible`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import partial
from itertools import islice

from reviewer.checks.invisible import HIDDEN_HINT, hiding_runs
from reviewer.checks.places import PlacesArgs
from reviewer.checks.quoting import MAX_QUOTES, quote
from reviewer.checks.screens import EVERYWHERE
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.passage import Passage
from reviewer.core.rubric import Place
from reviewer.core.segments import may_hide

_PASSED = Passed()
# Visible characters shown on each side of a hidden run, so that the quote can be found by eye.
_MARGIN = 12
_NAMED = 4


class Args(PlacesArgs):
    """Where to look; by default everywhere."""


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args.places)


def _check(places: tuple[Place, ...], subject: Subject) -> CheckOutcome:
    if EVERYWHERE.clears(subject.draft):
        return _PASSED
    found = list(islice(_hidden(places, subject), MAX_QUOTES))
    if not found:
        return _PASSED
    shown = tuple(quote(p, max(0, start - _MARGIN), end + _MARGIN) for p, start, end in found)
    passage, start, end = found[0]
    where = ", ".join(dict.fromkeys(f"{p.place.value} {p.ref}" for p, _, _ in found))
    return Flagged(f"hidden characters in {where}: {_names(passage.text[start:end])}", shown)


def _hidden(places: tuple[Place, ...], subject: Subject) -> Iterator[tuple[Passage, int, int]]:
    for place in places:
        for passage in subject.draft.at(place):
            if may_hide(passage.text) and HIDDEN_HINT.search(passage.text.encode()) is not None:
                for start, end in hiding_runs(passage.text, place):
                    yield passage, start, min(end, len(passage.text))


def _names(run: str) -> str:
    kinds = list(dict.fromkeys(run))
    named = ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, 'control')}" for c in kinds[:_NAMED])
    return f"{named} and {len(kinds) - _NAMED} other kinds" if len(kinds) > _NAMED else named
