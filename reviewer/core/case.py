"""Labelled drafts that a rubric is tried against: the file models of `rubrics/*/cases/*.yaml`.

A case holds what a backend would send, what a good critic would answer (the script of the simulated reviewer), and
the verdicts and findings that are right. Criteria that the script does not name are answered MET by the simulated
reviewer, with a quote from the draft's opening where evidence is due.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from reviewer.core.rubric import Frozen, LocaleTag, Place, ShortText, Slug

Prose = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Intent = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
CriterionKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$")]
OutcomeName = Literal["MET", "NOT_MET", "UNCERTAIN", "NOT_APPLICABLE"]
VerdictName = Literal["APPROVE", "REVISE", "HUMAN_HANDOFF"]


class CaseTurn(Frozen):
    """One turn of a case's conversation: text, or the result of a tool."""

    role: Literal["system", "user", "assistant", "tool"]
    text: Prose


class CaseSource(Frozen):
    """A source the draft may rely on."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    title: ShortText
    uri: str = ""
    retrieved_at: datetime | None = None
    text: Prose


class CaseToolCall(Frozen):
    """A tool call that the draft proposes."""

    id: str = "call_1"
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    arguments: dict[str, object] = Field(default_factory=dict)


class CaseDrafter(Frozen):
    """Who wrote the draft."""

    provider: str = "openai"
    model: str = "gpt-5.3-chat-latest"


class CaseDraft(Frozen):
    """The draft under review."""

    text: str = ""
    tool_calls: tuple[CaseToolCall, ...] = ()
    model: CaseDrafter = Field(default_factory=CaseDrafter)


class ScriptedQuote(Frozen):
    """A quote the scripted critic gives; it must stand in the case, or the case says that it must fail."""

    place: Place = Place.DRAFT
    text: Prose


class ScriptedFinding(Frozen):
    """What the scripted critic answers for one criterion."""

    outcome: OutcomeName
    why: ShortText
    quotes: tuple[ScriptedQuote, ...] = Field(default=(), max_length=3)
    fix: ShortText | None = None


class Expectation(Frozen):
    """What must come out.

    Attributes:
        verdicts: any of these is right.
        findings: outcome that a criterion (`rubric/criterion`) must end with.
        forbidden: criteria that must not end as NOT_MET.
    """

    verdicts: tuple[VerdictName, ...] = Field(min_length=1)
    findings: dict[CriterionKey, OutcomeName] = Field(default_factory=dict)
    forbidden: tuple[CriterionKey, ...] = ()


class Case(Frozen):
    """One labelled draft.

    Attributes:
        canary: shown to second models in production, to see whether they still object. Only the critic can catch it.
    """

    id: Slug
    intent: Intent
    locale: LocaleTag = "en-US"
    tags: tuple[Slug, ...] = ()
    origin: Literal["invented", "incident", "human_label"] = "invented"
    note: ShortText | None = None
    canary: bool = False
    conversation: tuple[CaseTurn, ...] = Field(min_length=1)
    sources: tuple[CaseSource, ...] = ()
    draft: CaseDraft
    critique: dict[CriterionKey, ScriptedFinding] = Field(default_factory=dict)
    expect: Expectation

    @model_validator(mode="after")
    def _has_draft(self) -> Case:
        """Refuse a case without anything to review."""
        if not self.draft.text and not self.draft.tool_calls:
            raise ValueError("a case needs draft text or a proposed tool call")
        return self


class CaseFile(Frozen):
    """A file of cases of one suite."""

    schema_version: Literal[1] = Field(alias="schema")
    rubric: Slug
    suite: Literal["known_benign", "known_sensitive", "adversarial", "multilingual"]
    cases: tuple[Case, ...] = Field(min_length=1)
