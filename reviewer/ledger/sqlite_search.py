"""Searching the SQLite log: each search on a connection and a thread of its own, so that a long one delays nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import apsw

from reviewer.core.facets import moment_of
from reviewer.core.review import Position
from reviewer.core.search import FIELDS, All, Filter, Kind, Match, Order
from reviewer.ledger.filter_sql import compile_filter
from reviewer.ledger.interface import Found
from reviewer.ledger.sqlite_connection import close

_BY_REVIEW = (
    "SELECT e.idx, e.leaf_hash, f.kind, e.review_id, e.record, f.tenant, f.time_us "
    "FROM entries e JOIN facets f ON f.idx = e.idx WHERE e.review_id = ?"
)
# Entries are read only once the page is known: a search never touches records that it does not return.
_PAGE = (
    "SELECT e.idx, e.leaf_hash, f.kind, e.review_id, e.record, f.tenant, f.time_us "
    "FROM (SELECT f.* FROM facets f WHERE {condition}{beyond} "
    "ORDER BY f.time_us {way}, f.idx {way} LIMIT {limit}) f "
    "JOIN entries e ON e.idx = f.idx ORDER BY f.time_us {way}, f.idx {way}"
)
_BEYOND = " AND (f.time_us, f.idx) {sign} (SELECT time_us, idx FROM facets WHERE idx = ?{number})"
_RARE = 20_000
"""Gathering and sorting so many entries takes about as long as looking through a page of a frequent value."""
_COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM facet_lists "
    "WHERE value_id = (SELECT id FROM facet_values WHERE field = ? AND value = ?) LIMIT ?)"
)
_WAYS = {Order.OLDEST: ("ASC", ">"), Order.NEWEST: ("DESC", "<")}


async def search(
    connection: apsw.Connection, asked: Filter, order: Order, after: int | None, limit: int
) -> tuple[Found, ...]:
    """Run one search; the connection is its own and is closed behind it. Cancelling stops the engine as well."""
    work = asyncio.ensure_future(asyncio.to_thread(_page, connection, asked, order, after, limit))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # It may have ended, and closed the connection, at this very moment.
        with contextlib.suppress(apsw.Error):
            connection.interrupt()
        raise


def by_review(connection: apsw.Connection, review_id: str) -> Found | None:
    """Return the record of a review."""
    row = connection.execute(_BY_REVIEW, (review_id,)).fetchone()
    return None if row is None else _found(row)


def _page(connection: apsw.Connection, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
    try:
        # The engine would rather index a whole table for one search than trust the index there is.
        connection.pragma("automatic_index", "off")
        condition = compile_filter(asked, rare=_rarest(connection, asked))
        values = [*condition.values]
        way, sign = _WAYS[order]
        beyond = ""
        if after is not None:
            values.append(after)
            beyond = _BEYOND.format(sign=sign, number=len(values))
        values.append(limit)
        sql = _PAGE.format(condition=condition.sql, beyond=beyond, way=way, limit=f"?{len(values)}")
        return tuple(_found(row) for row in connection.execute(sql, values))
    finally:
        close(connection)


def _rarest(connection: apsw.Connection, asked: Filter) -> Match | None:
    """Return the comparison that must hold and that the fewest entries meet; None where none is met by few."""
    counted: list[tuple[int, int, Match]] = []
    for match in _required(asked):
        ((count,),) = connection.execute(_COUNT, (match.field, str(match.value), _RARE + 1)).fetchall()
        assert isinstance(count, int)
        counted.append((count, len(counted), match))
    count, _, rarest = min(counted, default=(_RARE + 1, 0, None))
    return rarest if count <= _RARE else None


def _required(asked: Filter) -> Iterator[Match]:
    """Walk the comparisons of lists with one value that every record must meet."""
    if isinstance(asked, All):
        for part in asked.parts:
            yield from _required(part)
    elif isinstance(asked, Match) and FIELDS[asked.field] is Kind.LIST and not asked.prefix:
        yield asked


def _found(row: apsw.SQLiteValues) -> Found:
    index, leaf, kind, review_id, record, tenant, time_us = row
    assert isinstance(index, int)
    assert isinstance(leaf, bytes)
    assert isinstance(record, bytes)
    assert isinstance(time_us, int)
    return Found(Position(index, leaf), str(kind), str(review_id), str(tenant), moment_of(time_us), record)
