"""The second model of the benchmark: the simulated provider in a process of its own, which finds every criterion met.

Started as `python -m bench.model --latency-ms 50`; with `--objects` it finds the first criterion of the rubric of
`bench.subjects.rule_set`, a blocker, not met, with `--as MODEL` only where it is asked as that model. It answers any
line on standard input with the number of requests that have arrived.
"""

from __future__ import annotations

import argparse
import gc

import uvloop

from bench.delay import Delay
from bench.lines import heard, say
from bench.subjects import BLOCKER, OBJECTIONABLE
from reviewer.core.case import ScriptedFinding, ScriptedQuote
from reviewer.core.rubric import Place
from reviewer.simulate.script import Fault, FaultKind, Match, Rule, Script
from reviewer.simulate.server import SimulatedProvider

_HANGING = Script(rules=(Rule(fault=Fault(kind=FaultKind.HANG)),))
_OBJECTION = ScriptedFinding(
    outcome="NOT_MET",
    why="This sentence breaks the rule.",
    quotes=(ScriptedQuote(place=Place.DRAFT, text=OBJECTIONABLE),),
    fix="Leave the sentence out.",
)


def _objecting(model: str | None) -> Script:
    return Script(rules=(Rule(match=Match(model=model), critique={BLOCKER: _OBJECTION}),), always_met=True)


async def _serve(delay: Delay, script: Script) -> None:
    async with SimulatedProvider(script, latency=delay) as provider:
        gc.collect()
        gc.freeze()
        say({"address": provider.base_url})
        async for _ in heard():
            say({"requests": provider.requests})


def main() -> None:
    """Serve until standard input ends or the process is told to stop."""
    parser = argparse.ArgumentParser()
    Delay.add_options(parser)
    parser.add_argument("--hang", action="store_true", help="never answer")
    parser.add_argument("--objects", action="store_true", help="find a blocker not met")
    parser.add_argument("--as", dest="model", help="object only when asked as this model; default: always")
    options = parser.parse_args()
    script = _HANGING if options.hang else _objecting(options.model) if options.objects else Script(always_met=True)
    uvloop.run(_serve(Delay.of(options), script))


if __name__ == "__main__":
    main()
