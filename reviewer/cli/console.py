"""What all commands share with the terminal: consoles, settings, and how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from reviewer.config import CONFIG_VARIABLE, Settings, load_settings
from reviewer.core.errors import ConfigError, ReleaseError, ReviewerError, RubricError

_PLAIN_WIDTH = 132
"""Columns where the output goes to a file or a pipe, whose width nobody knows."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PLAIN_WIDTH)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file with settings.", envvar=CONFIG_VARIABLE, show_default=False),
]

LogPathOption = Annotated[
    Path | None, typer.Option("--path", help="Log file; default: the one the settings name.", show_default=False)
]


class Exit(IntEnum):
    """Exit status of a command: part of the contract with scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_ANSWER = 4
    REVISE = 10
    HANDOFF = 20


def settings_or_exit(path: Path | None) -> Settings:
    """Load the settings; a fault ends the command with every fault listed."""
    with errors_end_the_command():
        return load_settings(path)


@contextmanager
def errors_end_the_command() -> Iterator[None]:
    """Turn our errors into a message and an exit status."""
    try:
        yield
    except (ConfigError, ReleaseError, RubricError) as exc:
        count = len(exc.faults)
        err.print(f"[bold red]{count} fault{'s' if count != 1 else ''}[/]")
        for fault in exc.faults:
            err.print(str(fault), markup=False)
        raise typer.Exit(Exit.USAGE) from exc
    except ReviewerError as exc:
        fail(str(exc))


def fail(message: str, status: Exit = Exit.FAILED) -> NoReturn:
    """End the command with a message."""
    err.print("[bold red]error[/]", end=" ")
    err.print(message, markup=False)
    raise typer.Exit(status)
