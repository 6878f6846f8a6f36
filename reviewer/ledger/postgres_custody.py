"""Data keys, erasures and legal holds in the PostgreSQL log: what each of them reads and writes."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg

from reviewer.core.errors import HoldError, LedgerCorruptError, ReviewNotFoundError
from reviewer.core.events import Action, Event, entry_of, read_event, review_name
from reviewer.core.record import rfc3339
from reviewer.core.review import Position
from reviewer.ledger.custody import Erased, Kept
from reviewer.ledger.postgres_rows import Transaction
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_text import read, text
from reviewer.sealing import WrappedKey

_KEYS = (
    "SELECT id, tenant, wrapped, wrapper, created_at FROM data_keys WHERE $1::text IS NULL OR tenant = $1 "
    "ORDER BY tenant, generation"
)
_WRAPPERS = "SELECT DISTINCT wrapper FROM data_keys WHERE wrapped IS NOT NULL"
_ADD_KEY = (
    "INSERT INTO data_keys (id, tenant, generation, wrapped, wrapper, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
)
_REWRAP = "UPDATE data_keys SET wrapped = $1, wrapper = $2 WHERE id = $3 AND wrapped IS NOT NULL"
_DESTROY_KEYS = "UPDATE data_keys SET wrapped = NULL WHERE tenant = $1 AND wrapped IS NOT NULL"

_INDEX_OF = (
    "SELECT e.idx FROM reviews k JOIN entries e ON e.idx = k.idx "
    "WHERE k.review_id = $1 AND e.tenant = $2 AND e.kind = 'review'"
)
_ERASE = (
    "WITH gone AS (UPDATE contents SET content = NULL, content_key = NULL, erased_by = $1 "
    "WHERE content IS NOT NULL AND idx = ANY ($2::bigint[]) RETURNING idx) SELECT count(*) FROM gone"
)
_ANNEXES = "SELECT idx FROM annexes WHERE review_id = ANY ($1::text[])"
_WITH_CONTENT = "SELECT idx FROM contents WHERE content IS NOT NULL AND idx = ANY ($1::bigint[])"
_OF_TENANT = (
    "SELECT e.idx FROM entries e JOIN contents c ON c.idx = e.idx WHERE e.tenant = $1 AND c.content IS NOT NULL"
)
_TENANT_HAS_KEY = "SELECT EXISTS (SELECT FROM data_keys WHERE tenant = $1 AND wrapped IS NOT NULL)"

_HOLDS = """
SELECT e.record FROM holds h JOIN entries e ON e.idx = h.idx
WHERE $1::text IS NULL OR h.tenant = $1 ORDER BY h.idx
"""
_HOLD = "SELECT EXISTS (SELECT FROM holds WHERE tenant = $1 AND review_id = $2)"
_ADD_HOLD = "INSERT INTO holds (tenant, review_id, idx) VALUES ($1, $2, $3)"
_REMOVE_HOLD = "DELETE FROM holds WHERE tenant = $1 AND review_id = $2"

_SIGNER = "SELECT value FROM meta WHERE key = 'signing_key'"
_SIGNS = "INSERT INTO meta (key, value) VALUES ('signing_key', $1) ON CONFLICT (key) DO UPDATE SET value = $1"

_KEPT = """
SELECT e.idx, e.review_id, e.tenant, e.record,
    EXISTS (SELECT FROM holds h WHERE h.tenant = e.tenant AND h.review_id IN ('', e.review_id))
