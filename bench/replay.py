"""A replay with recorded findings: reviews a second, beside decoding the same contents and doing nothing with them.

The baseline reads every content of the same encrypted log by page, decrypts it and makes a `Review` of it. A replay
also searches, looks each review up, compares rules and decides. The candidates differ from the rules of the time in
nothing; in effects, which moves verdicts; and in a check, which is run again on every kept draft. No model is asked.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Final

from bench.bed import RUBRICS, Bed
from bench.report import Table, spread
from reviewer.core.record import read_content, seal
from reviewer.core.rubric import CheckSpec, Judge, Rubric, Severity
from reviewer.core.rulebook import Rulebook, assemble
from reviewer.core.search import EVERYTHING
from reviewer.ledger.interface import Ledger
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.replay.asking import Estimate, Stationery
from reviewer.replay.comparison import Rules
from reviewer.replay.tally import Fate, Tally
from reviewer.replay.walk import Walk
from reviewer.rubrics.load import load_rulebook
from tests.support.logged import logged
from tests.support.sealed import sealed_ledger

FULL: Final = 4_000
AT_LEAST: Final = 1_000
PAGE: Final = 200


def measure(bed: Bed) -> Table:
    """Decode, then replay under each candidate, in turns."""
    shipped, _ = load_rulebook(RUBRICS, today=date(2026, 11, 21))
    count = bed.effort.calls(FULL, at_least=AT_LEAST)
    rows = asyncio.run(_measured(shipped, count, bed.effort.rounds))
    note = f"{count:,} generated reviews of shipped cases in an encrypted SQLite log; no model is asked"
    return Table("replay", note, ("what", "reviews/s", "of decoding", "changed", "peak MiB"), rows)


async def _measured(shipped: Rulebook, count: int, rounds: int) -> tuple[tuple[str, str, str, int, str], ...]:
    arms = {
        "replay, same rules": shipped,
        "replay, other effects": _edited(shipped, _effects),
        "replay, another check": _edited(shipped, _check),
    }
    rates: dict[str, list[float]] = {name: [] for name in ("decode alone", *arms)}
    changed = dict.fromkeys(rates, 0)
    async with _log(shipped, count) as ledger:
        for _ in range(rounds):
            began = time.perf_counter()
            await _decode(ledger)
            rates["decode alone"].append(count / (time.perf_counter() - began))
            for name, candidate in arms.items():
                began = time.perf_counter()
                changed[name] = await _replay(ledger, candidate, shipped, count)
                rates[name].append(count / (time.perf_counter() - began))
    plain = rates["decode alone"]
    peak = f"{getrusage(RUSAGE_SELF).ru_maxrss / 1024:.0f}"
    return tuple(
        (
            name,
            str(spread(own)),
            str(spread([a / b for a, b in zip(own, plain, strict=True)])),
            changed[name],
            peak,
        )
        for name, own in rates.items()
    )


@asynccontextmanager
async def _log(shipped: Rulebook, count: int) -> AsyncIterator[Ledger]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        create(path)
        async with sealed_ledger(SqliteLedger(path)) as ledger:
            for number in range(count):
                await ledger.append(seal(logged(shipped, number), number.to_bytes(32)))
            yield ledger


async def _decode(ledger: Ledger) -> None:
    first = 0
    while page := await ledger.page(first, PAGE):
        for stored in page:
            assert stored.content is not None
            read_content(stored.content)
        first += len(page)


async def _replay(ledger: Ledger, candidate: Rulebook, shipped: Rulebook, count: int) -> int:
    tally = Tally()
    rules = Rules(candidate, (shipped,))
    await Walk(ledger, rules, EVERYTHING, None, tally.add, Stationery(rules, bytes), Estimate()).run()
    assert tally.fates[Fate.CHANGED] + tally.fates[Fate.UNCHANGED] == count
    return tally.fates[Fate.CHANGED]


def _edited(shipped: Rulebook, edit: Callable[[Rubric], Rubric]) -> Rulebook:
    rubrics = tuple(edit(r) for name, r in shipped.rubrics.items() if name != "baseline")
    return assemble(rubrics, shipped.routing, shipped.catalogue, shipped.checks)


def _effects(rubric: Rubric) -> Rubric:
    rows = [c.model_copy(update={"on_fail": "handoff"}) if c.severity is Severity.MAJOR else c for c in rubric.criteria]
    return rubric.model_copy(update={"criteria": tuple(rows)})


def _check(rubric: Rubric) -> Rubric:
    """Say of the first check of each rubric that it is another one, so that it is run again."""
    at = next((n for n, c in enumerate(rubric.criteria) if c.check is not None and c.judge is Judge.CHECK), None)
    if at is None:
        return rubric
    rows = list(rubric.criteria)
    was = rows[at].check
    assert was is not None
    rows[at] = rows[at].model_copy(update={"check": CheckSpec(id=was.id, args={**was.args, "again": True})})
    return rubric.model_copy(update={"criteria": tuple(rows)})
