"""Lint of a rule set: what loads and is still wrong or unwise. Errors stop a release, warnings inform its author.

Cases are linted in `reviewer.rubrics.lint_cases`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reviewer.core.draft import DataClass, Tier
from reviewer.core.errors import Fault, RubricError
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Route, Routing, intent_covers
from reviewer.core.rubric import Criterion, Judge, Kind, Rubric
from reviewer.rubrics.files import Loaded, RuleFiles, in_file_order, read_cases, read_rules
from reviewer.rubrics.gates import gate_errors
from reviewer.rubrics.lint_canaries import canary_errors
from reviewer.rubrics.lint_cases import case_errors, case_warnings
from reviewer.rubrics.load import resolve, retired, retiring

# Two clauses, each with its own verb, are two questions; "drug and dose" is one.
_TWO_IDEAS = re.compile(
    r"\b(?:and|or)\s+(?:also\s+|not\s+)?(?:does|do|is|are|has|have|can|gives?|names?|states?|tells?|says?|keeps?|avoids?"
    r"|cites?|warns?|asks?|offers?|explains?|shows?|uses?|includes?|mentions?|free\s+of)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\b(?:does not|doesn't|fails? to|avoids?|never)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LintReport:
    """What lint found, sorted by file and line."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


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
    errors: list[Fault] = [*unread, *case_errors(files.rubrics, cases)]
    warnings: list[Fault] = list(case_warnings(files.rubrics, cases))
    try:
        rulebook, _ = resolve(files, today)
        errors.extend(canary_errors(rulebook, cases, today))
    except RubricError as exc:
        errors.extend(exc.faults)
    errors.extend(gate_errors(directory, (loaded.model for loaded in files.rubrics.values())))
    for rubric in files.rubrics.values():
        warnings.extend(_rubric_warnings(rubric))
    if files.routing is not None:
        errors.extend(_coverage_errors(files.routing, files))
        if files.catalogue is not None:
            unfit, doubtful = _reviewer_faults(files.routing, files.catalogue.model)
            errors.extend(unfit)
            errors.extend(_panel_errors(files.routing, files.catalogue.model))
            warnings.extend(doubtful)
            errors.extend(retired(files.routing, files.catalogue.model, today))
            warnings.extend(retiring(files.routing, files.catalogue.model, today))
            warnings.extend(_route_warnings(files.routing, files.catalogue.model))
    return LintReport(in_file_order(errors), in_file_order(warnings))


def _coverage_errors(routing: Loaded[Routing], files: RuleFiles) -> Iterator[Fault]:
    """A route must not send a rubric what it was not written for."""
    for path, route in routing.model.placed_routes():
        for at, name in enumerate(route.rubrics):
            if (rubric := files.rubrics.get(name)) is None:
                continue
            written_for = rubric.model.applies_to.intents
            foreign = [i for i in route.intents if not any(intent_covers(own, i) for own in written_for)]
            if foreign:
                message = f"{name} is written for {', '.join(written_for)}, not for {', '.join(foreign)}"
                yield routing.document.fault((*path, "rubrics", at), message)


def _reviewer_faults(routing: Loaded[Routing], catalogue: ModelCatalogue) -> tuple[list[Fault], list[Fault]]:
    """Hold reviewers to what tier high asks for: one fixed model, fit for the work.

    Returns:
        Errors for reviewers of high-tier routes; warnings for the others, since a caller can raise any request, and
        for models that only screen, since none of them approves in tier high.
    """
    high = {name for route in routing.model.all_routes if route.tier is Tier.HIGH for name in route.reviewers}
    screens = {route.cascade.screen for route in routing.model.all_routes if route.cascade is not None}
    relied_on = {name for route in routing.model.all_routes for name in _behind(route)}
    errors: list[Fault] = []
    warnings: list[Fault] = []
    for at, spec in enumerate(routing.model.reviewers):
        entry = catalogue.find(spec.model)
        faults = errors if spec.id in high and not (entry and entry.screens_only) else warnings
        if entry is not None and (not entry.pinned or entry.id.lower() != spec.model.lower()):
            message = f"tier high needs a pinned model: {spec.model} is a name that its provider can move"
            faults.append(routing.document.fault(("reviewers", at, "model"), message))
        if entry is not None and not entry.fit_to_approve and spec.id not in screens - relied_on:
            message = f"{spec.model} is not fit to approve: tier high must not rely on it"
            faults.append(routing.document.fault(("reviewers", at, "model"), message))
    return errors, warnings


