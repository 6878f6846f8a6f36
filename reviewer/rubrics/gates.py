"""`gates.yaml`: read and validated as the other rule files are, against the criteria and suites that there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import get_args

from reviewer.core.baseline import BASELINE
from reviewer.core.case import CaseFile
from reviewer.core.errors import Fault, RubricError
from reviewer.core.gates import GateFile
from reviewer.core.rubric import Rubric
from reviewer.rubrics.files import in_file_order
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import read_file

GATES = "gates.yaml"
_SUITES: frozenset[str] = frozenset(get_args(CaseFile.model_fields["suite"].annotation))


def read_gates(directory: Path, name: str, criteria: Collection[str]) -> GateFile:
    """Read a gate file.

    Args:
        criteria: `rubric/criterion` of the rule set.

    Raises:
        RubricError: with every fault at once, each with line and column.
    """
    document = read_file(directory, name)
    read = validate(document, GateFile)
    faults: list[Fault] = []
    for at, gate in enumerate(read.gates):
        for number, criterion in enumerate(gate.criteria):
            if criterion not in criteria:
                path = ("gates", at, "criteria", number)
                faults.append(document.fault(path, f"no criterion {criterion!r} in the rule set", "RUB101"))
        if gate.suite is not None and gate.suite not in _SUITES:
            message = f"no suite {gate.suite!r}; known: {', '.join(sorted(_SUITES))}"
            faults.append(document.fault(("gates", at, "suite"), message, "RUB101"))
    if faults:
        raise RubricError(in_file_order(faults))
    return read


def load_gates(directory: Path, rubrics: Iterable[Rubric]) -> GateFile:
    """Read the gate file of a rule set.

    Raises:
        RubricError: with every fault at once, each with line and column.
    """
    criteria = {f"{rubric.id}/{one.id}" for rubric in (BASELINE, *rubrics) for one in rubric.criteria}
    return read_gates(directory, GATES, criteria)


def gate_errors(directory: Path, rubrics: Iterable[Rubric]) -> tuple[Fault, ...]:
    """Return the faults of the rule set's gate file, which need not be there."""
    try:
        if (directory / GATES).exists():
            load_gates(directory, rubrics)
    except RubricError as exc:
        return exc.faults
    return ()
