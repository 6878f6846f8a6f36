"""Check `numbers`: does every figure of the draft stand in a source, a tool result, the conversation or a policy fact?

Figures are compared by value and unit, whatever their spelling. A number without a unit vouches for an equal one
with a unit where a user wrote it, or where no word follows it (tables, JSON). Computed figures are not recomputed:
a sum that nobody wrote counts as unsupported. A policy fact vouches for its figures with their units only, and is read
once for all requests of a plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from itertools import islice

from pydantic import Field

from reviewer.checks.figures import (
    Figure,
    FigureKind,
    Key,
    find_figures,
    find_spelled,
    stands_as_written,
    versions_vouched,
)
from reviewer.checks.quantities import bare_numbers
from reviewer.checks.quoting import MAX_QUOTES, quotes
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject, Unavailable
from reviewer.core.draft import Role
from reviewer.core.passage import Passage
from reviewer.core.rubric import Frozen, Place

# More figures than any answer states: checking on would cost time and change nothing.
_MAX_FIGURES = 2_000
# Each is one search in all material: the bound keeps their product small.
_MAX_LITERAL = 32
_EVIDENCE = (Place.SOURCE, Place.CONVERSATION, Place.TOOL_RESULT)
_DIGIT = re.compile("[0-9]")
_NO_FIGURES = Passed(why="the draft states no figure of the listed kinds")


class Args(Frozen):
    """Which kinds of figure must be supported; kinds as `reviewer.checks.figures` names them."""

    kinds: tuple[FigureKind, ...] = Field(min_length=1)


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, tuple(dict.fromkeys(args.kinds)))


def _check(kinds: tuple[FigureKind, ...], subject: Subject) -> CheckOutcome:
    passage = subject.draft.draft
    if _DIGIT.search(passage.text) is None:
        return _NO_FIGURES
    figures = list(islice(find_figures(passage.text, kinds), _MAX_FIGURES + 1))
    if not figures:
        return _NO_FIGURES
    if len(figures) > _MAX_FIGURES:
        return Unavailable(f"the draft states more than {_MAX_FIGURES} figures")
    unsupported = _not_literal(figures, subject)
    if unsupported:
        unsupported = _unsupported(unsupported, subject, kinds)
    if not unsupported:
        return _supported(len(figures))
    spans = sorted({(figure.start, figure.end) for figure in unsupported})
    shown = quotes(passage, spans)
    listed = "; ".join(dict.fromkeys(q.text.strip() for q in shown))
    more = f" and {len(spans) - MAX_QUOTES} more" if len(spans) > MAX_QUOTES else ""
    why = f"stand in no source, no policy fact and not in the conversation: {listed}{more}"
    return Flagged(why, shown, fix="Remove the figures that nothing supports, or give those of the source.")


@lru_cache(maxsize=64)
def _supported(count: int) -> Passed:
    return Passed(why=f"all {count} figures stand in the sources, the policy facts or the conversation")


@dataclass(frozen=True, slots=True)
class _Support:
    """What the material beside the draft vouches for."""

    keys: set[Key] = field(default_factory=set)
    bare: set[Decimal] = field(default_factory=set)

    def add(self, passage: Passage, kinds: tuple[FigureKind, ...]) -> None:
        self.keys.update(_keys(passage.text, kinds))
        self.bare.update(bare_numbers(passage.text, before_words=passage.role is Role.USER))

    def add_dates(self, now: datetime) -> None:
        """Add today, and of each date its shorter forms; a date without a year also stands for this year's."""
        today = (now.year, now.month, now.day)
        days = [today, *(value for kind, _, value in self.keys if kind == "date" and isinstance(value, tuple))]
        for year, month, day in days:
            for form in ((year or now.year, month, day), (0, month, day), (year, month, 0)):
                self.keys.add(("date", "", form))

    def vouches_for(self, figure: Figure) -> bool:
        return any(key in self.keys for key in figure.keys) or any(value in self.bare for value in figure.values)


def _keys(text: str, kinds: tuple[FigureKind, ...]) -> Iterator[Key]:
    for figure in (*find_figures(text, kinds), *find_spelled(text, kinds)):
        yield from figure.keys
    if "version" in kinds:
        yield from versions_vouched(text)


@lru_cache(maxsize=256)
def _stated(facts: tuple[str, ...], kinds: tuple[FigureKind, ...]) -> frozenset[Key]:
    """Return what policy facts vouch for; there are as many pairs as plans and checks."""
    return frozenset(key for text in facts for key in _keys(text, kinds))


def _not_literal(figures: list[Figure], subject: Subject) -> list[Figure]:
    """Return the figures that do not stand in the material as the draft writes them, of many all."""
    if len(figures) > _MAX_LITERAL:
        return figures
    text = subject.draft.text
    material = [passage.text for place in _EVIDENCE for passage in subject.draft.at(place)]
    missing: list[Figure] = []
    for figure in figures:
        written = text[figure.start : figure.end]
        for there in material:
            if written in there and stands_as_written(figure, written, there):
                break
        else:
            missing.append(figure)
    return missing


def _unsupported(figures: list[Figure], subject: Subject, kinds: tuple[FigureKind, ...]) -> list[Figure]:
    """Return the figures that nothing vouches for; reads no more material than it takes to vouch for all."""
    support = _Support()
    stated = _stated(subject.policy_facts, kinds)
    open_figures = [figure for figure in figures if stated.isdisjoint(figure.keys)]
    if not open_figures:
        return []
    for place in _EVIDENCE:
        for passage in subject.draft.at(place):
            support.add(passage, kinds)
        if "date" in kinds:
            support.add_dates(subject.now)
        open_figures = [figure for figure in open_figures if not support.vouches_for(figure)]
        if not open_figures:
            break
    return open_figures
