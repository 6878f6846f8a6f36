"""Walks from a remembered checkpoint on: what follows is checked in full, what lies before by its hashes alone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from reviewer.core.checkpoint import Checkpoint
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.verification import Report, verify
from tests.support.builders import entry
from tests.support.forger import Forger
from tests.support.signed_log import IDENTITY, append_all, checkpoint_of, integrate_all

SIZES = (1, 200, 256, 400, 512, 600, 900)
SIZE = SIZES[-1]


class Kept:
    """A log, what was remembered of it, and a copy to tamper with."""

    def __init__(self, folder: Path) -> None:
        self.path, self.copy = folder / "log.db", folder / "copy.db"
        create(self.path)
        self.heads: dict[int, Checkpoint] = asyncio.run(self._fill())

    async def _fill(self) -> dict[int, Checkpoint]:
        async with SqliteLedger(self.path) as ledger:
            done = 0
            for size in SIZES:
                await append_all(ledger, [entry(number, f"r-{number}") for number in range(done, size)])
                await integrate_all(ledger)
                done = size
            return {head.size: checkpoint_of(head) for head in await ledger.tree.heads(0, 100)}

    def tampered(self) -> Forger:
        """Return a forger at work on a fresh copy."""
        for beside in ("-wal", "-shm"):
            self.copy.with_name(self.copy.name + beside).unlink(missing_ok=True)
        shutil.copyfile(self.path, self.copy)
        return Forger(self.copy)

    def walked(self, begin: Checkpoint, remembered: Sequence[Checkpoint] = ()) -> Report:
        """Verify the copy from a checkpoint on."""

        async def walk() -> Report:
            async with SqliteLedger(self.copy) as ledger:
                return await verify(ledger, IDENTITY.verifier_keys(), remembered, lambda *_: None, begin=begin)

        return asyncio.run(walk())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("walks"))


@pytest.mark.parametrize("size", SIZES)
def test_a_good_log_is_well_from_anywhere(log: Kept, size: int) -> None:
    """From every checkpoint, with all others remembered as well; only what follows is walked."""
    log.tampered().connection.close()
    report = log.walked(log.heads[size], list(log.heads.values()))

    assert report.problems == ()
    assert (report.begin, report.size) == (size // 256 * 256, SIZE)
    assert report.root == log.heads[SIZE].root


@pytest.mark.parametrize("column", ["record", "leaf_hash"])
@pytest.mark.parametrize("at", [256, 399, 400, 899])
def test_what_follows_is_checked_in_full(log: Kept, at: int, column: str) -> None:
    """A bit of any record or hash from the tile of the checkpoint on is named."""
    with log.tampered() as forger:
        forger.flip("entries", column, at, 3)

    assert log.walked(log.heads[400]).problems[0].index == at


def test_what_lies_before_is_not_looked_at_again(log: Kept) -> None:
    """An earlier record that was changed is the whole walk's to see: this one says that it did not look."""
    with log.tampered() as forger:
        forger.flip("entries", "record", 7, 3)

    assert log.walked(log.heads[400]).problems == ()
    assert log.walked(log.heads[200]).problems[0].index == 7


@pytest.mark.parametrize("begin", [400, 512, 900])
def test_a_rewritten_log_does_not_lead_to_what_was_seen(log: Kept, begin: int) -> None:
    """With the key, tiles and heads put right as well, an earlier record that was changed shows at the checkpoint."""
    with log.tampered() as forger:
        rows = forger.rows()
        rows[7] = rows[7].saying(rows[7].record.replace(b"APPROVE", b"REVISE "))
        forger.put(rows)
        forger.resign(forger.rebuild_tiles(rows, SIZE), SIZES)
    report = log.walked(log.heads[begin])

    assert any(f"the head of size {begin}" in p.what or "forked" in p.what for p in report.problems)


def test_older_checkpoints_are_held_against_the_tiles(log: Kept) -> None:
    """What is remembered from before the start of the walk is compared all the same."""
    log.tampered().connection.close()
    wrong = Checkpoint(IDENTITY.origin, 200, bytes(32))

    assert "size 200" in log.walked(log.heads[600], [wrong]).problems[0].what


def test_a_log_that_ends_before_its_checkpoint_is_seen(log: Kept) -> None:
    """A suffix that is gone, with the tree cut to fit and signed anew."""
    with log.tampered() as forger:
        rows = forger.rows()[:300]
        forger.put(rows)
        forger.resign(forger.rebuild_tiles(rows, 300), [300])

    assert any("a head covers 600" in problem.what for problem in log.walked(log.heads[600]).problems)


@pytest.mark.parametrize("damage", ["DELETE FROM tiles", "UPDATE tiles SET data = zeroblob(64)"])
def test_damaged_tiles_are_seen(log: Kept, damage: str) -> None:
    """Without the hashes that lead to the checkpoint there is no start, or one that does not fit."""
    with log.tampered() as forger:
        forger.connection.execute(f"{damage} WHERE level = 1")

    assert log.walked(log.heads[600]).count
