"""Safe fixes of rule files: edits of the text itself, so that layout and comments stay as their author wrote them.

A fix is safe where the file could not be loaded before, so that no meaning in force can change: quotes around words
that YAML versions read differently, and the one known name that a misspelt key can only mean. Nothing is sorted,
deleted or bumped: what loads already is its author's to change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from reviewer.core.errors import Edit, Fault, RubricError
from reviewer.rubrics.yaml_file import read

# What the YAML parser counts as the end of a line.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def mend(directory: Path, faults: Iterable[Fault]) -> int:
    """Apply the edits that faults come with, file by file.

    Args:
        directory: the folder that the faults' file names are below.

    Returns:
        How many edits were made. An edit whose text no longer stands where the fault saw it is left out, and a file
        that its edits would make worse is left as it is.

    Raises:
        OSError: a file cannot be written.
    """
    by_file: dict[str, set[Edit]] = {}
    for fault in faults:
        if fault.edit is not None:
            by_file.setdefault(fault.where.rsplit(":", 2)[0], set()).add(fault.edit)
    return sum(_mend_file(directory / name, name, edits) for name, edits in sorted(by_file.items()))


def _mend_file(path: Path, name: str, edits: set[Edit]) -> int:
    before = path.read_bytes().decode()
    after, made = _edited(before, edits)
    if not made or _syntax_faults(name, after) > _syntax_faults(name, before):
        return 0
    path.write_bytes(after.encode())
    return made


def _edited(text: str, edits: set[Edit]) -> tuple[str, int]:
    starts = [0, *(match.end() for match in _BREAK.finditer(text))]
    made = 0
    # From the end of the file to its beginning, so that the places of the others stay what they are.
    for edit in sorted(edits, key=lambda each: (each.line, each.column), reverse=True):
        begin = starts[edit.line - 1] + edit.column - 1
        if text[begin : begin + 1] in ("'", '"'):
            begin += 1
        if text.startswith(edit.old, begin):
            text = text[:begin] + edit.new + text[begin + len(edit.old) :]
            made += 1
    return text, made


def _syntax_faults(name: str, text: str) -> int:
    try:
        read(name, text)
    except RubricError as exc:
        return len(exc.faults)
    return 0
