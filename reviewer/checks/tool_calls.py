"""Check `tool_calls`: are the proposed calls on the list, and do their arguments keep to its rules?

Arguments are read after redaction: a personal value stands there as a placeholder. A placeholder satisfies type,
pattern and length of a string, because it stands for a real value that the check cannot see; `enum` must match
literally, and a bound on a number that redaction hides leaves the outcome UNCERTAIN. So a pattern is no way to bind
an address to a domain: `from_conversation` is. Nested values are checked for their type alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from reviewer.checks.conversation_values import ConversationValues
from reviewer.checks.patterns import Pattern, PatternText, compile_authored
from reviewer.checks.quoting import MAX_QUOTES, quote
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import ToolCall
from reviewer.core.finding import Outcome, Quote
from reviewer.core.passage import Passage
from reviewer.core.rubric import Frozen, Place

ArgumentType = Literal["string", "integer", "number", "boolean", "array", "object"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
_NUMERIC = ("integer", "number")
_SHOWN_NAME = 64


class ArgumentRule(Frozen):
    """What one argument must be.

    Attributes:
        pattern: RE2 that the whole string must match; case is ignored.
        enum: the only values allowed, compared exactly and with their type.
        min, max: bounds of a number, inclusive.
        max_length: characters of a string.
        from_conversation: the value must stand in a turn or a tool result.
    """

    type: ArgumentType
    required: bool = False
    pattern: PatternText | None = None
    enum: tuple[bool | int | float | str, ...] | None = Field(default=None, min_length=1)
    min: Decimal | None = None
    max: Decimal | None = None
    max_length: int | None = Field(default=None, ge=0)
    from_conversation: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> ArgumentRule:
        """Refuse rules that could never apply to the type, and would silently do nothing."""
        if self.type != "string" and (self.pattern is not None or self.max_length is not None):
            raise ValueError("pattern and max_length are for type string")
        if self.type not in _NUMERIC and (self.min is not None or self.max is not None):
            raise ValueError("min and max are for type integer or number")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is greater than max")
        if self.type in ("array", "object") and (self.enum is not None or self.from_conversation):
            raise ValueError("enum and from_conversation are for single values")
        return self


class AllowedCall(Frozen):
    """A tool that a draft may propose to call."""

    name: Name
    arguments: dict[Name, ArgumentRule] = Field(default_factory=dict)
    extra_arguments: bool = False


class Args(Frozen):
    """The list of allowed tools.

    Attributes:
        max_calls: calls that one draft may propose.
    """

    allow: tuple[AllowedCall, ...] = Field(min_length=1)
    max_calls: int = Field(default=8, ge=1, le=1_000)


@dataclass(frozen=True, slots=True)
class _Fault:
    """One thing wrong with one call; `doubt` where it cannot be judged."""

    why: str
    argument: str = ""
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    spec: ArgumentRule
    pattern: Pattern | None
    enum: frozenset[tuple[str, object]] | None


@dataclass(frozen=True, slots=True)
class _Tool:
    spec: AllowedCall
    rules: dict[str, _Rule]


def build(args: Args) -> Check:
    """Return the check.

    Raises:
        ValueError: a tool stands on the list twice, or a pattern is invalid.
    """
    tools: dict[str, _Tool] = {}
    for allowed in args.allow:
        if allowed.name in tools:
            raise ValueError(f"allow: tool {allowed.name!r} stands twice")
        rules = {name: _compiled(rule, f"allow.{allowed.name}.{name}") for name, rule in allowed.arguments.items()}
        tools[allowed.name] = _Tool(allowed, rules)
    return partial(_check, tools, args.max_calls)


def _compiled(rule: ArgumentRule, where: str) -> _Rule:
    pattern = compile_authored((rule.pattern,), where)[0] if rule.pattern is not None else None
    enum = None if rule.enum is None else frozenset(_typed(value) for value in rule.enum)
    return _Rule(rule, pattern, enum)


def _check(tools: dict[str, _Tool], max_calls: int, subject: Subject) -> CheckOutcome:
    calls = subject.draft.tool_calls
    if not calls:
        return Flagged("the draft proposes no tool call", outcome=Outcome.NOT_APPLICABLE)
    if len(calls) > max_calls:
        return Flagged(f"the draft proposes {len(calls)} tool calls, more than {max_calls}")
    # Each call has two passages, its name and its arguments, in that order.
    passages = subject.draft.at(Place.TOOL_CALL)[1::2]
    said = ConversationValues(subject.draft)
    found: list[tuple[ToolCall, Passage, _Fault]] = []
    for call, passage in zip(calls, passages, strict=True):
        tool = tools.get(call.name)
        faults = [_Fault("is not on the list")] if tool is None else _faults(tool, passage, said)
        found.extend((call, passage, fault) for fault in faults)
    if not found:
        return Passed(why=f"{len(calls)} proposed calls keep to the list")
    why = "; ".join(f"{call.name[:_SHOWN_NAME]}: {fault.why}" for call, _, fault in found[:MAX_QUOTES])
    outcome = Outcome.UNCERTAIN if all(fault.doubt for _, _, fault in found) else Outcome.NOT_MET
    return Flagged(why, tuple(_quote(p, fault) for _, p, fault in found[:MAX_QUOTES] if p.text), outcome)


def _quote(passage: Passage, fault: _Fault) -> Quote:
    at = passage.text.find(json.dumps(fault.argument, ensure_ascii=False)) if fault.argument else -1
    return quote(passage, max(at, 0), len(passage.text))


class _DuplicateKeyError(ValueError):
    """A key stands twice in one object: readers disagree on which value counts."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _DuplicateKeyError
    return value


