"""The sequencer signs what follows from the newest head, and nothing else; what does not fit stops it for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError
from reviewer.core.tiles import Tile
from reviewer.ledger.sequencer import Sequencer, check
from reviewer.ledger.tree import Pending, SignedHead, TreeLedger, TreeStore
from reviewer.signing import Identity, SigningKey
from tests.support.builders import entry
from tests.support.signed_log import (
    IDENTITY,
    ORIGIN,
    SIGNED_AT,
    append_all,
    integrate_all,
    sequencer,
    signed_head,
    verified,
)
from tests.support.tree import grown

SIZE = 300
NEWER = Identity(ORIGIN, SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32))), (IDENTITY.key.public,))
STRANGER = replace(NEWER, former=())


def state(size: int = SIZE) -> tuple[Pending, dict[Tile, bytes]]:
    """Return what a sequencer sees of a log that is as it should be."""
    tree = grown(size)
    pending = Pending(signed_head(size, tree.root()), tree.leaves[-1], ())
    return pending, dict(tree.tiles)


def test_what_fits_is_fine() -> None:
    """The state of an untouched log is accepted, at every size and under every key that counts."""
    for size in (1, 2, 255, 256, 257, 300):
        check(*state(size), IDENTITY)
        check(*state(size), NEWER)
    check(Pending(None, None, ()), {}, IDENTITY)


def _flipped(data: bytes, at: int = -1) -> bytes:
    spoiled = bytearray(data)
    spoiled[at] ^= 1
    return bytes(spoiled)


def _with_head(head: SignedHead) -> tuple[Pending, dict[Tile, bytes]]:
    pending, held = state()
    return replace(pending, head=head), held


def _with_tile(tile: Tile, data: bytes) -> tuple[Pending, dict[Tile, bytes]]:
    pending, held = state()
    return pending, held | {tile: data}


HEAD = signed_head(SIZE, grown(SIZE).root())
MISFITS: dict[str, Callable[[], tuple[Pending, Mapping[Tile, bytes]]]] = {
    "another log's head": lambda: _with_head(signed_head(SIZE, HEAD.root, replace(IDENTITY, origin="example.com/b"))),
    "a head of another key": lambda: _with_head(signed_head(SIZE, HEAD.root, STRANGER)),
    "a note that is none": lambda: _with_head(replace(HEAD, note="")),
    "a note of another size": lambda: _with_head(replace(HEAD, note=signed_head(SIZE - 1, HEAD.root).note)),
    "a root that was not signed": lambda: _with_head(replace(HEAD, root=bytes(32))),
    "a head over another tree": lambda: _with_head(signed_head(SIZE, bytes(32))),
    "a leaf flipped in a tile": lambda: _with_tile(Tile(0, 1), _flipped(grown(SIZE).tiles[Tile(0, 1)])),
    "a root flipped in a tile": lambda: _with_tile(Tile(1, 0), _flipped(grown(SIZE).tiles[Tile(1, 0)])),
    "a tile cut short": lambda: _with_tile(Tile(0, 1), grown(SIZE).tiles[Tile(0, 1)][:-32]),
    "a tile that is gone": lambda: _with_tile(Tile(0, 1), b""),
    "another last entry": lambda: (replace(state()[0], last=bytes(32)), state()[1]),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_told(name: str) -> None:
    """Whatever contradicts the newest head is an error before anything is signed."""
    with pytest.raises(LedgerCorruptError):
        check(*MISFITS[name](), IDENTITY)


async def test_a_new_key_goes_on_behind_the_former_one(ledger: TreeLedger) -> None:
    """After a rotation new heads are signed by the new key alone, and all heads verify with both."""
    await ledger.append(entry(1))
    await integrate_all(ledger)
    await ledger.append(entry(2))
    await integrate_all(ledger, NEWER)

    assert (await verified(ledger, identity=NEWER)).count == 0
    assert (await verified(ledger, identity=STRANGER)).count == 1
    assert (await verified(ledger)).count == 1


async def test_without_the_former_key_nothing_is_signed(ledger: TreeLedger) -> None:
    """A key that does not know the newest head's stops, rather than to build on what it cannot check."""
    await ledger.append(entry(1))
    await integrate_all(ledger)
    await ledger.append(entry(2))
    with pytest.raises(LedgerCorruptError, match="none of the log's keys signed"):
        await sequencer(ledger, STRANGER).integrate()
    newest = await ledger.tree.head()

    assert newest is not None
    assert newest.size == 1


async def test_a_misfit_stops_the_task_for_good(ledger: TreeLedger) -> None:
    """The event says so once, the probe fails from then on, and nothing more is integrated, not even at the end."""
    await ledger.append(entry(1))
    await integrate_all(ledger)
    with capture_logs() as events:
        async with sequencer(ledger, STRANGER, interval_s=0.001) as stopped:
            await asyncio.wait_for(until_it_fails(stopped), 10)
            await ledger.append(entry(2))
            with pytest.raises(LedgerCorruptError):
                await stopped.probe()
    newest = await ledger.tree.head()

    assert [(event["event"], event["log_level"]) for event in events] == [("log_tree_corrupt", "error")]
    assert newest is not None
    assert newest.size == 1


async def until_it_fails(working: Sequencer) -> None:
    while True:
        try:
            await working.probe()
        except LedgerCorruptError:
            return


class Unavailable:
    """A tree that cannot be read for a while."""

    def __init__(self, tree: TreeStore, failures: int) -> None:
        self._tree = tree
        self._failures = failures
        self.recovered = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._tree, name)

    async def pending(self, limit: int) -> Pending:
        if self._failures:
            self._failures -= 1
            raise LedgerUnavailableError("not now")
        self.recovered.set()
        return await self._tree.pending(limit)


class Shown:
    """A log with another view of its tree."""

    def __init__(self, ledger: TreeLedger, tree: Unavailable) -> None:
        self._ledger = ledger
        self.tree = tree

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)


async def test_an_unavailable_log_is_tried_again(ledger: TreeLedger) -> None:
    """What cannot be read or written now is integrated later; the probe asks the log itself meanwhile."""
    await append_all(ledger, [entry(number) for number in range(3)])
    tree = Unavailable(ledger.tree, failures=3)
    working: Sequencer = Sequencer(Shown(ledger, tree), IDENTITY, 0.001, lambda: SIGNED_AT)  # type: ignore[arg-type]
    async with working:
        await working.probe()
        await asyncio.wait_for(tree.recovered.wait(), 10)

    report = await verified(ledger)
    assert (report.size, report.count) == (3, 0)
    assert report.newest is not None
    assert report.newest.size == 3
