"""Hashes and proofs of the verdict log's tree, after RFC 6962, section 2.1 (unchanged in RFC 9162).

Everything here works on hashes alone; where they are kept, and how proofs are made from there, is
`reviewer.core.tiles`. The checks follow RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""
_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(record: bytes) -> bytes:
    """Return the 32-byte hash of one record: SHA-256 over a zero byte and the record."""
    return hashlib.sha256(_LEAF + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash over two subtrees: SHA-256 over a one byte and their hashes."""
    return hashlib.sha256(_NODE + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of subtrees of one height, at least one."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def split_at(size: int) -> int:
    """Return how many of `size` leaves, two or more, are in the left subtree: the largest power of two below."""
    return 1 << ((size - 1).bit_length() - 1)


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that a leaf stands at an index of the tree with this size and root.

    Never raises for what a proof holds; False for an index outside the tree.
    """
    if not 0 <= index < size or any(len(part) != HASH_BYTES for part in proof):
        return False
    at, last = index, size - 1
    folded = leaf
    for part in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            folded = node_hash(part, folded)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            folded = node_hash(folded, part)
        at >>= 1
        last >>= 1
    return last == 0 and folded == root


def consistent(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Whether a proof shows that a tree is an earlier one with leaves appended, and nothing else changed.

    Every tree begins with the empty one, which needs no proof. Never raises for what a proof holds.
    """
    if not 0 <= old_size <= size or any(len(part) != HASH_BYTES for part in proof):
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if old_size == size:
        return not proof and old_root == root
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    return bool(path) and _grown(old_size - 1, size - 1, path) == (old_root, root)


def _grown(at: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Fold a consistency proof into the roots of the old and the new tree; None where it is too long or too short."""
    while at & 1:
        at >>= 1
        last >>= 1
    old = new = path[0]
    for part in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            new = node_hash(new, part)
        at >>= 1
        last >>= 1
    return (old, new) if last == 0 else None
