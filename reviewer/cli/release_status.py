"""`reviewer release status`: what is in force and on trial, how that compares, and how long reviewer models last.

It follows from the log alone, so that whoever reads it comes to the same figures.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from reviewer.app import rubric_directory
from reviewer.cli.console import ConfigOption, Exit, LogPathOption, errors_end_the_command, out
from reviewer.cli.log_files import settings_for
from reviewer.config import Settings
from reviewer.core.errors import FaultsError
from reviewer.core.figure import Figure, Outlook, TrialState
from reviewer.core.model_clock import ModelClock, clocks
from reviewer.core.release import release_name
from reviewer.core.release_event import ReleaseSource
from reviewer.core.rollout import Course, Trial, course_of
from reviewer.core.trial_ends import EndedTrial, TrialEnd, last_ended
from reviewer.core.trial_figures import Progress
from reviewer.ledger.interface import Ledger
from reviewer.ledger.releases import events_since
from reviewer.ledger.trial_records import read_into
from reviewer.log_home import open_records
from reviewer.rubrics.approved import open_release
from reviewer.rubrics.release_files import Loaded, load_release, read_folder

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]

_ENDS = {
    TrialEnd.ROLLED_BACK: "rolled back",
    TrialEnd.IN_FORCE: "put in force",
    TrialEnd.REPLACED: "ended by another release",
}
_UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class _Standing:
    """What `status` shows.

    Attributes:
        looked: trials with how they stand, or with why their candidate judges nothing.
        ended: the last trial that is over on each set of routes, the latest first.
    """

    course: Course
    looked: tuple[tuple[Trial, Outlook | FaultsError], ...]
    ended: tuple[EndedTrial, ...]
    models: tuple[ModelClock, ...]


def status(json_: Json = False, path: LogPathOption = None, config: ConfigOption = None) -> None:
    """Say what is in force and on trial, and how that compares.

    Exit status: 0, or 1 where a gate has failed or a candidate cannot be used.
    """
    settings = settings_for(path, config)
    with errors_end_the_command():
        standing = asyncio.run(_look(settings))
    if json_:
        typer.echo(json.dumps(_as_json(standing), indent=2))
    else:
        _print(standing)
    if any(isinstance(one, FaultsError) or one.state is TrialState.FAILED for _, one in standing.looked):
        raise typer.Exit(Exit.FAILED)


async def _look(settings: Settings) -> _Standing:
    now = datetime.now(UTC)
    async with open_records(settings) as ledger:
        told = await events_since(ledger, 0)
        course = course_of(told)
        digest, base = in_force(settings, course, now)
        used = [(digest, base.rulebook)]
        looked: list[tuple[Trial, Outlook | FaultsError]] = []
        for trial in course.trials:
            try:
                loaded = _load(settings, trial.digest, trial.began)
            except FaultsError as exc:
                looked.append((trial, exc))
                continue
            used.append((trial.digest, loaded.rulebook))
            looked.append((trial, await _outlook(ledger, trial, loaded)))
    on_route = {one.event.digest: one.event.time for one in course.by_route.values()}
    used += [(one, _load(settings, one, moment).rulebook) for one, moment in on_route.items()]
    return _Standing(course, tuple(looked), tuple(last_ended(told).values()), clocks(used, now.date()))


async def _outlook(ledger: Ledger, trial: Trial, loaded: Loaded) -> Outlook:
    progress = Progress(trial, loaded.gates)
    await read_into(progress, ledger)
    return progress.outlook


def in_force(settings: Settings, course: Course, now: datetime) -> tuple[str, Loaded]:
    """Return digest and rules of what is in force wherever nothing else is.

    Raises:
        ReleaseError, RubricError: it cannot be used.
    """
    told = course.base
    if told is not None and told.event.source is ReleaseSource.BUNDLE:
        return told.event.digest, _load(settings, told.event.digest, told.event.time)
    release = read_folder(rubric_directory(settings))
    return release.digest, load_release(release, now.date(), with_cases=False)


def _load(settings: Settings, digest: str, moment: datetime) -> Loaded:
    release, _ = open_release(settings.rules, digest, moment)
    return load_release(release, moment.date(), with_cases=False)


def _as_json(standing: _Standing) -> dict[str, object]:
    course = standing.course
    return {
        "in_force": course.in_force(""),
        "routes": {route: told.event.digest for route, told in sorted(course.by_route.items())},
        "trials": [_trial_json(trial, outlook) for trial, outlook in standing.looked],
        "ended": [_ended_json(one) for one in standing.ended],
        "models": [
            {
                "model": one.model,
                "retires": one.retires.isoformat() if one.retires else None,
                "days_left": one.days_left,
                "releases": one.releases,
            }
            for one in standing.models
        ],
    }


def _ended_json(one: EndedTrial) -> dict[str, object]:
    return {
        "release": one.trial.digest,
        "baseline": one.trial.baseline,
        "stage": one.trial.stage,
        "percent": one.trial.percent,
        "routes": one.trial.routes,
        "since": one.trial.began.isoformat(),
        "end": one.end,
        "in_force": one.event.digest,
        "time": one.event.time.isoformat(),
        "by": one.event.by,
        "reason": one.event.reason,
    }


def _trial_json(trial: Trial, outlook: Outlook | FaultsError) -> dict[str, object]:
    told: dict[str, object] = {
        "release": trial.digest,
        "baseline": trial.baseline,
        "stage": trial.stage,
        "percent": trial.percent,
        "routes": trial.routes,
        "since": trial.began.isoformat(),
        "by": trial.by,
    }
    if isinstance(outlook, FaultsError):
        return told | {"state": _UNUSABLE, "problem": str(outlook)}
    return told | {
        "state": outlook.state,
        "reviews": [outlook.candidate_n, outlook.baseline_n],
        "failed": str(outlook.failed) if outlook.failed else None,
        "figures": [
            {
                "measure": one.gate.measure,
                "segment": one.segment,
                "state": one.state,
                "candidate": [one.candidate, one.candidate_n],
                "baseline": [one.baseline, one.baseline_n],
                "difference": [one.low, one.high],
                "p_worse": one.p_worse,
                "p_sound": one.p_sound,
                "level": one.level,
            }
            for one in outlook.figures
        ],
    }


def _print(standing: _Standing) -> None:
    course = standing.course
    out.print(f"in force: {release_name(course.in_force('')) or 'the rule folder'}", markup=False)
    for route, told in sorted(course.by_route.items()):
        out.print(f"in force on {route}: {told.event.digest}, since {told.event.time:%Y-%m-%d %H:%M}", markup=False)
    for trial, outlook in standing.looked:
        _print_trial(trial, outlook)
    for one in standing.ended:
        where = ", ".join(one.trial.routes) or "all routes"
        out.print(
            f"\nlast ended on {where}: {one.trial.stage} of {one.trial.digest} for {one.trial.percent} %, "
            f"{_ENDS[one.end]} {one.event.time:%Y-%m-%d %H:%M} by {one.event.by}: {one.event.reason}",
            markup=False,
        )
    for clock in standing.models:
        when = f"{clock.days_left} days left, until {clock.retires}" if clock.retires else "no day known"
        out.print(f"{clock.model}: {when}", markup=False)


def _print_trial(trial: Trial, outlook: Outlook | FaultsError) -> None:
    where = ", ".join(trial.routes) or "all routes"
    since = f"since {trial.began:%Y-%m-%d %H:%M} by {trial.by}"
    what = f"\n{trial.stage} on {where}: {trial.digest} for {trial.percent} %, {since}"
    if isinstance(outlook, FaultsError):
        out.print(f"{what}: {_UNUSABLE}, what is in force judges: {outlook}", markup=False)
        return
    counts = f"{outlook.candidate_n} reviews against {outlook.baseline_n}"
    out.print(f"{what}: {outlook.state} after {counts}", markup=False)
    if outlook.failed is not None:
        out.print(f"failed: {outlook.failed}", markup=False)
    out.print(_table(outlook.figures))


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("gate", "segment", "candidate", "baseline", "difference", "state")
    for one in figures:
        table.add_row(
            one.gate.measure,
            one.segment,
            _rate(one.candidate, one.candidate_n),
            _rate(one.baseline, one.baseline_n),
            f"{one.low * 100:+.1f} to {one.high * 100:+.1f}" if one.candidate_n and one.baseline_n else "",
            one.state,
        )
    return table


def _rate(rate: float | None, n: int) -> str:
    return "-" if rate is None else f"{rate:.1%} of {n:,}"
