"""`reviewer serve`: run the service until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from reviewer import telemetry
from reviewer.building import settle
from reviewer.cli.console import ConfigOption, errors_end_the_command, settings_or_exit
from reviewer.cli.service import running
from reviewer.config import Settings
from reviewer.ledger import stores
from reviewer.log_home import create_log as new_log
from reviewer.log_home import upgrade_log as take_steps
from reviewer.standing import Standing


def serve(
    config: ConfigOption = None,
    address: Annotated[str | None, typer.Option(help="Host and port; wins over the settings.")] = None,
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Answer from the rubrics' cases instead of real models; marks all it touches."),
    ] = False,
    create_log: Annotated[bool, typer.Option("--create-log", help="Create the verdict log if there is none.")] = False,
    upgrade_log: Annotated[
        bool, typer.Option("--upgrade-log", help="Bring a log of an older version up to date first.")
    ] = False,
) -> None:
    """Run the review service until SIGTERM or SIGINT; then finish or hand off what is in flight."""
    settings = settings_or_exit(config)
    telemetry.configure(settings.log.level, settings.log.format)
    with errors_end_the_command():
        if address is not None:
            settings = _at(settings, address)
        if create_log and not stores.exists(settings.ledger):
            new_log(settings)
        elif upgrade_log:
            take_steps(settings)
        import uvloop

        uvloop.run(_serve(settings, simulate=simulate))


async def _serve(settings: Settings, *, simulate: bool) -> None:
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # From here on, so that a service that is still starting is not ended by it.
    loop.add_signal_handler(signal.SIGHUP, again.set)
    async with running(settings, simulate=simulate) as app:
        settle()
        reloader = asyncio.create_task(_reload_on(again, app.standing))
        await stop.wait()
        reloader.cancel()
        await app.server.drain()


async def _reload_on(again: asyncio.Event, standing: Standing) -> None:
    """Look at log and rule folder whenever SIGHUP asks for it."""
    while True:
        await again.wait()
        again.clear()
        await standing.reload()


def _at(settings: Settings, address: str) -> Settings:
    return Settings.model_validate(
        {**settings.model_dump(), "server": {**settings.server.model_dump(), "address": address}}
    )
