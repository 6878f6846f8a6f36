"""`reviewer rubric schema`: JSON Schemas of the rule files, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import err


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write the schemas to, one file each.", show_default=False)
    ] = None,
) -> None:
    """Write the JSON Schemas (2020-12) of rubric, base, routing, models and case files."""
    from reviewer.rubrics.json_schema import schemas

    made = schemas()
    if out is None:
        typer.echo(json.dumps({name: json.loads(text) for name, text in made.items()}, indent=1, ensure_ascii=False))
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (out / name).write_text(text, encoding="utf-8")
    err.print(f"{len(made)} schemas are in {out}", markup=False)
