"""`python -m bench.profile`: where one review's CPU time goes, by stage and by function.

Stages are timed by the service itself, unprofiled and in a process of its own, one review at a time: all of them but
the model call and the commit are CPU time. Functions are counted by cProfile around the service in this process; it
makes calls look dearer than they are, so read its order and not its figures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvloop
from pydantic import SecretStr

from bench.bed import DRAFT_KIB, EVERYDAY, Bed, Effort
from bench.processes import ROOT, Child
from bench.report import Cell, Table
from reviewer import telemetry
from reviewer.app import open_app
from reviewer.config import CanarySettings, ServerSettings, Settings
from reviewer.log_home import create_log
from reviewer.log_sections import LedgerSettings
from reviewer.provider_sections import AnthropicSection, ProvidersSettings

if TYPE_CHECKING:
    from _lsprof import profiler_entry

WARM_UP: Final = 100


def stages(bed: Bed, model: Child, sample: str, calls: int) -> Table:
    """Time the stages of the service at one review in flight, beside the same model call made directly."""
    product = bed.product(model.address)
    bed.review(product, 1, WARM_UP, sample)
    direct = bed.direct(model, 1, calls, sample)
    review = bed.review(product, 1, calls, sample)
    rows: list[tuple[Cell, ...]] = [
        (name.removeprefix("STAGE_").lower(), float(us)) for name, us in review.stages_us.items()
    ]
    wall_us = review.ms(50) * 1000
    rows += [
        ("outside the stages: gRPC, request, reply, log line", wall_us - sum(review.stages_us.values())),
        ("whole call as the client sees it, p50", wall_us),
        ("the model call alone, made directly, p50", direct.ms(50) * 1000),
        ("CPU of the service, mean", review.cpu_us),
    ]
    note = f"Sample '{sample}', one review at a time, medians of {calls}; 'criticise' holds the model call."
    return Table("Stages (us)", note, ("stage", "us"), tuple(rows))


async def functions(bed: Bed, model: Child, sample: str, calls: int) -> list[profiler_entry]:
    """Run the service in this process and profile its loop while the load generator calls it."""
    section = AnthropicSection(api_key=SecretStr("bench"), base_url=model.address, simulated=True)
    settings = Settings(
        server=ServerSettings(address="127.0.0.1:0"),
        canary=CanarySettings(percent=0),
        ledger=LedgerSettings(path=bed.folder / "profiled.db"),
        providers=ProvidersSettings(anthropic=section),
    )
    create_log(settings)
    async with open_app(settings) as app:
        gc.collect()
        gc.freeze()
        address, payload = app.server.address, bed.sample(sample, ".request")
        job = {"kind": "review", "target": address, "payload": payload, "in_flight": 8}
        await asyncio.to_thread(bed.load.ask, {**job, "calls": WARM_UP})
        profile = cProfile.Profile()
        profile.enable()
        await asyncio.to_thread(bed.load.ask, {**job, "calls": calls})
        profile.disable()
    return profile.getstats()


def ranking(entries: list[profiler_entry], calls: int, rows: int) -> tuple[Table, Table]:
    """Rank functions by all that they take, and by what they take themselves."""
    by_all = sorted(entries, key=lambda entry: -entry.totaltime)[:rows]
    by_own = sorted(entries, key=lambda entry: -entry.inlinetime)[:rows]
    return _ranked("cumulative time", by_all, calls), _ranked("own time", by_own, calls)


def _ranked(by: str, entries: list[profiler_entry], calls: int) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{entry.totaltime / calls * 1e6:.0f}",
            f"{entry.inlinetime / calls * 1e6:.0f}",
            f"{entry.callcount / calls:.1f}",
            _place(entry),
        )
        for entry in entries
    )
    columns = ("cumulative us", "own us", "calls", "function")
    return Table(f"Functions by {by}, for each review", "Under cProfile: read the order.", columns, rows)


def _place(entry: profiler_entry) -> str:
    """Name a function by file, line and name, without where this machine keeps its files."""
    code = entry.code
    if isinstance(code, str):
        return code
    file = Path(code.co_filename)
    near = file.relative_to(ROOT) if file.is_relative_to(ROOT) and "site-packages" not in file.parts else None
    return f"{near or '/'.join(file.parts[-2:])}:{code.co_firstlineno} {code.co_name}"


def main() -> None:
    """Print stages and functions."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--draft", choices=[EVERYDAY, *map(str, DRAFT_KIB)], default=EVERYDAY, help="KiB, or everyday")
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=40)
    options = parser.parse_args()
    # The log line of each review is part of its cost; only its way to the terminal is not.
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "profiled.log").open("w") as log:
        with contextlib.redirect_stderr(log):
            telemetry.configure("info", "json")
        with Bed(Path(folder), Effort(rounds=1, share=1.0)) as bed, bed.phase():
            model = bed.model()
            print(stages(bed, model, options.draft, options.calls))
            entries = uvloop.run(functions(bed, model, options.draft, options.calls))
    for table in ranking(entries, options.calls, options.rows):
        print(table)


if __name__ == "__main__":
    main()
