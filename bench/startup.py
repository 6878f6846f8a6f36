"""How long the service takes from the start of its process to the first SERVING."""

from __future__ import annotations

import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.bed import Bed
from bench.processes import Child
from bench.report import Table, at_most, spread

ROUNDS = 7
MAX_START_S = 1.5


def measure(bed: Bed) -> Table:
    """Start service and baseline in turns; a first start of each writes byte code and is not counted."""
    first: list[float] = []
    service: list[float] = []
    minimal: list[float] = []
    with bed.phase():
        model = bed.model()
        for number in range(bed.effort.calls(ROUNDS, 2) + 1):
            log = {"LEDGER__PATH": str(bed.folder / f"start_{number}.db")}
            for times in (first, service):
                with bed.phase():
                    times.append(_started(bed.product(model.address, log)))
            with bed.phase():
                child = bed.minimal(model.address)
                minimal.append(time.perf_counter() - child.started)
    making, ready, baseline = spread(first[1:]), spread(service[1:]), spread(minimal[1:])
    ratio = spread(ours / theirs for ours, theirs in zip(service[1:], minimal[1:], strict=True))
    return Table(
        "Start-up (s)",
        "From the start of the process to the first SERVING of the health service, with one provider; the minimal "
        "handler to its address. Making the log takes its migration steps.",
        ("service", "minimal", "ratio", "service, with a log to make"),
        ((ready, baseline, ratio, making),),
        (at_most("start to SERVING, s", ready.median, MAX_START_S),),
    )


def _started(child: Child) -> float:
    """Wait until a service is serving, and return how long it took."""
    _await_serving(child.address)
    return time.perf_counter() - child.started


def _await_serving(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call, unused-ignore]
        request = health_pb2.HealthCheckRequest(service="reviewer.v1.ReviewService")
        while stub.Check(request, timeout=30, wait_for_ready=True).status != health_pb2.HealthCheckResponse.SERVING:
            time.sleep(0.002)
