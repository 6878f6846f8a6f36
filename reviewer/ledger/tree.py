"""The port to the log's tree: which entries are integrated, the tiles over them, and the heads that were signed.

An entry is in the log from its commit on; it is in the tree a moment later, when a sequencer has integrated it and
signed a head over it. What a store promises:

* **one after the other**: `integrate` builds on the very head that its caller saw, or writes nothing: however many
  sequencers run on one log, there is one tree and never a second head of one size;
* **whole**: tiles and the head over them become durable together;
* **final**: heads are never changed or removed, and tiles only grow.

It does not promise that what it holds makes sense: that is for `reviewer.ledger.sequencer` to see before it signs, and
for `reviewer.ledger.verification` at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from reviewer.core.note import Signature
from reviewer.core.tiles import ReadTile, Tile
from reviewer.ledger.interface import Ledger

T = TypeVar("T")
EVERY = (1 << 63) - 1
"""A size that no tree is larger than."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head of the tree, as it was signed.

    Attributes:
        size: entries integrated, at least one.
        root: 32 bytes.
        note: the signed note, whose text says size and root.
        signed_at: UTC, by the signer's clock; for operators, nothing vouches for it.
    """

    size: int
    root: bytes
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """What is to be integrated next, all of one moment.

    Attributes:
        head: the newest one; None before the first.
        last: leaf hash kept beside the last entry that the head covers; None where it covers none.
        leaf_hashes: of the entries that follow it, in the order of the log.
    """

    head: SignedHead | None
    last: bytes | None
    leaf_hashes: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Entries integrated."""
        return self.head.size if self.head else 0


@dataclass(frozen=True, slots=True)
class Cosignature:
    """What a witness said of a head.

    Attributes:
        size: of the head.
        signature: as it stands below the head's note.
    """

    size: int
    signature: Signature


class Tiles(Protocol):
    """Where tiles can be read."""

    async def read_tile(self, tile: Tile) -> bytes:
        """Return the hashes of a tile, 32 bytes each, as many as it has by now; empty where it is not there."""
        ...


class TreeStore(Tiles, Protocol):
    """Where a log's tiles and heads are kept. Lives as long as the ledger that it is of.

    Every method raises `LedgerUnavailableError` where the log cannot be read or written.
    """

    async def pending(self, limit: int) -> Pending:
        """Return the newest head and up to `limit` leaf hashes that follow it.

        Raises:
            LedgerCorruptError: an entry is missing below the head or among those that follow.
        """
        ...

    async def integrate(self, size_before: int, changed_tiles: Mapping[Tile, bytes], head: SignedHead) -> bool:
        """Write tiles and the head over them in one transaction.

        Returns:
            False, with nothing written, where the newest head is not of `size_before` any more.

        Raises:
            LedgerCorruptError: a tile would lose hashes that it holds; nothing was written.
        """
        ...

    async def elected(self) -> bool:
        """Say whether it is for this process to integrate at present; asked before each time.

        Of several that ask, a store may elect one, to save the others the work, and another when it is gone. It may
        also elect them all: `integrate` holds whoever was told so.
        """
        ...

    async def head(self) -> SignedHead | None:
        """Return the newest head, or None."""
        ...

    async def heads(self, after_size: int, limit: int) -> tuple[SignedHead, ...]:
        """Return up to `limit` heads of more than `after_size` entries, the smallest first."""
        ...

    async def add_cosignature(self, cosignature: Cosignature) -> None:
        """Keep what a witness said of a head, which the caller has verified; of one key the first one stands.

        Raises:
            LedgerCorruptError: there is no such head, or this cannot be a cosignature; nothing was written.
        """
        ...

    async def cosignatures(self, up_to_size: int, limit: int) -> tuple[Cosignature, ...]:
        """Return up to `limit` cosignatures of heads of at most so many entries: largest head first, then by name."""
        ...


async def read_through(tree: Tiles, compute: Callable[[ReadTile], T]) -> T:
    """Return what a function of `reviewer.core.tiles` makes of a tree, having read the tiles that it asks for.

    It is called again after each tile that it was the first to ask for: proofs need a few, and hash little.

    Raises:
        ValueError: as the function does; the tree lacks hashes, for one.
    """
    held: dict[Tile, bytes] = {}
    while True:
        try:
            return compute(held.__getitem__)
        except KeyError as exc:
            (tile,) = exc.args
            held[tile] = await tree.read_tile(tile)


class TreeLedger(Ledger, Protocol):
    """A verdict log together with its tree."""

    @property
    def tree(self) -> TreeStore:
        """The tree over the log's entries."""
        ...
