"""Loading a rule set: from a folder of files to a `Rulebook`, or to every fault of every file at once.

Nothing of a set with a fault is used. Advice that does not stop a load is `reviewer.rubrics.lint`; only what time
alone brings about, a reviewer's retirement, is warned of here, because no edit announces it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from reviewer.core.case import CaseFile
from reviewer.core.errors import Fault, RubricError
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rulebook import Rulebook, assemble
from reviewer.rubrics.files import Loaded, RuleFiles, in_file_order, read_cases, read_rules
from reviewer.rubrics.resolve import build_checks, cross_file_faults

RETIREMENT_NOTICE = timedelta(days=60)


def load_rulebook(directory: Path, *, today: date) -> tuple[Rulebook, tuple[Fault, ...]]:
    """Load a folder of rule files.

    Args:
        directory: holds `routing.yaml`, `models.yaml` and `<domain>/rubric.yaml`.
        today: UTC date that retirements are compared with.

    Returns:
        The rulebook, and warnings about reviewers past or near their retirement.

    Raises:
        RubricError: with all faults of all files, sorted by file.
    """
    return resolve(read_rules(directory), today)


def resolve(files: RuleFiles, today: date) -> tuple[Rulebook, tuple[Fault, ...]]:
    """Put files that were read together, as `load_rulebook` does.

    Raises:
        RubricError: with the faults of reading and of resolving.
    """
    checks, check_faults = build_checks(files)
    faults = in_file_order((*files.faults, *cross_file_faults(files), *check_faults))
    if faults or files.routing is None or files.catalogue is None:
        raise RubricError(faults)
    rubrics = tuple(rubric.model for rubric in files.rubrics.values())
    rulebook = assemble(rubrics, files.routing.model, files.catalogue.model, checks)
    routing, catalogue = files.routing, files.catalogue.model
    return rulebook, in_file_order((*retired(routing, catalogue, today), *retiring(routing, catalogue, today)))


def retired(routing: Loaded[Routing], catalogue: ModelCatalogue, today: date) -> Iterator[Fault]:
    """Yield the reviewers whose model the provider no longer promises to serve."""
    for at, spec in enumerate(routing.model.reviewers):
        entry = catalogue.find(spec.model)
        if entry is not None and entry.retires is not None and entry.retires <= today:
            yield routing.document.fault(
                ("reviewers", at, "model"), f"{spec.model} was retired on {entry.retires}", "RUB204"
            )


def retiring(routing: Loaded[Routing], catalogue: ModelCatalogue, today: date) -> Iterator[Fault]:
    """Yield the reviewers whose model retires within 60 days."""
    for at, spec in enumerate(routing.model.reviewers):
        entry = catalogue.find(spec.model)
        if entry is not None and entry.retires is not None and today < entry.retires <= today + RETIREMENT_NOTICE:
            yield routing.document.fault(
                ("reviewers", at, "model"), f"{spec.model} retires on {entry.retires}", "RUB205"
            )


def load_cases(directory: Path) -> tuple[tuple[Path, CaseFile], ...]:
    """Load every `<domain>/cases/*.yaml`, sorted by path.

    Raises:
        RubricError: with all faults of all case files.
    """
    loaded, faults = read_cases(directory)
    if faults:
        raise RubricError(in_file_order(faults))
    return tuple((directory / name, cases.model) for name, cases in loaded.items())
