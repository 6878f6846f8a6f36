"""`reviewer rubric lint`: what is wrong or unwise in a folder of rule files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, Exit, err, fail
from reviewer.cli.rubric_folder import DirectoryArgument, rules_or_exit
from reviewer.rubrics.codes import CODES, LOADING, errors_among, unknown_prefixes
from reviewer.rubrics.fixes import mend
from reviewer.rubrics.lint import LintReport
from reviewer.rubrics.lint import lint as lint_folder
from reviewer.rubrics.lint_formats import Format, written

_FIX_ROUNDS = 4
"""What is mended first can hide what is found next: quotes, then names of the file, then names of its checks."""


def lint(
    directory: DirectoryArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without changing a meaning.")] = False,
    select: Annotated[str, typer.Option("--select", help="Show only these codes or beginnings: RUB3,RUB405.")] = "",
    ignore: Annotated[str, typer.Option("--ignore", help="Leave these warnings out, by code or beginning.")] = "",
    form: Annotated[Format, typer.Option("--format", help="How the findings are written.")] = Format.TEXT,
    explain: Annotated[str, typer.Option("--explain", metavar="CODE", help="Say what a code means.")] = "",
    config: ConfigOption = None,
) -> None:
    """List every fault with code, file, line and column. Exit status: 0 no errors, 1 errors."""
    if explain:
        _explain(explain)
        return
    selected, ignored = _prefixes(select), _prefixes(ignore)
    if errors := errors_among(ignored):
        fail(f"--ignore is for warnings, and these are errors: {', '.join(errors)}", Exit.USAGE)
    folder = rules_or_exit(directory, config)
    today = datetime.now(UTC).date()
    report = _narrowed(_mended(folder, today) if fix else lint_folder(folder, today), selected, ignored)
    typer.echo(written(report, form, _from_here(folder)))
    failed = report.errors or (strict and report.warnings)
    raise typer.Exit(Exit.FAILED if failed else Exit.DONE)


def _explain(name: str) -> None:
    if (code := CODES.get(name.upper())) is None:
        fail(f"no such code: {name}", Exit.USAGE)
    typer.echo(f"{code.name} ({code.weight.value}): {code.meaning}\n{code.explanation}")


def _prefixes(text: str) -> tuple[str, ...]:
    prefixes = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    if unknown := unknown_prefixes(prefixes):
        fail(f"no code begins with {', '.join(unknown)}", Exit.USAGE)
    return prefixes


def _mended(folder: Path, today: date) -> LintReport:
    """Mend and look again, until nothing is left that can be mended."""
    made = 0
    report = lint_folder(folder, today)
    for _ in range(_FIX_ROUNDS):
        if not (edits := mend(folder, report.errors)):
            break
        made += edits
        report = lint_folder(folder, today)
    err.print(f"{made} mended")
    return report


def _narrowed(report: LintReport, selected: tuple[str, ...], ignored: tuple[str, ...]) -> LintReport:
    """Keep what was asked for. What does not load is always shown: everything else rests on it."""
    shown = (*selected, *LOADING) if selected else ("RUB",)
    errors = tuple(fault for fault in report.errors if fault.code.startswith(shown))
    warnings = tuple(w for w in report.warnings if w.code.startswith(shown) and not w.code.startswith(ignored))
    return LintReport(errors, warnings)


def _from_here(folder: Path) -> str:
    """Return the folder as seen from the working directory, where it lies below it; empty where it is that one."""
    here = Path.cwd()
    absolute = folder.resolve()
    if absolute == here:
        return ""
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else absolute.as_posix()
