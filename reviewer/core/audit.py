"""The audit: a whole log held against itself and against heads that somebody remembers, in one walk from the start.

Memory does not grow with the log: of the tree only the right edge is kept. What a walk can tell and what not:

* a record that is not what its leaf hash or its tile says is named by its index;
* a record that was swapped together with its hashes breaks every head that was signed before: the walk names the last
  head that still holds and the first that does not, between which the log was rewritten;
* who holds the signing key can rewrite what no head outside the log covers: only remembered heads show that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reviewer.core.checkpoint import Checkpoint
from reviewer.core.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash
from reviewer.core.tiles import WIDTH, Tile, tile_root


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong.

    Attributes:
        index: of the first record that is concerned; None where the log as a whole is.
    """

    index: int | None
    what: str


class Edge:
    """The right edge of a growing tree: the roots of its complete subtrees, the largest first.

    Args:
        size: leaves of the tree to go on from.
        subtrees: of that tree, as `tiles.subtrees` gives them.
    """

    def __init__(self, size: int = 0, subtrees: Sequence[bytes] = ()) -> None:
        """Start empty, or with a tree that is there."""
        assert size.bit_count() == len(subtrees)
        self.size = size
        self._roots = list(subtrees)

    def add(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        root, index = leaf, self.size
        while index & 1:
            root = node_hash(self._roots.pop(), root)
            index >>= 1
        self._roots.append(root)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        if not self._roots:
            return EMPTY_ROOT
        folded = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            folded = node_hash(left, folded)
        return folded


class Tower:
    """The tiles above the lowest level, as the lowest demands them: one unfinished row a level is kept."""

    def __init__(self, rows: Sequence[tuple[int, bytes]] = ()) -> None:
        """Start with a tree without tiles, or with one that is there.

        Args:
            rows: from level 1 up, the number of full tiles and the hashes of the one that is not.
        """
        self._rows = [bytearray(row) for _, row in rows]
        self._full = [full for full, _ in rows]

    def add(self, tile: bytes) -> list[tuple[Tile, bytes]]:
        """Take the next full tile of level 0; return those above that are full with it, and what they should hold."""
        full: list[tuple[Tile, bytes]] = []
        below = tile
        for level in range(1, len(self._rows) + 2):
            if level > len(self._rows):
                self._rows.append(bytearray())
                self._full.append(0)
            row = self._rows[level - 1]
            row += tile_root(below)
            if len(row) < WIDTH * HASH_BYTES:
                break
            below = bytes(row)
            full.append((Tile(level, self._full[level - 1]), below))
            self._full[level - 1] += 1
            row.clear()
        return full

    def rest(self) -> list[tuple[Tile, bytes]]:
        """Return the tiles that are not full, and what they should hold."""
        rows = enumerate(zip(self._full, self._rows, strict=True), start=1)
        return [(Tile(level, full), bytes(row)) for level, (full, row) in rows if row]


class Walk:
    """One walk through a log, record by record from index 0. Problems are told once, the first of each kind first.

    Args:
        heads: signed heads of this log that were checked already, from inside and outside, in any order.
        edge: where to begin; None begins at index 0.
    """

    def __init__(self, heads: Iterable[Checkpoint], edge: Edge | None = None) -> None:
        """Take heads in the order of their sizes; two of one size with different roots are a problem of their own."""
        self._edge = edge or Edge()
        self._heads: dict[int, set[bytes]] = {}
        self._held = self._edge.size
        self._shift = 0
        self._broken = False
        self._reach = 0
        self._problems: list[Problem] = []
        for head in sorted(heads, key=lambda head: head.size):
            self.expect(head)

    def expect(self, head: Checkpoint) -> None:
        """Hold the walk against one more head, which it has not passed yet; it is forgotten once it was passed.

        So that a log with a head for every record is walked in little memory: its heads are given as the walk nears.
        """
        roots = self._heads.setdefault(head.size, set())
        if roots - {head.root}:
            what = f"two heads of size {head.size} have different roots: the log was forked"
            self._problems.append(Problem(None, what))
        roots.add(head.root)
        self._reach = max(self._reach, head.size)

    @property
    def size(self) -> int:
        """Records walked so far."""
        return self._edge.size

    def root(self) -> bytes:
        """Return the root over the records walked so far."""
        return self._edge.root()

    def add(self, index: int, record: bytes, stored_leaf: bytes, tile_leaf: bytes | None = None) -> Iterator[Problem]:
        """Take the next record.

        Args:
            index: as the log states it.
            stored_leaf: the hash kept beside it.
            tile_leaf: the hash that the log's tiles hold for it; None where it is not integrated yet.
        """
        yield from self._drained()
        yield from self._compared()
        expected = self.size + self._shift
        if index != expected:
            self._shift = index - self.size
            yield Problem(expected, f"record {expected} is missing: the next one is {index}")
        leaf = leaf_hash(record)
        if leaf != stored_leaf:
            yield Problem(index, "the record does not have the leaf hash that is kept beside it")
        if tile_leaf is not None and tile_leaf != leaf:
            yield Problem(index, "the record is not the one that the tree holds")
        self._edge.add(leaf)

    def end(self) -> Iterator[Problem]:
        """Finish: nothing may be missing that a head covers."""
        yield from self._drained()
        yield from self._compared()
        if self._reach > self.size:
            yield Problem(self.size, f"the log ends at {self.size} records, a head covers {self._reach}")

    def _drained(self) -> Iterator[Problem]:
        yield from self._problems
        self._problems = []

    def _compared(self) -> Iterator[Problem]:
        """Hold the tree so far against the heads of its size; after the first that does not fit, none can."""
        roots = self._heads.pop(self.size, None)
        if roots is None or self._broken:
            return
        if roots == {self._edge.root()}:
            self._held = self.size
            return
        self._broken = True
        span = f"the records from {self._held} to {self.size - 1}" if self.size else "the log"
        yield Problem(self._held, f"{span} are not those that the head of size {self.size} was signed for")
