"""Filters for property tests: how to draw them, how to write them down, and what each lets through in plain Python."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from reviewer.core.facets import Facets
from reviewer.core.search import FIELDS, All, Filter, Kind, Match, Not, Operator, Some
from reviewer.core.verdict import Cause, Verdict

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda text: not text.endswith("*"))
INDEXES = st.integers(0, 10**15)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it asks
_WORDS: dict[str, list[str]] = {
    "tier": ["low", "medium", "high"],
    "verdict": [verdict.name for verdict in Verdict],
    "cause": [cause.value for cause in Cause],
}
_SAME = [Operator.EQUAL, Operator.NOT_EQUAL]
_ORDERED = [*_SAME, Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST]
_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


def matches(
    texts: st.SearchStrategy[str] = TEXTS,
    indexes: st.SearchStrategy[int] = INDEXES,
    moments: st.SearchStrategy[datetime] = MOMENTS,
) -> st.SearchStrategy[Match]:
    """Draw comparisons of every field that there is."""
    return st.one_of([_about(name, kind, texts, indexes, moments) for name, kind in FIELDS.items()])


def _about(
    name: str,
    kind: Kind,
    texts: st.SearchStrategy[str],
    numbers: st.SearchStrategy[int],
    moments: st.SearchStrategy[datetime],
) -> st.SearchStrategy[Match]:
    if name in _WORDS:
        operators = [Operator.HAS] if kind is Kind.LIST else _SAME
        return st.builds(Match, st.just(name), st.sampled_from(operators), st.sampled_from(_WORDS[name]))
    by_kind: dict[Kind, tuple[list[Operator], st.SearchStrategy[Any], bool]] = {
        Kind.TEXT: (_SAME, texts, True),
        Kind.LIST: ([Operator.HAS], texts, True),
        Kind.NUMBER: (_ORDERED, numbers, False),
        Kind.TIME: (_ORDERED, moments, False),
        Kind.FLAG: (_SAME, st.booleans(), False),
    }
    operators, values, prefixed = by_kind[kind]
    prefix = st.booleans() if prefixed else st.just(value=False)
    return st.builds(Match, st.just(name), st.sampled_from(operators), values, prefix)


def filters(comparisons: st.SearchStrategy[Match]) -> st.SearchStrategy[Filter]:
    """Draw trees of comparisons."""
    return st.recursive(comparisons, _joined, max_leaves=8)


def _joined(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(several.map(All), several.map(Some), parts.map(Not))


FILTERS = filters(matches())


def spelled(read: Filter) -> str:
    """Write a filter with every parenthesis."""
    if isinstance(read, Match):
        return f"{read.field} {read.operator} {_value(read)}"
    if isinstance(read, Not):
        return f"NOT ({spelled(read.part)})"
    word = " AND " if isinstance(read, All) else " OR "
    return "(" + word.join(spelled(part) for part in read.parts) + ")"


def _value(read: Match) -> str:
    value = read.value
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + ("*" if read.prefix else "") + '"'


def lets_through(asked: Filter, index: int, facets: Facets) -> bool:
    """Say whether a filter lets a record through, as its words mean it."""
    match asked:
        case All(parts):
            return all(lets_through(part, index, facets) for part in parts)
        case Some(parts):
            return any(lets_through(part, index, facets) for part in parts)
        case Not(part):
            return not lets_through(part, index, facets)
        case Match(field, sign, value, prefix):
            held: Any = index if field == "index" else getattr(facets, field)
            if sign is Operator.HAS:
                return any(_same(one, value, prefix=prefix) for one in held)
            if prefix:
                return _same(held, value, prefix=True) is (sign is Operator.EQUAL)
            return _COMPARE[sign](held, value)


def _same(held: str, value: object, *, prefix: bool) -> bool:
    return held.startswith(str(value)) if prefix else held == value
