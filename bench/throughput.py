"""Throughput and CPU time of the service, against a handler that only does what no review can do without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.bed import Bed, Run
from bench.model_call import Transport
from bench.processes import Child
from bench.report import Aim, Cell, Spread, Table, at_least, spread

IN_FLIGHT: Final = 64
CALLS: Final = 1_200
MODEL_MS: Final = (0, 50)
MIN_RATIO: Final = 0.85
BASELINES: Final[dict[Transport, str]] = {"sdk": "SDK's post", "session": "bare session"}


@dataclass(frozen=True, slots=True)
class _Round:
    """One turn of each arm; `others_us` is what model and load generator spent on a call."""

    service: Run
    baselines: dict[Transport, Run]
    others_us: float

    def faster(self, baseline: Transport) -> float:
        return self.service.rate / self.baselines[baseline].rate

    def dearer(self, baseline: Transport) -> float:
        return self.service.cpu_us / self.baselines[baseline].cpu_us


def measure(bed: Bed) -> Table:
    """Let all answer the same calls in turns, with a model that answers at once and one that takes 50 ms."""
    rows: list[tuple[Cell, ...]] = []
    aims: list[Aim] = []
    for model_ms in MODEL_MS:
        rounds = _rounds(bed, model_ms)
        rows += _rows(model_ms, rounds)
        for baseline, name in BASELINES.items():
            ratio = spread(one.faster(baseline) for one in rounds).median
            aims.append(at_least(f"service / minimal handler with {name}, model {model_ms} ms", ratio, MIN_RATIO))
    return Table(
        f"Throughput and CPU time, {IN_FLIGHT} in flight",
        "Service against minimal handlers (same contract, model, body, reply size, durability), which call the model "
        "by the SDK's post or over a bare aiohttp session. CPU is that of the server process, us a call; model and "
        "load generator share the machine and take the last column for each call.",
        ("model ms", "server", "calls/s", "service/it", "CPU us", "service/it ", "model + load CPU us"),
        tuple(rows),
        tuple(aims),
    )


def _rounds(bed: Bed, model_ms: int) -> list[_Round]:
    with bed.phase():
        model = bed.model(model_ms)
        service = bed.product(model.address)
        baselines = {name: bed.minimal(model.address, name) for name in BASELINES}
        for arm in (service, *baselines.values()):
            bed.review(arm, IN_FLIGHT, bed.effort.calls(400))
        return [_round(bed, model, service, baselines) for _ in range(bed.effort.rounds)]


def _round(bed: Bed, model: Child, service: Child, baselines: dict[Transport, Child]) -> _Round:
    calls = bed.effort.calls(CALLS)
    before = model.cpu_s() + bed.load.cpu_s()
    ours = bed.review(service, IN_FLIGHT, calls)
    theirs = {name: bed.review(child, IN_FLIGHT, calls) for name, child in baselines.items()}
    others = model.cpu_s() + bed.load.cpu_s() - before
    return _Round(ours, theirs, others / (calls * (1 + len(theirs))) * 1e6)


def _rows(model_ms: int, rounds: list[_Round]) -> list[tuple[Cell, ...]]:
    ours = [one.service for one in rounds]
    others = spread(one.others_us for one in rounds)
    rows: list[tuple[Cell, ...]] = [(f"{model_ms}", "service", _rate(ours), "", _cpu(ours), "", others)]
    for baseline, name in BASELINES.items():
        theirs = [one.baselines[baseline] for one in rounds]
        faster = spread(one.faster(baseline) for one in rounds)
        dearer = spread(one.dearer(baseline) for one in rounds)
        rows.append((f"{model_ms}", f"minimal, {name}", _rate(theirs), faster, _cpu(theirs), dearer, ""))
    return rows


def _rate(runs: list[Run]) -> Spread:
    return spread(run.rate for run in runs)


def _cpu(runs: list[Run]) -> Spread:
    return spread(run.cpu_us for run in runs)
