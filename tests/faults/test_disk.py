"""A log on a disk that fills up, refuses, fails or loses power: nothing that was acknowledged is lost or forked."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

import apsw
import pytest

from reviewer.core.checkpoint import Checkpoint
from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.record import Entry
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.tree import TreeLedger
from tests.support.builders import entry
from tests.support.faulty_disk import FaultyDisk, faulty_disk
from tests.support.signed_log import append_all, checkpoint_of, integrate_all, sequencer, verified

CUTS = 24
APPENDS = 420
"""So many that SQLite moves its write-ahead file into the log's own file meanwhile."""
WRITERS = 8
OPERATIONS = 8 * APPENDS
"""What these take at least, in writes and syncs."""


class Witness:
    """What somebody outside has been told: entries that are durable, and heads that were signed."""

    def __init__(self) -> None:
        self.told: dict[str, int] = {}
        self.heads: list[Checkpoint] = []

    def copy(self) -> Witness:
        """Return what is known now."""
        known = Witness()
        known.told, known.heads = dict(self.told), list(self.heads)
        return known

    async def append(self, ledger: TreeLedger, one: Entry) -> None:
        """Append, and keep in mind what that was answered with."""
        self.told[one.review_id] = (await ledger.append(one)).position.index

    async def look(self, ledger: TreeLedger) -> None:
        """Remember the newest signed head."""
        if (head := await ledger.tree.head()) is not None:
            self.heads.append(checkpoint_of(head))


async def _assert_holds(path: Path, known: Witness) -> None:
    """The log opens, is whole, has all that was told, contradicts no head, and goes on."""
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    async with SqliteLedger(path) as ledger:
        rows = await ledger.page(0, 10_000)
        assert [row.position.index for row in rows] == list(range(len(rows)))
        held = {row.review_id: row.position.index for row in rows}
        assert len(held) == len(rows)
        assert {name: held.get(name) for name in known.told} == known.told
        await ledger.append(entry(900_000, "after"))
        await integrate_all(ledger)
        report = await verified(ledger, known.heads)
    assert (report.problems, report.size) == ((), len(rows) + 1)


@pytest.mark.parametrize("seed", range(3))
async def test_power_cut(tmp_path: Path, seed: int) -> None:
    """Whenever the power fails, what a torn and partly written disk holds has every acknowledged entry and one tree."""
    chance = Random(seed)
    witness = Witness()
    cuts: list[tuple[Path, Witness]] = []
    path = tmp_path / "log.db"
    create(path)

    def perhaps(at: int) -> None:
        if at in moments:
            folder = tmp_path / f"cut-{at}"
            folder.mkdir()
            # First what is known, then the files: what is acknowledged in between is only not asked for.
            cuts.append((folder / path.name, witness.copy()))
            disk.power_cut(folder, chance)

    with faulty_disk() as disk:
        moments = frozenset(chance.sample(range(20, OPERATIONS), CUTS))
        disk.watch(perhaps)
        await _load(path, witness)
    assert len(witness.told) == APPENDS
    assert len(cuts) == CUTS
    assert any(len(known.told) > APPENDS // 2 and known.heads for _, known in cuts)
    for cut, known in cuts:
        await _assert_holds(cut, known)


async def _load(path: Path, witness: Witness) -> None:
    """Append from several callers while a sequencer integrates, and look at its heads."""

    async def write(first: int) -> None:
        for number in range(first, APPENDS, WRITERS):
            await witness.append(ledger, entry(number, f"r-{number}"))
            if number % 5 == 0:
                await witness.look(ledger)

    async with SqliteLedger(path) as ledger, sequencer(ledger, interval_s=0.002):
        await asyncio.gather(*(write(first) for first in range(WRITERS)))


def test_a_power_cut_loses_what_was_not_synced(tmp_path: Path) -> None:
    """The simulated power cut is one: with syncs left out, acknowledged rows are gone or the file is broken."""
    path = tmp_path / "log.db"
    lost = 0
    for seed in range(10):
        (folder := tmp_path / str(seed)).mkdir()
        with faulty_disk() as disk:
            connection = apsw.Connection(str(path.with_name(f"{seed}.db")))
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "normal")
            connection.execute("create table t (x)")
            connection.execute("insert into t values (1)")
            disk.power_cut(folder, Random(seed))
            connection.close()
        left = apsw.Connection(str(folder / f"{seed}.db"))
        rows = left.execute("select count(*) from sqlite_master").get
        lost += not rows or left.execute("select count(*) from t").get != 1
        left.close()
    assert lost


