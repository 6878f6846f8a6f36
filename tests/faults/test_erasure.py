"""Killed in the middle of an erasure: all of it is done and on record, or nothing is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import Random

import apsw
import pytest

from reviewer.core.events import read_event
from reviewer.ledger.erasure import Erasures
from reviewer.ledger.interface import Stored
from reviewer.ledger.sealed import SealedLedger
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.contract.ledger.test_custody import event, names
from tests.contract.ledger.test_ledger import check_log
from tests.support.builders import entry, review_id
from tests.support.sealed import sealed_ledger
from tests.support.server_process import ROOT

REVIEWS = 400
BATCH = 10
LAST = REVIEWS - 100
ROUNDS = 8
ERASER = """
import asyncio, sys
from pathlib import Path
from tests.faults.test_erasure import erase_batches
asyncio.run(erase_batches(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def erase_batches(path: Path, first: int) -> None:
    """Erase review after review in batches, then the tenant, and report what was acknowledged: what is killed."""
    async with sealed_ledger(SqliteLedger(path)) as log:
        for start in range(first, LAST, BATCH):
            await log.erase(event(*names(*range(start, start + BATCH))))
            sys.stdout.write(f"{start}\n")
            sys.stdout.flush()
        await log.erase(event("tenants/acme"))
        sys.stdout.write("all\n")


async def _killed(path: Path, first: int, after: int) -> list[str]:
    """Run the eraser, kill it after so many reports, and return all that it had reported by then."""
    command = (sys.executable, "-c", ERASER, str(path), str(first))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(after)]
    process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().strip() for line in said if line.endswith(b"\n")]


async def _assert_whole(log: SealedLedger, said: list[str]) -> int:
    """Each erasure on record was done, each content that is gone is on record, and what was reported is there."""
    rows: list[Stored] = []
    while page := await log.page(len(rows), 200):
        rows += page
    erasures = Erasures(log)
    assert [row for row in rows if await erasures.problem(row)] == []
    gone = {row.review_id for row in rows if row.kind == "review" and row.content is None}
    events = [event for row in rows if row.kind == "erasure" and (event := read_event(row.record))]
    on_record = {name for event in events for name in event.reviews}
    everything = any(event.whole_tenant for event in events)
    assert gone == ({row.review_id for row in rows if row.kind == "review"} if everything else on_record)
    assert all(key.wrapped is None for key in await log._inner.data_keys("acme")) == everything
    for report in said:
        assert everything if report == "all" else str(review_id(int(report))) in on_record
    return len(events)


@pytest.mark.timeout(240)
async def test_an_erasure_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """After kill -9 at any moment the log verifies, and the next process finishes what was not done."""
    chance = Random(20261121)
    path = tmp_path / "log.db"
    create(path)
    async with sealed_ledger(SqliteLedger(path)) as log:
        await asyncio.gather(*(log.append(entry(number)) for number in range(REVIEWS)))
    done = 0
    for left in reversed(range(ROUNDS)):
        # In the last round nobody waits for less than the end.
        said = await _killed(path, done * BATCH, chance.randint(1, 4) if left else REVIEWS)
        connection = apsw.Connection(str(path))
        assert connection.pragma("integrity_check") == "ok"
        connection.close()
        async with sealed_ledger(SqliteLedger(path)) as log:
            before, done = done, await _assert_whole(log, said)
            await check_log(log)
        assert done > before
    assert said[-1] == "all"
