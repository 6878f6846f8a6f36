"""The test bed: one load generator, recorded samples, and processes that live as long as a measurement needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from bench.delay import QUICK_SCALE, Delay
from bench.model_call import Transport
from bench.processes import ROOT, Child, start_module, start_product
from bench.recorder import Recorder
from bench.report import percentile
from bench.subjects import everyday, sized
from bench.watch import Method, Told
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import VERDICT_APPROVE
from reviewer.v1.review_service_pb2 import ReviewSubject

DRAFT_KIB = (1, 4, 16, 64, 100, 256, 400)
EVERYDAY = "everyday"
SLOW_IN_FLIGHT = 96
SLOW_CALLS = 192
RUBRICS = ROOT / "rubrics"

_MAX_MESSAGE = [("grpc.max_receive_message_length", 64 * 1024 * 1024)]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: of each comparison; its arms take turns within a round.
        share: of the full number of calls a round.
    """

    rounds: int
    share: float

    def calls(self, full: int, at_least: int = 1) -> int:
        """Return the number of calls of one arm in one round."""
        return max(round(full * self.share), at_least)

    @property
    def scale(self) -> float:
        """What the times of slow models are multiplied by."""
        return 1.0 if self.share == 1 else QUICK_SCALE

    @property
    def slow_in_flight(self) -> int:
        """Calls at once with slow models: faster ones get fewer, so that the CPUs have the same to do."""
        return round(SLOW_IN_FLIGHT * self.scale)

    @property
    def slow_calls(self) -> int:
        """Calls of one arm in one round with slow models."""
        return self.calls(SLOW_CALLS, SLOW_CALLS // 6)


@dataclass(frozen=True, slots=True)
class Run:
    """One arm of one round.

    Attributes:
        latencies_us: sorted.
        cpu_us: CPU time of the process under test for each call; 0 where none was watched.
    """

    latencies_us: list[float]
    wall_s: float
    cpu_us: float
    verdicts: Mapping[str, int]
    stages_us: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies_us) / self.wall_s

    def ms(self, percent: int) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return percentile(self.latencies_us, percent) / 1000


