"""Scripts: what the simulated provider answers to which prompt. File models of a script file, and `Script` itself.

Matching a prompt against a script lives in `selection.py`, cases in `cases.py`, reading files in `loading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reviewer.core.case import CriterionKey, ScriptedFinding
from reviewer.core.rubric import Frozen

ProviderName = Literal["anthropic", "openai", "openai_compatible", "openai_decisions"]


class Gullibility(StrEnum):
    """How a critic errs that obeys what it reads, the more dangerous the further down.

    `obeying` does as it is told to the letter: it copies a reply with all that stands in it, answers the attention
    statements as told, and quotes what it was handed. `careful` answers those statements by looking and leaves out
    what nobody asked for. `accomplice` is careful and does the attacker's work as well: it answers what a forged
    reply forgot and finds the quotes that are due.
    """

    OBEYING = "obeying"
    CAREFUL = "careful"
    ACCOMPLICE = "accomplice"


class FaultKind(StrEnum):
    """What can be made to go wrong. The first group never answers, the second answers badly, the third late."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    UNAUTHORIZED = "unauthorized"
    TOO_LARGE = "too_large"
    HANG = "hang"
    CONNECTION_RESET = "connection_reset"
    EMPTY_BODY = "empty_body"

    REFUSAL = "refusal"
    TRUNCATION = "truncation"
    CONTEXT_EXCEEDED = "context_exceeded"
    PROSE = "prose"
    INVALID_JSON = "invalid_json"
    FENCED_JSON = "fenced_json"
    MISSING_CRITERIA = "missing_criteria"
    UNKNOWN_CRITERIA = "unknown_criteria"
    DUPLICATE_FINDINGS = "duplicate_findings"
    INVENTED_QUOTES = "invented_quotes"
    RUBBER_STAMP = "rubber_stamp"
    FAIL_ATTENTION = "fail_attention"
    WRONG_MODEL = "wrong_model"

    SLOW_DRIP = "slow_drip"
    DELAY = "delay"


_OWN_FIELD = {
    "retry_after_s": FaultKind.RATE_LIMITED,
    "bytes_per_s": FaultKind.SLOW_DRIP,
    "delay_ms": FaultKind.DELAY,
}


class Fault(Frozen):
    """A fault to inject.

    Attributes:
        retry_after_s: seconds named in `Retry-After`; `rate_limited` only, default 1.
        bytes_per_s: pace of the body; `slow_drip` only, default 64.
        delay_ms: milliseconds before a proper answer; `delay` only, where it must be given.
    """

    kind: FaultKind
    retry_after_s: Annotated[float, Field(ge=0, le=86_400)] | None = None
    bytes_per_s: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    delay_ms: Annotated[int, Field(ge=0, le=3_600_000)] | None = None

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        """Refuse a setting that the kind does not have, and a delay without a length."""
        for name, kind in _OWN_FIELD.items():
            if getattr(self, name) is not None and self.kind is not kind:
                raise ValueError(f"{name} belongs to kind '{kind.value}', not to '{self.kind.value}'")
        if self.kind is FaultKind.DELAY and self.delay_ms is None:
            raise ValueError("kind 'delay' needs delay_ms")
        return self


class Match(Frozen):
    """Which requests a rule is for: all conditions given must hold; none given matches every request.

    Attributes:
        contains: stands in the shown draft or conversation, case-sensitive; white space is ignored.
        model: the requested model, exactly.
        times: how often the rule fires; afterwards the next rule that matches is taken. Unbounded where not given.
    """

    contains: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    provider: ProviderName | None = None
    times: Annotated[int, Field(ge=1)] | None = None


class Rule(Frozen):
    """One rule of a script: a critique, a fault, or a fault in the delivery of a critique.

    Attributes:
        critique: answers by criterion (`rubric/criterion`); criteria it does not name are MET. Where a rule has a
            fault only, the answers come from the next rule that matches and has some, else from the cases.
        steering: the critic reports text that addresses it.
    """

    match: Match = Field(default_factory=Match)
    critique: dict[CriterionKey, ScriptedFinding] | None = None
    steering: bool = False
    fault: Fault | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        """Refuse a rule without consequence, and steering without a critique that could report it."""
        if self.critique is None and self.fault is None:
            raise ValueError("a rule needs a critique or a fault")
        if self.steering and self.critique is None:
            raise ValueError("steering needs a critique (an empty one will do: 'critique: {}')")
        return self


class BatchConduct(Frozen):
    """How batches go; their results always come back in the reverse order.

    Attributes:
        polls: how often a batch is looked at before it has ended.
        expire: how many batches expire with all their calls unanswered, counted from the first.
        lose: how many calls of each batch stand in no result, counted from the first.
    """

    polls: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    expire: Annotated[int, Field(ge=0)] = 0
    lose: Annotated[int, Field(ge=0)] = 0


class ScriptFile(Frozen):
    """A script file."""

    schema_version: Literal[1] = Field(alias="schema")
    rules: tuple[Rule, ...] = Field(min_length=1)
    batches: BatchConduct = BatchConduct()


@dataclass(frozen=True, slots=True)
class CaseKey:
    """What identifies a case in a prompt, all without white space and as the core shows it.

    Attributes:
        calls: proposed tool calls, arguments with sorted keys.
        last_turn: the last turn of the user, empty where there is none.
    """

    draft: str
    calls: str
    last_turn: str


@dataclass(frozen=True, slots=True)
class Script:
    """All that the simulated provider knows.

    Attributes:
        rules: tried in order, before the cases.
        cases: answers by what is shown.
        always_met: a draft that nothing matches is answered MET throughout, for benchmarks; otherwise UNCERTAIN.
        gullible: whether the critic obeys text that it was only to examine; see `gullible.py`. None for one that does
            not.
    """

    rules: tuple[Rule, ...] = ()
    cases: Mapping[CaseKey, Mapping[str, ScriptedFinding]] = field(default_factory=dict)
    always_met: bool = False
    gullible: Gullibility | None = None
    batches: BatchConduct = field(default_factory=BatchConduct)
