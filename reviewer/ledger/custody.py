"""The port to what a log keeps apart from its records: wrapped data keys, contents to be erased, legal holds.

What a store promises beyond `Ledger`:

* **with its record**: an erasure, a hold and a change of keys take effect in the commit that appends their record;
* **holds win**: nothing under a legal hold is erased, whoever asks, also where both are asked for at once;
* **no key after its end**: no content is appended under a data key that was destroyed before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from reviewer.core.events import Event
from reviewer.core.review import Position
from reviewer.ledger.handoffs import TicketLedger
from reviewer.ledger.tree import TreeLedger
from reviewer.sealing import WrappedKey


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to.

    Attributes:
        position: of its record; None where nothing was left to erase, so that nothing was recorded.
        contents: how many are gone.
        wiped: whether their bytes are out of the store's files too; if not, they go as it is written on.
    """

    position: Position | None
    contents: int
    wiped: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A review whose content is there.

    Attributes:
        held: whether a legal hold is on it, or on its whole tenant.
    """

    index: int
    review_id: str
    tenant: str
    record: bytes
    held: bool


class Custody(Protocol):
    """Keys, erasures and holds of a verdict log."""

    async def data_keys(self, tenant: str | None) -> tuple[WrappedKey, ...]:
        """Return a tenant's data keys, destroyed ones included, the oldest first; those of all tenants for None.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def wrappers(self) -> frozenset[str]:
        """Return the ids of the key-encryption keys that data keys are wrapped by.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def add_data_key(self, key: WrappedKey, known: int) -> WrappedKey:
        """Add a tenant's next data key, unless somebody else just did: then that one is returned.

        Args:
            known: how many keys of the tenant the caller knows of.

        Raises:
            LedgerUnavailableError: the key may or may not be in the log.
        """
        ...

    async def replace_wrapped(self, keys: tuple[WrappedKey, ...], event: Event) -> Position:
        """Put newly wrapped data keys in place of the same keys as they were wrapped before; destroyed ones stay so.

        Args:
            event: the key change that is recorded with it.

        Raises:
            LedgerUnavailableError: it may or may not have been done.
        """
        ...

    async def erase(self, event: Event) -> Erased:
        """Destroy the contents of an erasure's reviews and their annexes, or all contents and data keys of its tenant.

        Raises:
            ReviewNotFoundError: a review is not in the log; nothing was erased.
            HoldError: a legal hold is on what was asked for; nothing was erased.
            LedgerUnavailableError: it may or may not have been done.
        """
        ...

    async def change_hold(self, event: Event) -> Position:
        """Put a tenant or a review under a legal hold, or lift it.

        Raises:
            ReviewNotFoundError: the review is not in the log.
            HoldError: it is held already, or is not held.
            LedgerUnavailableError: it may or may not have been done.
        """
        ...

    async def holds(self, tenant: str | None) -> tuple[Event, ...]:
        """Return the holds that are in force, as they were recorded, on a tenant and its reviews; all of them for None.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def kept(self, first_index: int, limit: int) -> tuple[Kept, ...]:
        """Return up to `limit` reviews whose content is there, from `first_index` on, in order.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def note_signing_key(self, key_id: str, told: Callable[[str], Event]) -> Position | None:
        """Note which key signs from now on; where another one did before, append the record of the change.

        Args:
            told: makes the event of the change, given the id of the key before.

        Returns:
            Where that record stands; None where there was no change, or another process was first.

        Raises:
            LedgerUnavailableError: it may or may not have been noted.
        """
        ...


class Store(TreeLedger, TicketLedger, Custody, Protocol):
    """A whole log: its entries, and what is kept apart from them."""
