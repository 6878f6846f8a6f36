"""Whoever can write to the log's file changes nothing unseen; with the signing key as well, nothing somebody remembers.

Every tampering is done by plain SQL on a real file whose triggers are gone, and is as skilful as the test says: hashes,
tiles and heads beside the entries are put right where the forger could.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reviewer.core.checkpoint import Checkpoint
from reviewer.core.errors import LedgerCorruptError
from reviewer.core.record import Entry
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.verification import Report
from tests.support.builders import entry
from tests.support.forger import Forger, Row
from tests.support.signed_log import append_all, checkpoint_of, integrate_all, verified

SIZES = (1, 200, 256, 400, 600)
SIZE = SIZES[-1]
few = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
index = st.integers(0, SIZE - 1)
bit = st.integers(0, 2**20)


class Prepared:
    """A log that is as it should be, and copies of it to tamper with."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.db"
        self.copy = folder / "copy.db"
        create(self.path)
        self.heads: tuple[Checkpoint, ...] = asyncio.run(self._fill())

    async def _fill(self) -> tuple[Checkpoint, ...]:
        async with SqliteLedger(self.path) as ledger:
            done = 0
            for size in SIZES:
                await append_all(ledger, [entry(number, f"r-{number}") for number in range(done, size)])
                await integrate_all(ledger)
                done = size
            return tuple([checkpoint_of(head) for head in await ledger.tree.heads(0, 100)])

    def tampered(self) -> Forger:
        """Return a forger at work on a fresh copy."""
        for beside in ("-wal", "-shm"):
            self.copy.with_name(self.copy.name + beside).unlink(missing_ok=True)
        shutil.copyfile(self.path, self.copy)
        return Forger(self.copy)

    def verify(self, remembered: Sequence[Checkpoint] = ()) -> Report:
        """Verify the copy."""
        return asyncio.run(self._verify(remembered))

    async def _verify(self, remembered: Sequence[Checkpoint]) -> Report:
        async with SqliteLedger(self.copy) as ledger:
            return await verified(ledger, remembered)

    def seen(self, remembered: Sequence[Checkpoint] = ()) -> bool:
        """Whether a verification of the copy tells of anything; a file that cannot even be read tells of itself."""
        try:
            return self.verify(remembered).count > 0
        except LedgerCorruptError:
            return True


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(tmp_path_factory.mktemp("tampering"))


def test_an_untouched_log_is_well(log: Prepared) -> None:
    """Without tampering there is no problem, whatever checkpoints are remembered; dropped triggers are none."""
    with log.tampered() as forger:
        forger.put(forger.rows())
        forger.resign(forger.rebuild_tiles(forger.rows(), SIZE), SIZES)
    report = log.verify(log.heads)

    assert (report.problems, report.size, report.heads, report.erased) == ((), SIZE, len(SIZES), 0)
    assert report.root == log.heads[-1].root


VALUES = [
    ("entries", "record"),
    ("entries", "leaf_hash"),
    ("entries", "review_id"),
    ("entries", "tenant"),
    ("entries", "request_id"),
    ("entries", "content_digest"),
    ("contents", "content"),
    ("contents", "content_key"),
    ("tiles", "data"),
    ("heads", "root"),
    ("heads", "note"),
]


@pytest.mark.parametrize(("table", "column"), VALUES)
@given(row=index, flipped=bit)
@few
def test_no_bit_flips_unseen(log: Prepared, table: str, column: str, row: int, flipped: int) -> None:
    """One bit of any value that the log vouches for."""
    with log.tampered() as forger:
        possible = forger.flip(table, column, row, flipped)
    assume(possible)
    assert log.seen()


@given(at=index, flipped=bit)
@few
def test_a_flipped_record_is_named(log: Prepared, at: int, flipped: int) -> None:
    """The first problem is that of the record itself, by its index."""
    with log.tampered() as forger:
        forger.flip("entries", "record", at, flipped)
    assert log.verify().problems[0].index == at


def test_every_tile_is_looked_at(log: Prepared) -> None:
    """A bit of the one tile that holds no leaves, and a tile that is gone, are seen."""
    with log.tampered() as forger:
        forger.connection.execute("UPDATE tiles SET data = zeroblob(64) WHERE level = 1")
    assert [problem.what for problem in log.verify().problems] == [
        "tile 1/0 of the tree is not the one over the tiles below it"
    ]
    for gone in ("level = 1", "level = 0 AND idx = 0", "level = 0 AND idx = 2"):
        with log.tampered() as forger:
            forger.connection.execute(f"DELETE FROM tiles WHERE {gone}")  # noqa: S608 - of this list
        assert log.seen()


@pytest.mark.parametrize("change", ["content = NULL", "content_key = NULL"])
def test_half_an_erasure_is_seen(log: Prepared, change: str) -> None:
    """Content goes with its key or not at all."""
    with log.tampered() as forger:
        forger.connection.execute(f"UPDATE contents SET {change} WHERE idx = 7")  # noqa: S608 - of this list
    assert [problem.index for problem in log.verify().problems] == [7]


