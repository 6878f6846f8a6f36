"""The files of a rule set: which ones there are, read and validated each on its own.

A folder holds `routing.yaml`, `models.yaml`, one folder a domain with `rubric.yaml` and `cases/*.yaml`, and in
`_base` what rubrics extend. Rules that span files are `reviewer.rubrics.resolve`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from reviewer.core.case import CaseFile
from reviewer.core.errors import Fault, RubricError
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rubric import Frozen, Rubric
from reviewer.rubrics.base_rubric import BaseRubric
from reviewer.rubrics.composition import Composed, compose
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import Document, read_file

F = TypeVar("F", bound=Frozen)

ROUTING = "routing.yaml"
MODELS = "models.yaml"
RUBRIC = "rubric.yaml"
CASES = "cases"
BASES = "_base"


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
        rubrics: by folder name, sorted, put together with what they extend.
        bases: what only is extended, by id.
        composed: how rubrics and bases came about, by id.
        sources: the rubric and base files as they were read.
    """

    routing: Loaded[Routing] | None
    catalogue: Loaded[ModelCatalogue] | None
    rubrics: dict[str, Loaded[Rubric]]
    folders: frozenset[str]
    faults: tuple[Fault, ...]
    bases: dict[str, Loaded[BaseRubric]] = field(default_factory=dict)
    composed: dict[str, Composed] = field(default_factory=dict)
    sources: tuple[Document, ...] = ()

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every file that could be read, as it stands."""
        shared = (self.routing, self.catalogue)
        return (*(file.document for file in shared if file is not None), *self.sources)


def read_rules(directory: Path) -> RuleFiles:
    """Read and validate every rule file below a folder; never stops at the first fault."""
    faults: list[Fault] = []
    folders = sorted(path.parent.name for path in directory.glob(f"*/{RUBRIC}"))
    if not folders:
        faults.append(Fault(f"*/{RUBRIC}", "", "no such file: a rule set needs a rubric", "RUB001"))
    names = {name: f"{name}/{RUBRIC}" for name in folders}
    names |= _base_files(directory, frozenset(folders), faults)
    documents = {name: document for name, file in names.items() if (document := _document(directory, file, faults))}
    composed, misfits = compose(documents, frozenset(names.keys() - documents.keys()))
    faults.extend(misfits)
    bases = {n: base for n in names.keys() - set(folders) if (base := _validated(n, composed, BaseRubric, faults))}
    rubrics = {name: rubric for name in folders if (rubric := _validated(name, composed, Rubric, faults))}
    return RuleFiles(
        routing=_read(directory, ROUTING, Routing, faults),
        catalogue=_read(directory, MODELS, ModelCatalogue, faults),
        rubrics=rubrics,
        folders=frozenset(folders),
        faults=told_once(faults),
        bases=dict(sorted(bases.items())),
        composed=composed,
        sources=tuple(documents.values()),
    )


def _base_files(directory: Path, folders: frozenset[str], faults: list[Fault]) -> dict[str, str]:
    """Return the files of bases by id; one that is called like a rubric could not be told from it."""
    files = {path.stem: path.relative_to(directory).as_posix() for path in sorted(directory.glob(f"{BASES}/*.yaml"))}
    faults.extend(
        Fault(f"{files[name]}:1:1", "id", f"{name} is also a rubric: choose another name", "RUB010")
        for name in sorted(files.keys() & folders)
    )
    return {name: file for name, file in files.items() if name not in folders}


def _document(directory: Path, name: str, faults: list[Fault]) -> Document | None:
    try:
        return read_file(directory, name)
    except RubricError as exc:
        faults.extend(exc.faults)
        return None


def _validated(name: str, composed: dict[str, Composed], model: type[F], faults: list[Fault]) -> Loaded[F] | None:
    if name not in composed:
        return None
    document = composed[name].document
    try:
        return Loaded(document, validate(document, model))
    except RubricError as exc:
        faults.extend(exc.faults)
        return None


def told_once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Leave out what was already said of the same place: a base's fault is also one of all that extend it."""
    return tuple({(fault.where, fault.message): fault for fault in reversed(tuple(faults))}.values())[::-1]


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
