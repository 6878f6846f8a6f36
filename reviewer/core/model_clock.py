"""The retirement clock: which reviewer models the rules that are in use ask, and how long those will be there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from reviewer.core.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class ModelClock:
    """One reviewer model.

    Attributes:
        retires: first day on which its provider may refuse it; None where none is known.
        days_left: until then, negative once it is past; None where no day is known.
        releases: digests of those that ask it, sorted.
    """

    model: str
    retires: date | None
    days_left: int | None
    releases: tuple[str, ...]


def clocks(used: Iterable[tuple[str, Rulebook]], today: date) -> tuple[ModelClock, ...]:
    """Return the models of releases in use, the first to go first, those without a day last.

    Args:
        used: digests with their rules.
        today: UTC date.
    """
    askers: defaultdict[str, set[str]] = defaultdict(set)
    days: dict[str, date | None] = {}
    for digest, rulebook in used:
        for spec in {
            rulebook.routing.reviewer(name).model for r in rulebook.routing.all_routes for name in r.reviewers
        }:
            entry = rulebook.catalogue.find(spec)
            askers[spec].add(digest)
            day = entry.retires if entry else None
            days[spec] = min(filter(None, (days.get(spec), day)), default=None)
    found = [
        ModelClock(model, days[model], (day - today).days if (day := days[model]) else None, tuple(sorted(asking)))
        for model, asking in askers.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.retires or date.max, one.model)))
