"""Data keys, erasures and legal holds in the SQLite log: what each of them reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import apsw

from reviewer.core.errors import HoldError, LedgerCorruptError, ReviewNotFoundError
from reviewer.core.events import Action, Event, entry_of, read_event, review_name
from reviewer.core.record import rfc3339
from reviewer.core.review import Position
from reviewer.ledger.custody import Erased, Kept
from reviewer.ledger.sqlite_entries import Transaction
from reviewer.sealing import WrappedKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_KEYS = "SELECT id, tenant, wrapped, wrapper, created_us FROM data_keys"
_KEYS_OF_TENANT = f"{_KEYS} WHERE tenant = ? ORDER BY generation"
_KEYS_OF_ALL = f"{_KEYS} ORDER BY tenant, generation"
_WRAPPERS = "SELECT DISTINCT wrapper FROM data_keys WHERE wrapped IS NOT NULL"
_ADD_KEY = "INSERT INTO data_keys (id, tenant, generation, wrapped, wrapper, created_us) VALUES (?, ?, ?, ?, ?, ?)"
_REWRAP = "UPDATE data_keys SET wrapped = ?, wrapper = ? WHERE id = ? AND wrapped IS NOT NULL"
_DESTROY_KEYS = "UPDATE data_keys SET wrapped = NULL WHERE tenant = ? AND wrapped IS NOT NULL"

_INDEX_OF = "SELECT idx FROM entries WHERE review_id = ? AND tenant = ? AND kind = 'review'"
_ERASE = "UPDATE contents SET content = NULL, content_key = NULL, erased_by = ?"
_OF_ONE = "WHERE content IS NOT NULL AND idx = ?"
_OF_ANNEXES = "WHERE content IS NOT NULL AND idx IN (SELECT idx FROM annexes WHERE review_id = ?)"
_OF_TENANT = "WHERE content IS NOT NULL AND idx IN (SELECT idx FROM entries WHERE tenant = ?)"
_ERASE_ONE = f"{_ERASE} {_OF_ONE}"
_ERASE_ANNEXES = f"{_ERASE} {_OF_ANNEXES}"
_ERASE_TENANT = f"{_ERASE} {_OF_TENANT}"
_ANY = "SELECT 1 FROM contents"
_HAS_CONTENT = f"{_ANY} {_OF_ONE}"
_HAS_ANNEX = f"{_ANY} {_OF_ANNEXES} LIMIT 1"
_TENANT_HAS_CONTENT = f"{_ANY} {_OF_TENANT} LIMIT 1"
_TENANT_HAS_KEY = "SELECT 1 FROM data_keys WHERE tenant = ? AND wrapped IS NOT NULL LIMIT 1"

_HOLDS = "SELECT e.record FROM holds h JOIN entries e ON e.idx = h.idx"
_HOLDS_OF_ALL = f"{_HOLDS} ORDER BY h.idx"
_HOLDS_OF_TENANT = f"{_HOLDS} WHERE h.tenant = ? ORDER BY h.idx"
_HOLD = "SELECT 1 FROM holds WHERE tenant = ? AND review_id = ?"
_ADD_HOLD = "INSERT INTO holds (tenant, review_id, idx) VALUES (?, ?, ?)"
_REMOVE_HOLD = "DELETE FROM holds WHERE tenant = ? AND review_id = ?"

_SIGNER = "SELECT value FROM meta WHERE key = 'signing_key'"
_SIGNS = "INSERT INTO meta (key, value) VALUES ('signing_key', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1"

_KEPT = """
SELECT e.idx, e.review_id, e.tenant, e.record,
    EXISTS (SELECT 1 FROM holds h WHERE h.tenant = e.tenant AND h.review_id IN ('', e.review_id))
