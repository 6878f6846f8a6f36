"""`reviewer release promote`, `rollback` and `status`: how far a release goes, route by route.

All three work on the log: every service on it follows within its poll interval, and whoever reads it comes to the same
figures.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from reviewer.app import rubric_directory
from reviewer.cli.console import ConfigOption, Exit, LogPathOption, errors_end_the_command, fail, out
from reviewer.cli.log_files import settings_for
from reviewer.config import Settings
from reviewer.core.events import MAX_BY_CHARS, MAX_REASON_CHARS
from reviewer.core.figure import Figure, Outlook, TrialState
from reviewer.core.ids import uuid7
from reviewer.core.model_clock import ModelClock, clocks
from reviewer.core.release import release_name
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, ReleaseSource
from reviewer.core.rollout import Course, ReleaseStage, Trial, course_of, out_of_order, refusal
from reviewer.core.trial_ends import EndedTrial, TrialEnd, last_ended
from reviewer.core.trial_figures import Progress
from reviewer.ledger.interface import Ledger
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.ledger.trial_records import read_into
from reviewer.log_home import open_records
from reviewer.rubrics.approved import open_release
from reviewer.rubrics.release_files import Loaded, load_release, read_folder
from reviewer.trials import request_id_of, rollback_of

By = Annotated[str, typer.Option(help="Who asks for it; stays in the log.")]
Reason = Annotated[str, typer.Option(help="Why; stays in the log.")]
Routes = Annotated[list[str] | None, typer.Option("--route", help="Id of a route; may be given more than once.")]
All = Annotated[bool, typer.Option("--all", help="All routes.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]

_ENDS = {
    TrialEnd.ROLLED_BACK: "rolled back",
    TrialEnd.IN_FORCE: "put in force",
    TrialEnd.REPLACED: "ended by another release",
}
_USUAL = {ReleaseStage.SHADOW: 100, ReleaseStage.CANARY: 5, ReleaseStage.FULL: 100}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody asks for."""

    stage: ReleaseStage
    routes: tuple[str, ...]
    percent: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Standing:
    """What `status` shows.

    Attributes:
        ended: the last trial that is over on each set of routes, the latest first.
    """

    course: Course
    looked: tuple[tuple[Trial, Outlook], ...]
    ended: tuple[EndedTrial, ...]
    models: tuple[ModelClock, ...]


