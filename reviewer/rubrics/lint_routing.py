"""Lint of routes and reviewers: what the table would do that its author cannot have meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.baseline import BASELINE
from reviewer.core.draft import DataClass, Tier
from reviewer.core.errors import Fault
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import ANY_INTENT, CritiqueMode, Route, Routing, intent_covers
from reviewer.core.rubric import Judge
from reviewer.rubrics.files import Loaded, RuleFiles

MAX_GROUP = 8


def coverage_errors(routing: Loaded[Routing], files: RuleFiles) -> Iterator[Fault]:
    """A route must not send a rubric what it was not written for."""
    for path, route in routing.model.placed_routes():
        for at, name in enumerate(route.rubrics):
            if (rubric := files.rubrics.get(name)) is None:
                continue
            written_for = rubric.model.applies_to.intents
            foreign = [i for i in route.intents if not any(intent_covers(own, i) for own in written_for)]
            if foreign:
                message = f"{name} is written for {', '.join(written_for)}, not for {', '.join(foreign)}"
                yield routing.document.fault((*path, "rubrics", at), message, "RUB201")


def reviewer_faults(routing: Loaded[Routing], catalogue: ModelCatalogue) -> tuple[list[Fault], list[Fault]]:
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
            faults.append(routing.document.fault(("reviewers", at, "model"), message, "RUB202"))
        if entry is not None and not entry.fit_to_approve and spec.id not in screens - relied_on:
            message = f"{spec.model} is not fit to approve: tier high must not rely on it"
            faults.append(routing.document.fault(("reviewers", at, "model"), message, "RUB203"))
    return errors, warnings


def _behind(route: Route) -> tuple[str, ...]:
    """The reviewers whose critique a route relies on: a screen can only object."""
    return tuple(name for name in route.reviewers if name != route.screen)


def panel_errors(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    """Judges that share their training share their errors: a panel of relatives is one judge who is paid twice."""
    for path, route in routing.model.placed_routes():
        if route.panel is None:
            continue
        families = _families(route.reviewers, routing.model, catalogue)
        if len(families) < route.panel.size:
            message = f"a panel of {route.panel.size} needs as many families, its reviewers are of {_listed(families)}"
            yield routing.document.fault((*path, "panel", "size"), message, "RUB206")


def family_warnings(routing: Loaded[Routing], catalogue: ModelCatalogue) -> Iterator[Fault]:
    """Yield high-tier routes that can never approve the drafts of some family."""
    for path, route in routing.model.placed_routes():
        if route.tier is Tier.HIGH and (message := _unjudged(route, routing.model, catalogue)):
            yield routing.document.fault((*path, "reviewers"), message, "RUB207")


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


def route_warnings(routing: Loaded[Routing], files: RuleFiles) -> Iterator[Fault]:
    """Yield what routes do that nobody will have meant."""
    by_prefix = {intent: route for route in routing.model.all_routes for intent in route.intents}
    for path, route in routing.model.placed_routes():
        if DataClass.RESTRICTED in route.data_classes:
            message = "restricted material would leave the house"
            yield routing.document.fault((*path, "data_classes"), message, "RUB208")
        for at, pattern in enumerate(route.intents):
            place = (*path, "intents", at)
            wider = [by_prefix[other] for other in _wider(pattern) if other in by_prefix]
            if any(other is route for other in wider):
                yield routing.document.fault(place, f"{pattern} is covered by another pattern of the route", "RUB210")
            elif wider and (laxer := _laxer(route, wider[0])):
                message = f"{pattern} takes intents from route {wider[0].id} and is laxer: {laxer}"
                yield routing.document.fault(place, message, "RUB209")
        if (size := _group(route, files)) > MAX_GROUP:
            message = f"about {size} questions a group; more than {MAX_GROUP} are answered carelessly"
            yield routing.document.fault((*path, "fan_out"), message, "RUB213")
    yield from _idle(routing, files)


def _wider(pattern: str) -> Iterator[str]:
    """Yield every other pattern, the default's left out, that covers all that this one covers; narrowest first."""
    segments = pattern.removesuffix(".*").split(".")
    if pattern == ANY_INTENT:
        return
    for size in range(len(segments) - 1, 0, -1):
        yield ".".join(segments[:size]) + ".*"


def _laxer(route: Route, than: Route) -> str:
    if route.tier < than.tier:
        return f"tier {route.tier.label} below {than.tier.label}"
    if than.mandatory_human and not route.mandatory_human:
        return "no mandatory person"
    if lost := [name for name in than.rubrics if name not in route.rubrics]:
        return f"without {', '.join(lost)}"
    return ""


def _group(route: Route, files: RuleFiles) -> int:
    """How many questions one group of a route that fans out has, about; 0 for one that does not."""
    if route.fan_out == 1 or route.mode is CritiqueMode.PANEL:
        return 0
    rubrics = (BASELINE, *(files.rubrics[name].model for name in route.rubrics if name in files.rubrics))
    asked = sum(criterion.judge is not Judge.CHECK for rubric in rubrics for criterion in rubric.criteria)
    return -(-asked // route.fan_out)


def _idle(routing: Loaded[Routing], files: RuleFiles) -> Iterator[Fault]:
    asked = {name for route in routing.model.all_routes for name in route.reviewers}
    for at, spec in enumerate(routing.model.reviewers):
        if spec.id not in asked:
            yield routing.document.fault(("reviewers", at), f"no route names reviewer {spec.id}", "RUB211")
    run = {name for route in routing.model.all_routes for name in route.rubrics}
    for name, rubric in files.rubrics.items():
        if name not in run:
            yield rubric.document.fault(("id",), f"no route names rubric {name}", "RUB212")
