"""Filters as SQL: a checked tree (`reviewer.core.search`) becomes a condition over `facets f`, every value bound.

No text of a filter ever stands in the SQL: columns come from the closed list of fields, values are parameters. Texts
are compared by code point. What differs between engines is a `Dialect`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from reviewer.core.facets import microseconds
from reviewer.core.search import FIELDS, All, Filter, Kind, Match, Not, Operator, Some

Bound = str | int
_LAST = 0x10FFFF
_BEFORE_SURROGATES, _AFTER_SURROGATES = 0xD7FF, 0xE000
_COLUMNS = {"index": "f.idx", "create_time": "f.time_us"}
_PROBED = "EXISTS (SELECT 1 FROM facet_lists l WHERE l.idx = f.idx AND l.value_id {values})"
_GATHERED = "f.idx IN (SELECT l.idx FROM facet_lists l WHERE l.value_id {values})"
_ONE, _SEVERAL = "= (SELECT id FROM facet_values WHERE {named})", "IN (SELECT id FROM facet_values WHERE {named})"
_SIGNS = {Operator.NOT_EQUAL: "<>"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine spells what the condition needs.

    Attributes:
        parameter: the n-th bound value, counted from 1.
        by_code_point: put behind a text that is compared for order, to have it compared by code point.
    """

    parameter: Callable[[int], str]
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
        if FIELDS[asked.field] is Kind.LIST:
            named = f"field = {self._bound(asked.field)} AND {self._text(asked)}"
            values = (_SEVERAL if asked.prefix else _ONE).format(named=named)
            return (_GATHERED if asked is self._rare else _PROBED).format(values=values)
        if asked.prefix:
            sign = "NOT " if asked.operator is Operator.NOT_EQUAL else ""
            return sign + self._range(f"f.{asked.field}", str(asked.value))
        column = _COLUMNS.get(asked.field, f"f.{asked.field}")
        return f"{column} {_SIGNS.get(asked.operator, asked.operator.value)} {self._bound(asked.value)}"

    def _text(self, asked: Match) -> str:
        return self._range("value", str(asked.value)) if asked.prefix else f"value = {self._bound(asked.value)}"

    def _range(self, column: str, prefix: str) -> str:
        """Write what begins so as a range, which an index can answer and whose every character is meant."""
        ordered = column + self._dialect.by_code_point
        end = _successor(prefix)
        above = f"{ordered} >= {self._bound(prefix)}"
        return f"({above} AND {ordered} < {self._bound(end)})" if end else f"({above})"

    def _bound(self, value: str | int | datetime) -> str:
        self.values.append(microseconds(value) if isinstance(value, datetime) else value)
        return self._dialect.parameter(len(self.values))


def _successor(prefix: str) -> str:
    """Return the least text that is greater than all that begin so; empty where there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return ""
    last = ord(kept[-1])
    return kept[:-1] + chr(_AFTER_SURROGATES if last == _BEFORE_SURROGATES else last + 1)
