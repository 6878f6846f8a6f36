"""Filters as SQL: a checked tree (`reviewer.core.search`) becomes a condition over `facets f`, every value bound.

No text of a filter ever stands in the SQL: columns come from the closed list of fields, values are parameters. Texts
are compared by code point. What differs between engines is a `Dialect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from reviewer.core.facets import microseconds
from reviewer.core.search import FIELDS, All, Filter, Kind, Match, Not, Operator, Order, Some

Bound = str | int
_LAST = 0x10FFFF
_BEFORE_SURROGATES, _AFTER_SURROGATES = 0xD7FF, 0xE000
_COLUMNS = {"index": "f.idx", "create_time": "f.time_us"}
_PROBED = "EXISTS (SELECT 1 FROM facet_lists l WHERE l.idx = f.idx AND l.value_id {values})"
_GATHERED = "f.idx IN (SELECT l.idx FROM facet_lists l WHERE l.value_id {values})"
_ONE, _SEVERAL = "= (SELECT id FROM facet_values WHERE {named})", "IN (SELECT id FROM facet_values WHERE {named})"
_KEPT_ONCE = frozenset({"release"})
"""Texts that are long and few: kept as if they were lists, of one value each, which can be empty."""
_SIGNS = {Operator.NOT_EQUAL: "<>"}
# Entries are read only once the page is known: a search never touches records that it does not return.
_PAGE = (
    "SELECT e.idx, e.leaf_hash, f.kind, e.review_id, e.record, f.tenant, f.time_us "
    "FROM (SELECT f.* FROM facets f WHERE {condition}{beyond} "
    "ORDER BY f.time_us {way}, f.idx {way} LIMIT {limit}) f "
    "JOIN entries e ON e.idx = f.idx ORDER BY f.time_us {way}, f.idx {way}"
)
_BEYOND = " AND (f.time_us, f.idx) {sign} (SELECT time_us, idx FROM facets WHERE idx = {after})"
_WAYS = {Order.OLDEST: ("ASC", ">"), Order.NEWEST: ("DESC", "<")}
RARE = 20_000
"""Gathering and sorting so many entries takes about as long as looking through a page of a frequent value."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine spells what the condition needs.

    Attributes:
        parameter: the n-th bound value, counted from 1.
        written: a text as the engine holds it; what begins with another begins with it when both are written.
        by_code_point: put behind a text that is compared for order, to have it compared by code point.
    """

    parameter: Callable[[int], str]
    written: Callable[[str], str] = str
    by_code_point: str = ""


SQLITE = Dialect(lambda number: f"?{number}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What stands behind WHERE, and the values of its parameters, the first of which is number 1."""

    sql: str
    values: tuple[Bound, ...]


def compile_filter(asked: Filter, dialect: Dialect = SQLITE, rare: Match | None = None) -> Condition:
    """Compile a filter.

    Args:
        rare: a comparison of a list in it that few entries meet: those are gathered first, where all others are looked
            up for each entry. What is let through is the same.
    """
    compiler = _Compiler(dialect, rare)
    sql = compiler.condition(asked)
    return Condition(sql, tuple(compiler.values))


def page_sql(
    condition: Condition, dialect: Dialect, order: Order, after: int | None, limit: int
) -> tuple[str, list[Bound]]:
    """Return the statement that reads one page of what a condition lets through, and its values.

    Args:
        after: index of the entry behind which the page begins; None begins at the front.
    """
    values = [*condition.values]
    way, sign = _WAYS[order]
    beyond = ""
    if after is not None:
        values.append(after)
        beyond = _BEYOND.format(sign=sign, after=dialect.parameter(len(values)))
    values.append(limit)
    last = dialect.parameter(len(values))
    return _PAGE.format(condition=condition.sql, beyond=beyond, way=way, limit=last), values


def required(asked: Filter) -> Iterator[Match]:
    """Walk the comparisons with one value kept among those of lists that every record must meet."""
    if isinstance(asked, All):
        for part in asked.parts:
            yield from required(part)
    elif isinstance(asked, Match) and _listed(asked) and asked.operator is not Operator.NOT_EQUAL and not asked.prefix:
        yield asked


def _listed(asked: Match) -> bool:
    """Whether a comparison is about what is kept among the values of lists."""
    return FIELDS[asked.field] is Kind.LIST or asked.field in _KEPT_ONCE


class _Compiler:
    """Collects values while it writes."""

    def __init__(self, dialect: Dialect, rare: Match | None) -> None:
        self.values: list[Bound] = []
        self._dialect = dialect
        self._rare = rare

    def condition(self, asked: Filter) -> str:
        match asked:
            case All(parts):
                return self._joined(parts, " AND ", "TRUE")
            case Some(parts):
                return self._joined(parts, " OR ", "FALSE")
            case Not(part):
                return f"NOT {self.condition(part)}"
            case Match():
                return self._match(asked)
        assert_never(asked)

    def _joined(self, parts: tuple[Filter, ...], word: str, empty: str) -> str:
        return f"({word.join(self.condition(part) for part in parts)})" if parts else empty

    def _match(self, asked: Match) -> str:
        sign = "NOT " if asked.operator is Operator.NOT_EQUAL else ""
        if _listed(asked):
            return sign + self._holding(asked)
        if asked.prefix:
            return sign + self._range(f"f.{asked.field}", str(asked.value))
        column = _COLUMNS.get(asked.field, f"f.{asked.field}")
        return f"{column} {_SIGNS.get(asked.operator, asked.operator.value)} {self._bound(asked.value)}"

    def _holding(self, asked: Match) -> str:
        named = f"field = {self._bound(asked.field)} AND {self._text(asked)}"
        values = (_SEVERAL if asked.prefix else _ONE).format(named=named)
        return (_GATHERED if asked is self._rare else _PROBED).format(values=values)

    def _text(self, asked: Match) -> str:
        return self._range("value", str(asked.value)) if asked.prefix else f"value = {self._bound(asked.value)}"

    def _range(self, column: str, prefix: str) -> str:
        """Write what begins so as a range, which an index can answer and whose every character is meant."""
        ordered = column + self._dialect.by_code_point
        # Of what is written, not of what is meant: the next text may be written quite differently.
        end = _successor(self._dialect.written(prefix))
        above = f"{ordered} >= {self._bound(prefix)}"
        return f"({above} AND {ordered} < {self._added(end)})" if end else f"({above})"

    def _bound(self, value: str | int | datetime) -> str:
        if isinstance(value, datetime):
            return self._added(microseconds(value))
        return self._added(self._dialect.written(value) if isinstance(value, str) else value)

    def _added(self, value: Bound) -> str:
        self.values.append(value)
        return self._dialect.parameter(len(self.values))


def _successor(prefix: str) -> str:
    """Return the least text that is greater than all that begin so; empty where there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return ""
    last = ord(kept[-1])
    return kept[:-1] + chr(_AFTER_SURROGATES if last == _BEFORE_SURROGATES else last + 1)
