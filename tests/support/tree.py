"""Trees that tests hold in their hands: kept as tiles, and a plain one after the words of RFC 6962 to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from reviewer.core import tiles
from reviewer.core.merkle import EMPTY_ROOT, leaf_hash, node_hash
from reviewer.core.tiles import Tile


class Grown:
    """A tree in memory, appended to in steps."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self.leaves: list[bytes] = []
        self.tiles: dict[Tile, bytes] = {}
        self.append(leaves)

    def append(self, leaves: Sequence[bytes]) -> None:
        self.tiles.update(tiles.append(len(self.leaves), leaves, self.tiles.__getitem__))
        self.leaves.extend(leaves)

    def root(self, size: int | None = None) -> bytes:
        return tiles.root(len(self.leaves) if size is None else size, self.tiles.__getitem__)

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        return tiles.inclusion_proof(index, len(self.leaves) if size is None else size, self.tiles.__getitem__)

    def consistency(self, old_size: int, size: int | None = None) -> tuple[bytes, ...]:
        return tiles.consistency_proof(old_size, len(self.leaves) if size is None else size, self.tiles.__getitem__)


@cache
def grown(size: int) -> Grown:
    """Return a tree over numbered records."""
    return Grown([leaf_hash(str(number).encode()) for number in range(size)])


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root as RFC 6962, 2.1, defines it, with nothing kept."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return node_hash(plain_root(leaves[:left]), plain_root(leaves[left:]))
