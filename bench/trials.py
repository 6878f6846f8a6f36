"""What a candidate on trial costs the reviews that are asked for: in time, and in CPU.

Three services, each on a log of its own with the same release in force: nothing on trial, a candidate in the shadow of
every review, and one on a canary share. They take turns under the same modest load with a model that takes its time, so
that what is waited for is the model and not the CPU.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.bed import EVERYDAY, RUBRICS, Bed
from bench.candidates import Ground
from bench.delay import STRONG
from bench.modes import verdicts
from bench.processes import Child
from bench.report import Cell, Spread, Table, at_most, percentile, spread
from bench.watch import Told, took
from reviewer.core.rollout import ReleaseStage
from reviewer.core.shadowing import SHADOW_KIND, read_single
from reviewer.log_home import open_records

IN_FLIGHT: Final = 32
CALLS: Final = 480
WARM_UP: Final = 8
CANARY_PERCENT: Final = 5
DRAIN_S: Final = 60.0
MAX_OWN_P50_MS: Final = 1.0
MAX_OWN_P99_MS: Final = 10.0
_PAGE: Final = 2_000
# Every review is to have its shadow, and figures of equal models are to end no trial by chance.
_ROLLOUT: Final = {
    "ROLLOUT__SHADOW_CONCURRENCY": "100",
    "ROLLOUT__SHADOW_QUEUE": "1000",
    "ROLLOUT__SHADOW_MAX_USD_PER_DAY": "1000000",
    "ROLLOUT__AUTO_ROLLBACK": "false",
}


@dataclass(frozen=True, slots=True)
class _Arm:
    """One service; the first of them is the baseline.

    Attributes:
        records: that a review leaves in the log, its shadow's included.
    """

    name: str
    ground: Ground
    child: Child
    records: int


@dataclass(frozen=True, slots=True)
class _Turn:
    """One arm of one round.

    Attributes:
        cpu_ms: of the service for each review, its shadow's included.
    """

    told: list[Told]
    cpu_ms: float

    def whole(self, percent: int) -> float:
        return percentile(took(self.told), percent)

    def own(self, percent: int) -> float:
        return percentile(sorted(each.own_ms for each in self.told), percent)


_Round = Mapping[str, _Turn]
_ALONE: Final = "nothing on trial"
_SHADOW: Final = "shadow of 100 %"
_CANARY: Final = f"canary of {CANARY_PERCENT} %"
_STAGES: Final[tuple[tuple[str, ReleaseStage | None, int], ...]] = (
    (_ALONE, None, 0),
    (_SHADOW, ReleaseStage.SHADOW, 100),
    (_CANARY, ReleaseStage.CANARY, CANARY_PERCENT),
)


def measure(bed: Bed) -> Table:
    """Review the same good draft beside each kind of trial, in turns."""
    delay = STRONG.scaled(bed.effort.scale)
    in_flight = max(round(IN_FLIGHT * bed.effort.scale), 2)
    with bed.phase():
        model = bed.delayed_model(delay)
        arms = [_arm(bed, model.address, *each) for each in _STAGES]
        for arm in arms:
            _turn(bed, arm, WARM_UP, WARM_UP)
        calls = bed.effort.calls(CALLS, at_least=60)
        rounds = [{arm.name: _turn(bed, arm, in_flight, calls) for arm in arms} for _ in range(bed.effort.rounds)]
        beside = {arm.name: asyncio.run(_share(arm.ground)) for arm in arms}
    added = {percent: _added(rounds, _SHADOW, percent) for percent in (50, 99)}
    return Table(
        f"Reviews beside a trial (ms), {in_flight} in flight",
        f"Shipped finance route, model {delay}; the candidate asks another model of that vendor, which takes as long. "
        "Own: the review less its model call as the service timed it. Ratios and differences are to the first row, of "
        "the same round. CPU: of the service, shadows included. By the candidate: reviews it judged, or judged too.",
        (
            *("what", "p50", "p99", "p50 ratio", "p99 ratio", "own p50", "own p99", "own p50 added", "own p99 added"),
            *("CPU ms a review", "CPU ratio", "by the candidate", "verdicts"),
        ),
        tuple(_row(arm.name, rounds, beside[arm.name]) for arm in arms),
        (
            at_most("own time added by a shadow, p50, ms", added[50].median, MAX_OWN_P50_MS),
            at_most("own time added by a shadow, p99, ms", added[99].median, MAX_OWN_P99_MS),
        ),
    )


def _arm(bed: Bed, model: str, name: str, stage: ReleaseStage | None, percent: int) -> _Arm:
    ground = Ground.make(bed.folder / f"trials_{stage or 'none'}", RUBRICS)
    asyncio.run(ground.put_in_force())
    if stage is not None:
        asyncio.run(ground.try_out(stage, percent))
    child = bed.product(model, {**ground.environment, **_ROLLOUT})
    return _Arm(name, ground, child, 2 if stage is ReleaseStage.SHADOW else 1)


def _turn(bed: Bed, arm: _Arm, in_flight: int, calls: int) -> _Turn:
    """Have reviews made, and wait until their shadows are in the log as well."""
    due = asyncio.run(arm.ground.size()) + calls * arm.records
    before = arm.child.cpu_s()
    told = bed.watch(arm.child, in_flight, calls, EVERYDAY, stagger_ms=STRONG.p50_ms * bed.effort.scale)
    patience = time.monotonic() + DRAIN_S
    while asyncio.run(arm.ground.size()) < due and time.monotonic() < patience:
        time.sleep(0.05)
    return _Turn(told, (arm.child.cpu_s() - before) / calls * 1000)


async def _share(ground: Ground) -> float:
    """Return the share of reviews that the candidate judged, or judged as well."""
    reviews = candidates = first = 0
    async with open_records(ground.settings) as ledger:
        while page := await ledger.page(first, _PAGE):
            first += len(page)
            singles = [single for each in page if (single := read_single(each.record)) is not None]
            reviews += len(singles)
            candidates += sum(single.stage == ReleaseStage.CANARY for single in singles)
            candidates += sum(each.kind == SHADOW_KIND for each in page)
    return candidates / reviews


def _added(rounds: Sequence[_Round], name: str, percent: int) -> Spread:
    return spread(turns[name].own(percent) - turns[_ALONE].own(percent) for turns in rounds)


def _row(name: str, rounds: Sequence[_Round], beside: float) -> tuple[Cell, ...]:
    mine = [(turns[name], turns[_ALONE]) for turns in rounds]
    compared: list[Cell] = ["", "", "", "", ""]
    if name != _ALONE:
        compared = [
            *(spread(turn.whole(percent) / alone.whole(percent) for turn, alone in mine) for percent in (50, 99)),
            *(_added(rounds, name, percent) for percent in (50, 99)),
            spread(turn.cpu_ms / alone.cpu_ms for turn, alone in mine),
        ]
    p50_ratio, p99_ratio, own_p50_added, own_p99_added, cpu_ratio = compared
    return (
        name,
        *(spread(turn.whole(percent) for turn, _ in mine) for percent in (50, 99)),
        *(p50_ratio, p99_ratio),
        *(spread(turn.own(percent) for turn, _ in mine) for percent in (50, 99)),
        *(own_p50_added, own_p99_added),
        spread(turn.cpu_ms for turn, _ in mine),
        cpu_ratio,
        f"{beside:.0%}",
        verdicts([turn.told for turn, _ in mine]),
    )
