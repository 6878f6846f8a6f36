"""How long it takes until changed rules are in force, and what reviews feel of it: 200 rubrics, under load."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import grpc

from bench.bed import EVERYDAY, RUBRICS, Bed
from bench.processes import ROOT
from bench.report import Table, at_most, percentile, spread
from reviewer.client import RubricClient
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc

RUBRIC_COUNT = 200
IN_FLIGHT = 4
ROUNDS = 7
MAX_PAUSE_MS = 100.0
TENANT = "tuners"
LOAD_ALONE = """
import sys, time, datetime, pathlib
from reviewer.pipeline import warm_up
from reviewer.rubrics.release_files import load_release, read_folder
began = time.perf_counter()
now = datetime.datetime.now(datetime.UTC)
loaded = load_release(read_folder(pathlib.Path(sys.argv[1])), now.date(), with_cases=True)
warm_up(loaded.rulebook, now)
print(time.perf_counter() - began)
"""
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Window:
    """What callers saw in a span of time: how long it was, and its answers."""

    length_s: float
    gap_ms: float
    slowest_ms: float
    p50_ms: float
    rate: float


class _Answers:
    """Answers as they come, each with its time and how long it took; a call that fails ends the measurement."""

    def __init__(self, address: str, request: pb.ReviewDraftRequest) -> None:
        self._address = address
        self._request = request
        self._answers: list[tuple[float, float]] = []
        self.releases: set[str] = set()

    async def call_until(self, done: asyncio.Event) -> None:
        async with grpc.aio.insecure_channel(self._address) as channel:
            stub: pb_grpc.ReviewServiceAsyncStub = pb_grpc.ReviewServiceStub(channel)
            request = pb.ReviewDraftRequest()
            request.CopyFrom(self._request)
            while not done.is_set():
                request.subject.request_id = uuid4().hex
                began = time.perf_counter()
                response = await stub.ReviewDraft(request, timeout=60)
                ended = time.perf_counter()
                self._answers.append((ended, ended - began))
                self.releases.add(response.review.release)

    async def during(self, work: Awaitable[R]) -> tuple[R, _Window]:
        """Await something, and tell of the answers that came meanwhile."""
        began = time.perf_counter()
        result = await work
        ended = time.perf_counter()
        inside = [answer for answer in self._answers if began <= answer[0] <= ended]
        times = [began, *sorted(at for at, _ in inside), ended]
        took = sorted(seconds * 1000 for _, seconds in inside)
        gap = max(later - earlier for earlier, later in pairwise(times)) * 1000
        length = ended - began
        return result, _Window(length, gap, took[-1], percentile(took, 50), len(inside) / length)


def measure(bed: Bed) -> Table:
    """Change the rules of a service under load, in turns with as long a time in which nothing is changed."""
    directory = bed.folder / "rules_to_reload"
    _generate(directory)
    with bed.phase():
        config = bed.folder / "reload.toml"
        config.write_text(f'[rules]\nreload = "signal"\nadmin_tenants = ["{TENANT}"]\n')
        settings = {"CONFIG": str(config), "RUBRICS__DIRECTORY": str(directory), "CANARY__PERCENT": "1"}
        product = bed.product(bed.model().address, settings)
        request = pb.ReviewDraftRequest.FromString(Path(bed.sample(EVERYDAY, ".request")).read_bytes())
        rounds = bed.effort.calls(ROUNDS, 3)
        pairs, alone = asyncio.run(_rounds(product.address, request, directory, rounds))
    reload_s = spread(changed.length_s for changed, _ in pairs)
    idle_s = spread(alone)
    pause = spread(changed.gap_ms - quiet.gap_ms for changed, quiet in pairs)
    return Table(
        "Exchange of the rules",
        f"{RUBRIC_COUNT} rubrics with route and cases each, one of them changed; {IN_FLIGHT} reviews in flight, model "
        "at once. `load alone`: the same files, read and warmed up in an idle process of their own. Gap: the longest "
        "time between two answers to anybody, during the exchange and in as long a time without one, in turns.",
        ("reload s", "load alone s", "ratio", "gap ms", "gap without ms", "pause ms", "p50 ms", "p50 without ms"),
        (
            (
                reload_s,
                idle_s,
                spread(changed.length_s / own for (changed, _), own in zip(pairs, alone, strict=True)),
                spread(changed.gap_ms for changed, _ in pairs),
                spread(quiet.gap_ms for _, quiet in pairs),
                pause,
                spread(changed.p50_ms for changed, _ in pairs),
                spread(quiet.p50_ms for _, quiet in pairs),
            ),
        ),
        (at_most("pause by an exchange, ms", pause.median, MAX_PAUSE_MS),),
    )


async def _rounds(
    address: str, request: pb.ReviewDraftRequest, directory: Path, rounds: int
) -> tuple[list[tuple[_Window, _Window]], list[float]]:
    pairs: list[tuple[_Window, _Window]] = []
    alone: list[float] = []
    answers = _Answers(address, request)
    for number in range(rounds + 1):
        done = asyncio.Event()
        async with RubricClient(address, 120, TENANT) as client, asyncio.TaskGroup() as callers:
            for _ in range(IN_FLIGHT):
                callers.create_task(answers.call_until(done))
            await asyncio.sleep(1)
            _change(directory, number)
            status, changed = await answers.during(client.reload())
            if status.faults or status.reloads_ok != number + 1:
                raise RuntimeError("the changed rules were not taken")
            await asyncio.sleep(0.5)
            _, quiet = await answers.during(asyncio.sleep(changed.length_s))
            done.set()
        own = await _load_alone(directory)
        if number:
            # The first one of each writes byte code and fills caches.
            pairs.append((changed, quiet))
            alone.append(own)
    if len(answers.releases) <= rounds:
        raise RuntimeError("not every exchange was seen by a review")
    return pairs, alone


async def _load_alone(directory: Path) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOAD_ALONE, str(directory), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


def _generate(directory: Path) -> None:
    """Write the shipped rules, and copies of one rubric under names of their own until there are enough."""
    shutil.copytree(RUBRICS, directory)
    text = (directory / "health" / "rubric.yaml").read_text()
    cases = [(path.name, path.read_text()) for path in sorted((directory / "health" / "cases").glob("*.yaml"))[:1]]
    routes: list[str] = []
    for number in range(RUBRIC_COUNT - len(list(directory.glob("*/rubric.yaml")))):
        name = f"made_{number}"
        (directory / name / "cases").mkdir(parents=True)
        renamed = text.replace("\nid: health\n", f"\nid: {name}\n").replace("domain: health", f"domain: {name}")
        (directory / name / "rubric.yaml").write_text(renamed)
        for file, case in cases:
            (directory / name / "cases" / file).write_text(case)
        routes += [
            f"  - id: {name}",
            f'    intents: ["{name}.*"]',
            f"    domain: {name}",
            "    tier: high",
            f"    rubrics: [{name}]",
            "    reviewers: [claude_opus, gpt]",
        ]
    path = directory / "routing.yaml"
    path.write_text("\n".join([path.read_text().rstrip(), *routes, ""]))


def _change(directory: Path, number: int) -> None:
    path = directory / "made_0" / "rubric.yaml"
    lines = path.read_text().splitlines()
    lines = [f'version: "7.0.{number}"' if line.startswith("version:") else line for line in lines]
    path.write_text("\n".join([*lines, ""]))