def _behind(route: Route) -> tuple[str, ...]:
    """The reviewers whose critique a route relies on: a screen can only object."""
    return tuple(name for name in route.reviewers if name != route.screen)


def _panel_errors(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    """Judges that share their training share their errors: a panel of relatives is one judge who is paid twice."""
    for path, route in routing.model.placed_routes():
        if route.panel is None:
            continue
        families = _families(route.reviewers, routing.model, catalogue)
        if len(families) < route.panel.size:
            message = f"a panel of {route.panel.size} needs as many families, its reviewers are of {_listed(families)}"
            yield routing.document.fault((*path, "panel", "size"), message)


def _route_warnings(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    for path, route in routing.model.placed_routes():
        if route.tier is Tier.HIGH and (message := _unjudged(route, routing.model, catalogue)):
            yield routing.document.fault((*path, "reviewers"), message)
        if DataClass.RESTRICTED in route.data_classes:
            yield routing.document.fault((*path, "data_classes"), "restricted material would leave the house")


def _unjudged(route: Route, routing: Routing, catalogue: ModelCatalogue) -> str:
    """Say whose drafts a route can never approve, because too few reviewers of other families are left for them."""
    families = _families(_behind(route), routing, catalogue)
    if not families or not route.require_other_family or len(families) > route.quorum:
        return ""
    who = "all reviewers" if route.cascade is None else "all reviewers behind the screen"
    if len(families) == 1:
        return f"{who} are of family {min(families)}: drafts of that family always go to a person"
    needed = f"a quorum of {route.quorum} from {len(families)} families"
    return f"{needed}: drafts of {_listed(families)} always go to a person"


def _listed(families: set[str]) -> str:
    return ", ".join(sorted(families))


def _families(reviewers: Iterable[str], routing: Routing, catalogue: ModelCatalogue) -> set[str]:
    entries = (catalogue.find(routing.reviewer(name).model) for name in reviewers)
    return {entry.family for entry in entries if entry is not None}


def _rubric_warnings(rubric: Loaded[Rubric]) -> Iterator[Fault]:
    for at, criterion in enumerate(rubric.model.criteria):
        for field, message in _criterion_warnings(criterion):
            yield rubric.document.fault(("criteria", at, field), message)
    for at, fact in enumerate(rubric.model.policy_facts):
        if fact.source is None:
            yield rubric.document.fault(("policy_facts", at), "policy fact without a source")
    for tag, overlay in rubric.model.locales.items():
        for at, fact in enumerate(overlay.policy_facts):
            if fact.source is None:
                yield rubric.document.fault(("locales", tag, "policy_facts", at), "policy fact without a source")


def _criterion_warnings(criterion: Criterion) -> Iterator[tuple[str, str]]:
    if criterion.judge is not Judge.CHECK:
        outcomes = [example.outcome for example in criterion.examples]
        if outcomes.count("MET") != 1 or outcomes.count("NOT_MET") != 1:
            yield "examples", "expected one example that is MET and one that is NOT_MET"
    if _TWO_IDEAS.search(criterion.question) or criterion.question.count("?") > 1:
        yield "question", "question joins two ideas: make two criteria of it"
    if criterion.kind is Kind.PRESENCE and (match := _NEGATIVE.search(criterion.question)):
        yield "question", f"presence question says {match.group(0)!r}: ask for what must be there, or make it absence"
