"""Check `numbers`: does every figure of the draft stand in a source, a tool result or the conversation?

Figures are compared by value and unit, whatever their spelling. A number without a unit vouches for an equal one
with a unit where a user wrote it, or where no word follows it (tables, JSON). Computed figures are not recomputed:
a sum that nobody wrote counts as unsupported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from pydantic import Field

from reviewer.checks.figures import Figure, FigureKind, Key, find_figures, find_spelled, versions_vouched
from reviewer.checks.quantities import bare_numbers
from reviewer.checks.quoting import MAX_QUOTES, quotes
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Role
from reviewer.core.rubric import Frozen, Place

_EVIDENCE = (Place.CONVERSATION, Place.SOURCE, Place.TOOL_RESULT)


class Args(Frozen):
    """Which kinds of figure must be supported; kinds as `reviewer.checks.figures` names them."""

    kinds: tuple[FigureKind, ...] = Field(min_length=1)


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, tuple(dict.fromkeys(args.kinds)))


def _check(kinds: tuple[FigureKind, ...], subject: Subject) -> CheckOutcome:
    passage = subject.draft.draft
    figures = list(find_figures(passage.text, kinds))
    if not figures:
        return Passed(why="the draft states no figure of the listed kinds")
    support = _support(subject, kinds)
    unsupported = [figure for figure in figures if not support.vouches_for(figure)]
    if not unsupported:
        return Passed(why=f"all {len(figures)} figures stand in the sources or the conversation")
    spans = sorted({(figure.start, figure.end) for figure in unsupported})
    shown = quotes(passage, spans)
    listed = "; ".join(dict.fromkeys(q.text.strip() for q in shown))
    more = f" and {len(spans) - MAX_QUOTES} more" if len(spans) > MAX_QUOTES else ""
    why = f"stand in no source and not in the conversation: {listed}{more}"
    return Flagged(why, shown, fix="Remove the figures that nothing supports, or give those of the source.")


@dataclass(frozen=True, slots=True)
class _Support:
    """What the material beside the draft vouches for."""

    keys: set[Key] = field(default_factory=set)
    bare: set[Decimal] = field(default_factory=set)

    def vouches_for(self, figure: Figure) -> bool:
        return any(key in self.keys for key in figure.keys) or any(value in self.bare for value in figure.values)


def _support(subject: Subject, kinds: tuple[FigureKind, ...]) -> _Support:
    support = _Support()
    for place in _EVIDENCE:
        for passage in subject.draft.at(place):
            text = passage.text
            for figure in find_figures(text, kinds):
                support.keys.update(figure.keys)
            for figure in find_spelled(text, kinds):
                support.keys.update(figure.keys)
            if "version" in kinds:
                support.keys.update(versions_vouched(text))
            support.bare.update(bare_numbers(text, before_words=passage.role is Role.USER))
    if "date" in kinds:
        _add_dates(support, subject)
    return support


def _add_dates(support: _Support, subject: Subject) -> None:
    """Add today, and of each date its shorter forms; a date without a year also stands for this year's."""
    today = (subject.now.year, subject.now.month, subject.now.day)
    days = [today, *(value for kind, _, value in support.keys if kind == "date" and isinstance(value, tuple))]
    for year, month, day in days:
        for form in ((year or today[0], month, day), (0, month, day), (year, month, 0)):
            support.keys.add(("date", "", form))
