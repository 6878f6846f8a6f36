"""Files of people's labels and of the service's answers: CSV (RFC 4180, with a header) or JSON lines, in UTF-8.

A column that a row leaves empty is absent. Every row is read or is a fault with its line; no column and no row is
skipped in silence. Columns of labels: `item`, `criterion` (`rubric/criterion`, or `verdict`), `rater`, `label`, and
where it applies `adjudicated`. Columns of answers: `item`, `criterion`, `outcome`, and where they are known `reviewer`,
`drafter`, `locale`, `intent`, `suite`, `cluster`, `probability`. Values are those of `reviewer.core.labels`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from reviewer.core.errors import Fault, RubricError
from reviewer.core.labels import Judged, Label, LabelSource, outcomes_of
from reviewer.core.placement import PlacedError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Subject = Annotated[str, StringConstraints(pattern=r"^(?:verdict|[a-z][a-z0-9_]*/[a-z][a-z0-9_]*)$")]
_SHOWN_CHARACTERS = 40


class _Row(BaseModel):
    """A row of either file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: Text
    criterion: Subject


class LabelRow(_Row):
    """One label of one person."""

    rater: Text
    label: Text
    adjudicated: bool = False

    @model_validator(mode="after")
    def _possible(self) -> LabelRow:
        """Refuse a label that nobody could answer."""
        _refuse_unknown("label", self.label, self.criterion)
        return self


class JudgedRow(_Row):
    """One answer of the service."""

    outcome: Text
    reviewer: Text | None = None
    drafter: Text | None = None
    locale: Text | None = None
    intent: Text | None = None
    suite: Text | None = None
    cluster: Text | None = None
    probability: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _possible(self) -> JudgedRow:
        """Refuse an outcome that the subject cannot have."""
        _refuse_unknown("outcome", self.outcome, self.criterion)
        return self


R = TypeVar("R", bound=_Row)
Tell: TypeAlias = Callable[[int, str, str], None]
"""Takes a fault: line, field, message."""


@dataclass(frozen=True, slots=True)
class LabelFile(LabelSource):
    """Labels out of a file that was read whole."""

    rows: tuple[Label, ...]

    def labels(self) -> Iterable[Label]:
        """Return every label, in the order of the file."""
        return self.rows


def read_labels(path: Path) -> LabelFile:
    """Read a file of labels.

    Raises:
        RubricError: with one fault for each thing wrong, by line; then nothing of the file is used.
    """
    reader = _Reader(path, LabelRow)
    rows = [
        (line, Label(row.item, row.criterion, row.rater, row.label, adjudicated=row.adjudicated))
        for line, row in reader.rows()
    ]
    reader.refuse_repeated((line, (*one.key, one.rater, one.adjudicated)) for line, one in rows)
    return LabelFile(tuple(one for _, one in rows))


def read_judged(path: Path) -> tuple[Judged, ...]:
    """Read a file of the service's answers.

    Raises:
        RubricError: as `read_labels` does.
    """
    reader = _Reader(path, JudgedRow)
    rows = [(line, _judged(row)) for line, row in reader.rows()]
    reader.refuse_repeated((line, (*one.key, one.reviewer)) for line, one in rows)
    return tuple(one for _, one in rows)


def _judged(row: JudgedRow) -> Judged:
    return Judged(
        item=row.item,
        subject=row.criterion,
        outcome=row.outcome,
        reviewer=row.reviewer or "",
        drafter=row.drafter or "",
        locale=row.locale or "",
        intent=row.intent or "",
        suite=row.suite or "",
        cluster=row.cluster or "",
        probability=row.probability,
    )


def _refuse_unknown(field: str, value: str, subject: str) -> None:
    known = outcomes_of(subject)
    if value not in known:
        raise PlacedError([((field,), f"got {_shown(value)}, expected one of {', '.join(known)}")])


