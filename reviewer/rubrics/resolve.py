"""Rules that span files: every name that one file uses must exist in another, and every check must be buildable.

What is only unwise, and rules about cases, are `reviewer.rubrics.lint`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import orjson
from pydantic import ValidationError

from reviewer import discovery
from reviewer.checks.patterns import PatternError
from reviewer.core.baseline import BASELINE, BASELINE_ID
from reviewer.core.check import Check
from reviewer.core.draft import Tier
from reviewer.core.errors import Fault, InvariantError
from reviewer.core.models import ModelCatalogue
from reviewer.core.placement import FieldPath
from reviewer.core.routing import Route, Routing
from reviewer.core.rubric import CheckSpec, Judge, Rubric
from reviewer.core.rulebook import fold_locale
from reviewer.rubrics.files import Loaded, RuleFiles
from reviewer.rubrics.validation import faults_of
from reviewer.rubrics.yaml_file import Document


def cross_file_faults(files: RuleFiles) -> Iterator[Fault]:
    """Yield what does not fit together; a file that could not be read on its own is not reported again."""
    for folder, rubric in files.rubrics.items():
        yield from _rubric_faults(folder, rubric)
    for name, base in files.bases.items():
        if base.model.id != name:
            yield base.document.fault(("id",), f"id {base.model.id} differs from the file {name}", "RUB101")
    yield from _locale_faults(files)
    if files.routing is None:
        return
    for path, route in files.routing.model.placed_routes():
        for inner, message in _name_faults(route, files):
            yield files.routing.document.fault((*path, *inner), message, "RUB101")
        for inner, message in _depth_faults(route, files):
            yield files.routing.document.fault((*path, *inner), message, "RUB103")
    if files.catalogue is not None:
        yield from _reviewer_faults(files.routing, files.catalogue.model)
        yield from _screen_faults(files.routing, files.catalogue.model)
        yield from _screening_faults(files.routing, files.catalogue.model)


def _rubric_faults(folder: str, rubric: Loaded[Rubric]) -> Iterator[Fault]:
    name = rubric.model.id
    if name == BASELINE_ID:
        yield rubric.document.fault(
            ("id",), f"{BASELINE_ID} is the id of the built-in rubric: choose another", "RUB101"
        )
    elif name != folder:
        yield rubric.document.fault(("id",), f"id {name} differs from the folder {folder}", "RUB101")


def _locale_faults(files: RuleFiles) -> Iterator[Fault]:
    """A tag spelt in two ways would select only one of the two overlays."""
    spelling: dict[str, str] = {}
    for rubric in files.rubrics.values():
        for tag in rubric.model.locales:
            if (first := spelling.setdefault(fold_locale(tag), tag)) != tag:
                message = f"locale {tag} is spelt {first} in another rubric"
                yield rubric.document.fault(("locales", tag), message, "RUB102")


def _name_faults(route: Route, files: RuleFiles) -> Iterator[tuple[FieldPath, str]]:
    for at, name in enumerate(route.rubrics):
        if name == BASELINE_ID:
            yield ("rubrics", at), f"{BASELINE_ID} always runs: leave it out"
        elif name not in files.folders:
            yield ("rubrics", at), f"unknown rubric {name}; known: {', '.join(sorted(files.folders))}"
    domains = {files.rubrics[name].model.domain for name in route.rubrics if name in files.rubrics}
    if domains and route.domain not in domains and files.rubrics.keys() >= set(route.rubrics):
        yield ("domain",), f"unknown domain {route.domain}; its rubrics belong to {', '.join(sorted(domains))}"


def _depth_faults(route: Route, files: RuleFiles) -> Iterator[tuple[FieldPath, str]]:
    """A route must be able to do what its tier asks for."""
    if not all(name in files.rubrics for name in route.rubrics):
        return
    rubrics = [files.rubrics[name].model for name in route.rubrics]
    asked = any(criterion.judge is not Judge.CHECK for rubric in rubrics for criterion in rubric.criteria)
    if route.tier is Tier.HIGH and not asked:
        yield ("rubrics",), "a high-tier route needs a criterion that the second model judges"
    sampled = route.tier is Tier.LOW and route.sample_percent > 0
    if asked and not route.reviewers and (sampled or route.tier is Tier.MEDIUM):
        yield ("reviewers",), "its rubrics ask a second model, and no reviewer is named"


def _reviewer_faults(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    for at, spec in enumerate(routing.model.reviewers):
        entry = catalogue.find(spec.model)
        if entry is None:
            message = f"unknown model {spec.model}: add it to models.yaml"
            yield routing.document.fault(("reviewers", at, "model"), message, "RUB101")
        elif spec.max_output_tokens > entry.max_output_tokens:
            bound = f"{entry.id} writes at most {entry.max_output_tokens:,} tokens"
            yield routing.document.fault(("reviewers", at, "max_output_tokens"), bound, "RUB104")


def _screen_faults(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    """A model that is not fit to approve must not do so as a screen either."""
    models = {spec.id: spec.model for spec in routing.model.reviewers}
    for path, route in routing.model.placed_routes():
        if route.cascade is None or not route.cascade.clears:
            continue
        entry = catalogue.find(models[route.cascade.screen])
        if entry is not None and not entry.fit_to_approve:
            message = f"{entry.id} is not fit to approve: as a screen it cannot clear drafts"
            yield routing.document.fault((*path, "cascade", "clears"), message, "RUB104")


def _screening_faults(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    """What can only look first must stand where a screen stands, and its provider must not speak for other models."""
    entries = {spec.id: catalogue.find(spec.model) for spec in routing.model.reviewers}
    screening = {entry.provider for entry in catalogue.models if entry.screens_only}
    for at, spec in enumerate(routing.model.reviewers):
        entry = entries[spec.id]
        if entry is not None and spec.provider in screening and not entry.screens_only:
            message = f"{spec.provider} gives no full critique: it serves models marked screens_only, not {spec.model}"
            yield routing.document.fault(("reviewers", at, "provider"), message, "RUB104")
    for path, route in routing.model.placed_routes():
        for at, name in enumerate(route.reviewers):
            entry = entries[name]
            if entry is not None and entry.screens_only and name != route.screen:
                message = f"{name} can only look first: name it as a cascade's screen, or leave it out"
                yield routing.document.fault((*path, "reviewers", at), message, "RUB104")


def build_checks(files: RuleFiles) -> tuple[dict[str, Check], tuple[Fault, ...]]:
    """Compile the check of every criterion that names one, the baseline's included.

    Returns:
        Checks by `rubric/criterion`, and the faults of those that could not be built.

    Raises:
        InvariantError: a check of the baseline cannot be built.
    """
    checks: dict[str, Check] = {}
    faults: list[Fault] = []
    # Criteria that ask for the same check share one, which then runs once for a draft.
    shared: dict[bytes, Check] = {}
    for rubric in files.rubrics.values():
        for at, criterion in enumerate(rubric.model.criteria):
            if criterion.check is not None:
                key = _spec_key(criterion.check)
                built = shared.get(key) or _build(criterion.check, rubric.document, ("criteria", at, "check"))
                if isinstance(built, tuple):
                    faults.extend(built)
                else:
                    shared[key] = checks[f"{rubric.model.id}/{criterion.id}"] = built
    return checks | _baseline_checks(shared), tuple(faults)


def _spec_key(spec: CheckSpec) -> bytes:
    """What two checks with the same outcome have in common: id and arguments, defaults written out.

    Arguments that are at fault stand as they are: building the check reports them.
    """
    args: object = spec.args
    with suppress(LookupError, ValidationError):
        args = discovery.load("checks", spec.id, "Args").model_validate(spec.args).model_dump(mode="json")
    return orjson.dumps([spec.id, args], option=orjson.OPT_SORT_KEYS)


def _baseline_checks(shared: dict[bytes, Check]) -> dict[str, Check]:
    checks: dict[str, Check] = {}
    nowhere = Document(BASELINE_ID, None, {})
    for criterion in BASELINE.criteria:
        if criterion.check is None:
            continue
        built = shared.get(_spec_key(criterion.check)) or _build(criterion.check, nowhere, (criterion.id,))
        if isinstance(built, tuple):
            raise InvariantError(f"the baseline's check of {criterion.id} cannot be built: {built}")
        checks[f"{BASELINE_ID}/{criterion.id}"] = built
    return checks


def _build(spec: CheckSpec, document: Document, path: FieldPath) -> Check | tuple[Fault, ...]:
    inside = (*path, "args")
    try:
        arguments = discovery.load("checks", spec.id, "Args")
        build = discovery.load("checks", spec.id, "build")
    except LookupError as exc:
        return (document.fault((*path, "id"), str(exc), "RUB009"),)
    try:
        check: Check = build(arguments.model_validate(spec.args))
    except ValidationError as exc:
        return faults_of(document, exc, inside, arguments)
    except PatternError as exc:
        return (_pattern_fault(document, inside, exc),)
    except ValueError as exc:
        return (document.fault(inside, str(exc), "RUB009"),)
    return check


def _pattern_fault(document: Document, arguments: FieldPath, error: PatternError) -> Fault:
    """Name the line of the pattern itself, where the argument is spelt as its place in the file."""
    place = (*arguments, *error.where.split("."), error.index)
    if place in document.positions:
        return document.fault(place, error.why, "RUB009")
    return document.fault(arguments, str(error), "RUB009")
