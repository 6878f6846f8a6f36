"""What an export looks like: JSON lines with whole records, or a table of facets as CSV or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Protocol

from reviewer.cli.search import json_line
from reviewer.core.facets import facets_of
from reviewer.core.record import rfc3339
from reviewer.core.search import FIELDS, Kind
from reviewer.ledger.interface import Found

COLUMNS = (*FIELDS, "review", "leaf_hash", "record")
"""Of CSV and Parquet; CSV leaves out the record itself."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """How records are written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class FormatUnavailableError(Exception):
    """A format needs a package that is not installed."""


class Writer(Protocol):
    """Takes records page by page."""

    def write(self, page: Sequence[Found]) -> None:
        """Write a page of at least one record."""
        ...


@contextmanager
def open_writer(format_: Format, path: Path) -> Iterator[Writer]:
    """Open a writer on a file; leaving completes the file.

    Raises:
        FormatUnavailableError: says what to install.
        OSError: the file cannot be written.
    """
    if format_ is Format.PARQUET:
        with _parquet(path) as writer:
            yield writer
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield _Csv(file) if format_ is Format.CSV else _Lines(file)


class _Lines:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, page: Sequence[Found]) -> None:
        self._file.writelines(f"{json_line(one)}\n" for one in page)


class _Csv:
    """RFC 4180. Lists are joined by spaces, which none of their values holds."""

    def __init__(self, file: IO[str]) -> None:
        self._rows = csv.writer(file)
        self._rows.writerow(COLUMNS[:-1])

    def write(self, page: Sequence[Found]) -> None:
        for one in page:
            row = _row(one)
            del row["record"]
            row["create_time"] = rfc3339(one.create_time)
            self._rows.writerow([_cell(value) for value in row.values()])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    # Callers choose intents and names of models: no spreadsheet may take one for a formula.
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(found: Found) -> dict[str, Any]:
    """Return the cells of a record, by column, in order."""
    facets = facets_of(found.record)
    cells = {name: found.position.index if name == "index" else getattr(facets, name) for name in FIELDS}
    return {
        **cells,
        "review": found.review,
        "leaf_hash": found.position.leaf_hash.hex(),
        "record": found.record.decode(),
    }


@contextmanager
def _parquet(path: Path) -> Iterator[Writer]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as exc:
        message = "Parquet needs pyarrow: pip install oversight-reviewer[parquet]"
        raise FormatUnavailableError(message) from exc
    types = {Kind.NUMBER: pa.int64(), Kind.FLAG: pa.bool_(), Kind.LIST: pa.list_(pa.string())}
    types[Kind.TIME] = pa.timestamp("us", tz="UTC")
    named = [(name, types.get(FIELDS[name], pa.string()) if name in FIELDS else pa.string()) for name in COLUMNS]
    schema = pa.schema(named)

    class Pages:
        def write(self, page: Sequence[Found]) -> None:
            rows = [{**row, **{n: list(v) for n, v in row.items() if isinstance(v, tuple)}} for row in map(_row, page)]
            table.write_table(pa.Table.from_pylist(rows, schema=schema))

    with pq.ParquetWriter(path, schema, compression="zstd") as table:
        yield Pages()
