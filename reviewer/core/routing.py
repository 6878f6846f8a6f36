"""The risk matrix: which intent is how risky, who reviews it, and under which limits, as `rubrics/routing.yaml` states.

What an unknown intent leads to is not configurable: the default route is of high tier, or the table cannot be built.
Which criteria a route runs is worked out in `reviewer.core.rulebook`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PrivateAttr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from reviewer.core.draft import DataClass, Tier
from reviewer.core.models import ModelName
from reviewer.core.placement import FieldPath, PlacedError
from reviewer.core.rubric import Frozen, IntentPattern, Slug

ANY_INTENT = "*"

_INTENT = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_WILDCARD = ".*"


def _tier(value: object) -> Tier:
    if isinstance(value, Tier):
        return value
    for tier in Tier:
        if value == tier.label:
            return tier
    raise ValueError("expected low, medium or high")


TierField = Annotated[
    Tier,
    BeforeValidator(_tier),
    PlainSerializer(lambda tier: tier.label, return_type=str),
    WithJsonSchema({"type": "string", "enum": [tier.label for tier in Tier]}),
]


class Guidance(StrEnum):
    """How much of a critique the drafting model may see when it is asked to revise.

    `full` gives reasons and fixes, `criteria` only which criteria failed, `none` nothing: the less it sees, the less
    it can write to the examiner.
    """

    FULL = "full"
    CRITERIA = "criteria"
    NONE = "none"


class CritiqueMode(StrEnum):
    """How many second models are asked: one, several at once, or a cheap one and then a strong one."""

    SINGLE = "single"
    PANEL = "panel"
    CASCADE = "cascade"


def _everybody(panel: dict[str, int]) -> int:
    return panel["size"]


class Panel(Frozen):
    """Several reviewers of different families, asked at once.

    Attributes:
        quorum: complete critiques that are needed; all of them where the file does not say.
    """

    size: int = Field(ge=2, le=5)
    quorum: int = Field(default_factory=_everybody, ge=1, le=5)


class Cascade(Frozen):
    """A screening reviewer, and behind it the route's other reviewers.

    Attributes:
        screen: id of the reviewer that is asked first.
        clears: whether a screen without any objection may approve; never in tier high.
    """

    screen: Slug
    clears: bool = False


class ReviewerSpec(Frozen):
    """A second model that routes can name.

    Attributes:
        provider: module name under `reviewer.providers`.
        model: id of an entry of the model catalogue.
        max_output_tokens: bound on one reply.
    """

    id: Slug
    provider: Slug
    model: ModelName
    max_output_tokens: int = Field(default=4096, ge=256, le=131_072)


class Route(Frozen):
    """What happens to the intents it names.

    Attributes:
        reviewers: in order of preference; the first one that may judge the drafter is asked, or as many as `mode` says.
        panel: given where `mode` is panel, and only there; `cascade` likewise.
        fan_out: groups into which the questions are split, to be asked at once.
        mandatory_human: the verdict is always a handoff; the second model's findings prepare it.
        data_classes: material that may be shown to a second model; any other is handed off unseen.
        early_exit: a critique is ended as soon as one blocker is found not met; not on a panel, which hears everybody.
        max_revisions: this many `REVISE` answers to one draft, the next one becomes a handoff.
        sample_percent: share of low-tier requests that get the full review all the same.
        require_other_family: the reviewer must not be of the drafter's family (unknown counts as the same).
    """

    id: Slug
    intents: tuple[IntentPattern, ...] = Field(min_length=1)
    domain: Slug
    tier: TierField
    rubrics: tuple[Slug, ...] = Field(min_length=1)
    reviewers: tuple[Slug, ...] = ()
    mandatory_human: bool = False
    data_classes: tuple[DataClass, ...] = (DataClass.PUBLIC, DataClass.INTERNAL, DataClass.CONFIDENTIAL)
    max_revisions: int = Field(default=2, ge=0, le=10)
    guidance: Guidance = Guidance.FULL
    sample_percent: int = Field(default=5, ge=0, le=100)
    require_other_family: bool = True
    mode: CritiqueMode = CritiqueMode.SINGLE
    panel: Panel | None = None
    cascade: Cascade | None = None
    fan_out: int = Field(default=1, ge=1, le=8)
    early_exit: bool = False

    @property
    def seats(self) -> int:
        """How many reviewers give a full critique."""
        return self.panel.size if self.panel else 1

    @property
    def screen(self) -> str:
        """Id of the reviewer that looks first; empty where none does."""
        return self.cascade.screen if self.cascade else ""

    @property
    def quorum(self) -> int:
        """How many complete critiques are needed."""
        return self.panel.quorum if self.panel else 1

    @model_validator(mode="after")
    def _consistent(self) -> Route:
        """Refuse a high route that nobody could review, and names that stand twice."""
        if self.tier is Tier.HIGH and not self.reviewers:
            raise ValueError("a high-tier route needs at least one reviewer")
        for field, names in (("rubrics", self.rubrics), ("reviewers", self.reviewers), ("intents", self.intents)):
            if len(set(names)) != len(names):
                raise ValueError(f"{field} names something twice")
        if faults := [*self._misplaced(), *self._panel_faults(), *self._cascade_faults()]:
            raise PlacedError(faults)
        return self

    def _misplaced(self) -> Iterator[tuple[FieldPath, str]]:
        for mode, fields in ((CritiqueMode.PANEL, self.panel), (CritiqueMode.CASCADE, self.cascade)):
            if self.mode is mode and fields is None:
                yield ("mode",), f"mode {mode.value} needs {mode.value} with its fields"
            elif self.mode is not mode and fields is not None:
                yield (mode.value,), f"belongs to mode {mode.value}, and the mode is {self.mode.value}"

    def _panel_faults(self) -> Iterator[tuple[FieldPath, str]]:
        if self.panel is None:
            return
        if self.early_exit:
            yield ("early_exit",), "a panel hears every reviewer to the end; early_exit belongs to the other modes"
        if self.panel.quorum > self.panel.size:
            yield ("panel", "quorum"), f"a quorum of {self.panel.quorum} cannot come from {self.panel.size} reviewers"
        if self.panel.size > len(self.reviewers):
            yield ("panel", "size"), f"a panel of {self.panel.size} needs as many reviewers, got {len(self.reviewers)}"

    def _cascade_faults(self) -> Iterator[tuple[FieldPath, str]]:
        if self.cascade is None:
            return
        if self.cascade.screen not in self.reviewers:
            yield ("cascade", "screen"), f"{self.cascade.screen} is not one of the route's reviewers"
        elif len(self.reviewers) == 1:
            yield ("reviewers",), "a cascade needs a reviewer behind its screen"
        if self.cascade.clears and self.tier is Tier.HIGH:
            yield ("cascade", "clears"), "a screen cannot clear drafts in tier high"


class Routing(Frozen):
    """The whole table. Lookups are total: every string has exactly one route."""

    schema_version: Literal[1] = Field(alias="schema")
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    reviewers: tuple[ReviewerSpec, ...] = Field(min_length=1)
    default: Route
    routes: tuple[Route, ...] = ()
    _exact: dict[str, Route] = PrivateAttr(default_factory=dict)
    _prefixes: dict[str, Route] = PrivateAttr(default_factory=dict)
    _depth: int = PrivateAttr(default=0)
    _reviewers: dict[str, ReviewerSpec] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _index(self) -> Routing:
        """Refuse ambiguity and a lenient default, then index patterns once."""
        faults = [*self._default_faults(), *self._reviewer_faults(), *self._route_faults()]
        if faults:
            raise PlacedError(faults)
        self._reviewers = {spec.id: spec for spec in self.reviewers}
        for route in self.routes:
            for pattern in route.intents:
                table = self._prefixes if pattern.endswith(_WILDCARD) else self._exact
                table[pattern.removesuffix(_WILDCARD)] = route
        self._depth = max((prefix.count(".") + 1 for prefix in self._prefixes), default=0)
        return self

    def _default_faults(self) -> Iterator[tuple[FieldPath, str]]:
        if self.default.tier is not Tier.HIGH:
            yield ("default", "tier"), "the default route must be of tier high: an unknown intent is a high risk"
        if self.default.intents != (ANY_INTENT,):
            yield ("default", "intents"), 'the default route must have the intents ["*"]'

    def _reviewer_faults(self) -> Iterator[tuple[FieldPath, str]]:
        seen: set[str] = set()
        for at, spec in enumerate(self.reviewers):
            if spec.id in seen:
                yield ("reviewers", at, "id"), f"reviewer {spec.id} stands twice"
            seen.add(spec.id)
        for path, route in self.placed_routes():
            for at, name in enumerate(route.reviewers):
                if name not in seen:
                    yield (*path, "reviewers", at), f"unknown reviewer {name}; known: {', '.join(sorted(seen))}"
        yield from self._screen_faults()

    def _screen_faults(self) -> Iterator[tuple[FieldPath, str]]:
        """Two critiques by one model could not be told apart, and a second look by the same eyes is none."""
        models = {spec.id: spec.model.lower() for spec in self.reviewers}
        for path, route in self.placed_routes():
            if route.cascade is None or (screen := models.get(route.cascade.screen)) is None:
                continue
            if any(models.get(name) == screen for name in route.reviewers if name != route.cascade.screen):
                yield (*path, "cascade", "screen"), f"the screen's model {screen} also stands behind it"

    def _route_faults(self) -> Iterator[tuple[FieldPath, str]]:
        ids: set[str] = set()
        owners: dict[str, str] = {}
        for path, route in self.placed_routes():
            if route.id in ids:
                yield (*path, "id"), f"route {route.id} stands twice"
            ids.add(route.id)
            for at, pattern in enumerate(route.intents):
                if pattern == ANY_INTENT and route is not self.default:
                    yield (*path, "intents", at), "the pattern '*' belongs to the default route"
                elif (owner := owners.setdefault(pattern, route.id)) != route.id:
                    yield (*path, "intents", at), f"pattern {pattern} already stands in route {owner}"

    def placed_routes(self) -> tuple[tuple[FieldPath, Route], ...]:
        """Every route with its place in the file, the default last."""
        return (*((("routes", at), route) for at, route in enumerate(self.routes)), (("default",), self.default))

    @property
    def all_routes(self) -> tuple[Route, ...]:
        """Every route, the default last."""
        return (*self.routes, self.default)

    def reviewer(self, reviewer_id: str) -> ReviewerSpec:
        """Return the reviewer that a route names; the table holds every one of them."""
        return self._reviewers[reviewer_id]

    def route_for(self, intent: str) -> Route:
        """Return the route of an intent: exact match, else the longest `a.b.*`, else the default.

        `health.*` covers `health.dosage` and not `health` itself. What is not a dotted label (empty, upper case,
        stray dots) goes to the default, so that a malformed label never reaches a more lenient route.
        """
        if not _INTENT.fullmatch(intent):
            return self.default
        if (route := self._exact.get(intent)) is not None:
            return route
        segments = intent.split(".", self._depth)
        for size in range(len(segments) - 1, 0, -1):
            if (route := self._prefixes.get(".".join(segments[:size]))) is not None:
                return route
        return self.default


def intent_matches(pattern: str, intent: str) -> bool:
    """Whether one pattern (`*`, `a.b.*`, `a.b`) covers an intent."""
    if pattern.endswith(_WILDCARD):
        return intent.startswith(pattern[:-1])
    return pattern in (ANY_INTENT, intent)


def intent_covers(pattern: str, other: str) -> bool:
    """Whether every intent that the pattern `other` covers is covered by `pattern` too."""
    if other == ANY_INTENT:
        return pattern == ANY_INTENT
    return pattern == other or intent_matches(pattern, other)


def effective_tier(route: Route, wish: Tier | None) -> Tier:
    """Return the tier in force: the caller's wish can raise the route's, never lower it."""
    return route.tier if wish is None else max(route.tier, wish)
