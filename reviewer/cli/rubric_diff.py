"""`reviewer rubric diff`: what one rule set says differently from another, in words of its meaning."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from reviewer.cli.console import Exit, errors_end_the_command, out
from reviewer.core.change import Meaning, Rerun
from reviewer.core.rulebook import Rulebook
from reviewer.core.rules_diff import Difference, difference
from reviewer.rubrics.load import load_rulebook
from reviewer.rubrics.release_files import BUNDLE_SUFFIX, load_release, read_bundle

_STYLES = {Meaning.STRICTER: "red", Meaning.SOFTER: "green", Meaning.NEUTRAL: "dim"}


def diff(
    before: Annotated[Path, typer.Argument(help="Rules as they are: a folder, or a .release file.")],
    after: Annotated[Path, typer.Argument(help="Rules as they would be.")],
    json_: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Say what changed and what it means. Exit status: 0 nothing differs, 1 something does."""
    with errors_end_the_command():
        found = difference(load_rules(before), load_rules(after))
    if json_:
        typer.echo(json.dumps({"same": not found.changes, **asdict(found)}, indent=2, ensure_ascii=False))
    else:
        _show(found)
    raise typer.Exit(Exit.FAILED if found.changes else Exit.DONE)


def load_rules(source: Path) -> Rulebook:
    """Load a rule set from a folder, or from a release's bundle; nobody's approval is asked for to look at it.

    Raises:
        RubricError: with every fault of it.
        ReleaseError: it is no bundle, or not the one that its name says.
    """
    today = datetime.now(UTC).date()
    if source.suffix == BUNDLE_SUFFIX and source.is_file():
        release = read_bundle(source.parent, source.stem).release
        return load_release(release, today, with_cases=False).rulebook
    rulebook, _ = load_rulebook(source, today=today)
    return rulebook


def _show(found: Difference) -> None:
    if not found.changes:
        out.print("nothing differs")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("where", no_wrap=True)
    table.add_column("what")
    for name in ("means", "replay"):
        table.add_column(name, no_wrap=True)
    for change in found.changes:
        meaning = f"[{_STYLES[change.meaning]}]{change.meaning.value}[/]"
        rerun = "asks the model" if change.rerun is Rerun.MODEL else "code only"
        table.add_row(escape(change.where), escape(change.what), meaning, rerun)
    out.print(table)
    for name, keys in (("to ask the model about when replayed", found.needs_model), ("code only", found.code_only)):
        if keys:
            out.print(f"{name}: {', '.join(keys)}", markup=False)