FROM entries e JOIN contents c ON c.idx = e.idx
WHERE e.idx >= ? AND e.kind = 'review' AND (c.content IS NOT NULL OR EXISTS (
    SELECT 1 FROM annexes a JOIN contents x ON x.idx = a.idx WHERE a.review_id = e.review_id AND x.content IS NOT NULL
))
ORDER BY e.idx LIMIT ?
"""


def data_keys(connection: apsw.Connection, tenant: str | None) -> tuple[WrappedKey, ...]:
    """See `Custody.data_keys`."""
    rows = connection.execute(_KEYS_OF_ALL) if tenant is None else connection.execute(_KEYS_OF_TENANT, (tenant,))
    return tuple(map(_key, rows.fetchall()))


def wrappers(connection: apsw.Connection) -> frozenset[str]:
    """See `Custody.wrappers`."""
    return frozenset(str(wrapper) for (wrapper,) in connection.execute(_WRAPPERS).fetchall())


def add_data_key(tx: Transaction, key: WrappedKey, known: int) -> WrappedKey:
    """See `Custody.add_data_key`."""
    there = data_keys(tx.connection, key.tenant)
    if len(there) > known:
        return there[-1]
    created_us = (key.created_at - _EPOCH) // _MICROSECOND
    row = (key.id.bytes, key.tenant, len(there), key.wrapped, key.wrapper, created_us)
    tx.connection.execute(_ADD_KEY, row)
    return key


def replace_wrapped(tx: Transaction, keys: tuple[WrappedKey, ...], event: Event) -> Position:
    """See `Custody.replace_wrapped`."""
    for key in keys:
        tx.connection.execute(_REWRAP, (key.wrapped, key.wrapper, key.id.bytes))
    return tx.append(entry_of(event)).position


def erase(tx: Transaction, event: Event) -> Erased:
    """See `Custody.erase`; the bytes are still in the write-ahead file when this returns."""
    reviews = [_index_of(tx.connection, event.tenant, review_id) for review_id in event.reviews]
    for hold in holds(tx.connection, event.tenant):
        if event.whole_tenant or hold.whole_tenant or set(hold.reviews) & set(event.reviews):
            raise HoldError(f"{_told(hold)}: nothing was erased")
    if not _has_something(tx.connection, event, reviews):
        return Erased(None, 0, wiped=False)
    position = tx.append(entry_of(event)).position
    before = tx.connection.total_changes()
    if event.whole_tenant:
        tx.connection.execute(_ERASE_TENANT, (position.index, event.tenant))
    for index in reviews:
        tx.connection.execute(_ERASE_ONE, (position.index, index))
    for review_id in event.reviews:
        tx.connection.execute(_ERASE_ANNEXES, (position.index, review_id))
    contents = tx.connection.total_changes() - before
    if event.whole_tenant:
        tx.connection.execute(_DESTROY_KEYS, (event.tenant,))
    return Erased(position, contents, wiped=False)


def change_hold(tx: Transaction, event: Event) -> Position:
    """See `Custody.change_hold`."""
    targets = [*event.reviews, *([""] if event.whole_tenant else [])]
    for review_id in targets:
        if review_id:
            _index_of(tx.connection, event.tenant, review_id)
        held = next(tx.connection.execute(_HOLD, (event.tenant, review_id)), None) is not None
        if held is (event.action is Action.ADD):
            name = review_name(review_id) if review_id else f"tenant {event.tenant}"
            raise HoldError(f"{name} is {'already' if held else 'not'} under a legal hold")
    position = tx.append(entry_of(event)).position
    for review_id in targets:
        if event.action is Action.ADD:
            tx.connection.execute(_ADD_HOLD, (event.tenant, review_id, position.index))
        else:
            tx.connection.execute(_REMOVE_HOLD, (event.tenant, review_id))
    return position


def note_signing_key(tx: Transaction, key_id: str, told: Callable[[str], Event]) -> Position | None:
    """See `Custody.note_signing_key`."""
    row = next(tx.connection.execute(_SIGNER), None)
    before = str(row[0]) if row is not None else ""
    if before == key_id:
        return None
    tx.connection.execute(_SIGNS, (key_id,))
    return tx.append(entry_of(told(before))).position if before else None


def holds(connection: apsw.Connection, tenant: str | None) -> tuple[Event, ...]:
    """See `Custody.holds`."""
    rows = connection.execute(_HOLDS_OF_ALL) if tenant is None else connection.execute(_HOLDS_OF_TENANT, (tenant,))
    return tuple(_hold_events(rows.fetchall()))


def kept(connection: apsw.Connection, first_index: int, limit: int) -> tuple[Kept, ...]:
    """See `Custody.kept`."""
    return tuple(map(_kept, connection.execute(_KEPT, (first_index, limit)).fetchall()))


def _has_something(connection: apsw.Connection, event: Event, reviews: list[int]) -> bool:
    """Whether any of it is still there: asked again, an erasure leaves no second record."""
    if event.whole_tenant:
        asked = [(_TENANT_HAS_CONTENT, (event.tenant,)), (_TENANT_HAS_KEY, (event.tenant,))]
        return any(next(connection.execute(sql, bound), None) is not None for sql, bound in asked)
    wanted: list[tuple[str, tuple[int | str]]] = [(_HAS_CONTENT, (index,)) for index in reviews]
    wanted += [(_HAS_ANNEX, (review_id,)) for review_id in event.reviews]
    return any(next(connection.execute(sql, bound), None) is not None for sql, bound in wanted)


def _index_of(connection: apsw.Connection, tenant: str, review_id: str) -> int:
    row = next(connection.execute(_INDEX_OF, (review_id, tenant)), None)
    if row is None:
        raise ReviewNotFoundError(f"no review reviews/{review_id[:64]} of tenant {tenant[:64]}")
    (index,) = row
    assert isinstance(index, int)
    return index


def _hold_events(rows: list[apsw.SQLiteValues]) -> Iterator[Event]:
    for (record,) in rows:
        event = read_event(record) if isinstance(record, bytes) else None
        if event is None:
            raise LedgerCorruptError("a legal hold names an entry that is none")
        yield event


def _told(hold: Event) -> str:
    return f"{', '.join(hold.subjects)} is under the legal hold of {rfc3339(hold.time)} by {hold.by} ({hold.reason})"


def _key(row: apsw.SQLiteValues) -> WrappedKey:
    key_id, tenant, wrapped, wrapper, created_us = row
    assert isinstance(key_id, bytes)
    assert wrapped is None or isinstance(wrapped, bytes)
    assert isinstance(created_us, int)
    return WrappedKey(UUID(bytes=key_id), str(tenant), wrapped, str(wrapper), _EPOCH + created_us * _MICROSECOND)


def _kept(row: apsw.SQLiteValues) -> Kept:
    index, review_id, tenant, record, held = row
    assert isinstance(index, int)
    assert isinstance(record, bytes)
    return Kept(index, str(review_id), str(tenant), record, bool(held))