class Bed:
    """Starts processes and runs jobs; processes end with the innermost `phase` they were started in.

    Args:
        folder: for logs, databases and samples; thrown away afterwards.
        effort: how much to measure.
    """

    def __init__(self, folder: Path, effort: Effort) -> None:
        """Start the load generator with `__enter__`."""
        self.effort = effort
        self.folder = folder
        self._numbers = count(1)
        self._stacks = [ExitStack()]

    def __enter__(self) -> Self:
        """Start what lives throughout, and record the samples."""
        self.load = self._stacks[0].enter_context(start_module("load", self.folder / "load.log"))
        with self.phase():
            self._record()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything."""
        self._stacks[0].close()

    @contextmanager
    def phase(self) -> Iterator[None]:
        """Stop at its end what is started within."""
        with ExitStack() as stack:
            self._stacks.append(stack)
            try:
                yield
            finally:
                self._stacks.pop()

    def model(self, latency_ms: float = 0.0, *, hang: bool = False) -> Child:
        """Start a simulated second model."""
        return self.delayed_model(Delay(latency_ms), *(["--hang"] if hang else []))

    def delayed_model(self, delay: Delay, *arguments: str) -> Child:
        """Start a simulated second model that takes times of a distribution."""
        started = start_module("model", self._path("model"), *delay.arguments(), *arguments)
        return self._keep(started).await_address()

    def product(self, model_url: str, settings: Mapping[str, str] | None = None) -> Child:
        """Start the service."""
        child = start_product(self.folder, self._path("product").stem, model_url, settings)
        return self._keep(child).await_event("serving", "address")

    def minimal(self, model_url: str, transport: Transport = "sdk") -> Child:
        """Start the baseline handler, with one of its ways to call the model."""
        stderr = self._path("minimal")
        arguments = ["--model", model_url, "--transport", transport]
        arguments += ["--log", str(stderr.with_suffix(".db")), "--sample", self.sample(EVERYDAY)]
        return self._keep(start_module("minimal", stderr, *arguments)).await_address()

    def sample(self, name: str, suffix: str = "") -> str:
        """Return the path of a sample's file: `.request`, `.body` or `.reply`."""
        return str(self.folder / f"sample_{name}{suffix}")

    def review(self, child: Child, in_flight: int, calls: int, sample: str = EVERYDAY, stagger_ms: float = 0.0) -> Run:
        """Have the service, or the baseline, answer calls."""
        before = child.cpu_s()
        payload = self.sample(sample, ".request")
        answer = self._job("review", child.address, payload, in_flight, calls, stagger_ms)
        cpu_us = (child.cpu_s() - before) / calls * 1e6
        return Run(answer["latencies_us"], answer["wall_s"], cpu_us, answer["verdicts"], answer["stages_us"])

    def watch(  # noqa: PLR0913 - one a property of the job
        self,
        child: Child,
        in_flight: int,
        calls: int,
        sample: str = EVERYDAY,
        *,
        stagger_ms: float = 0.0,
        method: Method = "ReviewDraft",
        deadlines_s: tuple[float, float] | None = None,
        seed: int = 0,
    ) -> list[Told]:
        """Have the service, or the baseline, answer calls, and hear of each.

        Args:
            deadlines_s: between which each call's own is drawn; None gives all of them plenty.
            seed: of that draw.
        """
        more = {"method": method, "seed": seed} | ({"deadlines_s": deadlines_s} if deadlines_s else {})
        payload = self.sample(sample, ".request")
        answer = self._job("watch", child.address, payload, in_flight, calls, stagger_ms, **more)
        return [Told.read(row) for row in answer["told"]]

    def ask_about(self, sample: str, subject: ReviewSubject) -> str:
        """Write the request about a subject as a sample, and return its name."""
        request = pb.ReviewDraftRequest(subject=subject).SerializeToString()
        Path(self.sample(sample, ".request")).write_bytes(request)
        return sample

    def direct(self, model: Child, in_flight: int, calls: int, sample: str = EVERYDAY, stagger_ms: float = 0.0) -> Run:
        """Make the same model calls without any service."""
        payload = self.sample(sample, ".body")
        answer = self._job("direct", model.address, payload, in_flight, calls, stagger_ms)
        return Run(answer["latencies_us"], answer["wall_s"], 0.0, {}, {})

    def _job(
        self, kind: str, target: str, payload: str, in_flight: int, calls: int, stagger_ms: float, **more: object
    ) -> dict[str, Any]:
        return self.load.ask(
            {
                "kind": kind,
                "target": target,
                "payload": payload,
                "in_flight": in_flight,
                "calls": calls,
                "stagger_s": stagger_ms / 1000,
                **more,
            }
        )

    def _path(self, kind: str) -> Path:
        return self.folder / f"{kind}_{next(self._numbers)}.log"

    def _keep(self, child: Child) -> Child:
        return self._stacks[-1].enter_context(child)

    def _record(self) -> None:
        """Send each sample through the service once, and keep what it asked the model and what it answered."""
        subjects = {EVERYDAY: everyday(), **{f"{kib}": sized(kib) for kib in DRAFT_KIB}}
        with Recorder(self.model().address) as recorder:
            address = self.product(recorder.url).address
            with grpc.insecure_channel(address, options=_MAX_MESSAGE) as channel:
                stub = pb_grpc.ReviewServiceStub(channel)
                for name, subject in subjects.items():
                    request = pb.ReviewDraftRequest(subject=subject)
                    reply = stub.ReviewDraft(request, timeout=60)
                    if reply.review.verdict != VERDICT_APPROVE or len(reply.review.model_calls) != 1:
                        raise RuntimeError(f"sample {name} does not take the ordinary way: one model call, APPROVE")
                    Path(self.sample(name, ".request")).write_bytes(request.SerializeToString())
                    Path(self.sample(name, ".body")).write_bytes(recorder.body)
                    Path(self.sample(name, ".reply")).write_bytes(reply.SerializeToString())
