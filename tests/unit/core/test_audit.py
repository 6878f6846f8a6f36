"""The audit walk: an untouched log has no problem, and no tampering goes unseen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.audit import Edge, Problem, Tower, Walk
from reviewer.core.checkpoint import Checkpoint
from reviewer.core.merkle import leaf_hash
from reviewer.core.tiles import Tile
from tests.support.tree import Grown, grown, plain_root

ORIGIN = "example.com/log"


@dataclass(frozen=True)
class Kept:
    """A log as a store keeps it: records by index, the hashes beside them, the hashes in tiles, and its heads."""

    records: tuple[tuple[int, bytes], ...]
    leaves: tuple[bytes, ...]
    tiles: tuple[bytes, ...]
    heads: tuple[Checkpoint, ...] = field(default=())


def kept(size: int, *sizes: int) -> Kept:
    records = tuple((index, f"record {index}".encode()) for index in range(size))
    leaves = tuple(leaf_hash(record) for _, record in records)
    return Kept(records, leaves, leaves, tuple(head(leaves, at) for at in sizes))


def head(leaves: Sequence[bytes], size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, Grown(leaves).root(size))


def problems(log: Kept, remembered: Sequence[Checkpoint] = ()) -> list[Problem]:
    walk = Walk((*log.heads, *remembered))
    found = [
        problem
        for (index, record), leaf, tile in zip(log.records, log.leaves, log.tiles, strict=True)
        for problem in walk.add(index, record, leaf, tile)
    ]
    return [*found, *walk.end()]


@given(st.integers(0, 300), st.data())
def test_an_untouched_log_has_no_problem(size: int, data: st.DataObject) -> None:
    """Whatever heads of it are remembered, of whatever sizes."""
    sizes = data.draw(st.lists(st.integers(0, size), max_size=5))
    assert problems(kept(size, *sizes)) == []


@given(st.integers(0, 300))
def test_the_edge_is_the_tree(size: int) -> None:
    """The right edge gives the same root as the whole tree."""
    edge = Edge()
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    for leaf in leaves:
        edge.add(leaf)
    assert (edge.size, edge.root()) == (size, plain_root(leaves))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700, 66_000])
def test_the_tower_is_the_tiles_above(size: int) -> None:
    """From the full tiles of the lowest level all others follow, each told once."""
    tiles = grown(size).tiles
    tower = Tower()
    told = [pair for at in range(size // 256) for pair in tower.add(tiles[Tile(0, at)])] + tower.rest()

    assert dict(told) == {tile: data for tile, data in tiles.items() if tile.level}
    assert len(told) == len(dict(told))


def test_heads_can_be_told_on_the_way() -> None:
    """A walk that hears of heads as it nears them finds what one that knew them all finds, forks included."""
    log = kept(20, 5, 10, 15, 20)
    forged = rewritten(log, 7)
    walk = Walk([Checkpoint(ORIGIN, 15, bytes(32))])
    found: list[Problem] = []
    for (index, record), leaf in zip(forged.records, forged.leaves, strict=True):
        for head_here in [head for head in log.heads if head.size == index + 1]:
            walk.expect(head_here)
        found += walk.add(index, record, leaf)

    assert [problem.what for problem in (*found, *walk.end())] == [
        "the records from 5 to 9 are not those that the head of size 10 was signed for",
        "two heads of size 15 have different roots: the log was forked",
    ]


def test_a_gap_is_told_once() -> None:
    """Behind a record that is gone the others are not missed one by one; a second gap is."""
    log = kept(20)
    walk = Walk(())
    found = [
        problem
        for (index, record), leaf in zip(log.records, log.leaves, strict=True)
        if index not in {5, 12, 13}
        for problem in walk.add(index, record, leaf)
    ]
    assert [(problem.index, problem.what) for problem in found] == [
        (5, "record 5 is missing: the next one is 6"),
        (12, "record 12 is missing: the next one is 14"),
    ]


def test_an_altered_record_is_named() -> None:
    """A record that was changed, and nothing else, is named by its index before any head is looked at."""
    log = kept(20, 20)
    altered = replace(log, records=(*log.records[:7], (7, b"forged"), *log.records[8:]))

    assert [(p.index, p.what) for p in problems(altered)] == [
        (7, "the record does not have the leaf hash that is kept beside it"),
        (7, "the record is not the one that the tree holds"),
        (0, "the records from 0 to 19 are not those that the head of size 20 was signed for"),
    ]


def test_an_altered_record_with_its_hash_is_named_by_the_tree() -> None:
    """A record that was changed together with the hash beside it still is not the one in the tiles."""
    log = rewritten(kept(20), 7, tiles=False)
    assert [p.index for p in problems(log)] == [7]


def test_a_rewritten_log_is_caught_by_the_next_head() -> None:
    """With all hashes rewritten, the heads tell between which sizes it was done."""
    log = rewritten(kept(20, 5, 10, 15, 20), 7)
    assert problems(log) == [
        Problem(5, "the records from 5 to 9 are not those that the head of size 10 was signed for")
    ]


def test_a_suffix_resigned_after_a_head_was_seen() -> None:
    """Who has the key can rewrite and sign anew; a head that somebody remembers shows it."""
    before = kept(20, 10)
    seen = head(before.leaves, 20)
    forged = rewritten(before, 15)
    resigned = replace(forged, heads=(*before.heads, head(forged.leaves, 20)))

    assert problems(resigned) == []
    found = problems(resigned, [seen])
    assert [p.what for p in found] == [
        "two heads of size 20 have different roots: the log was forked",
        "the records from 10 to 19 are not those that the head of size 20 was signed for",
    ]


def test_a_cut_log_is_caught_by_a_head() -> None:
    """Where a head covers more than is there, the end was cut off."""
    log = kept(20)
    cut = Kept(log.records[:12], log.leaves[:12], log.tiles[:12])
    assert problems(cut, [head(log.leaves, 20)]) == [Problem(12, "the log ends at 12 records, a head covers 20")]


def rewritten(log: Kept, at: int, *, tiles: bool = True) -> Kept:
    """Change a record and every hash of it."""
    record = b"forged"
    leaves = (*log.leaves[:at], leaf_hash(record), *log.leaves[at + 1 :])
    records = (*log.records[:at], (at, record), *log.records[at + 1 :])
    return replace(log, records=records, leaves=leaves, tiles=leaves if tiles else log.tiles)


def dropped(log: Kept, at: int, _: int) -> Kept:
    """Leave a record out and close the gap, with all hashes right."""
    records = [record for index, record in log.records if index != at]
    return renumbered(log, records)


def swapped(log: Kept, at: int, other: int) -> Kept:
    """Exchange two records, with all hashes right."""
    records = [record for _, record in log.records]
    records[at], records[other] = records[other], records[at]
    return renumbered(log, records)


def inserted(log: Kept, at: int, _: int) -> Kept:
    """Slip a record in, with all hashes right."""
    records = [record for _, record in log.records]
    return renumbered(log, [*records[:at], b"slipped in", *records[at:]])


def left_out(log: Kept, at: int, _: int) -> Kept:
    """Leave a record out and the gap open."""
    keep = [index for index, _ in log.records if index != at]
    picked = [tuple(rows[index] for index in keep) for rows in (log.leaves, log.tiles)]
    return Kept(tuple(log.records[index] for index in keep), picked[0], picked[1], log.heads)


def flipped(log: Kept, at: int, bit: int) -> Kept:
    """Flip one bit of a record."""
    record = bytearray(log.records[at][1])
    record[bit // 8 % len(record)] ^= 1 << bit % 8
    return replace(log, records=(*log.records[:at], (at, bytes(record)), *log.records[at + 1 :]))


def flipped_leaf(log: Kept, at: int, bit: int) -> Kept:
    """Flip one bit of the hash beside a record."""
    leaf = bytearray(log.leaves[at])
    leaf[bit % 32] ^= 1 << bit % 8
    return replace(log, leaves=(*log.leaves[:at], bytes(leaf), *log.leaves[at + 1 :]))


def flipped_tile(log: Kept, at: int, bit: int) -> Kept:
    """Flip one bit of a hash in a tile."""
    return replace(log, tiles=flipped_leaf(replace(log, leaves=log.tiles), at, bit).leaves)


def renumbered(log: Kept, records: Sequence[bytes]) -> Kept:
    leaves = tuple(leaf_hash(record) for record in records)
    return Kept(tuple(enumerate(records)), leaves, leaves, log.heads)


TAMPERINGS: list[Callable[[Kept, int, int], Kept]] = [
    dropped,
    swapped,
    inserted,
    left_out,
    flipped,
    flipped_leaf,
    flipped_tile,
    lambda log, at, _: rewritten(log, at),
]


@given(st.integers(2, 60), st.sampled_from(TAMPERINGS), st.data())
def test_no_tampering_goes_unseen(size: int, tamper: Callable[[Kept, int, int], Kept], data: st.DataObject) -> None:
    """Whatever is done to records or hashes below a remembered head, with however much skill, is seen."""
    log = kept(size, size)
    at = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != at))
    assert problems(tamper(log, at, other))


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257])
def test_the_walk_knows_where_it_is(size: int) -> None:
    """Size and root of a walk are those of the records walked so far."""
    log, walk = kept(size), Walk(())
    for (index, record), leaf in zip(log.records, log.leaves, strict=True):
        assert list(walk.add(index, record, leaf)) == []
    assert (walk.size, walk.root()) == (size, plain_root(log.leaves))