def promote(
    digest: Annotated[str, typer.Argument(help="Of a release in the folder of releases.")],
    stage: Annotated[ReleaseStage, typer.Option(help="How far it is to go.")],
    by: By,
    reason: Reason,
    route: Routes = None,
    all_: All = False,
    percent: Annotated[int | None, typer.Option(help="Share of requests; shadow 100, canary 5.")] = None,
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a release in the shadow, on a canary share, or in force. Exit status: 0 done, 1 it may not follow now."""
    check_words(by, reason)
    if bool(route) == all_:
        fail("name routes with --route, or give --all", Exit.USAGE)
    if stage is ReleaseStage.FULL and percent not in (None, 100):
        fail("full has no share", Exit.USAGE)
    wish = _Wish(stage, tuple(sorted(set(route or ()))), percent or _USUAL[stage], by, reason)
    settings = settings_for(path, config)
    with errors_end_the_command():
        event = asyncio.run(_promote(settings, digest.removeprefix("releases/"), wish))
    where = ", ".join(event.routes) or "all routes"
    share = f" for {event.percent} %" if stage is not ReleaseStage.FULL else ""
    out.print(f"{release_name(event.digest)} is in stage {stage} on {where}{share}", markup=False)


def rollback(
    by: By,
    reason: Reason,
    route: Routes = None,
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """End the trial on these routes, or the only one there is; what was in force stays in force."""
    check_words(by, reason)
    settings = settings_for(path, config)
    with errors_end_the_command():
        trial = asyncio.run(_rollback(settings, tuple(sorted(set(route or ()))), (by, reason)))
    out.print(f"{release_name(trial.digest)} is on trial no more; {trial.baseline[:12]} stays in force", markup=False)


def status(json_: Json = False, path: LogPathOption = None, config: ConfigOption = None) -> None:
    """Say what is in force and on trial, and how that compares. Exit status: 0, or 1 where a gate has failed."""
    settings = settings_for(path, config)
    with errors_end_the_command():
        standing = asyncio.run(_look(settings))
    if json_:
        typer.echo(json.dumps(_as_json(standing), indent=2))
    else:
        _print(standing)
    if any(outlook.state is TrialState.FAILED for _, outlook in standing.looked):
        raise typer.Exit(Exit.FAILED)


def check_words(by: str, reason: str) -> None:
    """End the command where who and why would not fit into the log."""
    for option, text, bound in (("--by", by, MAX_BY_CHARS), ("--reason", reason, MAX_REASON_CHARS)):
        if not 1 <= len(text.strip()) <= bound:
            fail(f"{option} has {len(text)} characters, expected 1 to {bound}", Exit.USAGE)


async def _promote(settings: Settings, digest: str, wish: _Wish) -> ReleaseEvent:
    now = datetime.now(UTC)
    release, approvals = open_release(settings.rules, digest, now)
    load_release(release, now.date(), with_cases=True)
    async with open_records(settings) as ledger:
        course = course_of(await events_since(ledger, 0))
        base_digest, base = _base(settings, course, now)
        known = {one.id for one in base.rulebook.routing.all_routes}
        if unknown := sorted(set(wish.routes) - known):
            fail(f"no route {', '.join(unknown)} in what is in force; known: {', '.join(sorted(known))}", Exit.USAGE)
        event = ReleaseEvent(
            ReleaseAction.PROMOTE,
            str(uuid7(now, os.urandom(10))),
            now,
            release.digest,
            (course.in_force(wish.routes[0]) if wish.routes else "") or base_digest,
            wish.by,
            wish.reason,
            ReleaseSource.BUNDLE,
            wish.stage,
            wish.routes,
            wish.percent,
            approvals,
        )
        why = refusal(course, event) or (out_of_order(course, event) if settings.rollout.in_order else "")
        if why:
            fail(why, Exit.FAILED)
        await ReleaseLog(ledger).tell(event)
        if not _counts(course_of(await events_since(ledger, 0)), event):
            fail("somebody else was faster: see `reviewer release status`", Exit.FAILED)
    return event


def _counts(course: Course, event: ReleaseEvent) -> bool:
    """Whether an event that was written took effect, and nothing else was in the log before it."""
    if event.stage == ReleaseStage.FULL:
        return all(course.in_force(route) == event.digest for route in event.routes or ("",))
    return any(one.digest == event.digest and one.routes == event.routes for one in course.trials)


async def _rollback(settings: Settings, routes: tuple[str, ...], word: tuple[str, str]) -> Trial:
    async with open_records(settings) as ledger:
        trials = course_of(await events_since(ledger, 0)).trials
        mine = [one for one in trials if not routes or one.routes == routes]
        if len(mine) != 1:
            there = "; ".join(f"{one.digest[:12]} on {', '.join(one.routes) or 'all routes'}" for one in trials)
            fail(f"expected one trial on the routes named, found {len(mine)}; there are: {there or 'none'}")
        now = datetime.now(UTC)
        event = rollback_of(mine[0], str(uuid7(now, os.urandom(10))), now, *word)
        await ReleaseLog(ledger).tell(event, request_id_of(mine[0]))
        return mine[0]


async def _look(settings: Settings) -> _Standing:
    now = datetime.now(UTC)
    async with open_records(settings) as ledger:
        told = await events_since(ledger, 0)
        course = course_of(told)
        digest, base = _base(settings, course, now)
        used, looked = [(digest, base.rulebook)], []
        for trial in course.trials:
            loaded = _load(settings, trial.digest, trial.began)
            used.append((trial.digest, loaded.rulebook))
            looked.append((trial, await _outlook(ledger, trial, loaded)))
    on_route = {one.event.digest: one.event.time for one in course.by_route.values()}
    used += [(one, _load(settings, one, moment).rulebook) for one, moment in on_route.items()]
    return _Standing(course, tuple(looked), tuple(last_ended(told).values()), clocks(used, now.date()))


async def _outlook(ledger: Ledger, trial: Trial, loaded: Loaded) -> Outlook:
    progress = Progress(trial, loaded.gates)
    await read_into(progress, ledger)
    return progress.outlook


def _base(settings: Settings, course: Course, now: datetime) -> tuple[str, Loaded]:
    """Return what is in force wherever nothing else is."""
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


def _trial_json(trial: Trial, outlook: Outlook) -> dict[str, object]:
    return {
        "release": trial.digest,
        "baseline": trial.baseline,
        "stage": trial.stage,
        "percent": trial.percent,
        "routes": trial.routes,
        "since": trial.began.isoformat(),
        "by": trial.by,
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
        where = ", ".join(trial.routes) or "all routes"
        out.print(
            f"\n{trial.stage} on {where}: {trial.digest} for {trial.percent} %, since {trial.began:%Y-%m-%d %H:%M} "
            f"by {trial.by}: {outlook.state} after {outlook.candidate_n} reviews against {outlook.baseline_n}",
            markup=False,
        )
        if outlook.failed is not None:
            out.print(f"failed: {outlook.failed}", markup=False)
        out.print(_table(outlook.figures))
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
