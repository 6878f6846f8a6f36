from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core import tiles
from reviewer.core.merkle import leaf_hash
from reviewer.core.tiles import WIDTH, Tile, bundle, entries_path, tile_of_path, unbundle
from tests.support.tree import Grown, grown, plain_root

LARGE = 66_000
"""Enough for a tile of level 2."""


@given(st.lists(st.integers(0, 700), max_size=6))
def test_appending_in_steps_is_appending_at_once(steps: list[int]) -> None:
    """However leaves come in, the tiles and the root are the same, and the root is the one of RFC 6962."""
    stepwise, number = Grown(), 0
    for count in steps:
        stepwise.append([leaf_hash(str(n).encode()) for n in range(number, number + count)])
        number += count
    at_once = grown(number)

    assert stepwise.tiles == at_once.tiles
    assert stepwise.root() == plain_root(at_once.leaves)


@given(st.integers(0, 700))
def test_earlier_roots_can_be_read_from_later_tiles(size: int) -> None:
    """A tree that has grown still gives the root it had at any earlier size."""
    assert grown(700).root(size) == plain_root(grown(700).leaves[:size])


def test_three_levels() -> None:
    """A tree that needs a third level of tiles has the right root, and proofs that hold."""
    tree = grown(LARGE)

    assert {tile.level for tile in tree.tiles} == {0, 1, 2}
    assert tree.root() == plain_root(tree.leaves)
    assert all(len(data) == 32 * tile.width(LARGE) for tile, data in tree.tiles.items())


def test_appending_reads_little() -> None:
    """Appending asks for the last tile of a level at most, whatever the size."""
    tree, asked = grown(LARGE), []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tree.tiles[tile]

    tiles.append(LARGE, [leaf_hash(b"one more")], read)
    assert asked == [Tile(0, LARGE // WIDTH)]


@given(st.integers(0, 700) | st.sampled_from([65_535, 65_536, LARGE]), st.integers(0, 3))
def test_the_edge_is_all_that_growing_needs(size: int, more: int) -> None:
    """Root and appending read the incomplete tiles of a size and no other, however the tree has grown since."""
    later = grown(LARGE)
    held = {tile: later.tiles[tile] for tile in tiles.edge(size)}
    leaves = later.leaves[size : size + more]
    changed = tiles.append(size, leaves, held.__getitem__)

    assert all(0 < tile.width(size) < WIDTH for tile in held)
    assert tiles.root(size, held.__getitem__) == later.root(size)
    assert tiles.root(size + len(leaves), (held | changed).__getitem__) == later.root(size + len(leaves))


def test_proving_reads_little() -> None:
    """A proof asks for a handful of tiles, whatever the size."""
    tree, asked = grown(LARGE), set()

    def read(tile: Tile) -> bytes:
        asked.add(tile)
        return tree.tiles[tile]

    tiles.inclusion_proof(12_345, LARGE, read)
    assert len(asked) <= 2 * 3
    asked.clear()
    tiles.consistency_proof(12_345, LARGE, read)
    assert len(asked) <= 2 * 3


def test_a_tile_that_is_too_short_is_told() -> None:
    """Where the store gives fewer hashes than the tree has, there is no proof rather than a wrong one."""
    tree = grown(300)
    with pytest.raises(ValueError, match="too few hashes"):
        tiles.root(300, lambda tile: tree.tiles[tile][:-32])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    """There is no proof for a leaf outside the tree."""
    with pytest.raises(ValueError, match="has no leaf"):
        grown(3).inclusion(index, size)


@pytest.mark.parametrize("old", [-1, 4])
def test_no_proof_of_shrinking(old: int) -> None:
    """There is no proof that a tree begins with a larger one."""
    with pytest.raises(ValueError, match="does not begin"):
        grown(3).consistency(old)


@pytest.mark.parametrize(
    ("tile", "width", "path"),
    [
        (Tile(0, 0), 256, "tile/0/000"),
        (Tile(0, 999), 256, "tile/0/999"),
        (Tile(1, 1000), 3, "tile/1/x001/000.p/3"),
        (Tile(63, 1_234_067), 255, "tile/63/x001/x234/067.p/255"),
    ],
)
def test_paths(tile: Tile, width: int, path: str) -> None:
    """Paths are spelled as tlog-tiles gives them, and read back."""
    assert tile.path(width) == path
    assert tile_of_path(path) == (tile, width)


@given(st.integers(0, 10**12), st.integers(1, 256))
def test_entry_paths(index: int, width: int) -> None:
    """Every bundle has one path, which reads back."""
    assert tile_of_path(entries_path(index, width)) == (Tile(-1, index), width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/00/000",
        "tile/64/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/03",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/\u0660\u0660\u0660",
        "tile/" + "9" * 5000 + "/000",
        "entries/000",
        "tile/0/../000",
    ],
)
def test_one_spelling_only(path: str) -> None:
    """What is not the one spelling of a tile is none."""
    assert tile_of_path(path) is None


@given(st.text(alphabet="tile/0123456789x.pentrs", max_size=40))
def test_no_path_raises(path: str) -> None:
    """Whatever is asked for, there is a tile in its one spelling or none."""
    found = tile_of_path(path)
    if found is not None:
        tile, width = found
        assert path == (entries_path(tile.index, width) if tile.level < 0 else tile.path(width))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles(entries: list[bytes]) -> None:
    """Entries come out of a bundle as they went in."""
    assert list(unbundle(bundle(entries))) == entries


def test_bundle_bounds() -> None:
    """The longest entry fits, one byte more does not, and a bundle that is cut off is told."""
    assert unbundle(bundle([b"x" * 65_535])) == (b"x" * 65_535,)
    with pytest.raises(ValueError, match="65536 bytes"):
        bundle([b"x" * 65_536])
    for cut in (1, 2, 3):
        with pytest.raises(ValueError, match="ends within entry 1"):
            unbundle(bundle([b"abc", b"de"])[:-cut])
