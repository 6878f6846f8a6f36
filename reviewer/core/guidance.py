"""Guidance: what the drafting model may be shown of a critique.

Reasons are for people; a route decides how much of them reaches the model, since a drafter that sees every reason
learns to please the critic.

Never shown, whatever the route says: suspected injection, and criteria whose `reveal` is `none`.
"""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.finding import Quote
from reviewer.core.routing import Guidance
from reviewer.core.rubric import Effect, Place, Reveal
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Decision, Verdict


@dataclass(frozen=True, slots=True)
class GuidanceItem:
    """One point to work on.

    Attributes:
        instruction: empty where only the criterion may be shown.
        quotes: verified, from the draft only.
    """

    criterion: str
    title: str
    instruction: str = ""
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class DrafterGuidance:
    """What may be shown; no items unless the verdict is REVISE."""

    level: Guidance
    items: tuple[GuidanceItem, ...] = ()


def guide(decision: Decision, plan: Plan) -> DrafterGuidance:
    """Pick what the drafting model may see of a decision, one item a criterion, the strictest first."""
    level = plan.route.guidance
    if decision.verdict is not Verdict.REVISE or level is Guidance.NONE:
        return DrafterGuidance(level)
    criteria = {item.key: item.criterion for item in plan.criteria}
    items: dict[str, GuidanceItem] = {}
    for reason in decision.reasons:
        criterion = criteria.get(reason.criterion)
        if criterion is None or reason.cause is not Cause.CRITERION or reason.effect is Effect.NOTE:
            continue
        if criterion.reveal is Reveal.NONE or reason.criterion in items:
            continue
        if level is Guidance.FULL and criterion.reveal is Reveal.DETAIL:
            quotes = tuple(quote for quote in reason.quotes if quote.place is Place.DRAFT)
            instruction = reason.fix or reason.message
            items[reason.criterion] = GuidanceItem(reason.criterion, criterion.title, instruction, quotes)
        else:
            items[reason.criterion] = GuidanceItem(reason.criterion, criterion.title)
    return DrafterGuidance(level, tuple(items.values()))
