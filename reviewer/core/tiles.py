"""The tree as tiles: rows of 256 hashes, of which only the last one of a level is ever incomplete.

Layout, paths and entry bundles are those of C2SP tlog-tiles (https://c2sp.org/tlog-tiles, version 0.1.0), so that
monitors of other makers can read the log from files. A tile of level L holds the roots of complete subtrees of
2^(8L) leaves each. Appending and proving read O(log n) tiles; nothing here knows where they are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from reviewer.core.merkle import EMPTY_ROOT, HASH_BYTES, complete_root, node_hash, split_at

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes of a full tile."""
MAX_ENTRY_BYTES = 65_535
_MAX_LEVEL = 63


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Which tile: `index` counts from 0 within its level."""

    level: int
    index: int

    def width(self, size: int) -> int:
        """Return how many hashes it holds in a tree of `size` leaves, 0 where it is not there yet."""
        return max(0, min(WIDTH, (size >> (HEIGHT * self.level)) - self.index * WIDTH))

    def path(self, width: int) -> str:
        """Return the path under which monitors ask for it, as wide as it is in some tree."""
        return f"tile/{self.level}/{_spelled(self.index)}{_partial(width)}"


ReadTile = Callable[[Tile], bytes]
"""Gives the hashes of a tile, 32 bytes each, at least as many as the tree in question has."""


def entries_path(index: int, width: int) -> str:
    """Return the path of the bundle with the entries of tile `index` of level 0."""
    return f"tile/entries/{_spelled(index)}{_partial(width)}"


def tile_of_path(path: str) -> tuple[Tile, int] | None:
    """Read a tile's path, or return None where it is none in its one canonical spelling. Bundles have level -1."""
    parts = path.split("/")
    width = WIDTH
    if len(parts) > 3 and parts[-2].endswith(".p"):
        width = _number(parts[-1], WIDTH - 1)
        parts = [*parts[:-2], parts[-2].removesuffix(".p")]
    if len(parts) < 3 or parts[0] != "tile" or width < 1:
        return None
    level = -1 if parts[1] == "entries" else _number(parts[1], _MAX_LEVEL)
    index = 0
    for part in parts[2:]:
        digits = part.removeprefix("x")
        if len(digits) != 3 or not (digits.isascii() and digits.isdigit()):
            return None
        index = index * 1000 + int(digits)
    tile = Tile(level, index)
    spelled = entries_path(index, width) if level == -1 else tile.path(width)
    return (tile, width) if spelled == path else None


def bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries as tlog-tiles bundles them: each after its length as a big-endian uint16.

    Raises:
        ValueError: an entry is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry has {len(entry)} bytes, a bundle takes at most {MAX_ENTRY_BYTES}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def unbundle(data: bytes) -> tuple[bytes, ...]:
    """Return the entries of a bundle.

    Raises:
        ValueError: it is cut off.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) - at < 2 or len(entry) < length:
            raise ValueError(f"the bundle ends within entry {len(entries)}")
        entries.append(entry)
        at += 2 + length
    return tuple(entries)


def append(size: int, leaves: Sequence[bytes], read: ReadTile) -> dict[Tile, bytes]:
    """Append leaf hashes to a tree.

    Args:
        size: leaves of the tree so far.
        read: gives tiles of the tree so far; asked for the last, incomplete one of a level at most once.

    Returns:
        Every tile that changed, with all hashes it holds now.
    """
    changed: dict[Tile, bytes] = {}
    added: Sequence[bytes] = leaves
    for level in range(_MAX_LEVEL + 1):
        if not added:
            break
        held = size >> (HEIGHT * level)
        first = held // WIDTH
        row = read(Tile(level, first))[: held % WIDTH * HASH_BYTES] if held % WIDTH else b""
        row += b"".join(added)
        full: list[bytes] = []
        for at in range(0, len(row), WIDTH * HASH_BYTES):
            hashes = row[at : at + WIDTH * HASH_BYTES]
            changed[Tile(level, first + at // (WIDTH * HASH_BYTES))] = hashes
            if len(hashes) == WIDTH * HASH_BYTES:
                full.append(tile_root(hashes))
        added = full
    return changed


def tile_root(data: bytes) -> bytes:
    """Return the root over the hashes of a full tile, which stands in the tile above it."""
    return complete_root(_hashes(data))


def edge(size: int) -> tuple[Tile, ...]:
    """Return the incomplete tiles of a tree of `size` leaves: all that `root` and `append` read at that size."""
    levels = range(-(-size.bit_length() // HEIGHT))
    counted = [(level, size >> (HEIGHT * level)) for level in levels]
    return tuple([Tile(level, count // WIDTH) for level, count in counted if count % WIDTH])


def subtrees(size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Return the roots of the complete subtrees that a tree of `size` leaves is made of, the largest first.

    Raises:
        ValueError: a tile holds too few hashes.
    """
    roots: list[bytes] = []
    first = 0
    for height in range(size.bit_length() - 1, -1, -1):
        if size >> height & 1:
            roots.append(_node(first, height, read))
            first += 1 << height
    return tuple(roots)


