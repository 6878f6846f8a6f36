"""How long a candidate that regresses goes on, from the review that shows it to the rollback in force.

Two services share one log and are asked in turns at a fixed rate; both look at gates and log as often as the defaults
say. The candidate's model finds a blocker not met in every draft, the one in force never does. Which review made the
gate fail is read from the log afterwards: its records are taken in one by one, as the services did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

import grpc

from bench.bed import EVERYDAY, RUBRICS, Bed
from bench.candidates import OTHER_MODEL, Ground
from bench.delay import Delay
from bench.processes import Child
from bench.report import Aim, Cell, Table, at_most, spread
from bench.subjects import rule_set
from reviewer.core.release_event import ReleaseAction
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.rollout_gates import DEFAULT_GATES
from reviewer.core.shadowing import read_pair, read_single
from reviewer.core.trial_figures import Progress
from reviewer.core.verdict import Verdict
from reviewer.ledger.interface import Stored
from reviewer.log_home import open_records
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import RELEASE_STAGE_CANARY
from tests.support.postgres_server import postgres_server

RATE: Final = 20.0
"""Reviews a second, at both services together."""
TRIALS: Final = 8
QUESTIONS: Final = 8
SLACK_S: Final = 1.0
"""For looking, loading and writing, on top of an interval."""
PATIENCE_S: Final = 120.0
_PERCENT: Final = {ReleaseStage.SHADOW: 100, ReleaseStage.CANARY: 50}
_PAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Answer:
    """When a review was asked for and answered, in seconds since the epoch, and by which side."""

    asked: float
    answered: float
    canary: bool


@dataclass(frozen=True, slots=True)
class _Ended:
    """One trial.

    Attributes:
        reviews: of the candidate until the gate failed.
        shown_s: between the answers of the first review that was worse and of the one that made the gate fail.
        first_s, both_s: from that answer until the first service, and both, went by the rollback.
        replies: that the candidate gave to reviews asked for after that answer.
    """

    reviews: int
    shown_s: float
    first_s: float
    both_s: float
    replies: int


@dataclass(slots=True)
class _Callers:
    """Asks services in turns at a fixed rate, and remembers when each review was answered."""

    services: tuple[Child, ...]
    request: pb.ReviewDraftRequest
    answers: dict[str, _Answer] = field(default_factory=dict)

    async def call_until(self, done: asyncio.Event) -> None:
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as calls:
            addresses = [child.address for child in self.services]
            channels = [await stack.enter_async_context(grpc.aio.insecure_channel(each)) for each in addresses]
            stubs: Iterator[pb_grpc.ReviewServiceAsyncStub] = cycle(
                [pb_grpc.ReviewServiceStub(each) for each in channels]
            )
            while not done.is_set():
                calls.create_task(self._call(next(stubs)))
                await asyncio.sleep(1 / RATE)

    async def _call(self, stub: pb_grpc.ReviewServiceAsyncStub) -> None:
        request = pb.ReviewDraftRequest()
        request.CopyFrom(self.request)
        request.subject.request_id = uuid4().hex
        asked = time.time()
        review = (await stub.ReviewDraft(request, timeout=60)).review
        answer = _Answer(asked, time.time(), review.stage == RELEASE_STAGE_CANARY)
        self.answers[review.name.removeprefix("reviews/")] = answer


def measure(bed: Bed) -> Table:
    """Put the candidate on trial again and again, in both stages and on both stores."""
    rules = bed.folder / "rules_to_try"
    rule_set(rules, RUBRICS, QUESTIONS)
    rows: list[tuple[Cell, ...]] = []
    aims: list[Aim] = []
    for name, ground in _grounds(bed, rules):
        check_s, poll_s = ground.settings.rollout.check_interval_s, ground.settings.rules.poll_interval_s
        for stage, ended in _on(bed, ground).items():
            what = f"{stage}, {name}"
            later = [one.both_s - one.first_s for one in ended]
            first, after = spread(one.first_s for one in ended), spread(later)
            rows.append(
                (
                    *(what, spread(one.reviews for one in ended), spread(one.shown_s for one in ended)),
                    *(first, first.median / check_s, after, after.median / poll_s),
                    spread(one.replies for one in ended),
                )
            )
            aims.append(at_most(f"{what}: s to the rollback, slowest", first.high, check_s + SLACK_S))
            aims.append(at_most(f"{what}: s more in the other service, slowest", after.high, poll_s + SLACK_S))
    return Table(
        "Rollbacks (s)",
        f"Two services on one log, {RATE:g} reviews a second, default gates; model at once. Gates are looked at every "
        f"{check_s:g} s and at once after a shadow, the log every {poll_s:g} s: ratios are medians to these. Counted "
        "from the answer to the review that made the gate fail; of the shadow, to the one that it judged too.",
        (
            *("trial", "reviews till the gate fails", "s till it fails", "s to the rollback", "to the check interval"),
            *("s more in the other service", "to the poll interval", "candidate's replies meanwhile"),
        ),
        tuple(rows),
        tuple(aims),
    )


def _grounds(bed: Bed, rules: Path) -> Iterator[tuple[str, Ground]]:
    yield "SQLite", Ground.make(bed.folder / "rollbacks_sqlite", rules)
    with postgres_server() as server:
        ledger = {"store": "postgres", "dsn": server.new_dsn()}
        yield "PostgreSQL", Ground.make(bed.folder / "rollbacks_postgres", rules, ledger)


def _on(bed: Bed, ground: Ground) -> dict[ReleaseStage, list[_Ended]]:
    """Run all trials on one log."""
    trials = bed.effort.calls(TRIALS, at_least=2)
    chance = Random(7)
    with bed.phase():
        model = bed.delayed_model(Delay(), "--objects", "--as", OTHER_MODEL).address
        asyncio.run(ground.put_in_force())
        return {stage: [_once(bed, ground, model, stage, chance) for _ in range(trials)] for stage in _PERCENT}


def _once(bed: Bed, ground: Ground, model: str, stage: ReleaseStage, chance: Random) -> _Ended:
    """Run one trial on services of its own, whose looks at the log fall at any distance from each other and from it."""
    check_s = ground.settings.rollout.check_interval_s
    request = pb.ReviewDraftRequest.FromString(Path(bed.sample(EVERYDAY, ".request")).read_bytes())
    with bed.phase():
        first = bed.product(model, ground.environment)
        time.sleep(chance.uniform(0, check_s))
        second = bed.product(model, ground.environment)
        time.sleep(chance.uniform(0, check_s))
        return asyncio.run(_tried(ground, _Callers((first, second), request), stage))


async def _tried(ground: Ground, callers: _Callers, stage: ReleaseStage) -> _Ended:
    trial = await ground.try_out(stage, _PERCENT[stage])
    await _logged(callers.services, "trial_began")
    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(callers.call_until(done))
        over = await _logged(callers.services, "trial_ended")
        done.set()
    later = [one.event for one in await ground.told() if one.index > trial.since]
    if [event.action for event in later] != [ReleaseAction.ROLLBACK]:
        raise RuntimeError("the trial was not rolled back exactly once")
    if any(answer.canary and answer.asked > max(over) for answer in callers.answers.values()):
        raise RuntimeError("the candidate judged after it had been rolled back")
    reviews, first, decisive = await _shown(ground, trial)
    failed_at = callers.answers[decisive].answered
    late = sum(answer.canary and answer.asked > failed_at for answer in callers.answers.values())
    shown_s = failed_at - callers.answers[first].answered
    return _Ended(reviews, shown_s, min(over) - failed_at, max(over) - failed_at, late)


async def _logged(services: tuple[Child, ...], event: str) -> list[float]:
    """Wait until every service has logged an event; return when each did."""
    patience = time.monotonic() + PATIENCE_S
    while not all(logged := [child.events(event) for child in services]):
        if time.monotonic() > patience:
            raise RuntimeError(f"{event} was not logged within {PATIENCE_S:g} s")
        await asyncio.sleep(0.1)
    return [datetime.fromisoformat(each[0]["timestamp"]).timestamp() for each in logged]


async def _shown(ground: Ground, trial: Trial) -> tuple[int, str, str]:
    """Return the candidate's reviews until a gate failed, the first that was worse, and the one that made it fail."""
    progress, first = Progress(trial, DEFAULT_GATES), ""
    async with open_records(ground.settings) as ledger:
        at = trial.since + 1
        while page := await ledger.page(at, _PAGE):
            for each in page:
                review, worse = _worse(each)
                first = first or (review if worse else "")
                progress.add(each.position.index, each.record)
                if progress.failed is not None:
                    return progress.outlook.candidate_n, first, review
            at += len(page)
    raise RuntimeError("no gate failed")


def _worse(stored: Stored) -> tuple[str, bool]:
    """Return the review that a record is about, and whether it is the candidate's and no approval."""
    if pair := read_pair(stored.record):
        return pair.review_id, pair.candidate.verdict is not Verdict.APPROVE
    if single := read_single(stored.record):
        return single.review_id, single.stage == ReleaseStage.CANARY and single.judged.verdict is not Verdict.APPROVE
    return "", False
