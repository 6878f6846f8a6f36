"""`python -m bench`: measure the service and print tables; figures go to `bench/results` as JSON.

Every figure that claims something is a ratio or a difference to a named baseline, taken in turns in the same run; what
is shown is the median over rounds, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import (
    deadlines,
    growth,
    latency,
    lint,
    log,
    memory,
    modes,
    reload,
    replay,
    rollbacks,
    savings,
    search,
    startup,
    throughput,
    tokens,
    trial_status,
    trials,
)
from bench.bed import Bed, Effort
from bench.processes import ROOT
from bench.report import Table, machine, write

RESULTS: Final = ROOT / "bench" / "results"
QUICK: Final = Effort(rounds=3, share=0.08)
FULL: Final = Effort(rounds=5, share=1.0)
MEASUREMENTS: Final[dict[str, Callable[[Bed], Table]]] = {
    "startup": startup.measure,
    "throughput": throughput.measure,
    "latency": latency.measure,
    "drafts": growth.measure_drafts,
    "rubrics": growth.measure_rubrics,
    "memory": memory.measure,
    "modes": modes.measure,
    "savings": savings.measure,
    "deadlines": deadlines.measure,
    "log": log.measure,
    "tokens": tokens.measure,
    "search": search.measure,
    "reload": reload.measure,
    "trials": trials.measure,
    "rollbacks": rollbacks.measure,
    "trial_status": trial_status.measure,
    "replay": replay.measure,
    "lint": lint.measure,
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="measurement", help=f"of {', '.join(MEASUREMENTS)}; default: all")
    quick = "a few minutes: fewer rounds and calls, and slow models ten times as fast"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=Path, help="JSON file; default: a new one in bench/results")
    options = parser.parse_args()
    if unknown := set(options.only) - MEASUREMENTS.keys():
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    facts = machine()
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    began = time.perf_counter()
    tables: list[Table] = []
    with tempfile.TemporaryDirectory() as folder, Bed(Path(folder), QUICK if options.quick else FULL) as bed:
        for name in options.only or MEASUREMENTS:
            tables.append(MEASUREMENTS[name](bed))
            print(tables[-1], flush=True)
    seconds = f"{time.perf_counter() - began:.0f}"
    out = options.out or RESULTS / f"{facts['when'][:19].replace(':', '')}Z{'-quick' if options.quick else ''}.json"
    write(out, facts | {"seconds": seconds}, tables)
    print(f"\n{seconds} s; figures are in {out.relative_to(ROOT) if out.is_relative_to(ROOT) else out}")


if __name__ == "__main__":
    main()
