"""Who may judge a draft: the reviewers of a route that are of another family, alive, fit, and able to read it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date

from reviewer.core.models import ModelCatalogue, ModelEntry
from reviewer.core.passage import RedactedDraft
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reviewer that may judge a draft, with what the catalogue knows of its model."""

    spec: ReviewerSpec
    entry: ModelEntry


def candidates(
    plan: Plan, catalogue: ModelCatalogue, draft: RedactedDraft, today: date, providers: Container[str]
) -> tuple[Candidate, ...] | Trouble:
    """Pick the reviewers that may judge a draft, in the order of preference; at least one, or why there is none.

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
        if strict and entry.family == family:
            related = True
        elif spec.provider in providers:
            chosen.append(Candidate(spec, entry))
    if chosen:
        return tuple(chosen)
    if related:
        return Trouble(Cause.SAME_FAMILY, "no configured reviewer is of another family than the drafting model")
    return Trouble(Cause.REVIEWER_UNAVAILABLE, "no reviewer of this route is configured and fit for this request")


def _usable(entry: ModelEntry, draft: RedactedDraft, today: date) -> bool:
    retired = entry.retires is not None and today >= entry.retires
    return entry.fit_to_approve and not retired and (entry.images or not draft.images)
