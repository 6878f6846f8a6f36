"""`reviewer config`: what the service would run with."""

from __future__ import annotations

import json

import typer

from reviewer.cli.console import ConfigOption, out, settings_or_exit

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.command("show")
def show(config: ConfigOption = None) -> None:
    """Write the settings in force as JSON; keys are masked."""
    typer.echo(json.dumps(settings_or_exit(config).model_dump(mode="json"), indent=2))


@app.command("check")
def check(config: ConfigOption = None) -> None:
    """Check the settings; every fault is listed at once. Exit status: 0 valid, 2 not."""
    settings_or_exit(config)
    out.print("settings are valid")
