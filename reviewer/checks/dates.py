"""Calendar dates as people write them in English, Portuguese and Spanish.

A date is `(year, month, day)`; 0 stands for a part that was left out. `03/04/2026` has two readings, and both are
kept. Words such as "tomorrow" are no dates here.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reviewer.checks.patterns import Match, Pattern, compile_own

Day = tuple[int, int, int]

_NAMES = (
    "january jan janeiro enero", "february feb fevereiro fev febrero", "march mar março marzo",
    "april apr abril abr", "may maio mayo", "june jun junho junio", "july jul julho julio",
    "august aug agosto", "september sep sept setembro septiembre", "october oct outubro octubre",
    "november nov novembro noviembre", "december dec dezembro dez diciembre dic",
)  # fmt: skip
_MONTHS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_ENGLISH = "(" + "|".join(sorted((names.split()[0] for names in _NAMES), key=len, reverse=True)) + "|" + (
    r"jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?"
)  # fmt: skip

_VERBS = frozenset({"may", "march"})

_ISO = compile_own(r"\b(\d{4})[-/](\d{2})[-/](\d{2})(?:\b|T)")
_NUMERIC = compile_own(r"\b(\d{1,2})([/.\-])(\d{1,2})([/.\-])(\d{4}|\d{2})\b")
_DAY_MONTH = compile_own(
    r"\b(\d{1,2})(?:st|nd|rd|th|\x{ba}|\x{b0}|o)?(?:\s+(?:de|of|del))?[\s\-]+" + _MONTH
    + r"(?:,?\s*-?\s*(?:de\s+|del\s+|of\s+)?(\d{4})\b)?"
)  # fmt: skip
_MONTH_DAY = compile_own(r"\b" + _ENGLISH + r"\s+(\d{1,2})(?:st|nd|rd|th)?\b(?:,?\s+(\d{4})\b)?")
_MONTH_YEAR = compile_own(r"\b" + _MONTH + r",?(?:\s+(?:de|of|del))?[\s/]+(\d{4})\b")
_SHORT = compile_own(r"(?:^|[^\d/.,])(\d{2}/\d{2})(?:$|[^\d/])")
_ANY = compile_own(*(form.pattern for form in (_ISO, _NUMERIC, _DAY_MONTH, _MONTH_DAY, _MONTH_YEAR, _SHORT)))


@dataclass(frozen=True, slots=True)
class Dated:
    """A date in a text: every reading it allows, at least one."""

    start: int
    end: int
    readings: tuple[Day, ...]


def find_dates(text: str) -> list[Dated]:
    """Return the dates of a text by position; where forms overlap, the one that starts first and is longest."""
    if _ANY.search(text.encode()) is None:
        return []
    found: list[Dated] = []
    for pattern, read in _FORMS:
        for match in pattern.finditer(text):
            days = tuple(dict.fromkeys(day for day in read(match) if _exists(day)))
            group = 1 if pattern is _SHORT else 0
            if days:
                found.append(Dated(match.start(group), match.end(group), days))
    kept: list[Dated] = []
    for dated in sorted(found, key=lambda d: (d.start, -d.end)):
        if not kept or dated.start >= kept[-1].end:
            kept.append(dated)
    return kept


def _iso(match: Match) -> Iterator[Day]:
    yield _number(match, 1), _number(match, 2), _number(match, 3)


def _numeric(match: Match) -> Iterator[Day]:
    separator, year = match.group(2), _number(match, 5)
    if separator != match.group(4) or (separator != "/" and year < 100):
        return
    year = year + 2000 if year < 100 else year
    first, second = _number(match, 1), _number(match, 3)
    yield year, second, first
    yield year, first, second


def _day_month(match: Match) -> Iterator[Day]:
    yield _number(match, 3), _month(match, 2), _number(match, 1)


def _month_day(match: Match) -> Iterator[Day]:
    yield _number(match, 3), _month(match, 1), _number(match, 2)


def _month_year(match: Match) -> Iterator[Day]:
    yield _number(match, 2), _month(match, 1), 0


def _short(match: Match) -> Iterator[Day]:
    first, _, second = (match.group(1) or "").partition("/")
    yield 0, int(second), int(first)
    yield 0, int(first), int(second)


_FORMS: tuple[tuple[Pattern, Callable[[Match], Iterator[Day]]], ...] = (
    (_ISO, _iso),
    (_NUMERIC, _numeric),
    (_DAY_MONTH, _day_month),
    (_MONTH_DAY, _month_day),
    (_MONTH_YEAR, _month_year),
    (_SHORT, _short),
)


def _number(match: Match, group: int) -> int:
    return int(match.group(group) or 0)


def _month(match: Match, group: int) -> int:
    """Return the month's number; 0, which is no month, for "may" and "march" where they are likely verbs."""
    written = (match.group(group) or "").rstrip(".")
    has_year = (match.group(0) or "")[-4:].isdigit()
    return 0 if written in _VERBS and not has_year else _MONTHS.get(written.casefold(), 0)


def _exists(day: Day) -> bool:
    year, month, number = day
    if not 1 <= month <= 12 or (year and not 1900 <= year <= 2199):
        return False
    # A leap year stands in where the year was left out.
    return 0 <= number <= calendar.monthrange(year or 2024, month)[1] and (number > 0 or year > 0)
