"""The rulebook: rubrics, routing, models and compiled checks as one immutable set, and the plan of each request.

Everything a plan holds is built once for a combination of route, tier, locale overlay and depth, and shared by all
requests of that kind. Reading files and reporting their faults is `reviewer.rubrics`; deciding is
`reviewer.core.verdict`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import rfc8785

from reviewer.core import questionnaire
from reviewer.core.baseline import BASELINE
from reviewer.core.canonical import canonical_bytes
from reviewer.core.check import Check
from reviewer.core.draft import Tier
from reviewer.core.errors import InvariantError
from reviewer.core.models import ModelCatalogue
from reviewer.core.questionnaire import Questionnaire
from reviewer.core.routing import ReviewerSpec, Route, Routing, effective_tier, intent_matches
from reviewer.core.rubric import Criterion, Frozen, Judge, Rubric, Severity


@dataclass(frozen=True, slots=True)
class RubricPin:
    """The exact rubric text that a review went by.

    Attributes:
        digest: SHA-256 in hex of the RFC 8785 form of the rubric with all defaults written out.
    """

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class PlannedCriterion:
    """One criterion as one plan runs it.

    Attributes:
        key: `rubric/criterion`.
        check: the compiled check, None where only the critic judges.
        asks_critic: whether the critic is asked in this plan; False for all where the plan is not full.
    """

    key: str
    rubric_id: str
    criterion: Criterion
    check: Check | None
    asks_critic: bool


@dataclass(frozen=True, slots=True)
class CriterionFact:
    """Title and weight of a criterion, as reviews keep them."""

    title: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Plan:
    """What one request goes through. Shared between requests: it holds nothing of any of them.

    Attributes:
        tier: the route's, or the caller's where that is higher.
        rubrics: the baseline first, then the route's, in its order.
        criteria: in the order of the rubrics. Where the plan is not full, only those with a check.
        questionnaire: aliases are empty where the critic is not asked, or where no criterion asks it.
        public_values: strings that redaction leaves in place, sorted.
        policy_facts: what the rubrics state as true in this locale, in their order.
        reviewers: in order of preference; may be empty below tier high, also where the caller raised the tier.
        full: the second model is asked. Always in tier high; in medium where a criterion asks it; in low where sampled.
        by_key: the criteria by key.
        conditional: the criteria with `applies_when`, which each request has to be held against.
        checked: the criteria with a check.
        asked: keys of the criteria that the critic is asked about.
        criterion_facts: titles and weights by key.
    """

    route: Route
    tier: Tier
    rubrics: tuple[Rubric, ...]
    pins: tuple[RubricPin, ...]
    criteria: tuple[PlannedCriterion, ...]
    questionnaire: Questionnaire
    public_values: tuple[str, ...]
    policy_facts: tuple[str, ...]
    reviewers: tuple[ReviewerSpec, ...]
    full: bool
    by_key: Mapping[str, PlannedCriterion] = field(init=False, repr=False, compare=False)
    conditional: tuple[PlannedCriterion, ...] = field(init=False, repr=False, compare=False)
    checked: tuple[PlannedCriterion, ...] = field(init=False, repr=False, compare=False)
    asked: tuple[str, ...] = field(init=False, repr=False, compare=False)
    criterion_facts: Mapping[str, CriterionFact] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once what every request of this plan looks up."""
        object.__setattr__(self, "by_key", {item.key: item for item in self.criteria})
        conditional = tuple(item for item in self.criteria if item.criterion.applies_when is not None)
        object.__setattr__(self, "conditional", conditional)
        object.__setattr__(self, "checked", tuple(item for item in self.criteria if item.check is not None))
        object.__setattr__(self, "asked", tuple(item.key for item in self.criteria if item.asks_critic))
        facts = {i.key: CriterionFact(i.criterion.title, i.criterion.severity) for i in self.criteria}
        object.__setattr__(self, "criterion_facts", facts)

    @property
    def screen_clears(self) -> bool:
        """Whether a screen without any objection may stand for the whole critique: never where the tier is high."""
        cascade = self.route.cascade
        return cascade is not None and cascade.clears and self.tier is not Tier.HIGH


