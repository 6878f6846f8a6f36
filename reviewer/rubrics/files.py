"""The files of a rule set: which ones there are, read and validated each on its own.

A folder holds `routing.yaml`, `models.yaml`, and one folder a domain with `rubric.yaml` and `cases/*.yaml`. Rules that
span files are `reviewer.rubrics.resolve`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from reviewer.core.case import CaseFile
from reviewer.core.errors import Fault, RubricError
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rubric import Frozen, Rubric
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import Document, read_file

F = TypeVar("F", bound=Frozen)

ROUTING = "routing.yaml"
MODELS = "models.yaml"
RUBRIC = "rubric.yaml"
CASES = "cases"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[F]):
    """A validated file with the positions of its fields."""

    document: Document
    model: F


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The rule files that could be read; what could not is None or left out, and has its faults.

    Attributes:
        folders: names of all rubric folders, readable or not, so that one bad file is not reported twice.
        rubrics: by folder name, sorted.
    """

    routing: Loaded[Routing] | None
    catalogue: Loaded[ModelCatalogue] | None
    rubrics: dict[str, Loaded[Rubric]]
    folders: frozenset[str]
    faults: tuple[Fault, ...]

    @property
    def loaded(self) -> tuple[Loaded[Routing] | Loaded[ModelCatalogue] | Loaded[Rubric], ...]:
        """Every file that could be read."""
        shared = (self.routing, self.catalogue)
        return (*(file for file in shared if file is not None), *self.rubrics.values())


def read_rules(directory: Path) -> RuleFiles:
    """Read and validate every rule file below a folder; never stops at the first fault."""
    faults: list[Fault] = []
    folders = sorted(path.parent.name for path in directory.glob(f"*/{RUBRIC}"))
    if not folders:
        faults.append(Fault(f"*/{RUBRIC}", "", "no such file: a rule set needs a rubric", "RUB001"))
    read = {name: _read(directory, f"{name}/{RUBRIC}", Rubric, faults) for name in folders}
    return RuleFiles(
        routing=_read(directory, ROUTING, Routing, faults),
        catalogue=_read(directory, MODELS, ModelCatalogue, faults),
        rubrics={name: rubric for name, rubric in read.items() if rubric is not None},
        folders=frozenset(folders),
        faults=tuple(faults),
    )


def read_cases(directory: Path) -> tuple[dict[str, Loaded[CaseFile]], tuple[Fault, ...]]:
    """Read and validate every `*/cases/*.yaml`; by name below the folder, sorted, with the faults of the others."""
    faults: list[Fault] = []
    names = sorted(path.relative_to(directory).as_posix() for path in directory.glob(f"*/{CASES}/*.yaml"))
    read = {name: _read(directory, name, CaseFile, faults) for name in names}
    return {name: cases for name, cases in read.items() if cases is not None}, tuple(faults)


def _read(directory: Path, name: str, model: type[F], faults: list[Fault]) -> Loaded[F] | None:
    try:
        document = read_file(directory, name)
        return Loaded(document, validate(document, model))
    except RubricError as exc:
        faults.extend(exc.faults)
        return None


def in_file_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Sort faults by file, then line and column."""

    def key(fault: Fault) -> tuple[str, tuple[int, ...]]:
        name, *position = fault.where.split(":")
        return name, tuple(int(part) for part in position if part.isdigit())

    return tuple(sorted(faults, key=key))
