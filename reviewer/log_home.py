"""The log of a service with its keys: where they are, made, opened and brought up to date."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from reviewer import moments, sealing
from reviewer.config import Settings
from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.events import signing_key_change
from reviewer.ledger import stores
from reviewer.ledger.custody import Store
from reviewer.ledger.sealed import Means, SealedLedger
from reviewer.ledger.sequencer import Sequencer
from reviewer.sealing import load_keyring
from reviewer.signing import Identity, create_key, load_identity


@asynccontextmanager
async def serving_log(settings: Settings) -> AsyncIterator[tuple[SealedLedger, Identity, Sequencer]]:
    """Open the log, its keys, and the sequencer that integrates once more before the log is closed."""
    async with open_ledger(settings) as ledger:
        identity = open_identity(settings)
        now = moments.now()
        change = partial(signing_key_change, identity.key.public.key_id, str(moments.new_id(now)), now)
        await ledger.note_signing_key(identity.key.public.key_id, change)
        async with Sequencer(ledger, identity, settings.ledger.checkpoint_interval_s, moments.now) as sequencer:
            yield ledger, identity, sequencer


def open_ledger(settings: Settings) -> SealedLedger:
    """Build the log with its contents readable; nothing is opened before it is entered.

    Raises:
        LedgerUnavailableError: there is no log at the configured path, which is told before that its keys are missing.
        ConfigError: a key-encryption key is missing or invalid.
    """
    if settings.ledger.store == "sqlite" and not settings.ledger.path.exists():
        raise LedgerUnavailableError(f"{settings.ledger.path.name}: there is no log; `reviewer log init` makes one")
    encryption = settings.encryption
    key = encryption.key.get_secret_value()
    keyring = load_keyring(_kek_file(settings), encryption.former_key_files, key)
    return SealedLedger(open_records(settings), keyring, means(), encryption.rotate_days)


def open_records(settings: Settings) -> Store:
    """Build the log without its keys: records can be read, contents cannot."""
    return stores.open_log(settings.ledger)


def means() -> Means:
    """Return where events and contents get time, ids and randomness."""
    return Means(moments.now, moments.new_id, os.urandom)


def create_log(settings: Settings) -> None:
    """Create an empty log, and keys for it where there are none yet.

    Raises:
        LedgerUnavailableError: a log is there already, or cannot be created.
        ConfigError: a key cannot be created.
    """
    stores.create(settings.ledger)
    _make_keys(settings)


def upgrade_log(settings: Settings) -> int:
    """Bring an older log up to date, and make keys for it where there are none yet; return the number of steps taken.

    Raises:
        LedgerUnavailableError: there is no log, or none that can be brought up to date.
        ConfigError: a key cannot be created.
    """
    steps = stores.upgrade(settings.ledger)
    _make_keys(settings)
    return steps


def _make_keys(settings: Settings) -> None:
    if not _key_file(settings).exists():
        create_key(_key_file(settings))
    if not settings.encryption.key.get_secret_value() and not _kek_file(settings).exists():
        sealing.create_key(_kek_file(settings))


def open_identity(settings: Settings) -> Identity:
    """Read the log's name and keys.

    Raises:
        ConfigError: a key is missing or invalid.
    """
    return load_identity(settings.signing.origin, _key_file(settings), settings.signing.former_keys)


def _key_file(settings: Settings) -> Path:
    path = settings.ledger.path
    return settings.signing.key_file or path.with_name(f"{path.name}.key")


def _kek_file(settings: Settings) -> Path:
    path = settings.ledger.path
    return settings.encryption.key_file or path.with_name(f"{path.name}.kek")
