"""What authors say back to lint: `# lint: ignore RUB405 reason`, on the line of a warning or alone above it.

Only warnings can be silenced, and only with a reason: an error stops a release whatever its author thinks of it. A
remark that silences nothing is itself a warning, so that remarks do not outlive their cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reviewer.core.errors import Fault
from reviewer.rubrics.codes import CODES, Weight
from reviewer.rubrics.yaml_file import Document

_MARK = "lint: ignore"
_REMARK = re.compile(r"(?:^|(?<=\s))#\s*lint: ignore\b[ \t]*(\S*)[ \t]*(.*)$")


@dataclass(frozen=True, slots=True)
class _Remark:
    """One remark; `line` is the line that it speaks of, `where` its own place."""

    name: str
    line: int
    where: str
    code: str
    reason: str

    @property
    def fault(self) -> str:
        """Say what is wrong with the remark itself; empty where nothing is."""
        if self.code not in CODES:
            return f"no such code: {self.code or 'none given'}"
        if CODES[self.code].weight is Weight.ERROR:
            return f"{self.code} is an error, which no remark silences"
        return "" if self.reason else f"say why {self.code} is ignored"


def heed(documents: Iterable[Document], warnings: Iterable[Fault]) -> tuple[Fault, ...]:
    """Leave out the warnings that remarks silence, and add one for every remark that has no effect."""
    remarks = [remark for document in documents for remark in _remarks(document)]
    if not remarks:
        return tuple(warnings)
    sound = {(r.name, r.line, r.code): r for r in remarks if not r.fault}
    used: set[tuple[str, int, str]] = set()
    kept: list[Fault] = []
    for warning in warnings:
        name, line, _ = warning.where.rsplit(":", 2)
        key = (name, int(line), warning.code)
        if key in sound:
            used.add(key)
        else:
            kept.append(warning)
    for remark in remarks:
        unused = f"no {remark.code} is found here" if (remark.name, remark.line, remark.code) not in used else ""
        if message := remark.fault or unused:
            kept.append(Fault(remark.where, "", message, "RUB501"))
    return tuple(kept)


def _remarks(document: Document) -> Iterator[_Remark]:
    if _MARK not in document.text:
        return
    lines = document.text.splitlines()
    for number, line in enumerate(lines, start=1):
        if _MARK in line and (match := _REMARK.search(line)) is not None:
            alone = not line[: match.start()].strip()
            place = f"{document.name}:{number}:{match.start() + 1}"
            yield _Remark(document.name, number + alone, place, match.group(1), match.group(2).strip())