@pytest.mark.parametrize(
    "error", [apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError], ids=lambda error: error.__name__
)
async def test_failing_operation(tmp_path: Path, error: type[Exception]) -> None:
    """Whichever write or sync fails, the caller hears of it, and a log that works again has each entry once."""
    for first in range(0, 24, 2):
        (folder := tmp_path / str(first)).mkdir()
        with faulty_disk() as disk:
            await _fails_and_heals(folder / "log.db", disk, error, first)


async def _fails_and_heals(path: Path, disk: FaultyDisk, error: type[Exception], first: int) -> None:
    create(path)
    witness = Witness()
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(SqliteLedger(path))
        disk.fail(error, disk.operations + first, 3)
        refused = [number for number in range(12) if not await _appended(witness, ledger, number)]
        disk.heal()
        for number in refused:
            await witness.append(ledger, entry(number, f"r-{number}"))
    assert len(refused) in {1, 2, 3}
    assert len(witness.told) == 12
    await _assert_holds(path, witness)


async def _appended(witness: Witness, ledger: TreeLedger, number: int) -> bool:
    try:
        await witness.append(ledger, entry(number, f"r-{number}"))
    except LedgerUnavailableError:
        return False
    return True


async def test_sequencer_on_a_failing_disk(tmp_path: Path) -> None:
    """A head that could not be written is signed later over the same tree, and never a second one of its size."""
    path = tmp_path / "log.db"
    create(path)
    witness = Witness()
    for first in range(12):
        with faulty_disk() as disk:
            async with SqliteLedger(path) as ledger:
                await append_all(ledger, [entry(10 * first + n, f"r-{first}-{n}") for n in range(3)])
                disk.fail(apsw.FullError, disk.operations + first, 2)
                try:
                    await integrate_all(ledger)
                except LedgerUnavailableError:
                    disk.heal()
                    await integrate_all(ledger)
                await witness.look(ledger)
    assert [head.size for head in witness.heads] == [3 * (n + 1) for n in range(12)]
    await _assert_holds(path, witness)


async def test_torn_tail(tmp_path: Path) -> None:
    """Wherever the write-ahead file is cut off, the log opens with what came before, and who saw more can tell."""
    whole, missed = await _written(tmp_path), 0
    for size in range(0, len(whole.wal), len(whole.wal) // 23):
        (folder := tmp_path / f"at-{size}").mkdir()
        (folder / "log.db").write_bytes(whole.main)
        (folder / "log.db-wal").write_bytes(whole.wal[:size])
        async with SqliteLedger(folder / "log.db") as ledger:
            rows = await ledger.page(0, 100)
            report = await verified(ledger, [whole.seen])
        assert [row.review_id for row in rows] == [entry(number).review_id for number in range(len(rows))]
        assert bool(report.problems) is (len(rows) < whole.seen.size)
        missed += bool(report.problems)
    assert missed


class _Crashed(NamedTuple):
    main: bytes
    wal: bytes
    seen: Checkpoint


async def _written(folder: Path) -> _Crashed:
    """Return the files of a log with some entries as a dead process leaves them, and the head over all of them."""
    path = folder / "log.db"
    create(path)
    async with SqliteLedger(path) as ledger:
        await append_all(ledger, [entry(number, f"r-{number}") for number in range(9)])
        await integrate_all(ledger)
        head = await ledger.tree.head()
        assert head is not None
        return _Crashed(path.read_bytes(), path.with_name("log.db-wal").read_bytes(), checkpoint_of(head))
