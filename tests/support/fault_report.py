"""The table of faults as Markdown: one table a mode, kept between two marks of `docs/faults.md`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from reviewer.simulate.script import FaultKind
from tests.support.fault_modes import Mode
from tests.support.fault_trial import Cell

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
_UPDATE = "UPDATE_GOLDEN"

Columns = Mapping[str, Mapping[FaultKind, Cell]]
"""What each fault comes to, by the heading of its column."""


def assert_documented(tables: str) -> None:
    """Hold tables against those of the document; with `UPDATE_GOLDEN=1` in the environment write them instead."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    written, _, tail = rest.partition(END)
    if os.environ.get(_UPDATE):
        DOCUMENT.write_text(f"{head}{BEGIN}{tables}{END}{tail}", encoding="utf-8")
        return
    assert tables == written, f"docs/faults.md differs: run with {_UPDATE}=1 and review the diff"


def tables(modes: Sequence[tuple[Mode, Columns]]) -> str:
    """Render every mode under its heading."""
    return "\n".join([f"### {mode.title}\n\n{mode.text}\n\n{_table(columns)}" for mode, columns in modes])


def _table(columns: Columns) -> str:
    rows = [[f"`{kind.value}`", *(_said(column[kind]) for column in columns.values())] for kind in FaultKind]
    lines = [["fault", *columns], ["---"] * (len(columns) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _said(cell: Cell) -> str:
    """Tell a verdict with its causes; those that are only noted stand in brackets."""
    causes = f": {', '.join(cell.causes)}" if cell.causes else ""
    notes = f" ({', '.join(cell.notes)})" if cell.notes else ""
    return f"{cell.verdict}{causes}{notes}"
