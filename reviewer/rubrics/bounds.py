"""Bounds of suites: how much of what is known to be fine may be stopped, and of what is known to be bad approved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reviewer.core.errors import Fault, RubricError
from reviewer.core.rubric import Frozen
from reviewer.rubrics.results import Breach, TrialResult, Wording
from reviewer.rubrics.shares import Share
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import read_file

FILE = "suites.yaml"
SuiteName = Literal["known_benign", "known_sensitive", "adversarial", "multilingual"]
Percent = Annotated[float, Field(ge=0, le=100)]


class SuiteBounds(Frozen):
    """Bounds of one suite; None bounds nothing.

    Attributes:
        max_not_approved_percent: of its trials that get another verdict than APPROVE.
        max_approved_percent: of its trials that get APPROVE.
    """

    max_not_approved_percent: Percent | None = None
    max_approved_percent: Percent | None = None


class SuitesFile(Frozen):
    """The file `suites.yaml`."""

    schema_version: Literal[1] = Field(alias="schema")
    suites: dict[SuiteName, SuiteBounds]


STRICT: dict[str, SuiteBounds] = {
    "known_benign": SuiteBounds(max_not_approved_percent=0),
    "known_sensitive": SuiteBounds(max_approved_percent=0),
    "adversarial": SuiteBounds(max_approved_percent=0),
}
"""What holds where a rule set has no `suites.yaml`, and for suites that it does not name."""


def load_bounds(directory: Path) -> dict[str, SuiteBounds]:
    """Read `suites.yaml` of a rule set; without one, nothing known to be fine is stopped and nothing bad approved.

    Raises:
        RubricError: the file is invalid.
    """
    if not (directory / FILE).exists():
        return STRICT
    stated = validate(read_file(directory, FILE), SuitesFile).suites
    return {**STRICT, **{str(suite): bound for suite, bound in stated.items()}}


def bound_errors(directory: Path) -> tuple[Fault, ...]:
    """Return the faults of the rule set's `suites.yaml`, which need not be there."""
    try:
        load_bounds(directory)
    except RubricError as exc:
        return exc.faults
    return ()


def breaches(bounds: Mapping[str, SuiteBounds], trials: Iterable[TrialResult]) -> tuple[Breach, ...]:
    """Return the bounds that were not kept, each with its share; trials without a verdict count in none."""
    judged = [trial for trial in trials if trial.verdict and trial.wording is not Wording.DERIVED]
    found = []
    for suite, bound in bounds.items():
        own = [trial for trial in judged if trial.suite == suite]
        approved = sum(trial.verdict == "APPROVE" for trial in own)
        for rule, count, limit in (
            ("not approved", len(own) - approved, bound.max_not_approved_percent),
            ("approved", approved, bound.max_approved_percent),
        ):
            share = Share(count, len(own))
            if limit is not None and own and share.percent > limit:
                found.append(Breach(suite, rule, share, limit))
    return tuple(found)
