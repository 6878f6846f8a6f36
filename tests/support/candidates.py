"""Candidate rule sets: copies of the shipped rules with a few fields laid over, and logs that the service made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from reviewer.core.record import read_content
from reviewer.core.review import Review
from reviewer.core.rulebook import Rulebook
from reviewer.rubrics.load import load_rulebook
from reviewer.v1.review_service_pb2 import ReviewSubject
from tests.support.builders import MOMENT
from tests.support.service import Service
from tests.support.subjects import RUBRICS


def candidate(
    folder: Path,
    criteria: dict[str, dict[str, Any]] | None = None,
    routes: dict[str, dict[str, Any]] | None = None,
    *,
    added: dict[str, dict[str, Any]] | None = None,
    base: Path = RUBRICS,
) -> Path:
    """Copy rules into a new folder and change them.

    Args:
        criteria: fields to lay over, by `rubric/criterion`; None removes a field.
        routes: fields to lay over, by route; `*` for every one.
        added: a new criterion for a rubric, put before all others.
    """
    directory = Path(shutil.copytree(base, folder / "candidate"))
    for path in directory.glob("*/rubric.yaml"):
        rubric = yaml.safe_load(path.read_text("utf-8"))
        for row in rubric["criteria"]:
            _lay(row, (criteria or {}).get(f"{rubric['id']}/{row['id']}", {}))
        if added and rubric["id"] in added:
            rubric["criteria"].insert(0, added[rubric["id"]])
        path.write_text(json.dumps(rubric, default=str), "utf-8")
    path = directory / "routing.yaml"
    routing = yaml.safe_load(path.read_text("utf-8"))
    for route in (routing["default"], *routing["routes"]):
        _lay(route, (routes or {}).get("*", {}))
        _lay(route, (routes or {}).get(route["id"], {}))
    path.write_text(json.dumps(routing, default=str), "utf-8")
    return directory


def _lay(row: dict[str, Any], fields: dict[str, Any]) -> None:
    row.update(fields)
    for name in [name for name, value in fields.items() if value is None]:
        del row[name]


def rules_of(directory: Path) -> Rulebook:
    """Load a rule set."""
    return load_rulebook(directory, today=MOMENT.date())[0]


async def reviewed(service: Service, subjects: Iterable[ReviewSubject]) -> list[Review]:
    """Have requests reviewed, and return the reviews as the log holds them."""
    for asked in subjects:
        await service.review(asked)
    return [read_content(stored.content) for stored in await service.entries() if stored.content]
