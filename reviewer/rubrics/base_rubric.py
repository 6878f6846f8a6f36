"""Bases: what rubrics extend that is not a rubric itself, `rubrics/_base/<id>.yaml`.

A base is not routed and not judged by, so that it may leave out what each rubric must say for itself.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from reviewer.core.rubric import (
    AppliesTo,
    Criterion,
    Frozen,
    LocaleOverlay,
    LocaleTag,
    PolicyFact,
    ShortText,
    Slug,
)


class BaseRubric(Frozen):
    """Criteria, facts and overlays for others to extend; each criterion is complete."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Slug
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    domain: Slug | None = None
    owner: ShortText | None = None
    changed: date | None = None
    purpose: ShortText | None = None
    applies_to: AppliesTo | None = None
    policy_facts: tuple[PolicyFact, ...] = ()
    public_values: tuple[ShortText, ...] = ()
    locales: dict[LocaleTag, LocaleOverlay] = Field(default_factory=dict)
    criteria: tuple[Criterion, ...] = Field(default=(), max_length=64)
