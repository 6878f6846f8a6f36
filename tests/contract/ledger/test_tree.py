"""The log's tree in every store: one tree, whoever integrates; heads and tiles that nothing takes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count, pairwise

import pytest

from reviewer.core import tiles
from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError
from reviewer.core.merkle import consistent
from reviewer.core.tiles import Tile
from reviewer.ledger.interface import Stored
from reviewer.ledger.sequencer import BATCH
from reviewer.ledger.tree import Pending, SignedHead, TreeLedger
from tests.contract.ledger.conftest import Store
from tests.support.builders import entry
from tests.support.signed_log import append_all, checkpoint_of, integrate_all, sequencer, signed_head, verified
from tests.support.tree import Grown, plain_root


async def heads_of(ledger: TreeLedger) -> tuple[SignedHead, ...]:
    return await ledger.tree.heads(0, 10_000)


async def check_tree(ledger: TreeLedger, size: int) -> None:
    """The whole log is integrated under good heads, each consistent with the next by the tiles that are kept."""
    report = await verified(ledger)
    assert (report.problems, report.size) == ((), size)
    assert report.newest is not None
    assert (report.newest.size, report.newest.root) == (size, report.root)
    heads = await heads_of(ledger)
    kept = {tile: await ledger.tree.read_tile(tile) for tile in _all_tiles(size)}
    for older, newer in pairwise(heads):
        proof = tiles.consistency_proof(older.size, newer.size, kept.__getitem__)
        assert consistent(older.size, newer.size, proof, older.root, newer.root)


def _all_tiles(size: int) -> list[Tile]:
    return [Tile(level, at) for level in range(3) for at in range(-(-(size >> 8 * level) // 256))]


def leaves_of(entries: tuple[Stored, ...]) -> list[bytes]:
    return [stored.position.leaf_hash for stored in entries]


async def test_an_empty_tree(ledger: TreeLedger) -> None:
    """A new log has no head, no tile and nothing to integrate."""
    assert await ledger.tree.head() is None
    assert await heads_of(ledger) == ()
    assert await ledger.tree.read_tile(Tile(0, 0)) == b""
    assert await ledger.tree.pending(10) == Pending(None, None, ())


async def test_entries_wait_for_the_tree(ledger: TreeLedger) -> None:
    """What was appended is pending in the order of the log, from the newest head on, at most as many as asked for."""
    made = [entry(number) for number in range(5)]
    await append_all(ledger, made[:3])
    assert (await ledger.tree.pending(2)).leaf_hashes == (made[0].leaf_hash, made[1].leaf_hash)
    await integrate_all(ledger)
    await append_all(ledger, made[3:])
    pending = await ledger.tree.pending(10)

    assert pending.size == 3
    assert pending.last == made[2].leaf_hash
    assert pending.leaf_hashes == (made[3].leaf_hash, made[4].leaf_hash)


async def test_what_is_integrated_is_the_tree_of_the_entries(ledger: TreeLedger) -> None:
    """Head and tiles are those of the leaves in order, over more than one tile and in uneven steps."""
    done = 0
    for step in (1, 254, 1, 300):
        await append_all(ledger, [entry(number) for number in range(done, done + step)])
        await integrate_all(ledger)
        done += step
    leaves = leaves_of(await ledger.page(0, done))
    expected = Grown(leaves)
    heads = await heads_of(ledger)

    assert [head.size for head in heads] == [1, 255, 256, 556]
    assert [head.root for head in heads] == [plain_root(leaves[: head.size]) for head in heads]
    assert {tile: await ledger.tree.read_tile(tile) for tile in expected.tiles} == expected.tiles
    assert await ledger.tree.head() == heads[-1]
    assert checkpoint_of(heads[-1]).size == done
    await check_tree(ledger, done)


async def test_heads_are_read_in_pages(ledger: TreeLedger) -> None:
    """Heads come in the order of their sizes, from a size on, at most as many as asked for."""
    for number in range(5):
        await ledger.append(entry(number))
        await integrate_all(ledger)

    assert [head.size for head in await ledger.tree.heads(2, 2)] == [3, 4]
    assert await ledger.tree.heads(5, 10) == ()


async def test_the_tree_is_durable(store: Store) -> None:
    """The next process finds tiles and heads as they were, and goes on behind them."""
    async with store.open() as ledger:
        await append_all(ledger, [entry(number) for number in range(3)])
        await integrate_all(ledger)
        before = await ledger.tree.head()
    async with store.open() as ledger:
        assert await ledger.tree.head() == before
        await ledger.append(entry(3))
        await integrate_all(ledger)
        await check_tree(ledger, 4)


async def test_only_one_of_two_builds_on_a_head(ledger: TreeLedger) -> None:
    """Who comes second with the same head in hand writes nothing, be it the same tree or another one."""
    await append_all(ledger, [entry(number) for number in range(3)])
    leaves = (await ledger.tree.pending(10)).leaf_hashes
    own, other = Grown(leaves), Grown(leaves[:2])

    assert await ledger.tree.integrate(0, own.tiles, signed_head(3, own.root()))
    assert not await ledger.tree.integrate(0, own.tiles, signed_head(3, own.root()))
    assert not await ledger.tree.integrate(0, other.tiles, signed_head(2, other.root()))
    assert [head.size for head in await heads_of(ledger)] == [3]
    assert await ledger.tree.read_tile(Tile(0, 0)) == own.tiles[Tile(0, 0)]


async def test_nothing_is_taken_back(ledger: TreeLedger) -> None:
    """A tile that would lose a hash, and a head that is not larger, are refused whole; entries beside them are not."""
    await append_all(ledger, [entry(number) for number in range(3)])
    await integrate_all(ledger)
    held = await ledger.tree.read_tile(Tile(0, 0))
    wrong = ((held[:64], 4), (held[:-1] + bytes([held[-1] ^ 1]), 4), (held, 3), (held, 2))
    for number, (data, size) in enumerate(wrong, start=100):
        refused = ledger.tree.integrate(3, {Tile(0, 0): data}, signed_head(size, bytes(32)))
        results = await asyncio.gather(refused, ledger.append(entry(number)), return_exceptions=True)
        assert isinstance(results[0], LedgerCorruptError)
        assert not isinstance(results[1], BaseException)

    assert await ledger.tree.read_tile(Tile(0, 0)) == held
    assert [head.size for head in await heads_of(ledger)] == [3]
    assert len({row.review_id for row in await ledger.page(3, 10)}) == len(wrong)


async def test_a_closed_log_has_no_tree(store: Store) -> None:
    """After closing, and before opening, the tree is unavailable."""
    async with store.open() as ledger:
        tree = ledger.tree
    for call in (tree.head(), tree.pending(1), tree.integrate(0, {}, signed_head(1, bytes(32)))):
        with pytest.raises(LedgerUnavailableError):
            await call
    with pytest.raises(LedgerUnavailableError):
        _ = ledger.tree


async def test_two_sequencers_make_one_tree(store: Store) -> None:
    """Two sequencers that run at once while both their processes append never fork the tree, and miss no entry."""
    async with store.open() as one, store.open() as other:
        appended: set[int] = set()

        async def integrate(which: int) -> None:
            working = sequencer((one, other)[which])
            while len(appended) < 300:
                await working.integrate()

        async def append(which: int) -> None:
            for number in range(which, 300, 2):
                await (one, other)[which].append(entry(number))
                appended.add(number)

        await asyncio.wait_for(asyncio.gather(integrate(0), integrate(1), append(0), append(1)), 60)
        await integrate_all(one)
        await check_tree(other, 300)
        assert len({head.size for head in await heads_of(one)}) == len(await heads_of(one)) > 1


class Growing:
    """A log that others append to and integrate whenever somebody reads a page of it."""

    def __init__(self, ledger: TreeLedger) -> None:
        self._ledger = ledger
        self._numbers = count(300)

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    async def page(self, first_index: int, limit: int) -> tuple[Stored, ...]:
        await self._ledger.append(entry(next(self._numbers)))
        await integrate_all(self._ledger)
        return await self._ledger.page(first_index, limit)


async def test_a_log_that_grows_while_it_is_verified(ledger: TreeLedger) -> None:
    """Heads and tiles that come while a walk is under way are no problems; what no head covers still is one."""
    await append_all(ledger, [entry(number) for number in range(300)])
    await integrate_all(ledger)
    report = await verified(Growing(ledger))  # type: ignore[arg-type]  # the rest of it is the log's own
    assert (report.problems, report.size) == ((), 300)

    size = await ledger.size()
    longer = await ledger.tree.read_tile(Tile(0, 1)) + bytes(32)
    assert await ledger.tree.integrate(size, {Tile(0, 1): longer}, signed_head(size + 1, bytes(32)))
    assert (await verified(ledger)).problems != ()


async def test_a_sequencer_catches_up_in_batches(ledger: TreeLedger) -> None:
    """Entries that were committed and never integrated are integrated by the next sequencer, batch by batch."""
    total = BATCH + 10
    await asyncio.gather(*(ledger.append(replace(entry(1), review_id=str(number))) for number in range(total)))
    async with sequencer(ledger):
        pass

    assert [head.size for head in await heads_of(ledger)] == [BATCH, total]
    assert (await ledger.tree.pending(1)).leaf_hashes == ()
