"""Searching the SQLite log: each search on a connection and a thread of its own, so that a long one delays nobody."""

from __future__ import annotations

import asyncio
import contextlib

import apsw

from reviewer.core.facets import moment_of
from reviewer.core.review import Position
from reviewer.core.search import Filter, Match, Order
from reviewer.ledger.filter_sql import RARE, SQLITE, compile_filter, page_sql, required
from reviewer.ledger.interface import Found
from reviewer.ledger.sqlite_connection import close

_BY_REVIEW = (
    "SELECT e.idx, e.leaf_hash, f.kind, e.review_id, e.record, f.tenant, f.time_us "
    "FROM entries e JOIN facets f ON f.idx = e.idx WHERE e.review_id = ?"
)
_COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM facet_lists "
    "WHERE value_id = (SELECT id FROM facet_values WHERE field = ? AND value = ?) LIMIT ?)"
)


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
        sql, values = page_sql(condition, SQLITE, order, after, limit)
        return tuple(_found(row) for row in connection.execute(sql, values))
    finally:
        close(connection)


def _rarest(connection: apsw.Connection, asked: Filter) -> Match | None:
    """Return the comparison that must hold and that the fewest entries meet; None where none is met by few."""
    counted: list[tuple[int, int, Match]] = []
    for match in required(asked):
        ((count,),) = connection.execute(_COUNT, (match.field, str(match.value), RARE + 1)).fetchall()
        assert isinstance(count, int)
        counted.append((count, len(counted), match))
    count, _, rarest = min(counted, default=(RARE + 1, 0, None))
    return rarest if count <= RARE else None


def _found(row: apsw.SQLiteValues) -> Found:
    index, leaf, kind, review_id, record, tenant, time_us = row
    assert isinstance(index, int)
    assert isinstance(leaf, bytes)
    assert isinstance(record, bytes)
    assert isinstance(time_us, int)
    return Found(Position(index, leaf), str(kind), str(review_id), str(tenant), moment_of(time_us), record)
