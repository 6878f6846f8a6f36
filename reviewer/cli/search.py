"""`reviewer log list` and `reviewer log search`: records that a filter lets through, straight from the log's store."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from reviewer.cli.console import (
    ConfigOption,
    Exit,
    LogPathOption,
    errors_end_the_command,
    fail,
    out,
)
from reviewer.cli.log_files import settings_for
from reviewer.cli.render import log_table
from reviewer.config import Settings
from reviewer.core.record import rfc3339
from reviewer.core.search import All, Filter, Match, Operator, Order, read_filter
from reviewer.ledger.interface import Found
from reviewer.log_home import open_records


class Direction(StrEnum):
    """In which order to list."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERS = {Direction.NEWEST: Order.NEWEST, Direction.OLDEST: Order.OLDEST}

FilterOption = Annotated[
    str,
    typer.Option("--filter", help="AIP-160, as 'verdict = REVISE AND cause:deadline'.", show_default=False),
]


def _option(text: str) -> Any:
    return typer.Option(help=text, show_default=False)


def search(
    path: LogPathOption = None,
    filter_: FilterOption = "",
    tenant: Annotated[str, _option("This tenant's.")] = "",
    intent: Annotated[str, _option("This intent; a * at the end asks for what begins so.")] = "",
    domain: Annotated[str, _option("This domain.")] = "",
    locale: Annotated[str, _option("This locale.")] = "",
    verdict: Annotated[str, _option("approve, revise or human_handoff.")] = "",
    cause: Annotated[str, _option("With a reason of this cause.")] = "",
    model: Annotated[str, _option("With a call to this second model, requested or served.")] = "",
    rubric: Annotated[str, _option("Under this rubric: id, or id@version.")] = "",
    release: Annotated[str, _option("Judged by this release; a * at the end asks for what begins so.")] = "",
    stage: Annotated[str, _option("Of a release on trial: canary, shadow.")] = "",
    since: Annotated[str, _option("From this UTC day or time on.")] = "",
    until: Annotated[str, _option("Before this UTC day or time.")] = "",
    first: Annotated[int | None, typer.Option(help="First index; the oldest come first then.", min=0)] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=10_000)] = 20,
    order: Annotated[Direction | None, _option("Default: the newest, in the order of their times.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object a line, the whole record in it.")] = False,
    config: ConfigOption = None,
) -> None:
    """List records. Every condition that is given must hold."""
    named = {"tenant": tenant, "intent": intent, "domain": domain, "locale": locale, "verdict": verdict.upper()}
    named |= {"release": release, "stage": stage}
    conditions = [*_equal(named), *_listed(cause, model, rubric), *between(since, until)]
    if first is not None:
        conditions.append(Match("index", Operator.AT_LEAST, first))
    asked = All((read_filter_or_exit(filter_), *conditions))
    settings = settings_for(path, config)
    with errors_end_the_command():
        found = asyncio.run(_found(settings, asked, order or (None if first is None else Direction.OLDEST), limit))
        if json_:
            for one in found:
                typer.echo(json_line(one))
        else:
            out.print(log_table(found))


def read_filter_or_exit(text: str) -> Filter:
    """Read a filter; a fault ends the command with the place where it is."""
    try:
        return read_filter(text)
    except ValueError as exc:
        fail(f"--filter: {exc}", Exit.USAGE)


def json_line(found: Found) -> str:
    """Write a record as one line: its canonical JSON as it is, in a frame that says where it stands."""
    frame = {
        "index": found.position.index,
        "leaf_hash": found.position.leaf_hash.hex(),
        "create_time": rfc3339(found.create_time),
        **({"review": found.review} if found.review else {}),
    }
    return f'{json.dumps(frame)[:-1]}, "record": {found.record.decode()}}}'


def _equal(named: dict[str, str]) -> list[Filter]:
    return [_read(name, "=", value) for name, value in named.items() if value]


def _listed(cause: str, model: str, rubric: str) -> list[Filter]:
    any_version = rubric if not rubric or "@" in rubric else f"{rubric}@*"
    named = {"cause": cause, "model": model, "rubric": any_version}
    return [_read(name, ":", value) for name, value in named.items() if value]


def between(since: str, until: str) -> list[Filter]:
    """Read bounds of time; a fault ends the command."""
    bounds = ((Operator.AT_LEAST, since, "--since"), (Operator.LESS, until, "--until"))
    return [Match("create_time", sign, _moment(value, option)) for sign, value, option in bounds if value]


def _moment(value: str, option: str) -> datetime:
    """Read a day as its beginning, and a time without an offset as UTC."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        fail(f"{option}: got {value[:40]!r}, expected a UTC day or time such as 2026-11-21T09:30:00Z", Exit.USAGE)


def _read(name: str, sign: str, value: str) -> Filter:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    try:
        return read_filter(f'{name} {sign} "{quoted}"')
    except ValueError as exc:
        # Where in the text was of our making.
        fail(f"--{name}: {str(exc).partition(': ')[2]}", Exit.USAGE)


async def _found(settings: Settings, asked: Filter, order: Direction | None, limit: int) -> tuple[Found, ...]:
    async with open_records(settings) as ledger:
        if order is not None:
            return await ledger.search(asked, _ORDERS[order], None, limit)
        newest = await ledger.search(asked, Order.NEWEST, None, limit)
        return tuple(reversed(newest))
