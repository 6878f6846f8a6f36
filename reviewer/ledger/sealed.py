"""A verdict log whose store never sees a content in the clear: encrypted before it is appended, decrypted when read.

Each tenant has a data key, made at first use and renewed in time. The key of a content's commitment is encrypted with
it: who has the store alone cannot confirm a guess either. What was appended before is read as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from reviewer.core.errors import ConfigError, Fault, LedgerCorruptError, LedgerUnavailableError, SealedError
from reviewer.core.events import Action, Annex, Event
from reviewer.core.record import CONTENT_KEY_BYTES, Entry
from reviewer.core.review import Position
from reviewer.core.search import Filter, Order
from reviewer.core.spending import Spent
from reviewer.ledger.custody import Erased, Kept, Store
from reviewer.ledger.handoffs import HandoffStore
from reviewer.ledger.interface import Appended, Found, Stored
from reviewer.ledger.sealed_handoffs import SealedHandoffs
from reviewer.ledger.tree import TreeStore
from reviewer.sealing import DataKey, Entropy, Keyring, WrappedKey, decrypt, encrypt, key_id_of

ROTATE_DAYS = 90
MAX_MESSAGES = 2**30
"""Of one process under one data key: with four processes the 2^32 that random nonces allow, at most."""
_MAX_KEYS = 4_096
"""Unwrapped keys in memory: tenants are named by callers, and may be many."""
_CLEAR = b"{"
_TRIES = 3

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Current:
    """A tenant's data key in use, until it is to be renewed."""

    key: DataKey
    until: datetime
    left: int = MAX_MESSAGES


@dataclass(frozen=True, slots=True)
class Means:
    """Time, ids and chance, as the composition root gives them."""

    now: Callable[[], datetime]
    new_id: Callable[[datetime], UUID]
    entropy: Entropy


