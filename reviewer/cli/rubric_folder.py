"""Which folder of rule files a command works on: the one it is given, or the one the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import settings_or_exit

DirectoryArgument = Annotated[
    Path | None,
    typer.Argument(help="Folder with routing.yaml, models.yaml and one folder a domain.", show_default=False),
]
DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory", help="Folder with routing.yaml, models.yaml and one folder a domain.", show_default=False
    ),
]


def rules_or_exit(directory: Path | None, config: Path | None) -> Path:
    """Return the folder to work on; faulty settings end the command."""
    from reviewer.app import rubric_directory

    return directory or rubric_directory(settings_or_exit(config))
