"""Logs with encrypted contents, under a key that every test knows."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from reviewer.core.ids import uuid7
from reviewer.ledger.custody import Store
from reviewer.ledger.sealed import Means, SealedLedger
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.sealing import Keyring, load_keyring

KEK = bytes(range(32))
RING = Keyring(KEK)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        """Return the time that it shows."""
        return self.now


def sealed_ledger(inner: Store, ring: Keyring = RING, clock: Clock | None = None) -> SealedLedger:
    """Encrypt what a store keeps."""
    means = Means(clock or Clock(), lambda moment: uuid7(moment, os.urandom(10)), os.urandom)
    return SealedLedger(inner, ring, means)


def service_log(path: Path) -> SealedLedger:
    """Open the log of a service that made its own key beside it."""
    return sealed_ledger(SqliteLedger(path), load_keyring(path.with_name(f"{path.name}.kek"), ()))
