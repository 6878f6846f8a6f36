"""The command line: one file a group of commands, put together here.

A group is imported when it is called, and no other with it: that is a third of the time that a short command takes.

Exit status: 0 done or approved, 10 revise, 20 human handoff, 1 the command failed, 2 wrong usage or settings,
4 no answer from the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

if TYPE_CHECKING:
    from typer._click.core import Command, Context

_COMMANDS: Final[Mapping[str, str]] = {
    "serve": "serve:serve",
    "review": "review:review",
    "review-batch": "review_batch:review_batch",
    "replay": "replay:replay",
    "health": "review:health",
    "demo": "demo:demo",
    "simulate-provider": "simulate:simulate_provider",
    "log": "log:app",
    "handoff": "handoff:app",
    "outcome": "handoff:outcome",
    "receipt": "receipt:app",
    "release": "release:app",
    "rubric": "rubric:app",
    "config": "settings:app",
}
"""Module and name in it, in the order in which they are listed."""


class _Groups(TyperGroup):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - the signature of the base
        """Return their names."""
        return list(_COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - the signature of the base
        """Import one; None where there is none of that name."""
        if cmd_name in _COMMANDS:
            return _imported(cmd_name)
        # Whoever mistyped one is told which is like it, of those that stand here.
        self.commands = {name: _imported(name) for name in _COMMANDS}
        return None


def _imported(name: str) -> Command:
    module, _, attribute = _COMMANDS[name].partition(":")
    found = getattr(import_module(f"reviewer.cli.{module}"), attribute)
    command: Command
    if isinstance(found, typer.Typer):
        # A group stays one where it has a single command.
        command = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command()(found)
        command = get_command(alone)
    command.name = name
    return command


app = typer.Typer(
    cls=_Groups,
    help="Has a second, more conservative model review high-risk draft answers before they are sent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None: ...
