"""`reviewer rubric new`: the files of a new domain, to be edited."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, err, errors_end_the_command
from reviewer.cli.rubric_folder import DirectoryOption, rules_or_exit


def new(
    domain: Annotated[str, typer.Argument(help="Name of the domain: lower-case letters, digits, underscores.")],
    directory: DirectoryOption = None,
    append: Annotated[bool, typer.Option("--route/--no-route", help="Append its route to routing.yaml.")] = True,
    config: ConfigOption = None,
) -> None:
    """Write a rubric with cases for a new domain, and its route. Exit status: 0, or 2 where the name will not do."""
    from reviewer.rubrics.scaffold import scaffold

    with errors_end_the_command():
        made = scaffold(rules_or_exit(directory, config), domain, datetime.now(UTC).date(), append=append)
    for name in made.files:
        err.print(name, markup=False)
    if made.appended:
        err.print("routing.yaml has a route for it, of tier high")
    else:
        err.print("add this to the routes of routing.yaml:")
        typer.echo(made.route, nl=False)
