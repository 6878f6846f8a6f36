"""Trees that are gone on with from their tiles: the same as those built from the first leaf on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core import tiles
from reviewer.core.audit import Edge, Tower
from reviewer.core.merkle import HASH_BYTES
from reviewer.core.tiles import WIDTH, Tile
from tests.support.tree import grown

LARGE = 70_000
sizes = st.one_of(st.integers(0, 1_100), st.integers(65_500, LARGE), st.sampled_from([0, 1, 255, 256, 257, 65_536]))


@given(old=sizes, more=st.integers(0, 300))
def test_an_edge_goes_on_from_tiles(old: int, more: int) -> None:
    """Its root is that of the whole tree, at the start and after further leaves."""
    tree = grown(LARGE)
    edge = Edge(old, tiles.subtrees(old, tree.tiles.__getitem__))

    assert edge.root() == tree.root(old)
    for leaf in tree.leaves[old : old + more]:
        edge.add(leaf)
    assert edge.root() == tree.root(min(old + more, LARGE))


def test_subtrees_need_their_tiles() -> None:
    """A tile that is cut off gives no root."""
    tree = grown(LARGE)
    with pytest.raises(ValueError, match="too few hashes"):
        tiles.subtrees(300, lambda tile: tree.tiles[tile][:HASH_BYTES])


@pytest.mark.parametrize("full", [1, 200, 256, 257])
def test_a_tower_goes_on_from_its_rows(full: int) -> None:
    """It demands the tiles that one built from the first leaf on demands."""
    tree = grown(LARGE)
    whole = Tower()
    for index in range(full):
        whole.add(tree.tiles[Tile(0, index)])
    size = full * WIDTH
    rows: list[tuple[int, bytes]] = []
    for level in range(1, -(-size.bit_length() // 8)):
        above, at = divmod(size >> (8 * level), WIDTH)
        rows.append((above, tree.tiles[Tile(level, above)][: at * HASH_BYTES] if at else b""))
    resumed = Tower(rows)

    for index in range(full, LARGE // WIDTH):
        tile = tree.tiles[Tile(0, index)]
        assert resumed.add(tile) == whole.add(tile)
    assert resumed.rest() == whole.rest()
