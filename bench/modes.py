"""What each mode of a critique costs in time, against one reviewer who is asked everything in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.bed import RUBRICS, Bed
from bench.delay import FAST, STRONG
from bench.processes import Child
from bench.report import Cell, Spread, Table, percentile, spread
from bench.routes import SCREEN, STRONG_REVIEWERS, providers, with_routes
from bench.subjects import foreign
from bench.watch import Method, Told, took

_RUBRICS: Final = ("finance", "answer_quality")


@dataclass(frozen=True, slots=True)
class _Mode:
    """One mode; `fields` are those of its route.

    Attributes:
        fast_screen: the provider of the screen is a fast model.
    """

    name: str
    fields: dict[str, Any]
    fast_screen: bool = False
    method: Method = "ReviewDraft"

    @property
    def intent(self) -> str:
        return "finance." + self.name.replace(",", "").replace("-", "_").replace(" ", "_")


def _cascade(*, clears: bool) -> dict[str, Any]:
    return {
        "tier": "medium" if clears else "high",
        "mode": "cascade",
        "cascade": {"screen": SCREEN, "clears": clears},
        "reviewers": [SCREEN, "claude_opus"],
    }


_PANEL: Final = {"mode": "panel", "panel": {"size": 3, "quorum": 3}, "reviewers": list(STRONG_REVIEWERS)}
_MODES: Final = (
    _Mode("single", {}),
    _Mode("cascade, screen clears", _cascade(clears=True), fast_screen=True),
    _Mode("cascade, tier high", _cascade(clears=False), fast_screen=True),
    _Mode("panel of 3", _PANEL),
    _Mode("fan-out of 3", {"fan_out": 3}),
    _Mode("streamed", {}, method="StreamReview"),
)


def measure(bed: Bed) -> Table:
    """Review the same good draft in every mode, in turns."""
    strong, fast = STRONG.scaled(bed.effort.scale), FAST.scaled(bed.effort.scale)
    rules = with_routes(bed.folder / "modes", RUBRICS, {mode.intent: mode.fields for mode in _MODES}, _RUBRICS)
    for mode in _MODES:
        bed.ask_about(mode.intent, foreign(mode.intent))
    with bed.phase():
        model, small = bed.delayed_model(strong), bed.delayed_model(fast)
        settings = {"RUBRICS__DIRECTORY": str(rules)}
        arms = {
            screened: bed.product(model.address, settings | providers(model.address, screen.address))
            for screened, screen in ((False, model), (True, small))
        }
        for mode in _MODES:
            bed.watch(arms[mode.fast_screen], 8, 8, mode.intent)
        rounds = [
            {mode.name: _turn(bed, arms[mode.fast_screen], mode, strong.p50_ms) for mode in _MODES}
            for _ in range(bed.effort.rounds)
        ]
    return Table(
        f"Modes (ms), {bed.effort.slow_in_flight} in flight",
        f"Time of an approval by mode, and its ratio to 'single'. Strong model: {strong}. Screen: {fast}. Own: the "
        "review less the model calls on its critical path as the service timed them.",
        ("mode", "p50", "p95", "p99", "p50 / single", "own p50", "own p99", "calls", "verdicts", "first finding p50"),
        tuple(_row(mode, rounds) for mode in _MODES),
    )


def _turn(bed: Bed, arm: Child, mode: _Mode, stagger_ms: float) -> list[Told]:
    load = bed.effort.slow_in_flight, bed.effort.slow_calls
    return bed.watch(arm, *load, mode.intent, stagger_ms=stagger_ms, method=mode.method)


def _row(mode: _Mode, rounds: list[dict[str, list[Told]]]) -> tuple[Cell, ...]:
    mine = [turns[mode.name] for turns in rounds]
    base = [percentile(took(turns["single"]), 50) for turns in rounds]
    ratio = spread(percentile(took(told), 50) / single for told, single in zip(mine, base, strict=True))
    return (
        mode.name,
        *times(mine),
        ratio,
        *(spread(percentile(_own(told), percent) for told in mine) for percent in (50, 99)),
        over(mine, calls_a_review).median,
        verdicts(mine),
        over(mine, _first) if mode.method == "StreamReview" else "",
    )


def times(rounds: Sequence[list[Told]]) -> list[Spread]:
    """Return the 50th, 95th and 99th percentile of what reviews took."""
    return [spread(percentile(took(told), percent) for told in rounds) for percent in (50, 95, 99)]


def over(rounds: Sequence[list[Told]], figure: Callable[[list[Told]], float]) -> Spread:
    """Summarise a figure of each round."""
    return spread(map(figure, rounds))


def calls_a_review(told: list[Told]) -> float:
    """Return how many model calls a review made."""
    return sum(len(each.calls) for each in told) / len(told)


def verdicts(rounds: Sequence[list[Told]]) -> str:
    """Name the verdicts, or errors, that occurred."""
    return ", ".join(sorted({each.verdict or each.status for told in rounds for each in told}))


def _own(told: list[Told]) -> list[float]:
    return sorted(each.own_ms for each in told)


def _first(told: list[Told]) -> float:
    return percentile(sorted(each.first_ms for each in told if each.first_ms is not None), 50)
