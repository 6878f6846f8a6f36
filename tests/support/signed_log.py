"""Signed logs for tests: entries appended, integrated and signed under a fixed key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reviewer.core import note
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.record import Entry
from reviewer.ledger.interface import Ledger
from reviewer.ledger.sequencer import Sequencer
from reviewer.ledger.tree import SignedHead, TreeLedger
from reviewer.ledger.verification import Report, verify
from reviewer.signing import Identity, SigningKey, verifies

ORIGIN = "example.com/log"
SIGNED_AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
IDENTITY = Identity(ORIGIN, SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))
NEVER_S = 3600.0
"""An interval that no test waits for: between two looks such a sequencer does nothing by itself."""


def sequencer(ledger: TreeLedger, identity: Identity = IDENTITY, interval_s: float = NEVER_S) -> Sequencer:
    """Return a sequencer whose clock stands still."""
    return Sequencer(ledger, identity, interval_s, lambda: SIGNED_AT)


async def append_all(ledger: Ledger, entries: Iterable[Entry]) -> None:
    """Append one after the other, so that the order is that of the entries."""
    for one in entries:
        await ledger.append(one)


async def integrate_all(ledger: TreeLedger, identity: Identity = IDENTITY) -> None:
    """Integrate and sign all that is there."""
    working = sequencer(ledger, identity)
    while await working.integrate():
        pass


def signed_head(size: int, root: bytes, identity: Identity = IDENTITY) -> SignedHead:
    """Sign a head, whether or not the log has it."""
    text = Checkpoint(identity.origin, size, root).text()
    return SignedHead(size, root, note.write(identity.key.sign_note(identity.origin, text)), SIGNED_AT)


def checkpoint_of(head: SignedHead, identity: Identity = IDENTITY) -> Checkpoint:
    """Return what a head says, once its signature was found good."""
    return read_signed(head.note, identity.verifier_keys(), verifies)


async def verified(ledger: TreeLedger, remembered: Sequence[Checkpoint] = (), identity: Identity = IDENTITY) -> Report:
    """Verify a log with its own keys."""
    return await verify(ledger, identity.verifier_keys(), remembered, lambda *_: None)