class _Reader(Generic[R]):
    """Reads one file row by row and collects what is wrong with it."""

    def __init__(self, path: Path, model: type[R]) -> None:
        self._path = path
        self._model = model
        self._faults: list[Fault] = []

    def rows(self) -> Iterator[tuple[int, R]]:
        """Yield line and row of every row that is valid."""
        try:
            data = self._path.read_bytes()
            text = data.decode("utf-8-sig")
        except OSError as exc:
            self._fault(1, "", f"cannot be read: {exc.strerror}")
        except UnicodeDecodeError as exc:
            self._fault(data.count(b"\n", 0, exc.start) + 1, "", "not valid UTF-8")
        else:
            read = _csv if self._path.suffix.lower() == ".csv" else _lines
            for line, values in read(io.StringIO(text, newline=""), self._fault):
                if (row := self._validated(line, values)) is not None:
                    yield line, row

    def refuse_repeated(self, keys: Iterable[tuple[int, tuple[object, ...]]]) -> None:
        """End the reading: raise if anything was wrong, rows that stand twice included."""
        first: dict[tuple[object, ...], int] = {}
        for line, key in keys:
            if (before := first.setdefault(key, line)) != line:
                self._fault(line, "", f"stands twice, first in line {before}")
        if not first and not self._faults:
            self._fault(1, "", "holds no row")
        if self._faults:
            raise RubricError(tuple(sorted(self._faults, key=lambda fault: int(fault.where.rpartition(":")[2]))))

    def _validated(self, line: int, values: dict[str, object]) -> R | None:
        try:
            return self._model.model_validate(values)
        except ValidationError as exc:
            for details in exc.errors(include_url=False):
                cause = details.get("ctx", {}).get("error")
                if isinstance(cause, PlacedError):
                    for path, message in cause.faults:
                        self._fault(line, ".".join(map(str, path)), message)
                else:
                    self._fault(
                        line, ".".join(map(str, details["loc"])), _message(details["type"], details["msg"], self)
                    )
            return None

    @property
    def columns(self) -> str:
        """Name the columns that there are."""
        return ", ".join(self._model.model_fields)

    def _fault(self, line: int, field: str, message: str) -> None:
        self._faults.append(Fault(f"{self._path.name}:{line}", _shown(field, quoted=False), message))


def _message(kind: str, text: str, reader: _Reader[R]) -> str:
    match kind:
        case "missing":
            return "required column is missing or empty"
        case "extra_forbidden":
            return f"unknown column; known: {reader.columns}"
        case _:
            return text


def _csv(file: Iterable[str], fault: Tell) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.reader(file, strict=True)
    begins = 1
    try:
        names = [name.strip() for name in next(reader, [])]
        for name in sorted({name for name in names if names.count(name) > 1}):
            fault(1, name, "column stands twice")
        begins = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(names):
                yield begins, {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
            elif cells:
                fault(begins, "", f"row has {len(cells)} cells, the header {len(names)}")
            # A quoted cell can hold line ends: a row begins where the one before it ended.
            begins = reader.line_num + 1
    except csv.Error as exc:
        fault(begins, "", f"not valid CSV, and nothing behind it was read: {exc}")


def _lines(file: Iterable[str], fault: Tell) -> Iterator[tuple[int, dict[str, object]]]:
    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            values = json.loads(text, object_pairs_hook=_once)
        except _RepeatedError as exc:
            fault(number, str(exc), "key stands twice")
        except (ValueError, RecursionError):
            fault(number, "", "not valid JSON")
        else:
            if isinstance(values, dict):
                yield number, {name: value for name, value in values.items() if value is not None and value != ""}
            else:
                fault(number, "", "expected a JSON object")


class _RepeatedError(Exception):
    """A key stands twice in an object: one of its values would be lost."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedError(next(name for name in names if names.count(name) > 1))
    return found


def _shown(value: str, *, quoted: bool = True) -> str:
    """Show a short value; a long one may be somebody's text."""
    if len(value) > _SHOWN_CHARACTERS or "\n" in value:
        return f"a text of {len(value):,} characters"
    return repr(value) if quoted else value
