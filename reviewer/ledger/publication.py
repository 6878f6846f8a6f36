"""Publication: which signed head a log shows, and the cosignatures below it.

What is shown never goes back: heads only grow, and so do those that a quorum has cosigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.core import cosignature, note
from reviewer.core.errors import LedgerCorruptError
from reviewer.core.note import VerifierKey
from reviewer.ledger.tree import SignedHead, TreeStore
from reviewer.signing import verifies

_PAGE = 256


Cosigned = tuple[SignedHead, tuple[str, ...]]
"""A head, and the names of those who cosigned it."""


@dataclass(frozen=True, slots=True)
class Published:
    """A head as it is shown.

    Attributes:
        checkpoint: its note, with the cosignatures that it has.
        witnesses: names of those of the given keys that cosigned it.
    """

    head: SignedHead
    checkpoint: str
    witnesses: tuple[str, ...] = ()


async def publish(tree: TreeStore, keys: Sequence[VerifierKey], quorum: int, above: int = 0) -> Published | None:
    """Return the newest head that so many of the witnesses have cosigned; the newest of all for a quorum of 0.

    Args:
        keys: of the witnesses that count.
        above: heads of at most so many entries are not looked at.

    Returns:
        None where there is no such head.

    Raises:
        LedgerUnavailableError, LedgerCorruptError: the log cannot be read, or its heads cannot be.
    """
    newest = await tree.head()
    if newest is None or newest.size <= above:
        return None
    if not quorum:
        return await with_cosignatures(tree, newest, keys)
    known = {(key.name, key.key_id) for key in keys}
    size = newest.size
    while size > above:
        page = await tree.cosignatures(size, _PAGE)
        sizes = sorted({one.size for one in page}, reverse=True)
        full = len(page) == _PAGE
        # The last head of a full page may have more cosignatures than the page holds.
        whole = sizes[:-1] if full and len(sizes) > 1 else sizes
        for found in whole:
            by = {(one.signature.name, one.signature.key_id) for one in page if one.size == found}
            if found > above and len(by & known) >= quorum:
                (head,) = await tree.heads(found - 1, 1)
                return await with_cosignatures(tree, head, keys)
        size = whole[-1] - 1 if full else 0
    return None


async def with_cosignatures(tree: TreeStore, head: SignedHead, keys: Sequence[VerifierKey] = ()) -> Published:
    """Return a head with every cosignature that is kept of it, those of the given keys first, as many as fit.

    Raises:
        LedgerUnavailableError, LedgerCorruptError: see `publish`.
    """
    kept = [one.signature for one in await tree.cosignatures(head.size, _PAGE) if one.size == head.size]
    kept.sort(key=lambda signature: not any(signature.is_of(key) for key in keys))
    witnesses = tuple([key.name for key in keys if any(signature.is_of(key) for signature in kept)])
    try:
        return Published(head, cosignature.added(head.note, kept), witnesses)
    except ValueError as exc:
        raise LedgerCorruptError(f"the head of size {head.size} cannot be read") from exc


async def proven(tree: TreeStore, keys: Sequence[VerifierKey], quorum: int) -> Cosigned | None:
    """Return the newest head below which so many good cosignatures by the keys stand, and whose they are.

    Raises:
        LedgerUnavailableError: the log cannot be read.
        LedgerCorruptError: a cosignature that would count is not good.
    """
    found = await publish(tree, keys, max(quorum, 1))
    if found is None:
        return None
    try:
        return found.head, tuple(note.signers(note.read(found.checkpoint), keys, verifies))
    except ValueError as exc:
        raise LedgerCorruptError(f"the cosignatures of the head of size {found.head.size}: {exc}") from exc
