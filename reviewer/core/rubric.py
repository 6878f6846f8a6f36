"""Rubrics: what a second model or a deterministic check is asked about a draft, and what each answer leads to.

These models are both the file format and the domain type: a value that exists is valid. Loading, line numbers and
cross-file rules live in `reviewer.rubrics`. Field names follow the project's judging notes: every criterion is
written so that MET is good news; `kind` decides which side has to be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from enum import IntEnum, StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
LocaleTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=600)]
IntentPattern = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?$|^\*$")]


class Frozen(BaseModel):
    """Base of file models: unknown keys are errors, values do not change after load."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


class Kind(StrEnum):
    """What sort of question a criterion asks; decides where evidence can exist."""

    PRESENCE = "presence"
    ABSENCE = "absence"
    GROUNDING = "grounding"
    ACTION = "action"
    QUALITY = "quality"


class Severity(StrEnum):
    """How much a criterion weighs when it is not met."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"


class Effect(IntEnum):
    """What a finding or cause asks of the verdict. Ordered: the verdict is the greatest effect."""

    NOTE = 0
    REVISE = 1
    HANDOFF = 2


EffectName = Literal["note", "revise", "handoff"]


class EvidenceDemand(StrEnum):
    """Which outcome has to be quoted."""

    ON_MET = "on_met"
    ON_NOT_MET = "on_not_met"
    BOTH = "both"
    NONE = "none"


class Place(StrEnum):
    """Where a quote can stand."""

    DRAFT = "draft"
    SOURCE = "source"
    CONVERSATION = "conversation"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    IMAGE = "image"


class Judge(StrEnum):
    """Who answers a criterion."""

    CRITIC = "critic"
    CHECK = "check"
    BOTH = "both"


class Reveal(StrEnum):
    """How much of a finding the drafting model may see (bounded further by the route)."""

    NONE = "none"
    CATEGORY = "category"
    DETAIL = "detail"


class Reference(Frozen):
    """A published source behind a rule."""

    title: ShortText
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None


class PolicyFact(Frozen):
    """A fact that the critic may rely on (a helpline, a limit); trusted text."""

    text: ShortText
    source: ShortText | None = None


class CheckSpec(Frozen):
    """A deterministic check by module name, with its arguments.

    The arguments are validated by the check's own model when the rubric set is resolved.
    """

    id: Slug
    args: dict[str, object] = Field(default_factory=dict)


class WorkedExample(Frozen):
    """A short answered example that goes into the prompt: from another topic than the cases."""

    draft: ShortText
    outcome: Literal["MET", "NOT_MET", "UNCERTAIN"]
    why: ShortText


class Evidence(Frozen):
    """Override of the evidence demand that `kind` implies."""

    on: EvidenceDemand
    places: tuple[Place, ...] = (Place.DRAFT,)
    min_quotes: int = Field(default=1, ge=1, le=3)


class AppliesWhen(Frozen):
    """Conditions on routing facts, all of which must hold. Never looks at model output.

    Where it does not hold, the criterion is `NOT_APPLICABLE` by code; a critic's `NOT_MET` on it still counts.
    """

    intents: tuple[IntentPattern, ...] = ()
    locales: tuple[LocaleTag, ...] = ()
    has_sources: bool | None = None
    has_tool_calls: bool | None = None
    has_draft_text: bool | None = None


_VAGUE = re.compile(r"\b(appropriate|appropriately|as needed|good enough|properly|reasonable care)\b", re.IGNORECASE)
_DEFAULT_EVIDENCE: dict[Kind, Evidence] = {
    Kind.PRESENCE: Evidence(on=EvidenceDemand.ON_MET),
    Kind.ABSENCE: Evidence(on=EvidenceDemand.ON_NOT_MET),
    Kind.GROUNDING: Evidence(on=EvidenceDemand.BOTH, places=(Place.DRAFT, Place.SOURCE, Place.CONVERSATION)),
    Kind.ACTION: Evidence(on=EvidenceDemand.BOTH, places=(Place.TOOL_CALL, Place.CONVERSATION, Place.DRAFT)),
    Kind.QUALITY: Evidence(on=EvidenceDemand.BOTH),
}
_ON_FAIL = {Severity.BLOCKER: Effect.HANDOFF, Severity.MAJOR: Effect.REVISE, Severity.MINOR: Effect.NOTE}
_EFFECT = {"note": Effect.NOTE, "revise": Effect.REVISE, "handoff": Effect.HANDOFF}


def _refuse_vague(anchors: Iterable[str]) -> None:
    if vague := next((m.group(0) for text in anchors if (m := _VAGUE.search(text))), None):
        raise ValueError(f"anchor uses the vague word {vague!r}: name an observable sign instead")


class Criterion(Frozen):
    """One question of a rubric.

    Attributes:
        id: immutable in meaning; a changed meaning is a new id.
        question: one question, phrased so that MET is good.
        not_counting: near misses that are fine: the guard against blocking too much.
        on_unverified: what an invented quote leads to where evidence is due.
        applies_when: see `AppliesWhen`.
        na_allowed: whether the critic may answer NOT_APPLICABLE (with a reason).
    """

    id: Slug
    title: ShortText
    question: ShortText
    kind: Kind
    severity: Severity
    judge: Judge = Judge.CRITIC
    check: CheckSpec | None = None
    guidance: ShortText | None = None
    met_when: tuple[ShortText, ...] = ()
    not_met_when: tuple[ShortText, ...] = ()
    uncertain_when: tuple[ShortText, ...] = ()
    not_counting: tuple[ShortText, ...] = ()
    on_fail: EffectName | None = None
    on_uncertain: EffectName | None = None
    on_unverified: Literal["revise", "handoff"] = "handoff"
    evidence: Evidence | None = None
    applies_when: AppliesWhen | None = None
    na_allowed: bool = False
    isolate: bool = False
    fix: ShortText | None = None
    reveal: Reveal = Reveal.DETAIL
    tags: tuple[Slug, ...] = ()
    examples: tuple[WorkedExample, ...] = ()
    rationale: ShortText | None = None
    sources: tuple[Reference, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Criterion:
        """Refuse combinations that could make a criterion silently toothless."""
        if (self.judge is Judge.CRITIC) != (self.check is None):
            raise ValueError("judge 'check' or 'both' needs a check, and judge 'critic' must not have one")
        if self.judge is not Judge.CHECK and not (self.met_when and self.not_met_when):
            raise ValueError("a criterion that the critic judges needs met_when and not_met_when")
        if self.severity is Severity.BLOCKER and Effect.NOTE in (self.fail_effect, self.uncertain_effect):
            raise ValueError("a blocker cannot have on_fail or on_uncertain 'note'")
        if self.severity is Severity.BLOCKER and self.na_allowed and self.applies_when is None:
            raise ValueError("a blocker with na_allowed needs applies_when, or it can be waved through")
        _refuse_vague((*self.met_when, *self.not_met_when))
        return self

    @property
    def fail_effect(self) -> Effect:
        """What NOT_MET asks for: `on_fail`, or the default of the severity."""
        return _EFFECT[self.on_fail] if self.on_fail else _ON_FAIL[self.severity]

    @property
    def uncertain_effect(self) -> Effect:
        """What UNCERTAIN asks for: `on_uncertain`, or handoff, revise, note by severity."""
        return _EFFECT[self.on_uncertain] if self.on_uncertain else _ON_FAIL[self.severity]

    @property
    def unverified_effect(self) -> Effect:
        """What an unverifiable quote asks for where evidence is due."""
        return _EFFECT[self.on_unverified]

    @property
    def evidence_rule(self) -> Evidence:
        """The evidence demand in force: the override, or what `kind` implies."""
        return self.evidence or _DEFAULT_EVIDENCE[self.kind]


def _empty(signs: dict[str, tuple[str, ...]]) -> bool:
    return not signs


# Left out of the rubric's canonical form where nothing is said, so that a rubric without them keeps its digest.
Signs = Annotated[dict[Slug, tuple[ShortText, ...]], Field(default_factory=dict, exclude_if=_empty)]


class LocaleOverlay(Frozen):
    """Additions to a rubric for one locale, by criterion: nothing is taken away.

    Attributes:
        guidance: follows the criterion's own guidance.
        met_when, not_met_when, uncertain_when, not_counting: follow the criterion's own signs.
    """

    policy_facts: tuple[PolicyFact, ...] = ()
    guidance: dict[Slug, ShortText] = Field(default_factory=dict)
    met_when: Signs
    not_met_when: Signs
    uncertain_when: Signs
    not_counting: Signs

    @property
    def signs(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The additions to lists of signs, by field and criterion."""
        return {
            "met_when": self.met_when,
            "not_met_when": self.not_met_when,
            "uncertain_when": self.uncertain_when,
            "not_counting": self.not_counting,
        }

    @model_validator(mode="after")
    def _observable(self) -> LocaleOverlay:
        """Refuse in anchors what a criterion's own anchors refuse."""
        for field in (self.met_when, self.not_met_when):
            _refuse_vague(text for texts in field.values() for text in texts)
        return self

    def localised(self, criterion: Criterion) -> Criterion:
        """Return a criterion with this locale's signs after its own."""
        added = {field: by_id[criterion.id] for field, by_id in self.signs.items() if criterion.id in by_id}
        if not added:
            return criterion
        return criterion.model_copy(
            update={field: (*getattr(criterion, field), *texts) for field, texts in added.items()}
        )


