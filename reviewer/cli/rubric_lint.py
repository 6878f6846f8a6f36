"""`reviewer rubric lint`: what is wrong or unwise in a folder of rule files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, Exit, out
from reviewer.cli.rubric_folder import DirectoryArgument, rules_or_exit
from reviewer.rubrics.lint import lint as lint_folder


def lint(
    directory: DirectoryArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    config: ConfigOption = None,
) -> None:
    """List every fault with file and line. Exit status: 0 no errors, 1 errors."""
    report = lint_folder(rules_or_exit(directory, config), datetime.now(UTC).date())
    for fault in report.errors:
        out.print("[bold red]error[/]", end="   ")
        out.print(str(fault), markup=False)
    for fault in report.warnings:
        out.print("[yellow]warning[/]", end=" ")
        out.print(str(fault), markup=False)
    out.print(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    failed = report.errors or (strict and report.warnings)
    raise typer.Exit(Exit.FAILED if failed else Exit.DONE)
