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
        allowed: where given, no other criterion may end as NOT_MET or UNCERTAIN but these and those of `findings`.
        quotes: text that a verified quote of a criterion must hold; case and white space do not count.
    """

    verdicts: tuple[VerdictName, ...] = Field(min_length=1)
    findings: dict[CriterionKey, OutcomeName] = Field(default_factory=dict)
    forbidden: tuple[CriterionKey, ...] = ()
    allowed: tuple[CriterionKey, ...] | None = None
    quotes: dict[CriterionKey, ShortText] = Field(default_factory=dict)


class CaseVariant(Frozen):
    """The same case in other words: what is given takes the place of the case's own, and the same must come out.

    Attributes:
        draft: text; the tool calls that the draft proposes stay as they are.
        critique: answers by criterion that take the place of the case's own, for quotes that are worded differently.
        quotes: the same for `expect.quotes`.
    """

    id: Slug
    note: ShortText | None = None
    conversation: tuple[CaseTurn, ...] | None = Field(default=None, min_length=1)
    draft: Prose | None = None
    critique: dict[CriterionKey, ScriptedFinding] = Field(default_factory=dict)
    quotes: dict[CriterionKey, ShortText] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _differs(self) -> CaseVariant:
        """Refuse a variant that is the case itself."""
        if self.conversation is None and self.draft is None:
            raise ValueError("a variant needs a conversation or a draft of its own")
        return self


class Case(Frozen):
    """One labelled draft.

    Attributes:
        variants: the same in other words, so that a model cannot tell a test from traffic by having seen it.
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
    variants: tuple[CaseVariant, ...] = Field(default=(), max_length=32)

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        """Refuse a case without anything to review, and variants that cannot be told apart."""
        if not self.draft.text and not self.draft.tool_calls:
            raise ValueError("a case needs draft text or a proposed tool call")
        ids = [variant.id for variant in self.variants]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"variant ids stand twice: {', '.join(repeated)}")
        return self

    def phrasings(self) -> tuple[Case, ...]:
        """Return the case in the words of each of its variants, in their order; each is named `case.variant`."""
        return tuple([self._in_words_of(variant) for variant in self.variants])

    def _in_words_of(self, variant: CaseVariant) -> Case:
        draft = self.draft if variant.draft is None else self.draft.model_copy(update={"text": variant.draft})
        expect = self.expect.model_copy(update={"quotes": {**self.expect.quotes, **variant.quotes}})
        return self.model_copy(
            update={
                "id": f"{self.id}.{variant.id}",
                "conversation": variant.conversation or self.conversation,
                "draft": draft,
                "critique": {**self.critique, **variant.critique},
                "expect": expect,
                "variants": (),
                "canary": False,
            }
        )


class CaseFile(Frozen):
    """A file of cases of one suite."""

    schema_version: Literal[1] = Field(alias="schema")
    rubric: Slug
    suite: Literal["known_benign", "known_sensitive", "adversarial", "multilingual"]
    cases: tuple[Case, ...] = Field(min_length=1)
