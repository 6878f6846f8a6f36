"""Readers of other makers: the log's tree, published as files, is read and proved by code that is not ours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reviewer.core import tiles
from reviewer.core.tiles import HEIGHT, WIDTH, Tile
from reviewer.ledger.tree import SignedHead, TreeLedger, read_through
from tests.support.builders import entry
from tests.support.signed_log import IDENTITY, append_all, integrate_all

reader: Any = pytest.importorskip("tlog_scales.reader")
backend: Any = pytest.importorskip("tlog_scales.backend")
signing: Any = pytest.importorskip("tlog_scales.signing")
tlog: Any = pytest.importorskip("tlog_scales.tlog")

SIZES = (1, 255, 256, 300, 517)


async def published(ledger: TreeLedger, folder: Path) -> tuple[SignedHead, ...]:
    """Grow a log and write what C2SP tlog-tiles has a log publish; return its heads."""
    done = 0
    for size in SIZES:
        await append_all(ledger, [entry(number) for number in range(done, size)])
        await integrate_all(ledger)
        done = size
    heads = await ledger.tree.heads(0, 100)
    levels = range(-(-done.bit_length() // HEIGHT))
    wide = [Tile(level, at) for level in levels for at in range(-(-(done >> HEIGHT * level) // WIDTH))]
    for tile in wide:
        _write(folder / tile.path(tile.width(done)), await ledger.tree.read_tile(tile))
        if tile.level == 0:
            page = await ledger.page(tile.index * WIDTH, tile.width(done))
            bundle = tiles.bundle([stored.record for stored in page])
            _write(folder / tiles.entries_path(tile.index, tile.width(done)), bundle)
    _write(folder / "checkpoint", heads[-1].note.encode())
    return heads


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def key() -> Any:
    return signing.Vkey.from_string(str(IDENTITY.verifier_keys()[0]))


async def test_the_checkpoint_is_read_and_verified(ledger: TreeLedger, tmp_path: Path) -> None:
    """Another maker's reader finds the signature good, and the tiles lead it to the signed root."""
    heads = await published(ledger, tmp_path)
    other = reader.TilesReader(backend.LocalBackend(tmp_path))
    checkpoint = other.get_checkpoint()
    checkpoint.verify(key())

    assert (checkpoint.origin, checkpoint.size) == (IDENTITY.origin, SIZES[-1])
    assert other.calculate_root_hash() == checkpoint.root_hash == heads[-1].root
    assert key().serialize() == str(IDENTITY.verifier_keys()[0])


async def test_entries_are_read(ledger: TreeLedger, tmp_path: Path) -> None:
    """It reads every record from the bundles, byte for byte."""
    await published(ledger, tmp_path)
    other = reader.TilesReader(backend.LocalBackend(tmp_path))
    other.get_checkpoint()
    records = [stored.record for stored in await ledger.page(0, SIZES[-1])]

    assert [other.get_entry(index) for index in range(SIZES[-1])] == records


async def test_proofs_are_the_same_and_accepted(ledger: TreeLedger, tmp_path: Path) -> None:
    """Inclusion and consistency proofs are those that it makes itself; it accepts ours and refuses spoiled ones."""
    heads = await published(ledger, tmp_path)
    other = reader.TilesReader(backend.LocalBackend(tmp_path))
    other.get_checkpoint()
    leaves = [stored.position.leaf_hash for stored in await ledger.page(0, SIZES[-1])]
    for head in heads:
        for index in {0, head.size - 1, *Random(head.size).sample(range(head.size), min(10, head.size))}:
            path = await _inclusion(ledger, index, head.size)
            assert path == other.get_inclusion_proof(index, head.size).node_hashes
            tlog.InclusionProof(index, head.size, path).check(leaves[index], head.root)
            with pytest.raises(tlog.InclusionProofInvalid):
                tlog.InclusionProof(index, head.size, path).check(bytes(32), head.root)
    for older, newer in pairwise(heads):
        compute = partial(tiles.consistency_proof, older.size, newer.size)
        proof = list(await read_through(ledger.tree, compute))
        assert proof == other.get_consistency_proof(older.size, newer.size).node_hashes
        tlog.ConsistencyProof(older.size, newer.size, proof).check(older.root, newer.root)
        with pytest.raises(tlog.ConsistencyProofInvalid):
            tlog.ConsistencyProof(older.size, newer.size, proof).check(bytes(32), newer.root)


async def _inclusion(ledger: TreeLedger, index: int, size: int) -> Sequence[bytes]:
    return list(await read_through(ledger.tree, partial(tiles.inclusion_proof, index, size)))