def _dropped(rows: list[Row], at: int, _: int) -> list[Row]:
    return rows[:at] + rows[at + 1 :]


def _swapped(rows: list[Row], at: int, other: int) -> list[Row]:
    rows[at], rows[other] = rows[other], rows[at]
    return rows


def _inserted(rows: list[Row], at: int, _: int) -> list[Row]:
    made = entry(100_000, "slipped-in")
    forged = Row(
        made.review_id,
        made.tenant,
        made.request_id,
        made.content_digest,
        made.leaf_hash,
        made.record,
        made.content,
        made.content_key,
    )
    return [*rows[:at], forged, *rows[at:]]


def _back_dated(rows: list[Row], at: int, _: int) -> list[Row]:
    record = json.loads(rows[at].record)
    earlier = rows[at].record.replace(record["time"].encode(), b"2025-01-01T00:00:00.000000Z")
    assert earlier != rows[at].record
    rows[at] = rows[at].saying(earlier)
    return rows


def _moved(rows: list[Row], at: int, other: int) -> list[Row]:
    rows.insert(other, rows.pop(at))
    return rows


def _cut(rows: list[Row], at: int, _: int) -> list[Row]:
    return rows[:at]


Tamper = Callable[[list[Row], int, int], list[Row]]
TAMPERINGS: list[Tamper] = [_dropped, _swapped, _inserted, _back_dated, _moved, _cut]


@pytest.mark.parametrize("skill", ["entries", "tiles"])
@pytest.mark.parametrize("tamper", TAMPERINGS)
@given(at=index, apart=st.integers(1, SIZE - 1))
@few
def test_nothing_is_dropped_moved_or_rewritten_unseen(
    log: Prepared, tamper: Tamper, skill: str, at: int, apart: int
) -> None:
    """Without the key: neither with right leaf hashes, nor with all tiles put right as well."""
    with log.tampered() as forger:
        rows = tamper(forger.rows(), at, (at + apart) % SIZE)
        forger.put(rows)
        if skill == "tiles":
            forger.rebuild_tiles(rows, SIZE)
    assert log.seen()


@given(at=index)
@few
def test_a_gap_is_named(log: Prepared, at: int) -> None:
    """An entry that is simply gone is missed by its index."""
    with log.tampered() as forger:
        forger.connection.execute("DELETE FROM entries WHERE idx = ?", (at,))
    problems = log.verify().problems
    if at < SIZE - 1:
        assert [problem.index for problem in problems if "is missing" in problem.what] == [at]
    assert problems


@pytest.mark.parametrize("damage", ["idx = 599", "idx >= 400", "idx = 601"])
def test_nothing_is_signed_over_a_gap(log: Prepared, damage: str) -> None:
    """A sequencer that finds an entry missing, below its head or behind it, signs no more."""

    async def integrate() -> None:
        async with SqliteLedger(log.copy) as ledger:
            await integrate_all(ledger)

    log.tampered().connection.close()
    asyncio.run(_append(log.copy, [entry(number) for number in range(SIZE, SIZE + 3)]))
    with Forger(log.copy) as forger:
        forger.connection.execute(f"DELETE FROM entries WHERE {damage}")  # noqa: S608 - of this list
    with pytest.raises(LedgerCorruptError):
        asyncio.run(integrate())


async def _append(path: Path, entries: Sequence[Entry]) -> None:
    async with SqliteLedger(path) as ledger:
        await append_all(ledger, entries)


@pytest.mark.parametrize("tamper", TAMPERINGS)
@given(at=index, apart=st.integers(1, SIZE - 1), remembered=st.integers(0, len(SIZES) - 1))
@few
def test_with_the_key_nothing_remembered_is_rewritten_unseen(
    log: Prepared, tamper: Tamper, at: int, apart: int, remembered: int
) -> None:
    """Everything put right and signed anew: any one checkpoint that covers what was changed shows it."""
    other = (at + apart) % SIZE
    with log.tampered() as forger:
        rows = tamper(forger.rows(), at, other)
        forger.put(rows)
        sizes = [size for size in SIZES if size < len(rows)] + [len(rows)] * bool(rows)
        forger.resign(forger.rebuild_tiles(rows, len(rows)), sizes)
    head = log.heads[remembered]
    first_changed = min(at, other) if tamper in {_swapped, _moved} else at

    assert not log.seen()
    assert log.seen([head]) == (head.size > first_changed)


def test_heads_cannot_be_moved(log: Prepared) -> None:
    """A head under another size is seen, larger than the log or not."""
    for old, new in ((256, 300), (600, 601), (1, 2**53)):
        with log.tampered() as forger:
            forger.connection.execute("UPDATE heads SET size = ? WHERE size = ?", (new, old))
        assert log.seen()