FROM entries e JOIN contents c ON c.idx = e.idx
WHERE e.idx >= $1 AND c.idx >= $1 AND e.kind = 'review' AND (c.content IS NOT NULL OR EXISTS (
    SELECT FROM annexes a JOIN contents x ON x.idx = a.idx WHERE a.review_id = e.review_id AND x.content IS NOT NULL
))
ORDER BY e.idx LIMIT $2
"""


async def data_keys(connection: Reader, tenant: str | None) -> tuple[WrappedKey, ...]:
    """See `Custody.data_keys`."""
    rows = await connection.fetch(_KEYS, None if tenant is None else text(tenant))
    return tuple(WrappedKey(key, read(whose), wrapped, wrapper, at) for key, whose, wrapped, wrapper, at in rows)


async def wrappers(connection: Reader) -> frozenset[str]:
    """See `Custody.wrappers`."""
    return frozenset(str(row["wrapper"]) for row in await connection.fetch(_WRAPPERS))


async def add_data_key(tx: Transaction, key: WrappedKey, known: int) -> WrappedKey:
    """See `Custody.add_data_key`."""
    there = await data_keys(tx.connection, key.tenant)
    if len(there) > known:
        return there[-1]
    row = (key.id, text(key.tenant), len(there), key.wrapped, key.wrapper, key.created_at)
    await tx.connection.execute(_ADD_KEY, *row)
    return key


async def replace_wrapped(tx: Transaction, keys: tuple[WrappedKey, ...], event: Event) -> Position:
    """See `Custody.replace_wrapped`."""
    await tx.connection.executemany(_REWRAP, [(key.wrapped, key.wrapper, key.id) for key in keys])
    return await tx.append(entry_of(event))


async def erase(tx: Transaction, event: Event) -> Erased:
    """See `Custody.erase`."""
    indexes = [await _index_of(tx.connection, event.tenant, review_id) for review_id in event.reviews]
    for hold in await holds(tx.connection, event.tenant):
        if event.whole_tenant or hold.whole_tenant or set(hold.reviews) & set(event.reviews):
            raise HoldError(f"{_told(hold)}: nothing was erased")
    tenant, has_key = text(event.tenant), False
    if event.whole_tenant:
        rows = await tx.connection.fetch(_OF_TENANT, tenant)
        has_key = bool(await tx.connection.fetchval(_TENANT_HAS_KEY, tenant))
    else:
        annexes = await tx.connection.fetch(_ANNEXES, [text(review_id) for review_id in event.reviews])
        indexes += [row["idx"] for row in annexes]
        rows = await tx.connection.fetch(_WITH_CONTENT, indexes)
    # Asked again, an erasure leaves no second record.
    if not rows and not has_key:
        return Erased(None, 0, wiped=False)
    position = await tx.append(entry_of(event))
    contents = await tx.connection.fetchval(_ERASE, position.index, [row["idx"] for row in rows])
    if event.whole_tenant:
        await tx.connection.execute(_DESTROY_KEYS, tenant)
    return Erased(position, int(contents), wiped=False)


async def change_hold(tx: Transaction, event: Event) -> Position:
    """See `Custody.change_hold`."""
    targets = [*event.reviews, *([""] if event.whole_tenant else [])]
    tenant = text(event.tenant)
    for review_id in targets:
        if review_id:
            await _index_of(tx.connection, event.tenant, review_id)
        held = bool(await tx.connection.fetchval(_HOLD, tenant, text(review_id)))
        if held is (event.action is Action.ADD):
            name = review_name(review_id) if review_id else f"tenant {event.tenant}"
            raise HoldError(f"{name} is {'already' if held else 'not'} under a legal hold")
    position = await tx.append(entry_of(event))
    for review_id in targets:
        if event.action is Action.ADD:
            await tx.connection.execute(_ADD_HOLD, tenant, text(review_id), position.index)
        else:
            await tx.connection.execute(_REMOVE_HOLD, tenant, text(review_id))
    return position


async def note_signing_key(tx: Transaction, key_id: str, told: Callable[[str], Event]) -> Position | None:
    """See `Custody.note_signing_key`."""
    before = await tx.connection.fetchval(_SIGNER)
    if before == key_id:
        return None
    await tx.connection.execute(_SIGNS, key_id)
    return await tx.append(entry_of(told(str(before)))) if before else None


async def holds(connection: Reader, tenant: str | None) -> tuple[Event, ...]:
    """See `Custody.holds`."""
    rows = await connection.fetch(_HOLDS, None if tenant is None else text(tenant))
    return tuple(map(_hold_event, rows))


async def kept(connection: Reader, first_index: int, limit: int) -> tuple[Kept, ...]:
    """See `Custody.kept`."""
    rows = await connection.fetch(_KEPT, first_index, limit)
    return tuple(Kept(index, read(review), read(whose), record, held) for index, review, whose, record, held in rows)


async def _index_of(connection: Connection, tenant: str, review_id: str) -> int:
    index = await connection.fetchval(_INDEX_OF, text(review_id), text(tenant))
    if index is None:
        raise ReviewNotFoundError(f"no review reviews/{review_id[:64]} of tenant {tenant[:64]}")
    return int(index)


def _hold_event(row: asyncpg.Record) -> Event:
    event = read_event(row["record"])
    if event is None:
        raise LedgerCorruptError("a legal hold names an entry that is none")
    return event


def _told(hold: Event) -> str:
    return f"{', '.join(hold.subjects)} is under the legal hold of {rfc3339(hold.time)} by {hold.by} ({hold.reason})"
