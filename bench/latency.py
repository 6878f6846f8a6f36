"""What the service adds to the model call that it makes."""

from __future__ import annotations

from dataclasses import dataclass

from bench.bed import Bed, Run
from bench.processes import Child
from bench.report import Cell, Table, spread


@dataclass(frozen=True, slots=True)
class _Depth:
    """One depth of load; `calls` a round at full effort."""

    in_flight: int
    model_ms: float
    calls: int


SLOW_MS = 1_000
"""Models this slow are measured at full effort only: a round takes as long as they do."""
_DEPTHS = (
    _Depth(1, 0, 400),
    _Depth(1, 50, 60),
    _Depth(16, 50, 480),
    _Depth(64, 50, 960),
    _Depth(256, 50, 2_048),
    # What a real second model is like: slow enough that the CPUs are not the bound.
    _Depth(256, 2_000, 512),
)


_PERCENTILES = ("p50", "p99")
_WHAT = ("direct", "review", "added")


def measure(bed: Bed) -> Table:
    """Compare reviews with direct calls of the same body by the vendor's client, in turns."""
    rows = []
    depths = [depth for depth in _DEPTHS if depth.model_ms < SLOW_MS or bed.effort.share == 1]
    for model_ms in sorted({depth.model_ms for depth in depths}):
        with bed.phase():
            model = bed.model(model_ms)
            product = bed.product(model.address)
            _pair(bed, model, product, _Depth(64, model_ms, 64))
            rows += [_row(bed, model, product, depth) for depth in depths if depth.model_ms == model_ms]
    return Table(
        "Added latency (ms)",
        "ReviewDraft less the same bytes posted to the same model by the vendor's client; p50 and p99 of each round. "
        "The log: the stage in which the record is made durable.",
        ("in flight", "model ms", "of it the log p50", *(f"{what} {p}" for p in _PERCENTILES for what in _WHAT)),
        tuple(rows),
    )


def _row(bed: Bed, model: Child, product: Child, depth: _Depth) -> tuple[Cell, ...]:
    pairs = [_pair(bed, model, product, depth) for _ in range(bed.effort.rounds)]
    row: list[Cell] = [depth.in_flight, f"{depth.model_ms:g}"]
    row.append(spread(review.stages_us["STAGE_RECORD"] / 1000 for _, review in pairs))
    for percent in (50, 99):
        row += (
            spread(direct.ms(percent) for direct, _ in pairs),
            spread(review.ms(percent) for _, review in pairs),
            spread(review.ms(percent) - direct.ms(percent) for direct, review in pairs),
        )
    return tuple(row)


def _pair(bed: Bed, model: Child, product: Child, depth: _Depth) -> tuple[Run, Run]:
    calls = bed.effort.calls(depth.calls, depth.in_flight)
    stagger_ms = depth.model_ms
    direct = bed.direct(model, depth.in_flight, calls, stagger_ms=stagger_ms)
    return direct, bed.review(product, depth.in_flight, calls, stagger_ms=stagger_ms)
