"""`reviewer release promote` and `rollback`: how far a release goes, route by route.

Both work on the log, and every service on it follows within its poll interval.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, Exit, LogPathOption, errors_end_the_command, fail, out
from reviewer.cli.log_files import settings_for
from reviewer.cli.release_status import in_force
from reviewer.config import Settings
from reviewer.core.events import MAX_BY_CHARS, MAX_REASON_CHARS
from reviewer.core.ids import uuid7
from reviewer.core.release import release_name
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, ReleaseSource
from reviewer.core.rollout import Course, ReleaseStage, Trial, course_of, out_of_order, refusal
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.log_home import open_records
from reviewer.rubrics.approved import open_release
from reviewer.rubrics.release_files import load_release
from reviewer.trials import request_id_of, rollback_of

By = Annotated[str, typer.Option(help="Who asks for it; stays in the log.")]
Reason = Annotated[str, typer.Option(help="Why; stays in the log.")]
Routes = Annotated[list[str] | None, typer.Option("--route", help="Id of a route; may be given more than once.")]
All = Annotated[bool, typer.Option("--all", help="All routes.")]

_USUAL = {ReleaseStage.SHADOW: 100, ReleaseStage.CANARY: 5, ReleaseStage.FULL: 100}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody asks for."""

    stage: ReleaseStage
    routes: tuple[str, ...]
    percent: int
    by: str
    reason: str


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
        base_digest, base = in_force(settings, course, now)
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
