from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.merkle import EMPTY_ROOT, consistent, included, leaf_hash, node_hash, split_at
from tests.support.tree import Grown, grown, plain_root

EMPTY = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
ONE_ZERO = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
# Inputs and roots of the test tree that implementations of RFC 6962 share.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 600)


def test_published_vectors() -> None:
    """The leaf hashes of an empty record and of one zero byte are those published for RFC 6962 trees."""
    assert leaf_hash(b"").hex() == EMPTY
    assert leaf_hash(b"\x00").hex() == ONE_ZERO


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    """The roots over the well-known inputs are those that other implementations compute."""
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS[:size]]
    assert plain_root(leaves).hex() == Grown(leaves).root().hex() == ROOTS[size - 1]


@given(st.binary(), st.binary())
def test_a_leaf_is_its_record(first: bytes, second: bytes) -> None:
    """Two records have the same leaf exactly where they are the same bytes."""
    assert (leaf_hash(first) == leaf_hash(second)) == (first == second)


def test_a_leaf_is_no_node() -> None:
    """The hash over two subtrees is not that of a record that spells them out."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


@given(st.integers(2, 2**40))
def test_the_left_subtree_is_the_larger_one(size: int) -> None:
    """A tree is split at the largest power of two below its size."""
    left = split_at(size)
    assert left & (left - 1) == 0
    assert left < size <= 2 * left


@given(SIZES, st.data())
def test_every_leaf_is_proved(size: int, data: st.DataObject) -> None:
    """The proof made for a leaf shows that it stands there."""
    tree = grown(size)
    index = data.draw(st.integers(0, size - 1))
    assert included(tree.leaves[index], index, size, tree.inclusion(index), tree.root())


@given(SIZES, st.data())
def test_no_proof_holds_for_anything_else(size: int, data: st.DataObject) -> None:
    """A proof holds for no other leaf, index, root, and not with a hash more, less or changed."""
    tree = grown(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, proof, root = tree.leaves[index], tree.inclusion(index), tree.root()
    other = data.draw(st.integers(0, 2 * size).filter(lambda at: at != index))

    assert not included(leaf_hash(b"another"), index, size, proof, root)
    assert not included(leaf, other, size, proof, root)
    assert not included(leaf, index, size, proof, leaf_hash(b"another"))
    assert not included(leaf, index, size, (*proof, root), root)
    assert not any(included(leaf, index, size, spoiled, root) for spoiled in _spoiled(proof))


@given(SIZES, st.data())
def test_growth_is_proved(size: int, data: st.DataObject) -> None:
    """The proof made for two sizes of one tree shows that the later one begins with the earlier one."""
    tree = grown(size)
    old = data.draw(st.integers(0, size))
    assert consistent(old, size, tree.consistency(old), tree.root(old), tree.root())


@given(st.integers(2, 600), st.data())
def test_no_change_of_the_past_is_consistent(size: int, data: st.DataObject) -> None:
    """Where one leaf of the earlier tree was changed, no proof of either tree shows growth."""
    tree = grown(size)
    old = data.draw(st.integers(1, size - 1))
    at = data.draw(st.integers(0, old - 1))
    forged = Grown([*tree.leaves[:at], leaf_hash(b"forged"), *tree.leaves[at + 1 :]])

    assert not consistent(old, size, tree.consistency(old), tree.root(old), forged.root())
    assert not consistent(old, size, forged.consistency(old), tree.root(old), forged.root())
    assert not consistent(old, size, tree.consistency(old), forged.root(old), tree.root())
    spoiled = _spoiled(tree.consistency(old))
    assert not any(consistent(old, size, proof, tree.root(old), tree.root()) for proof in spoiled)


def test_the_empty_tree() -> None:
    """Every tree begins with the empty one, whose root is the hash of nothing; no leaf stands in it."""
    root = grown(3).root()
    assert consistent(0, 3, (), EMPTY_ROOT, root)
    assert consistent(0, 0, (), EMPTY_ROOT, EMPTY_ROOT)
    assert not consistent(0, 3, (), root, root)
    assert not consistent(0, 3, (root,), EMPTY_ROOT, root)
    assert not consistent(0, 0, (), EMPTY_ROOT, root)
    assert not included(root, 0, 0, (), EMPTY_ROOT)


def test_a_tree_does_not_shrink() -> None:
    """A later tree that is smaller is no growth, and an equal size demands an equal root."""
    tree = grown(4)
    assert not consistent(4, 3, (), tree.root(), tree.root(3))
    assert not consistent(4, 4, (), tree.root(), tree.root(3))
    assert not consistent(3, 4, (), tree.root(3), tree.root())


def _spoiled(proof: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return a proof with each hash left out, changed, cut, and all but the first of them."""
    spoiled: list[tuple[bytes, ...]] = []
    for at, part in enumerate(proof):
        before, after = tuple(proof[:at]), tuple(proof[at + 1 :])
        changed = bytes([part[0] ^ 1]) + part[1:]
        spoiled += [before + after, (*before, changed, *after), (*before, part[:-1], *after)]
    return spoiled
