"""Whether every review is answered before its deadline, and what was left of it; against a handler that only waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from bench.bed import EVERYDAY, Bed
from bench.delay import STRONG
from bench.report import Aim, Cell, Spread, Table, at_most, spread
from bench.watch import Told

IN_FLIGHT: Final = 64
CALLS: Final = 400
QUICK_CALLS: Final = 60
DEADLINES_S: Final = (0.4, 6.0)
_LEFT_MS: Final = (0, 100, 200, 300, 500, 1_000, 2_000, 6_000)

Turn = tuple[list[Told], list[Told]]


def measure(bed: Bed) -> Table:
    """Review under random deadlines; service and baseline get the same ones, in turns.

    Times are never scaled down: what the service keeps back for itself is not either.
    """
    with bed.phase():
        model = bed.delayed_model(STRONG)
        service, minimal = bed.product(model.address), bed.minimal(model.address)
        calls = bed.effort.calls(CALLS, QUICK_CALLS)
        rounds: list[Turn] = []
        for seed in range(bed.effort.rounds):
            ours, theirs = (
                bed.watch(child, IN_FLIGHT, calls, EVERYDAY, deadlines_s=DEADLINES_S, seed=seed)
                for child in (service, minimal)
            )
            rounds.append((ours, theirs))
    return Table(
        f"Deadlines, {IN_FLIGHT} in flight",
        f"Share of {calls} calls a round, %, with deadlines of {DEADLINES_S[0]:g} to {DEADLINES_S[1]:g} s and a model "
        f"of {STRONG}; the service as shipped, which knows nothing of the model at first. Lost: no answer before the "
        "deadline.",
        ("calls", "service", "minimal handler"),
        tuple(_rows(rounds)),
        (_never_late(rounds),),
    )


def _never_late(rounds: list[Turn]) -> Aim:
    return at_most("answers of the service that were lost", sum(map(_is_lost, _ours(rounds))), 0)


def _rows(rounds: list[Turn]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [_row("lost", rounds, _is_lost)]
    rows += [
        _row(f"answered with {low} to {high} ms left", rounds, _left(low, high)) for low, high in pairwise(_LEFT_MS)
    ]
    kinds = Counter(map(_kind, _ours(rounds)))
    rows += [(kind, _share(rounds, 0, _is_of(kind)), "") for kind, _ in kinds.most_common()]
    return rows


def _ours(rounds: list[Turn]) -> list[Told]:
    return [each for ours, _ in rounds for each in ours]


def _row(name: str, rounds: list[Turn], counted: Callable[[Told], bool]) -> tuple[Cell, ...]:
    return name, _share(rounds, 0, counted), _share(rounds, 1, counted)


def _share(rounds: list[Turn], arm: int, counted: Callable[[Told], bool]) -> Spread:
    return spread(100 * sum(map(counted, turn[arm])) / len(turn[arm]) for turn in rounds)


def _is_lost(told: Told) -> bool:
    return not told.in_time


def _left(low: float, high: float) -> Callable[[Told], bool]:
    return lambda told: told.in_time and low <= told.left_ms < high


def _is_of(kind: str) -> Callable[[Told], bool]:
    return lambda told: _kind(told) == kind


def _kind(told: Told) -> str:
    """Name verdict and causes, or the error."""
    return f"{told.verdict or told.status} {'+'.join(told.causes)}".strip()
