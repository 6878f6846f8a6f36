"""`reviewer rubric`: check rubrics, routing, models and cases before they bite."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from reviewer.app import rubric_directory
from reviewer.cli import rubric_test
from reviewer.cli.console import ConfigOption, Exit, out, settings_or_exit
from reviewer.rubrics.lint import lint

app = typer.Typer(help="Work on rubric files.", no_args_is_help=True)
app.command("test")(rubric_test.run_cases)


@app.callback()
def main() -> None:
    """Work on rubric files."""


@app.command("lint")
def lint_(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Folder with routing.yaml, models.yaml and one folder a domain.", show_default=False),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    config: ConfigOption = None,
) -> None:
    """List every fault with file and line. Exit status: 0 no errors, 1 errors."""
    target = directory or rubric_directory(settings_or_exit(config))
    report = lint(target, datetime.now(UTC).date())
    for fault in report.errors:
        out.print("[bold red]error[/]", end="   ")
        out.print(str(fault), markup=False)
    for fault in report.warnings:
        out.print("[yellow]warning[/]", end=" ")
        out.print(str(fault), markup=False)
    out.print(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    failed = report.errors or (strict and report.warnings)
    raise typer.Exit(Exit.FAILED if failed else Exit.DONE)
