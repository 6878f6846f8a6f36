"""What fan-out, early exit and hedging save, each against the same reviews without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.bed import RUBRICS, Bed
from bench.delay import STRAGGLING, STRONG, Delay
from bench.modes import calls_a_review, over, times, verdicts
from bench.processes import Child
from bench.report import Cell, Table, percentile, spread
from bench.routes import Fields, with_routes
from bench.subjects import INTENT, foreign, rule_set
from bench.watch import Told, took

WARM_UP: Final = 64
"""A model's usual time must be known before anything is hedged."""
QUESTIONS: Final = 24
HEDGE_PERCENTILE: Final = 90


@dataclass(frozen=True, slots=True)
class _Arm:
    """One way to review; the first of two is the baseline.

    Attributes:
        tells_usage: the model says what it used; one that is cut short does not.
    """

    name: str
    child: Child
    sample: str
    tells_usage: bool = True


Turns = tuple[list[Told], list[Told]]


def measure(bed: Bed) -> Table:
    """Measure the three, each with and without in turns."""
    strong, straggling = (delay.scaled(bed.effort.scale) for delay in (STRONG, STRAGGLING))
    routes: dict[str, Fields] = {"bench.one": {}, "bench.three": {"fan_out": 3}, "bench.early": {"early_exit": True}}
    rule_set(bed.folder / "savings_plain", RUBRICS, QUESTIONS)
    rules = with_routes(bed.folder / "savings", bed.folder / "savings_plain", routes, ("bench",))
    for intent in routes:
        bed.ask_about(intent, foreign(intent))
    settings = {"RUBRICS__DIRECTORY": str(rules)}
    rows = (
        *_fan_out(bed, strong, settings),
        *_early_exit(bed, strong, settings),
        *_hedging(bed, straggling),
    )
    return Table(
        f"Savings (ms), {bed.effort.slow_in_flight} in flight",
        f"Fan-out and early exit: {QUESTIONS} questions, model {strong}; the draft of early exit breaks a blocker that "
        f"is answered first. Hedging: shipped finance route, model {straggling}. Each against the row above it.",
        ("what", "p50", "p95", "p99", "p50 to baseline", "p99 to baseline", "calls", "output tokens", "verdicts"),
        rows,
    )


def _fan_out(bed: Bed, delay: Delay, settings: Mapping[str, str]) -> list[tuple[Cell, ...]]:
    with bed.phase():
        service = bed.product(bed.delayed_model(delay).address, settings)
        arms = (_Arm("all questions in one call", service, "bench.one"), _Arm("fan-out of 3", service, "bench.three"))
        return _compare(bed, arms, delay)


def _early_exit(bed: Bed, delay: Delay, settings: Mapping[str, str]) -> list[tuple[Cell, ...]]:
    with bed.phase():
        service = bed.product(bed.delayed_model(delay, "--objects").address, settings)
        arms = (
            _Arm("heard to the end", service, "bench.one"),
            _Arm("early exit", service, "bench.early", tells_usage=False),
        )
        return _compare(bed, arms, delay)


def _hedging(bed: Bed, delay: Delay) -> list[tuple[Cell, ...]]:
    sample = bed.ask_about("hedged", foreign(INTENT))
    with bed.phase():
        model = bed.delayed_model(delay).address
        hedged = bed.product(model, {"CRITIC__HEDGE_PERCENTILE": str(HEDGE_PERCENTILE)})
        arms = (
            _Arm("never hedged", bed.product(model), sample),
            _Arm(f"hedged at p{HEDGE_PERCENTILE}", hedged, sample),
        )
        return _compare(bed, arms, delay)


def _compare(bed: Bed, arms: tuple[_Arm, _Arm], delay: Delay) -> list[tuple[Cell, ...]]:
    for arm in arms:
        bed.watch(arm.child, bed.effort.slow_in_flight, WARM_UP, arm.sample)
    rounds = [_round(bed, arms, delay.p50_ms) for _ in range(bed.effort.rounds)]
    return [_row(arm, number, rounds) for number, arm in enumerate(arms)]


def _round(bed: Bed, arms: tuple[_Arm, _Arm], stagger_ms: float) -> Turns:
    load = bed.effort.slow_in_flight, bed.effort.slow_calls
    without, with_it = (bed.watch(arm.child, *load, arm.sample, stagger_ms=stagger_ms) for arm in arms)
    return without, with_it


def _row(arm: _Arm, number: int, rounds: list[Turns]) -> tuple[Cell, ...]:
    mine = [turns[number] for turns in rounds]
    ratios = [
        spread(percentile(took(turns[number]), percent) / percentile(took(turns[0]), percent) for turns in rounds)
        for percent in (50, 99)
    ]
    return (
        arm.name,
        *times(mine),
        *(ratios if number else ("", "")),
        over(mine, calls_a_review),
        over(mine, _output_tokens) if arm.tells_usage else "not told",
        verdicts(mine),
    )


def _output_tokens(told: list[Told]) -> float:
    return sum(each.output_tokens for each in told) / len(told)