@dataclass(frozen=True, slots=True)
class Facts:
    """Routing facts of one request, which `AppliesWhen` may look at. Nothing here comes from a model's output."""

    intent: str
    locale: str
    has_sources: bool
    has_tool_calls: bool
    has_draft_text: bool


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A resolved set of rules; made by `assemble`.

    Attributes:
        rubrics: by id, the baseline among them.
        checks: by criterion key, one for each criterion that names a check.
        pins: one a rubric, sorted by id.
        digest: SHA-256 in hex over pins, routing and catalogue: two rulebooks that decide alike share it.
    """

    rubrics: Mapping[str, Rubric]
    routing: Routing
    catalogue: ModelCatalogue
    checks: Mapping[str, Check]
    pins: tuple[RubricPin, ...]
    digest: str
    _tags: Mapping[str, str] = field(repr=False)
    _plans: dict[tuple[str, Tier, str, bool], Plan] = field(init=False, repr=False, compare=False, default_factory=dict)

    def plan(self, intent: str, wish: Tier | None, locale: str, sample_key: bytes) -> Plan:
        """Return what a request goes through; a dictionary look-up after the first of its kind.

        Args:
            intent: the caller's label, any string.
            wish: the tier the caller asked for; it can only raise the route's.
            locale: BCP 47 tag in any case, empty where unknown; any string is safe, see `overlay_tag`.
            sample_key: decides, the same way each time, whether a low-tier request is sampled for the full review.
        """
        route = self.routing.route_for(intent)
        tier = effective_tier(route, wish)
        sampled = tier is Tier.LOW and is_sampled(sample_key, route.sample_percent)
        key = (route.id, tier, self.overlay_tag(locale), sampled)
        if (plan := self._plans.get(key)) is None:
            plan = self._plans[key] = self._build(route, tier, key[2], sampled=sampled)
        return plan

    def overlay_tag(self, locale: str) -> str:
        """Reduce a locale to the overlay tag it selects, so that callers cannot grow the table of plans.

        Returns:
            A tag that some rubric has an overlay for, else its language where one has that, else an empty string.
        """
        folded = fold_locale(locale)
        return self._tags.get(folded) or self._tags.get(folded.partition("-")[0], "")

    def _build(self, route: Route, tier: Tier, tag: str, *, sampled: bool) -> Plan:
        rubrics = (BASELINE, *(self.rubrics[name] for name in route.rubrics))
        asked = any(criterion.judge is not Judge.CHECK for rubric in rubrics for criterion in rubric.criteria)
        full = tier is Tier.HIGH or (asked and (tier is Tier.MEDIUM or sampled))
        pins = {pin.id: pin for pin in self.pins}
        return Plan(
            route=route,
            tier=tier,
            rubrics=rubrics,
            pins=tuple(pins[rubric.id] for rubric in rubrics),
            criteria=tuple(
                self._planned(rubric, criterion, full=full)
                for rubric in rubrics
                for criterion in rubric.criteria
                if full or criterion.judge is not Judge.CRITIC
            ),
            questionnaire=questionnaire.build(rubrics if full else (), tag),
            public_values=tuple(sorted({value for rubric in rubrics for value in rubric.public_values})),
            policy_facts=tuple(fact.text for rubric in rubrics for fact in rubric.facts(tag)),
            reviewers=tuple(self.routing.reviewer(name) for name in route.reviewers),
            full=full,
        )

    def _planned(self, rubric: Rubric, criterion: Criterion, *, full: bool) -> PlannedCriterion:
        key = f"{rubric.id}/{criterion.id}"
        asks_critic = full and criterion.judge is not Judge.CHECK
        return PlannedCriterion(key, rubric.id, criterion, self.checks.get(key), asks_critic)


def assemble(
    rubrics: tuple[Rubric, ...], routing: Routing, catalogue: ModelCatalogue, checks: Mapping[str, Check]
) -> Rulebook:
    """Put validated parts together with the baseline.

    Args:
        rubrics: without the baseline, ids unique, every rubric that a route names among them.
        checks: by criterion key, those of the baseline included.

    Raises:
        InvariantError: a part is missing that loading should have asked for.
    """
    by_id = {rubric.id: rubric for rubric in (BASELINE, *rubrics)}
    if len(by_id) != len(rubrics) + 1:
        raise InvariantError("rubric ids are not unique, or one of them is the baseline's")
    needed = {f"{r.id}/{c.id}" for r in by_id.values() for c in r.criteria if c.check is not None}
    if missing := sorted(needed - checks.keys()):
        raise InvariantError(f"criteria without their compiled check: {', '.join(missing)}")
    if unknown := sorted({name for route in routing.all_routes for name in route.rubrics} - by_id.keys()):
        raise InvariantError(f"routes name rubrics that are not there: {', '.join(unknown)}")
    pins = tuple(RubricPin(r.id, r.version, file_digest(r)) for _, r in sorted(by_id.items()))
    parts = {
        "rubrics": [{"id": pin.id, "version": pin.version, "digest": pin.digest} for pin in pins],
        "routing": file_digest(routing),
        "models": file_digest(catalogue),
    }
    digest = hashlib.sha256(canonical_bytes(parts)).hexdigest()
    tags = {fold_locale(tag): tag for rubric in by_id.values() for tag in rubric.locales}
    return Rulebook(by_id, routing, catalogue, checks, pins, digest, tags)


def file_digest(model: Frozen) -> str:
    """SHA-256, in hex, of the RFC 8785 form of a file model with all defaults written out.

    Unlike a record, a rubric may hold decimal numbers (bounds in the arguments of a check): the full encoder is used.
    """
    return hashlib.sha256(rfc8785.dumps(model.model_dump(mode="json", by_alias=True))).hexdigest()


def fold_locale(locale: str) -> str:
    """Fold a locale tag for comparison: `pt_BR`, `pt-br` and `pt-BR` are one."""
    return locale.replace("_", "-").lower()


def is_sampled(sample_key: bytes, percent: int) -> bool:
    """Whether a request belongs to the sampled share: the same answer for the same key, about `percent` in 100."""
    return int.from_bytes(hashlib.sha256(sample_key).digest()[:8]) % 100 < percent


def inapplicable(plan: Plan, facts: Facts) -> frozenset[str]:
    """Return the keys of the criteria whose conditions do not hold for a request."""
    return frozenset([item.key for item in plan.conditional if not applies(item.criterion, facts)])


def applies(criterion: Criterion, facts: Facts) -> bool:
    """Whether a criterion's conditions, if it has any, all hold for a request.

    A locale condition holds for the exact tag or for its language (`es` covers `es-MX`; `pt-BR` does not cover `pt`),
    and never for an unknown locale.
    """
    when = criterion.applies_when
    if when is None:
        return True
    if when.has_sources not in (None, facts.has_sources) or when.has_tool_calls not in (None, facts.has_tool_calls):
        return False
    if when.has_draft_text not in (None, facts.has_draft_text):
        return False
    if when.intents and not any(intent_matches(pattern, facts.intent) for pattern in when.intents):
        return False
    if not when.locales:
        return True
    folded = fold_locale(facts.locale)
    return not {folded, folded.partition("-")[0]}.isdisjoint(map(fold_locale, when.locales))
