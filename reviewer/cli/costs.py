"""`reviewer log costs`: what a day's reviews cost at list price, by tenant, straight from the log."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated

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
from reviewer.cli.render import costs_table
from reviewer.config import Settings
from reviewer.core.spending import Spent
from reviewer.log_home import open_records


def costs(
    path: LogPathOption = None,
    day: Annotated[str, typer.Option(help="UTC day as YYYY-MM-DD; default: today.", show_default=False)] = "",
    tenant: Annotated[str, typer.Option(help="This tenant alone.", show_default=False)] = "",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, in micro-USD.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say what the reviews of a day cost: calls, tokens, share of cached input, list price, calls without a price."""
    try:
        asked = date.fromisoformat(day) if day else datetime.now(UTC).date()
    except ValueError:
        fail(f"--day: got {day[:40]!r}, expected YYYY-MM-DD", Exit.USAGE)
    settings = settings_for(path, config)
    with errors_end_the_command():
        rows = asyncio.run(_rows(settings, asked, tenant))
    if json_:
        tenants = [{"tenant": name, **asdict(spent)} for name, spent in rows]
        typer.echo(json.dumps({"day": asked.isoformat(), "tenants": tenants}, indent=2))
    else:
        out.print(costs_table(rows))


async def _rows(settings: Settings, day: date, tenant: str) -> tuple[tuple[str, Spent], ...]:
    async with open_records(settings) as ledger:
        return ((tenant, await ledger.spending(tenant, day)),) if tenant else await ledger.spending_of_day(day)