def root(size: int, read: ReadTile) -> bytes:
    """Return the root of the tree over the first `size` leaves."""
    return _span(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Return the hashes that show that a leaf stands at `index` of the tree of `size` leaves (RFC 9162, 2.1.3.1).

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + split_at(last - first)
        if index < middle:
            path.append(_span(middle, last, read))
            last = middle
        else:
            path.append(_span(first, middle, read))
            first = middle
    return tuple(reversed(path))


def consistency_proof(old_size: int, size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Return the hashes that show that a tree of `size` leaves begins with that of `old_size` (RFC 9162, 2.1.4.1).

    Raises:
        ValueError: the earlier tree is larger than the later one.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} leaves does not begin with one of {old_size}")
    if old_size in (0, size):
        return ()
    path: list[bytes] = []
    first, last = 0, size
    while old_size != last:
        middle = first + split_at(last - first)
        if old_size <= middle:
            path.append(_span(middle, last, read))
            last = middle
        else:
            path.append(_span(first, middle, read))
            first = middle
    if first:
        # The old tree's last complete part is not its whole: the reader cannot know it.
        path.append(_span(first, last, read))
    return tuple(reversed(path))


def _span(first: int, last: int, read: ReadTile) -> bytes:
    """Return the root over leaves `first` to `last`, the latter left out; they are a subtree as `split_at` cuts it."""
    size = last - first
    if not size & (size - 1):
        return _node(first, size.bit_length() - 1, read)
    middle = first + split_at(size)
    return node_hash(_span(first, middle, read), _span(middle, last, read))


def _node(first: int, height: int, read: ReadTile) -> bytes:
    """Return the root of the complete subtree of 2^height leaves that begins at leaf `first`."""
    level, above = divmod(height, HEIGHT)
    begin = first >> (HEIGHT * level)
    tile, at = divmod(begin, WIDTH)
    count = 1 << above
    data = read(Tile(level, tile))[at * HASH_BYTES : (at + count) * HASH_BYTES]
    if len(data) != count * HASH_BYTES:
        raise ValueError(f"tile {level}/{tile} holds too few hashes for the tree")
    return complete_root(_hashes(data))


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def _spelled(index: int) -> str:
    """Write an index as tlog-tiles does: groups of three digits, all but the last with an x before them."""
    *groups, last = _groups(index)
    return "".join([f"x{group}/" for group in groups]) + last


def _groups(index: int) -> Iterator[str]:
    text = str(index)
    text = text.zfill(-(-len(text) // 3) * 3)
    return (text[at : at + 3] for at in range(0, len(text), 3))


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def _number(text: str, bound: int) -> int:
    """Read a decimal number without leading zeros up to a bound, or return -1."""
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(bound)) and text == str(int(text))
    return int(text) if plain and int(text) <= bound else -1