class SealedLedger:
    """A store with encrypted contents; it is opened and closed with this."""

    def __init__(self, inner: Store, keyring: Keyring, means: Means, rotate_days: int = ROTATE_DAYS) -> None:
        """Keep all of it; nothing is opened before `__aenter__`."""
        self._inner = inner
        self._keyring = keyring
        self._means = means
        self._rotate = timedelta(days=rotate_days)
        self._current: dict[str, _Current] = {}
        self._keys: dict[UUID, DataKey] = {}
        self._making = asyncio.Lock()
        self._late: set[asyncio.Task[Appended]] = set()

    async def __aenter__(self) -> Self:
        """Open the store.

        Raises:
            ConfigError: it holds keys that are wrapped by one that is not in the ring.
        """
        await self._inner.__aenter__()
        missing = sorted(await self._inner.wrappers() - self._keyring.ids)
        if missing:
            await self._inner.__aexit__(None, None, None)
            message = f"the log's data keys are wrapped by {', '.join(missing)}, which is not configured"
            raise ConfigError((Fault("encryption", "former_key_files", message),))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for what still had no key, then close the store and forget all keys."""
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._inner.__aexit__(exc_type, exc, traceback)
        self._current.clear()
        self._keys.clear()

    @property
    def tree(self) -> TreeStore:
        """See `TreeLedger.tree`; hashes are no secret."""
        return self._inner.tree

    @property
    def handoffs(self) -> HandoffStore:
        """See `TicketLedger.handoffs`; what people write is encrypted."""
        return SealedHandoffs(self._inner.handoffs, self._encrypted)

    async def search(self, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
        """See `Ledger.search`; records are no secret."""
        return await self._inner.search(asked, order, after, limit)

    async def find_record(self, review_id: str) -> Found | None:
        """See `Ledger.find_record`."""
        return await self._inner.find_record(review_id)

    async def append(self, entry: Entry) -> Appended:
        """See `Ledger.append`."""
        if not entry.content:
            return await self._inner.append(entry)
        current = self._current.get(entry.tenant)
        if current is not None and current.left and self._means.now() < current.until:
            try:
                return await self._append(entry, current)
            except SealedError:
                self._current.pop(entry.tenant, None)
        # A caller that goes away while a key is made does not take its write back, nor lose its place in the line.
        task = asyncio.create_task(self._append_late(entry))
        self._late.add(task)
        task.add_done_callback(self._end)
        return await asyncio.shield(task)

    async def find_request(self, tenant: str, request_id: str) -> Stored | None:
        """See `Ledger.find_request`."""
        found = await self._inner.find_request(tenant, request_id)
        return None if found is None else await self._opened(found)

    async def find_review(self, tenant: str, review_id: str) -> Stored | None:
        """See `Ledger.find_review`."""
        found = await self._inner.find_review(tenant, review_id)
        return None if found is None else await self._opened(found)

    async def page(self, first_index: int, limit: int) -> tuple[Stored, ...]:
        """See `Ledger.page`."""
        return tuple([await self._opened(found) for found in await self._inner.page(first_index, limit)])

    async def size(self) -> int:
        """See `Ledger.size`."""
        return await self._inner.size()

    async def spending(self, tenant: str, day: date) -> Spent:
        """See `Ledger.spending`."""
        return await self._inner.spending(tenant, day)

    async def spending_of_day(self, day: date) -> tuple[tuple[str, Spent], ...]:
        """See `Ledger.spending_of_day`."""
        return await self._inner.spending_of_day(day)

    async def probe(self) -> None:
        """See `Ledger.probe`."""
        await self._inner.probe()

    async def erase(self, event: Event) -> Erased:
        """See `Custody.erase`."""
        erased = await self._inner.erase(event)
        if event.whole_tenant:
            self._current.pop(event.tenant, None)
            self._keys = {key_id: key for key_id, key in self._keys.items() if key.tenant != event.tenant}
        return erased

    async def change_hold(self, event: Event) -> Position:
        """See `Custody.change_hold`."""
        return await self._inner.change_hold(event)

    async def holds(self, tenant: str | None) -> tuple[Event, ...]:
        """See `Custody.holds`."""
        return await self._inner.holds(tenant)

    async def kept(self, first_index: int, limit: int) -> tuple[Kept, ...]:
        """See `Custody.kept`."""
        return await self._inner.kept(first_index, limit)

    async def note_signing_key(self, key_id: str, told: Callable[[str], Event]) -> Position | None:
        """See `Custody.note_signing_key`."""
        return await self._inner.note_signing_key(key_id, told)

    async def stale_keys(self) -> tuple[WrappedKey, ...]:
        """Return the data keys that are wrapped by a former key-encryption key."""
        keys = await self._inner.data_keys(None)
        return tuple([key for key in keys if key.wrapped is not None and key.wrapper != self._keyring.current])

    async def rewrap(self, keys: tuple[WrappedKey, ...], event: Event) -> Position:
        """Wrap data keys anew under the current key-encryption key; contents are not touched.

        Raises:
            SealedError, LedgerCorruptError: a key cannot be unwrapped; nothing was changed.
            LedgerUnavailableError: it may or may not have been done.
        """
        assert event.action is Action.REWRAP
        return await self._inner.replace_wrapped(tuple(map(self._keyring.rewrap, keys)), event)

    def _end(self, task: asyncio.Task[Appended]) -> None:
        """Let go of a late write; where its caller is gone nobody else asks how it ended."""
        self._late.discard(task)
        if not task.cancelled():
            task.exception()

    async def _append_late(self, entry: Entry) -> Appended:
        """Append once there is a data key; one that was destroyed meanwhile is replaced."""
        for _ in range(_TRIES):
            current = await self._key_in_use(entry.tenant)
            try:
                return await self._append(entry, current)
            except SealedError:
                self._current.pop(entry.tenant, None)
        raise LedgerUnavailableError("the tenant's data keys were destroyed as often as they were made")

    async def _append(self, entry: Entry, current: _Current) -> Appended:
        key = current.key
        current.left -= 1
        sealed = encrypt(key, entry.review_id, entry.content_key + entry.content, self._means.entropy)
        appended = await self._inner.append(replace(entry, content=sealed, content_key=b"", data_key=key.id))
        if appended.existing is None:
            return appended
        return Appended(appended.position, await self._opened(appended.existing))

    async def _encrypted(self, tenant: str, event_id: str, annex: Annex) -> Annex:
        """Encrypt a person's words; asked again after their key was destroyed, under another one."""
        for wrapped in await self._inner.data_keys(tenant):
            current = self._current.get(tenant)
            if wrapped.wrapped is None and current is not None and current.key.id == wrapped.id:
                self._current.pop(tenant)
        current = await self._key_in_use(tenant)
        current.left -= 1
        sealed = encrypt(current.key, event_id, annex.key + annex.content, self._means.entropy)
        return replace(annex, content=sealed, key=b"", data_key=current.key.id)

    async def _opened(self, stored: Stored) -> Stored:
        sealed = stored.content
        if sealed is None or sealed.startswith(_CLEAR):
            return stored
        key = await self._key(key_id_of(sealed), stored.tenant)
        opened = decrypt(key, stored.review_id, sealed)
        return replace(stored, content=opened[CONTENT_KEY_BYTES:], content_key=opened[:CONTENT_KEY_BYTES])

    async def _key(self, key_id: UUID, tenant: str) -> DataKey:
        known = self._keys.get(key_id)
        if known is not None:
            return known
        for wrapped in await self._inner.data_keys(tenant):
            if wrapped.id == key_id:
                return _kept(self._keys, key_id, self._unwrapped(wrapped))
        raise LedgerCorruptError(f"data key {key_id} is not in the log")

    async def _key_in_use(self, tenant: str) -> _Current:
        """Return a tenant's data key, made now where there is none, or none any more."""
        async with self._making:
            now = self._means.now()
            current = self._current.get(tenant)
            if current is not None and current.left and now < current.until:
                return current
            exhausted = current.key.id if current is not None else None
            key, created_at = await self._newest(tenant, now, exhausted)
            _kept(self._keys, key.id, key)
            return _kept(self._current, tenant, _Current(key, created_at + self._rotate))

    async def _newest(self, tenant: str, now: datetime, exhausted: UUID | None) -> tuple[DataKey, datetime]:
        for _ in range(_TRIES):
            keys = await self._inner.data_keys(tenant)
            newest = keys[-1] if keys else None
            if newest is not None and newest.id != exhausted and self._lasts(newest, now):
                return self._unwrapped(newest), newest.created_at
            key, wrapped = self._keyring.new_key(tenant, self._means.new_id(now), now, self._means.entropy)
            if (await self._inner.add_data_key(wrapped, len(keys))).id == key.id:
                return key, now
        raise LedgerUnavailableError("other processes keep on making data keys")

    def _lasts(self, key: WrappedKey, now: datetime) -> bool:
        return key.wrapped is not None and now < key.created_at + self._rotate

    def _unwrapped(self, key: WrappedKey) -> DataKey:
        """Unwrap a key; that another process wrapped it by a key that is not here is no erasure."""
        try:
            return self._keyring.unwrap(key)
        except SealedError as exc:
            if key.wrapped is None:
                raise
            raise LedgerUnavailableError(str(exc)) from exc


def _kept(cache: dict[K, V], key: K, value: V) -> V:
    """Put into a bounded cache; the oldest goes."""
    if len(cache) >= _MAX_KEYS:
        cache.pop(next(iter(cache)))
    cache[key] = value
    return value
