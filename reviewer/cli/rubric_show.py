"""`reviewer rubric show`: what is in force, and where each value comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, Exit, errors_end_the_command, fail
from reviewer.cli.rubric_folder import DirectoryOption, rules_or_exit


def show(
    rubric: Annotated[str, typer.Argument(help="Id of a rubric, or of a base.")],
    directory: DirectoryOption = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="With what it extends, and with defaults.")] = False,
    locale: Annotated[str, typer.Option("--locale", help="With the additions of this locale: pt-BR.")] = "",
    route: Annotated[str, typer.Option("--route", help="With the route of this id that runs it.")] = "",
    prompt: Annotated[bool, typer.Option("--prompt", help="The questions as the second model is asked them.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print a rubric as YAML, the file and line of each value beside it. Exit status: 0, or 2 where there is none."""
    from reviewer.rubrics.files import read_rules
    from reviewer.rubrics.load import resolve
    from reviewer.rubrics.show import in_force, prompt_of, route_in_force, stated

    files = read_rules(rules_or_exit(directory, config))
    if rubric not in files.composed and rubric not in files.folders:
        fail(f"no rubric or base {rubric}; there are: {', '.join(sorted(files.composed))}", Exit.USAGE)
    with errors_end_the_command():
        rulebook, _ = resolve(files, datetime.now(UTC).date())
    try:
        if prompt:
            typer.echo(prompt_of(rulebook, rubric, route, locale), nl=False)
            return
        if route:
            typer.echo(route_in_force(files, route, rubric))
    except LookupError as exc:
        fail(str(exc.args[0]), Exit.USAGE)
    if (resolved or locale) and rubric in files.rubrics:
        typer.echo(in_force(files.rubrics[rubric], locale), nl=False)
    else:
        own = {document.name: document for document in files.sources}
        composed = files.composed[rubric].document
        typer.echo(stated(composed if resolved else own[composed.name]), nl=False)