class AppliesTo(Frozen):
    """Which intents a rubric is written for; routing is linted against it."""

    intents: tuple[IntentPattern, ...] = Field(min_length=1)


class Rubric(Frozen):
    """A domain rubric as its file states it.

    A rubric without a blocking criterion cannot be built: it could never stop a draft.
    """

    schema_version: Literal[1] = Field(alias="schema")
    id: Slug
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    domain: Slug
    owner: ShortText
    changed: date
    purpose: ShortText
    applies_to: AppliesTo
    policy_facts: tuple[PolicyFact, ...] = ()
    public_values: tuple[ShortText, ...] = ()
    locales: dict[LocaleTag, LocaleOverlay] = Field(default_factory=dict)
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _consistent(self) -> Rubric:
        """Refuse duplicate ids, overlays for unknown criteria, and rubrics that cannot block."""
        ids = [criterion.id for criterion in self.criteria]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"criterion ids stand twice: {', '.join(repeated)}")
        if not any(criterion.severity is Severity.BLOCKER for criterion in self.criteria):
            raise ValueError("a rubric needs at least one criterion of severity 'blocker'")
        for tag, overlay in self.locales.items():
            named = {
                "guidance": overlay.guidance.keys(),
                **{field: by_id.keys() for field, by_id in overlay.signs.items()},
            }
            for field, names in named.items():
                if unknown := sorted(names - set(ids)):
                    raise ValueError(f"locale {tag} gives {field} for unknown criteria: {', '.join(unknown)}")
        return self

    def facts(self, locale: str) -> tuple[PolicyFact, ...]:
        """Return the facts that hold for a locale: those of the rubric, then those of the overlay."""
        overlay = self.overlay(locale)
        return (*self.policy_facts, *(overlay.policy_facts if overlay else ()))

    def overlay(self, locale: str) -> LocaleOverlay | None:
        """Return the overlay of the exact tag, else of its language, else None."""
        return self.locales.get(locale) or self.locales.get(locale.split("-", 1)[0])