def _no_constant(_: str) -> object:
    raise ValueError


_ARGUMENTS = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_constant)


def _faults(tool: _Tool, passage: Passage, said: ConversationValues) -> list[_Fault]:
    try:
        value: object = _ARGUMENTS.decode(passage.text)
    except _DuplicateKeyError:
        return [_Fault("a key stands twice in the arguments")]
    except (ValueError, RecursionError):
        return [_Fault("the arguments are no valid JSON")]
    if not isinstance(value, dict):
        return [_Fault("the arguments are no JSON object")]
    faults = [
        _Fault(f"argument {name!r} is missing")
        for name, rule in tool.rules.items()
        if rule.spec.required and name not in value
    ]
    hidden = {sub.placeholder: passage.text[sub.start] == '"' for sub in passage.substitutions}
    for name, given in value.items():
        rule = tool.rules.get(name)
        if rule is not None:
            faults += [
                _Fault(f"argument {name!r} {f.why}", name, f.doubt) for f in _violations(rule, given, hidden, said)
            ]
        elif not tool.spec.extra_arguments:
            faults.append(_Fault(f"argument {name[:_SHOWN_NAME]!r} is not on the list", name))
    return faults


def _violations(rule: _Rule, value: object, hidden: dict[str, bool], said: ConversationValues) -> list[_Fault]:
    """Return what one value violates.

    Args:
        hidden: placeholders of this call's redacted values; True where the value was a bare number.
    """
    spec = rule.spec
    placeholder = isinstance(value, str) and value in hidden
    if rule.enum is not None and _typed(value) not in rule.enum:
        return [_Fault("is none of the allowed values")]
    if placeholder and hidden[str(value)] != (spec.type in _NUMERIC):
        return [_Fault(f"is no {spec.type}")]
    if not placeholder and not _has_type(value, spec.type):
        return [_Fault(f"is no {spec.type}")]
    found = _bound_faults(spec, value, placeholder=placeholder)
    if isinstance(value, str) and not placeholder:
        if rule.pattern is not None and rule.pattern.fullmatch(value) is None:
            found.append(_Fault("does not have the required form"))
        if spec.max_length is not None and len(value) > spec.max_length:
            found.append(_Fault(f"is longer than {spec.max_length} characters"))
    if spec.from_conversation and not said.hold(value):
        found.append(_Fault("stands in no turn and no tool result"))
    return found


def _bound_faults(spec: ArgumentRule, value: object, *, placeholder: bool) -> list[_Fault]:
    if spec.min is None and spec.max is None:
        return []
    if placeholder:
        return [_Fault("is hidden by redaction, its bounds cannot be checked", doubt=True)]
    if not isinstance(value, int | Decimal):
        return []
    below = spec.min is not None and value < spec.min
    above = spec.max is not None and value > spec.max
    return [_Fault(f"is {'less than' if below else 'greater than'} the bound")] if below or above else []


def _typed(value: object) -> tuple[str, object]:
    """Return a value with its JSON type: true is not 1, and 1.0 is 1."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int | float | Decimal):
        return "number", Decimal(str(value))
    return (type(value).__name__, value) if isinstance(value, str) else (type(value).__name__, None)


def _has_type(value: object, wanted: ArgumentType) -> bool:
    if wanted == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
        )
    if wanted == "number":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    types: dict[str, type] = {"string": str, "boolean": bool, "array": list, "object": dict}
    return isinstance(value, types[wanted])
