"""Check `source_freshness`: were the sources that the draft relies on fetched recently enough?

The date is the one on which the caller fetched the source; a date in the future is no date. Where the draft cites
nothing, every source given counts as relied on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Literal

from pydantic import Field

from reviewer.checks.citation_markers import Marker, SourceIndex
from reviewer.checks.quoting import quotes
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject, Unavailable
from reviewer.core.finding import Outcome, Quote
from reviewer.core.rubric import Frozen

# Clocks of caller and service may differ by this much.
_CLOCK_SKEW = timedelta(days=1)
_OUTCOMES = {"uncertain": Outcome.UNCERTAIN, "not_met": Outcome.NOT_MET}
_LISTED = 8
# More markers than any answer needs: reading on would cost time and change nothing.
_MAX_MARKERS = 2_000


class Args(Frozen):
    """How old a source may be.

    Attributes:
        max_age_days: whole days of 24 hours between fetch and review.
        on_missing_date: what a source without a usable date comes to, where none is too old.
    """

    max_age_days: int = Field(ge=1, le=36_500)
    on_missing_date: Literal["uncertain", "not_met", "met"] = "uncertain"


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args, Passed(why=f"no source is older than {args.max_age_days} days"))


def _check(args: Args, passed: Passed, subject: Subject) -> CheckOutcome:
    sources = subject.draft.sources
    if not sources:
        return Flagged("no sources were given", outcome=Outcome.NOT_APPLICABLE)
    limit = timedelta(days=args.max_age_days)
    ages = [_age(source.retrieved_at, subject.now) for source in sources]
    if all(args.on_missing_date == "met" if age is None else age <= limit for age in ages):
        # Whichever of them the draft relies on.
        return passed
    markers = list(islice(SourceIndex(sources).markers(subject.draft.text), _MAX_MARKERS + 1))
    if len(markers) > _MAX_MARKERS:
        return Unavailable(f"the draft holds more than {_MAX_MARKERS} citation markers")
    relied_on = sorted({index for marker in markers for index in marker.sources} or range(len(sources)))
    stale = [index for index in relied_on if (age := ages[index]) is not None and age > limit]
    if stale:
        why = f"fetched more than {args.max_age_days} days ago: {_names(subject, stale)}"
        return Flagged(why, _cited(subject, markers, stale), fix="Answer from sources that were fetched recently.")
    undated = [index for index in relied_on if ages[index] is None]
    if undated and args.on_missing_date != "met":
        why = f"no usable date of retrieval: {_names(subject, undated)}"
        return Flagged(why, _cited(subject, markers, undated), _OUTCOMES[args.on_missing_date])
    return passed


def _age(retrieved_at: datetime | None, now: datetime) -> timedelta | None:
    if retrieved_at is None:
        return None
    age = _utc(now) - _utc(retrieved_at)
    return age if age >= -_CLOCK_SKEW else None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _names(subject: Subject, indexes: list[int]) -> str:
    more = f" and {len(indexes) - _LISTED} more" if len(indexes) > _LISTED else ""
    return ", ".join(subject.draft.sources[index].id for index in indexes[:_LISTED]) + more


def _cited(subject: Subject, markers: list[Marker], indexes: list[int]) -> tuple[Quote, ...]:
    wanted = set(indexes)
    spans = ((m.start, m.end) for m in markers if wanted.intersection(m.sources))
    return quotes(subject.draft.draft, spans)
