"""A lint report as text for people, JSON for scripts, SARIF 2.1.0 for code scanners, and GitHub's log commands.

SARIF: OASIS, Static Analysis Results Interchange Format 2.1.0, sections 3.13 to 3.30. GitHub: "Workflow commands",
`::error file=,line=,col=,title=::message`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from reviewer.core.errors import Fault
from reviewer.rubrics.codes import CODES
from reviewer.rubrics.lint import LintReport


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def written(report: LintReport, form: Format, folder: str) -> str:
    """Write a report.

    Args:
        folder: prefix of file names for readers that look from somewhere else; empty for none.
    """
    return _WRITERS[form](report, f"{folder.rstrip('/')}/" if folder else "")


def _weighed(report: LintReport) -> Iterator[tuple[str, Fault]]:
    yield from (("error", fault) for fault in report.errors)
    yield from (("warning", fault) for fault in report.warnings)


def _place(fault: Fault) -> tuple[str, int, int]:
    """Return file, line and column; line and column are 1 where the fault is of the whole file."""
    name, *position = fault.where.rsplit(":", 2)
    if len(position) == 2 and all(part.isdigit() for part in position):
        return name, int(position[0]), int(position[1])
    return fault.where, 1, 1


def _message(fault: Fault) -> str:
    return f"{fault.field}: {fault.message}" if fault.field else fault.message


def _text(report: LintReport, folder: str) -> str:
    lines = [f"{weight:7} {fault.code} {folder}{fault}" for weight, fault in _weighed(report)]
    mendable = sum(fault.edit is not None for fault in report.errors)
    hint = f"; --fix mends {mendable}" if mendable else ""
    return "\n".join([*lines, f"{_counted(report.errors, 'error')}, {_counted(report.warnings, 'warning')}{hint}"])


def _counted(found: Sequence[Fault], name: str) -> str:
    return f"{len(found)} {name}{'' if len(found) == 1 else 's'}"


def _json(report: LintReport, folder: str) -> str:
    rows = []
    for weight, fault in _weighed(report):
        name, line, column = _place(fault)
        rows.append(
            {
                "code": fault.code,
                "severity": weight,
                "file": f"{folder}{name}",
                "line": line,
                "column": column,
                "field": fault.field,
                "message": fault.message,
                "fixable": fault.edit is not None,
            }
        )
    return json.dumps(rows, ensure_ascii=False, indent=2)


def _sarif(report: LintReport, folder: str) -> str:
    results = []
    for weight, fault in _weighed(report):
        name, line, column = _place(fault)
        region = {"startLine": line, "startColumn": column}
        place = {"artifactLocation": {"uri": f"{folder}{name}"}, "region": region}
        results.append(
            {
                "ruleId": fault.code,
                "level": weight,
                "message": {"text": _message(fault)},
                "locations": [{"physicalLocation": place}],
            }
        )
    rules = [
        {"id": code.name, "shortDescription": {"text": code.meaning}, "fullDescription": {"text": code.explanation}}
        for code in CODES.values()
    ]
    driver = {"name": "reviewer rubric lint", "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _github(report: LintReport, folder: str) -> str:
    lines = []
    for weight, fault in _weighed(report):
        name, line, column = _place(fault)
        # A line break would end the command, and what follows would be one of its own.
        message = _message(fault).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        lines.append(f"::{weight} file={folder}{name},line={line},col={column},title={fault.code}::{message}")
    return "\n".join(lines)


_WRITERS: dict[Format, Callable[[LintReport, str], str]] = {
    Format.TEXT: _text,
    Format.JSON: _json,
    Format.SARIF: _sarif,
    Format.GITHUB: _github,
}
