"""Lint of a rule set: what loads and is still wrong or unwise. Errors stop a release, warnings inform its author.

This is the walk over the set; what is looked for stands in `lint_routing`, `lint_rubric`, `lint_checks`, `lint_cases`
and `lint_canaries`, what each code means in `codes`, and what an author says back in `remarks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reviewer.core.case import CaseFile
from reviewer.core.check import Check
from reviewer.core.errors import Fault, RubricError
from reviewer.rubrics.bounds import bound_errors
from reviewer.rubrics.files import Loaded, RuleFiles, in_file_order, read_cases, read_rules, told_once
from reviewer.rubrics.gates import gate_errors
from reviewer.rubrics.lint_canaries import canary_errors
from reviewer.rubrics.lint_cases import case_errors, case_warnings
from reviewer.rubrics.lint_checks import check_faults
from reviewer.rubrics.lint_routing import (
    coverage_errors,
    family_warnings,
    panel_errors,
    reviewer_faults,
    route_warnings,
)
from reviewer.rubrics.lint_rubric import reach_warnings, rubric_warnings
from reviewer.rubrics.lint_softer import override_warnings, softer_errors
from reviewer.rubrics.load import resolve, retired, retiring
from reviewer.rubrics.remarks import heed


@dataclass(frozen=True, slots=True)
class LintReport:
    """What lint found, sorted by file and line."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


@dataclass(slots=True)
class _Found:
    errors: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


def lint(directory: Path, today: date) -> LintReport:
    """Lint a folder of rule files and cases.

    Args:
        directory: as for `load_rulebook`.
        today: UTC date that retirements are compared with.

    Returns:
        Every finding at once; a set that does not load has all faults of loading among its errors.
    """
    files = read_rules(directory)
    cases, unread = read_cases(directory)
    found = _Found([*unread, *case_errors(files.rubrics, cases)], list(case_warnings(files.rubrics, cases)))
    checks = _resolved(files, cases, today, found)
    for rubric in files.rubrics.values():
        found.warnings.extend(rubric_warnings(rubric))
        errors, warnings = check_faults(rubric, checks, today)
        found.errors.extend(errors)
        found.warnings.extend(warnings)
    found.errors.extend(gate_errors(directory, (rubric.model for rubric in files.rubrics.values())))
    found.errors.extend(bound_errors(directory))
    found.errors.extend(softer_errors(files))
    found.warnings.extend(override_warnings(files))
    _look_at_routes(files, today, found)
    documents = (*files.documents, *(loaded.document for loaded in cases.values()))
    heeded = heed(documents, told_once(found.warnings))
    return LintReport(in_file_order(told_once(found.errors)), in_file_order(heeded))


def _resolved(
    files: RuleFiles, cases: Mapping[str, Loaded[CaseFile]], today: date, found: _Found
) -> Mapping[str, Check]:
    """Put the set together as a load does; returns its compiled checks, none where it does not load."""
    try:
        rulebook, _ = resolve(files, today)
    except RubricError as exc:
        found.errors.extend(exc.faults)
        return {}
    found.errors.extend(canary_errors(rulebook, cases, today))
    return rulebook.checks


def _look_at_routes(files: RuleFiles, today: date, found: _Found) -> None:
    if files.routing is None:
        return
    found.errors.extend(coverage_errors(files.routing, files))
    found.warnings.extend(route_warnings(files.routing, files))
    for rubric in files.rubrics.values():
        found.warnings.extend(reach_warnings(rubric, files.routing.model))
    if files.catalogue is None:
        return
    catalogue = files.catalogue.model
    unfit, doubtful = reviewer_faults(files.routing, catalogue)
    found.errors.extend(unfit)
    found.errors.extend(panel_errors(files.routing, catalogue))
    found.errors.extend(retired(files.routing, catalogue, today))
    found.warnings.extend(doubtful)
    found.warnings.extend(retiring(files.routing, catalogue, today))
    found.warnings.extend(family_warnings(files.routing, catalogue))
