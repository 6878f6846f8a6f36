"""What records are found by, in the PostgreSQL log: written in the transaction that appends them, and searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import asyncpg

from reviewer.core.facets import Facets, microseconds, moment_of
from reviewer.core.review import Position
from reviewer.core.search import Filter, Match, Order
from reviewer.ledger.filter_sql import RARE, Dialect, compile_filter, page_sql, required
from reviewer.ledger.interface import Found
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_text import read, text

POSTGRES = Dialect(lambda number: f"${number}", text)

# One statement, hence one trip. It sees what was there before it: values of lists that it adds come from `made`. No
# other process adds any meanwhile, since the head is locked.
_ADD = """
WITH added AS (
    INSERT INTO facets (
        idx, time_us, kind, tenant, intent, domain, route, tier, locale, verdict, drafter, simulated, canary, stage
    ) SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::text[]
    )
), listed AS (
    SELECT * FROM unnest($15::text[], $16::text[], $17::bigint[]) AS l (field, value, idx)
), wanted AS (
    SELECT DISTINCT field, value FROM listed
), known AS (
    SELECT v.id, w.field, w.value FROM wanted w LEFT JOIN facet_values v ON v.field = w.field AND v.value = w.value
), made AS (
    INSERT INTO facet_values (field, value) SELECT field, value FROM known WHERE id IS NULL RETURNING id, field, value
)
INSERT INTO facet_lists (value_id, idx)
SELECT coalesce(k.id, m.id), l.idx FROM listed l JOIN known k ON k.field = l.field AND k.value = l.value
LEFT JOIN made m ON m.field = l.field AND m.value = l.value
"""
_BY_REVIEW = (
    "SELECT e.idx, e.leaf_hash, f.kind, e.review_id, e.record, f.tenant, f.time_us "
    "FROM reviews k JOIN entries e ON e.idx = k.idx JOIN facets f ON f.idx = k.idx WHERE k.review_id = $1"
)
_COUNT = (
    "SELECT count(*) FROM (SELECT FROM facet_lists "
    "WHERE value_id = (SELECT id FROM facet_values WHERE field = $1 AND value = $2) LIMIT $3) AS met"
)


async def add(connection: Connection, first_index: int, added: Sequence[Facets]) -> None:
    """Write the facets of new entries, the first of which has this index; the head is locked."""
    indexed = list(enumerate(added, start=first_index))
    rows = [
        (
            index,
            microseconds(facets.create_time),
            facets.kind,
            *map(text, (facets.tenant, facets.intent, facets.domain, facets.route, facets.tier, facets.locale)),
            facets.verdict,
            text(facets.drafter),
            facets.simulated,
            facets.canary,
            text(facets.stage),
        )
        for index, facets in indexed
    ]
    lists = [(field, value, index) for index, facets in indexed for field, value in _listed(facets)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(_ADD, *columns, *([row[at] for row in lists] for at in range(3)))


async def search(connection: Reader, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
    """See `Ledger.search`."""
    condition = compile_filter(asked, POSTGRES, await _rarest(connection, asked))
    sql, values = page_sql(condition, POSTGRES, order, after, limit)
    return tuple(map(_found, await connection.fetch(sql, *values)))


async def by_review(connection: Reader, review_id: str) -> Found | None:
    """Return the record of a review."""
    row = await connection.fetchrow(_BY_REVIEW, text(review_id))
    return None if row is None else _found(row)


async def _rarest(connection: Reader, asked: Filter) -> Match | None:
    """Return the comparison that must hold and that the fewest entries meet; None where none is met by few."""
    counted: list[tuple[int, int, Match]] = []
    for match in required(asked):
        count = await connection.fetchval(_COUNT, match.field, text(str(match.value)), RARE + 1)
        counted.append((int(count), len(counted), match))
    count, _, rarest = min(counted, default=(RARE + 1, 0, None))
    return rarest if count <= RARE else None


def _listed(facets: Facets) -> Iterator[tuple[str, str]]:
    lists = {"cause": facets.cause, "criterion": facets.criterion, "model": facets.model, "rubric": facets.rubric}
    lists |= {"about": facets.about, "release": (facets.release,)}
    for field, values in lists.items():
        for value in values:
            yield field, text(value)


def _found(row: asyncpg.Record) -> Found:
    index, leaf, kind, review_id, record, tenant, time_us = row
    return Found(Position(index, leaf), kind, read(review_id), read(tenant), moment_of(time_us), record)
