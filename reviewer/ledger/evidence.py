"""Evidence: one entry, its place in the log under a signed head, and the key to check it with, for offline readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from reviewer.core import note, proof, tiles
from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError, ReviewNotFoundError
from reviewer.core.note import VerifierKey
from reviewer.core.proof import Proof
from reviewer.core.review import CANARY_TENANT
from reviewer.ledger.publication import with_cosignatures
from reviewer.ledger.tree import TreeLedger, read_through
from reviewer.signing import verifies


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a review stands in a log.

    Attributes:
        index: of the entry.
        size: of the log as the proof's checkpoint signs it.
        proof: a C2SP tlog-proof.
        record: the entry, byte for byte.
        key: that signed the checkpoint.
    """

    index: int
    size: int
    proof: str
    record: bytes
    key: VerifierKey


async def prove(ledger: TreeLedger, tenant: str, review_id: str, keys: Sequence[VerifierKey]) -> Evidence:
    """Prove a review under the newest head and the cosignatures below it, checked here as its readers will.

    Args:
        keys: of the log, one of which signed that head.

    Raises:
        ReviewNotFoundError: the tenant has no such review, nor is it a canary.
        LedgerUnavailableError: the log cannot be read, or no head covers the entry yet.
        LedgerCorruptError: what the log holds does not prove the entry.
    """
    stored = await ledger.find_review(tenant, review_id) or await ledger.find_review(CANARY_TENANT, review_id)
    if stored is None:
        raise ReviewNotFoundError(f"there is no review {review_id[:64]} of tenant {tenant[:64]}")
    index, head = stored.position.index, await ledger.tree.head()
    if head is None or index >= head.size:
        raise LedgerUnavailableError(f"no checkpoint covers entry {index} yet; a running service signs one in a moment")
    try:
        path = await read_through(ledger.tree, partial(tiles.inclusion_proof, index, head.size))
        made = Proof(index, path, (await with_cosignatures(ledger.tree, head)).checkpoint)
        proof.proves(made, stored.record, keys, verifies)
        (key,) = [key for key in keys if note.signers(note.read(head.note), [key], verifies)][:1]
    except ValueError as exc:
        raise LedgerCorruptError(f"the log does not prove entry {index}: {exc}") from exc
    return Evidence(index, head.size, proof.write(made), stored.record, key)
