"""The second model of the benchmark: the simulated provider in a process of its own, which finds every criterion met.

Started as `python -m bench.model --latency-ms 50`. It answers any line on standard input with the number of requests
that have arrived.
"""

from __future__ import annotations

import argparse
import gc

import uvloop

from bench.lines import heard, say
from reviewer.simulate.latency import Latency
from reviewer.simulate.script import Fault, FaultKind, Rule, Script
from reviewer.simulate.server import SimulatedProvider

_HANGING = Script(rules=(Rule(fault=Fault(kind=FaultKind.HANG)),))


async def _serve(latency_ms: float, *, hang: bool) -> None:
    script = _HANGING if hang else Script(always_met=True)
    async with SimulatedProvider(script, latency=Latency(latency_ms)) as provider:
        gc.collect()
        gc.freeze()
        say({"address": provider.base_url})
        async for _ in heard():
            say({"requests": provider.requests})


def main() -> None:
    """Serve until standard input ends or the process is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--hang", action="store_true", help="never answer")
    options = parser.parse_args()
    uvloop.run(_serve(options.latency_ms, hang=options.hang))


if __name__ == "__main__":
    main()
