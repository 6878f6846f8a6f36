"""Canaries: labelled drafts known to be bad, shown to second models in production to see whether they still object.

Which ones there are, which of them suits whom, and what came of one. When they are shown is `reviewer.canary`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from reviewer.core.case import Case, CaseFile
from reviewer.core.case_request import request_of
from reviewer.core.draft import Drafter, ReviewRequest
from reviewer.core.drift import objects, opinions
from reviewer.core.finding import Finding
from reviewer.core.review import Examination, Review
from reviewer.core.rulebook import Plan, Rulebook

_FAILING = ("NOT_MET", "UNCERTAIN")


class Sight(StrEnum):
    """What came of a canary; a critique that was lost says nothing of the model's eyes."""

    CAUGHT = "yes"
    MISSED = "no"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Canary:
    """A case marked as a canary, in a rulebook.

    Attributes:
        name: `domain/case`.
        plan: what a request of its intent goes through.
        expected: keys of the criteria asked of the critic that it must object to.
    """

    name: str
    request: ReviewRequest
    plan: Plan
    expected: frozenset[str]

    def sight(self, findings: tuple[Finding, ...], model: str) -> Sight:
        """Say whether a model saw what is wrong with the draft, from all findings of its review."""
        if model not in opinions(findings):
            return Sight.LOST
        seen = any(f.by == model and f.criterion in self.expected and objects(f) for f in findings)
        return Sight.CAUGHT if seen else Sight.MISSED


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a canary is shown: a model, and the review after which it is examined.

    Attributes:
        drafter: of the reviewed draft. The canary is said to be of the same, so that the family rule picks no other
            judge; what a model is shown does not name it.
    """

    model: str
    route: str
    domain: str
    drafter: Drafter

    @classmethod
    def after(cls, review: Review, model: str) -> Occasion:
        """Return the occasion that a model's part in a review gives."""
        return cls(model, review.route.id, review.route.domain, review.drafter)

    def dress(self, canary: Canary) -> tuple[ReviewRequest, Examination]:
        """Return the request that shows a canary on this occasion, and what its review is to remember."""
        draft = replace(canary.request.draft, drafter=self.drafter)
        return replace(canary.request, draft=draft), Examination(canary.name, self.model)


def expected_of(case: Case, plan: Plan) -> frozenset[str]:
    """Return what the critic must object to in a case: criteria expected to fail that it is asked about."""
    failing = {key for key, outcome in case.expect.findings.items() if outcome in _FAILING}
    return frozenset(failing.intersection(plan.asked))


def canaries_of(files: Iterable[CaseFile], rulebook: Rulebook) -> tuple[Canary, ...]:
    """Return the canaries among cases, in their order; without those of which a critic would not be asked anything."""
    marked = [(file.rubric, case) for file in files for case in file.cases if case.canary]
    placed = [(rubric, case, rulebook.plan(case.intent, None, case.locale, b"")) for rubric, case in marked]
    return tuple(
        Canary(f"{rubric}/{case.id}", request_of(case), plan, expected)
        for rubric, case, plan in placed
        if (expected := expected_of(case, plan))
    )


def fitting(canaries: Iterable[Canary], occasion: Occasion) -> tuple[Canary, ...]:
    """Return the canaries to choose from: of the same route if there are any, else of its domain, else of any.

    Only those whose own route asks the model in question are any good.
    """
    able = [c for c in canaries if any(spec.model == occasion.model for spec in c.plan.reviewers)]
    same_route = [c for c in able if c.plan.route.id == occasion.route]
    same_domain = [c for c in able if c.plan.route.domain == occasion.domain]
    return tuple(same_route or same_domain or able)
