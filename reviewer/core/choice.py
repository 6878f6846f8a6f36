"""Who may judge a draft, and in which part: reviewers of another family, alive, fit, and able to read it.

What the critiques of those who were asked come to together is `reviewer.core.hearing`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date

from reviewer.core.models import ModelCatalogue, ModelEntry
from reviewer.core.outcome import CallRecord
from reviewer.core.passage import RedactedDraft
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reviewer that may judge a draft, with what the catalogue knows of its model."""

    spec: ReviewerSpec
    entry: ModelEntry


@dataclass(frozen=True, slots=True)
class Seating:
    """Who is asked, and who stands by.

    Attributes:
        seats: reviewers that are asked at once; no two of one family. At least one, unless the time that is left is the
            screen's alone (`reviewer.core.shortening`).
        spares: who takes the place of one that cannot be reached, in order of preference.
        screen: who looks first; None where the route wants none, or where the one it names may not judge this draft.
        notes: what is missing from what the route wants and can be done without.
    """

    seats: tuple[Candidate, ...]
    spares: tuple[Candidate, ...] = ()
    screen: Candidate | None = None
    notes: tuple[Trouble, ...] = ()


def seating(
    plan: Plan, catalogue: ModelCatalogue, draft: RedactedDraft, today: date, providers: Container[str]
) -> Seating | Trouble:
    """Give the reviewers that may judge a draft their parts, or say why the route's demands cannot be met.

    Args:
        today, providers: as for `candidates`.
    """
    chosen = candidates(plan, catalogue, draft, today, providers)
    if isinstance(chosen, Trouble):
        return chosen
    if plan.route.seats > 1:
        return _panel(plan, chosen, _absence(plan, catalogue, draft))
    if plan.route.cascade is not None:
        return _cascade(plan, chosen, plan.route.cascade.screen, _absence(plan, catalogue, draft))
    return Seating(chosen[:1], chosen[1:])


def summon(
    model: str, plan: Plan, catalogue: ModelCatalogue, draft: RedactedDraft, today: date, providers: Container[str]
) -> Seating | Trouble:
    """Seat one model alone, without anybody to take its place, if it may judge a draft at all.

    Args:
        model: as its reviewer names it.
        today, providers: as for `candidates`.
    """
    chosen = candidates(plan, catalogue, draft, today, providers)
    if isinstance(chosen, Trouble):
        return chosen
    seats = tuple([candidate for candidate in chosen if candidate.spec.model == model])[:1]
    return Seating(seats) if seats else Trouble(Cause.REVIEWER_UNAVAILABLE, f"{model} may not judge this draft")


def _panel(plan: Plan, chosen: tuple[Candidate, ...], absence: Cause) -> Seating | Trouble:
    """Seat the first reviewer of each family, as many as the panel has places."""
    route = plan.route
    first: dict[str, Candidate] = {}
    for candidate in chosen:
        if len(first) < route.seats:
            first.setdefault(candidate.entry.family, candidate)
    seats = tuple(first.values())
    spares = tuple([candidate for candidate in chosen if candidate not in seats])
    found = f"of {route.seats} reviewers of different families {len(seats)} may judge this draft"
    if len(seats) < route.quorum:
        return Trouble(absence, f"{found}, and {route.quorum} are needed")
    notes = (Trouble(absence, found, Effect.NOTE),) if len(seats) < route.seats else ()
    return Seating(seats, spares, notes=notes)


def _cascade(plan: Plan, chosen: tuple[Candidate, ...], screen: str, absence: Cause) -> Seating | Trouble:
    """Seat the screen and, behind it, the others; a screen that could clear must be as fit as whom it stands for."""
    found = next((candidate for candidate in chosen if candidate.spec.id == screen), None)
    behind = tuple([candidate for candidate in chosen if candidate is not found])
    if not behind:
        return Trouble(absence, "no reviewer but the screening one may judge this draft")
    if found is None:
        note = Trouble(absence, "the screening reviewer may not judge this draft", Effect.NOTE)
        return Seating(behind[:1], behind[1:], notes=(note,))
    if plan.screen_clears and not found.entry.fit_to_approve:
        unfit = "the screening reviewer is not fit to clear a draft"
        return Seating(behind[:1], behind[1:], notes=(Trouble(Cause.REVIEWER_UNAVAILABLE, unfit, Effect.NOTE),))
    return Seating(behind[:1], behind[1:], found)


def _absence(plan: Plan, catalogue: ModelCatalogue, draft: RedactedDraft) -> Cause:
    """Why reviewers of a route may be missing: some are the drafter's relatives, or else they are unfit or not open."""
    family = catalogue.family_of(draft.drafter)
    entries = [catalogue.find(spec.model) for spec in plan.reviewers]
    related = plan.route.require_other_family and any(entry and entry.family == family for entry in entries)
    return Cause.SAME_FAMILY if related else Cause.REVIEWER_UNAVAILABLE


def candidates(
    plan: Plan, catalogue: ModelCatalogue, draft: RedactedDraft, today: date, providers: Container[str]
) -> tuple[Candidate, ...] | Trouble:
    """Pick the reviewers that may judge a draft, in the order of preference; at least one, or why there is none.

    A model that is not fit to approve may screen, since a screen can only object, and nothing else.

    Args:
        today: UTC date that retirements are compared with.
        providers: names of the providers that are open.
    """
    if not plan.questionnaire.aliases:
        return Trouble(Cause.PARTIAL_COVERAGE, "no rubric of this route asks the second model anything")
    family = catalogue.family_of(draft.drafter)
    strict = plan.route.require_other_family
    if strict and family is None:
        return Trouble(Cause.SAME_FAMILY, "the drafting model is unknown, so no reviewer can be of another family")
    related = False
    chosen: list[Candidate] = []
    for spec in plan.reviewers:
        entry = catalogue.find(spec.model)
        if entry is None or not _usable(entry, draft, today):
            continue
        if spec.id != plan.route.screen and (entry.screens_only or not entry.fit_to_approve):
            continue
        if strict and entry.family == family:
            related = True
        elif spec.provider in providers:
            chosen.append(Candidate(spec, entry))
    if chosen:
        return tuple(chosen)
    if related:
        return Trouble(Cause.SAME_FAMILY, "no configured reviewer is of another family than the drafting model")
    return Trouble(Cause.REVIEWER_UNAVAILABLE, "no reviewer of this route is configured and fit for this request")


def relatives(
    plan: Plan, catalogue: ModelCatalogue, draft: RedactedDraft, calls: Iterable[CallRecord]
) -> tuple[Trouble, ...]:
    """Say which models answered that are of the drafting model's family, whoever was asked; in any tier.

    A gateway that swaps the reviewer for the drafter's relative would otherwise get around the rule that was kept when
    the reviewer was chosen.
    """
    family = catalogue.family_of(draft.drafter)
    if family is None or not plan.route.require_other_family:
        return ()
    served = {call.served_model for call in calls if call.served_model}
    own = sorted(name for name in served if catalogue.family_served(name) == family)
    return tuple(
        [Trouble(Cause.SAME_FAMILY, f"answered by {name[:128]!r}, of the drafter's own family") for name in own]
    )


def _usable(entry: ModelEntry, draft: RedactedDraft, today: date) -> bool:
    retired = entry.retires is not None and today >= entry.retires
    return not retired and (entry.images or not draft.images)
