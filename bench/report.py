"""Figures and how they are shown: medians over rounds with their spread, tables as text, everything as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Final, TypeAlias

_PACKAGES = ("grpcio", "protobuf", "anthropic", "httpx2", "aiohttp", "pydantic", "apsw", "uvloop", "orjson")
FLAT: Final = 100
"""Values of this size and above are shown without decimals."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        """Show median, lowest and highest."""
        return f"{_number(self.median)} ({_number(self.low)} to {_number(self.high)})"


Cell: TypeAlias = str | int | float | Spread


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be, and whether it was."""

    what: str
    value: float
    bound: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One measurement.

    Attributes:
        note: what was compared with what, under which load.
        aims: of this measurement, none where nobody promised anything.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    aims: tuple[Aim, ...] = ()

    def __str__(self) -> str:
        """Lay out as text, one row a line."""
        lines = [self.columns, *(tuple(_shown(cell) for cell in row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        shown = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        aims = [f"  aim: {a.what} {a.bound}: {_number(a.value)}{'' if a.reached else '  MISSED'}" for a in self.aims]
        return "\n".join([f"\n{self.title}", f"  {self.note}", *(f"  {line}" for line in shown), *aims])


def spread(values: Iterable[float]) -> Spread:
    """Summarise one figure's rounds; there is at least one."""
    ordered = sorted(values)
    return Spread(median(ordered), ordered[0], ordered[-1], len(ordered))


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return a percentile of sorted values, interpolated between neighbours."""
    return quantiles(ordered, n=100, method="inclusive")[percent - 1] if len(ordered) > 1 else ordered[0]


def at_least(what: str, value: float, bound: float) -> Aim:
    """State a lower bound."""
    return Aim(what, value, f">= {bound:g}", value >= bound)


def at_most(what: str, value: float, bound: float) -> Aim:
    """State an upper bound."""
    return Aim(what, value, f"<= {bound:g}", value <= bound)


def machine() -> dict[str, str]:
    """Say on what was measured."""
    facts = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": str(os.cpu_count()),
        "pinned": "no: service, model and load generator share the CPUs",
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
    }
    return facts | {name: version(name) for name in _PACKAGES}


def write(path: Path, facts: dict[str, str], tables: Sequence[Table]) -> None:
    """Write everything as JSON; latencies are in milliseconds unless a column says otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": facts, "tables": [asdict(table) for table in tables]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _shown(cell: Cell) -> str:
    return _number(cell) if isinstance(cell, float) else str(cell)


def _number(value: float) -> str:
    if abs(value) >= FLAT:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
