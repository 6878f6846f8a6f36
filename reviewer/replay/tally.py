"""The tally: what a replay came to, counted while it runs; its size does not grow with the log.

Every review that was looked at is one row, told to whoever listens and then forgotten, but for a few samples a group.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from reviewer.core.review import Review
from reviewer.core.shares import Share, share
from reviewer.core.verdict import Decision, Reason, Verdict, verdict_of

SAMPLES = 3
_MAX_GROUPS = 2_000
_MAX_LOCALES = 200
_OTHERS = "(others)"


class Fate(StrEnum):
    """What became of one review."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NEEDS_MODEL = "needs_model"
    CANNOT_TELL = "cannot_tell"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Row:
    """One review under both rule sets.

    Attributes:
        now: the candidate's verdict; None where it was not told.
        mover: criterion or cause that moved the verdict; empty where nothing did.
        before, after: the reasons that asked for each verdict, the strictest first.
        why: why it cannot be told.
        open_questions: keys that were not asked, as the verdict does not hang on them.
    """

    fate: Fate
    name: str
    route: str
    locale: str
    was: Verdict | None
    now: Verdict | None = None
    mover: str = ""
    before: tuple[Reason, ...] = ()
    after: tuple[Reason, ...] = ()
    why: str = ""
    open_questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """What the changes of one group have in common."""

    was: Verdict
    now: Verdict
    route: str
    mover: str


@dataclass(slots=True)
class Group:
    """Changes that have a move in common; the first few of them as samples."""

    count: int = 0
    samples: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Segment:
    """What was decided in one route or locale."""

    decided: int = 0
    stricter: int = 0
    softer: int = 0

    @property
    def shares(self) -> tuple[Share, Share]:
        """Shares of verdicts that became stricter, and that became softer."""
        return share(self.stricter, self.decided), share(self.softer, self.decided)


@dataclass(slots=True)
class Tally:
    """Counts of one replay."""

    fates: Counter[Fate] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    groups: dict[Move, Group] = field(default_factory=dict)
    by_route: dict[str, Segment] = field(default_factory=dict)
    by_locale: dict[str, Segment] = field(default_factory=dict)
    settled_early: int = 0

    @property
    def total(self) -> int:
        """Reviews that were looked at."""
        return self.fates.total()

    def add(self, row: Row) -> None:
        """Count one review."""
        self.fates[row.fate] += 1
        if row.why:
            self.reasons[row.why] += 1
        if row.was is None or row.now is None:
            return
        self.settled_early += bool(row.open_questions)
        for segments, name in ((self.by_route, row.route), (self.by_locale, row.locale or "(unknown)")):
            known = name if name in segments or len(segments) < _MAX_LOCALES else _OTHERS
            segment = segments.setdefault(known, Segment())
            segment.decided += 1
            segment.stricter += row.now > row.was
            segment.softer += row.now < row.was
        if row.fate is Fate.CHANGED:
            move = Move(row.was, row.now, row.route, row.mover)
            if move not in self.groups and len(self.groups) >= _MAX_GROUPS:
                move = Move(row.was, row.now, row.route, _OTHERS)
            group = self.groups.setdefault(move, Group())
            group.count += 1
            if len(group.samples) < SAMPLES:
                group.samples.append(row)

    def ordered(self) -> list[tuple[Move, Group]]:
        """Return the groups, the largest first."""
        return sorted(
            self.groups.items(),
            key=lambda item: (-item[1].count, item[0].was, item[0].now, item[0].route, item[0].mover),
        )


def told(review: Review, decision: Decision, open_questions: tuple[str, ...] = ()) -> Row:
    """Return the row of a review that the candidate decided."""
    was, now = review.verdict, decision.verdict
    before = tuple([reason for reason in review.reasons if verdict_of(reason.effect) is was])
    after = tuple([reason for reason in decision.reasons if verdict_of(reason.effect) is now])
    fate = Fate.UNCHANGED if was is now else Fate.CHANGED
    mover = "" if was is now else _mover(before, after, review, decision)
    return Row(fate, review.name, review.route.id, review.locale, was, now, mover, before, after, "", open_questions)


def _mover(before: tuple[Reason, ...], after: tuple[Reason, ...], review: Review, decision: Decision) -> str:
    """Name what moved a verdict: what asks for the stricter one and did not, or no longer does."""
    rising = decision.verdict > review.verdict
    strict, other = (after, review.reasons) if rising else (before, decision.reasons)
    seen = {(reason.cause, reason.criterion, reason.effect) for reason in other}
    new = [reason for reason in strict if (reason.cause, reason.criterion, reason.effect) not in seen]
    first = next(iter((*new, *strict)), None)
    return "" if first is None else (first.criterion or first.cause.value)
