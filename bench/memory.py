"""Memory of the service: idle, and for each review that waits for a model."""

from __future__ import annotations

import time

from bench.bed import EVERYDAY, Bed
from bench.processes import Child
from bench.report import Cell, Table

DEPTHS = (200, 1_000)
WARM_UP = 100
PATIENCE_S = 60.0
MIB = 1024


def measure(bed: Bed) -> Table:
    """Hold reviews in flight with a model that never answers, and weigh the process."""
    rows: list[tuple[Cell, ...]] = []
    with bed.phase():
        model = bed.model(hang=True)
        settings = {
            "LIMITS__MAX_IN_FLIGHT": "2000",
            "CRITIC__MAX_CALLS_PER_MODEL": "2000",
            "DEADLINE__DEFAULT_S": "100",
            "DEADLINE__MAX_S": "110",
        }
        for name, child in (
            ("service", bed.product(model.address, settings)),
            ("minimal handler", bed.minimal(model.address)),
        ):
            rows += _weigh(bed, model, name, child)
    return Table(
        "Memory (resident)",
        "Reviews held in flight by a model that never answers; for each review: growth since the row before, "
        "divided by the reviews added.",
        ("process", "in flight", "MiB", "KiB a review"),
        tuple(rows),
    )


def _weigh(bed: Bed, model: Child, name: str, child: Child) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [(name, "0, just started", child.rss_kib() / MIB, "")]
    # The first calls load what is loaded late; they are no part of what a further one takes.
    _hold(bed, model, child, WARM_UP)
    bed.load.ask({"kind": "release"})
    before, held = child.rss_kib(), 0
    rows.append((name, "0, after calls", before / MIB, ""))
    for depth in DEPTHS:
        _hold(bed, model, child, depth - held)
        now = child.rss_kib()
        rows.append((name, str(depth), now / MIB, (now - before) / (depth - held)))
        before, held = now, depth
    bed.load.ask({"kind": "release"})
    return rows


def _hold(bed: Bed, model: Child, child: Child, reviews: int) -> None:
    """Begin reviews and wait until the model has all of them."""
    expected = _arrived(model) + reviews
    payload = bed.sample(EVERYDAY, ".request")
    bed.load.ask({"kind": "hold", "target": child.address, "payload": payload, "in_flight": reviews})
    until = time.perf_counter() + PATIENCE_S
    while _arrived(model) < expected:
        if time.perf_counter() > until:
            raise RuntimeError(f"{_arrived(model)} calls reached the model, expected {expected}")
        time.sleep(0.05)


def _arrived(model: Child) -> int:
    requests: int = model.ask({})["requests"]
    return requests
