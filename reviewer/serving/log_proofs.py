"""Checkpoints and proofs over the wire, from the tree as it was signed: hashes, never records."""

from __future__ import annotations

from functools import partial

from reviewer.core import tiles
from reviewer.core.errors import CheckpointNotFoundError, Fault, LedgerCorruptError, RequestError
from reviewer.ledger.tree import SignedHead, TreeStore, read_through
from reviewer.v1 import verdict_log_service_pb2 as pb


async def checkpoint(tree: TreeStore, size: int) -> SignedHead:
    """Return the signed head over so many entries; the newest for 0.

    Raises:
        CheckpointNotFoundError: no head of that size was signed.
        RequestError: that is no size.
    """
    if size < 0:
        raise RequestError((Fault("size", "", f"got {size}, expected 0 or more"),))
    if size == 0:
        head = await tree.head()
    else:
        head = next(iter(await tree.heads(size - 1, 1)), None)
    if head is None or size not in (0, head.size):
        raise CheckpointNotFoundError(f"no checkpoint of {size} entries was signed" if size else "none was signed yet")
    return head


async def inclusion(tree: TreeStore, index: int, size: int) -> pb.GetInclusionProofResponse:
    """Prove an entry under a signed head.

    Raises:
        CheckpointNotFoundError: no such head was signed, or it does not cover the entry.
        LedgerCorruptError: the tree lacks hashes.
    """
    head = await checkpoint(tree, size)
    if index >= head.size:
        raise CheckpointNotFoundError(f"the checkpoint of {head.size} entries does not cover entry {index}")
    try:
        hashes = await read_through(tree, partial(tiles.inclusion_proof, index, head.size))
    except ValueError as exc:
        raise LedgerCorruptError(f"the log does not prove entry {index}") from exc
    return pb.GetInclusionProofResponse(index=index, hashes=hashes, checkpoint=checkpoint_message(head))


async def consistency(tree: TreeStore, old_size: int, size: int) -> pb.GetConsistencyProofResponse:
    """Prove that the log under a signed head begins with an earlier one.

    Raises:
        CheckpointNotFoundError: no such head was signed.
        RequestError: the earlier one is not smaller, or is none.
        LedgerCorruptError: the tree lacks hashes.
    """
    head = await checkpoint(tree, size)
    if not 0 < old_size <= head.size:
        raise RequestError((Fault("old_size", "", f"got {old_size}, expected 1 to {head.size}"),))
    try:
        hashes = await read_through(tree, partial(tiles.consistency_proof, old_size, head.size))
    except ValueError as exc:
        raise LedgerCorruptError(f"the log does not prove that it begins with {old_size} entries") from exc
    return pb.GetConsistencyProofResponse(hashes=hashes, checkpoint=checkpoint_message(head))


def checkpoint_message(head: SignedHead) -> pb.Checkpoint:
    """Convert a signed head."""
    return pb.Checkpoint(size=head.size, root_hash=head.root, note=head.note)
