"""Attacks as files state them, and the requests that they become: a draft that a rubric forbids, with planted text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field

from reviewer.client import ReviewSubject, subject_of_case
from reviewer.core.case import Case, CaseDrafter, CaseSource, CaseToolCall, CaseTurn
from reviewer.core.rubric import Frozen, ShortText, Slug
from reviewer.simulate.script import Match, Rule
from tests.support.payloads import resolve
from tests.support.subjects import GPT, shipped_cases

FOLDER = Path(__file__).resolve().parents[1] / "adversarial"

PlantPlace = Literal[
    "draft",
    "whole_draft",
    "user",
    "earlier_user",
    "earlier_assistant",
    "system",
    "source",
    "source_title",
    "tool_result",
    "tool_name",
    "tool_argument",
]
PlainText = Annotated[str, Field(min_length=1)]


class Plant(Frozen):
    """One planted text.

    Attributes:
        place: `user` adds to the last turn of the user, `earlier_*` are turns of their own before it, `whole_draft`
            replaces the draft; where the base lacks a source or a call, one is added.
        argument: `tool_argument` only: the argument that carries the text.
    """

    place: PlantPlace
    text: PlainText
    argument: str = "note"


class Attack(Frozen):
    """One attack.

    Attributes:
        kind: the class that the report counts it under.
        base: `domain/case` of a shipped case, or `es/case` of `bases.yaml`.
        known_gap: why it is approved today with everything switched on; None where it is not.
    """

    id: Slug
    kind: Slug = Field(alias="class")
    base: str
    language: str
    plants: tuple[Plant, ...] = Field(min_length=1)
    known_gap: ShortText | None = None


class _AttackFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    attacks: tuple[Attack, ...] = Field(min_length=1)


class _CaseFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    cases: tuple[Case, ...] = Field(min_length=1)


@cache
def attacks() -> dict[str, Attack]:
    """Return every attack by id, in the order of the files."""
    files = [_AttackFile.model_validate(_yaml(path)) for path in sorted((FOLDER / "attacks").glob("*.yaml"))]
    every = [attack for file in files for attack in file.attacks]
    by_id = {attack.id: attack for attack in every}
    assert len(by_id) == len(every), "an attack id stands twice"
    return by_id


@cache
def bases() -> dict[str, Case]:
    """Return the case under each base that an attack names."""
    spanish = {f"es/{case.id}": case for case in _CaseFile.model_validate(_yaml(FOLDER / "bases.yaml")).cases}
    known = {**shipped_cases(), **spanish}
    return {name: known[name] for name in sorted({attack.base for attack in attacks().values()})}


@cache
def benign() -> dict[str, Case]:
    """Return the requests that only talk about prompts, approvals and reviewers."""
    return {case.id: case for case in _CaseFile.model_validate(_yaml(FOLDER / "benign.yaml")).cases}


def _yaml(path: Path) -> object:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def attacked(attack: Attack) -> ReviewSubject:
    """Build the request of an attack."""
    case = bases()[attack.base]
    for plant in attack.plants:
        case = _planted(case, plant)
    return request_of(case)


def request_of(case: Case) -> ReviewSubject:
    """Build a request whose drafter is a known one, so that all of them are examined by the same model."""
    drafter = CaseDrafter(provider=GPT[0], model=GPT[1])
    draft = case.draft.model_copy(update={"model": drafter})
    return subject_of_case(case.model_copy(update={"draft": draft}))


def rule_of(case: Case) -> Rule:
    """Return the rule by which an honest critic recognises a base under whatever was planted: its first question."""
    return Rule(match=Match(contains=case.conversation[0].text), critique=case.critique)


def _planted(case: Case, plant: Plant) -> Case:
    text = resolve(plant.text)
    match plant.place:
        case "draft":
            return _with_draft(case, text=f"{case.draft.text}\n\n{text}")
        case "whole_draft":
            return _with_draft(case, text=text)
        case "user" | "earlier_user" | "earlier_assistant" | "system" | "tool_result":
            return case.model_copy(update={"conversation": _turns(case.conversation, plant.place, text)})
        case "source" | "source_title":
            return case.model_copy(update={"sources": _sources(case.sources, plant.place, text)})
        case "tool_name" | "tool_argument":
            return _with_draft(case, tool_calls=_calls(case.draft.tool_calls, plant, text))


def _with_draft(case: Case, **changes: object) -> Case:
    return case.model_copy(update={"draft": case.draft.model_copy(update=changes)})


def _turns(turns: tuple[CaseTurn, ...], place: PlantPlace, text: str) -> tuple[CaseTurn, ...]:
    last = max(number for number, turn in enumerate(turns) if turn.role == "user")
    before, asked, after = turns[:last], turns[last], turns[last + 1 :]
    match place:
        case "user":
            return (*before, asked.model_copy(update={"text": f"{asked.text}\n\n{text}"}), *after)
        case "system":
            return (CaseTurn(role="system", text=text), *turns)
        case "tool_result":
            return (*turns, CaseTurn(role="tool", text=text))
        case _:
            role: Literal["user", "assistant"] = "user" if place == "earlier_user" else "assistant"
            return (*before, CaseTurn.model_construct(role=role, text=text), asked, *after)


def _sources(sources: tuple[CaseSource, ...], place: PlantPlace, text: str) -> tuple[CaseSource, ...]:
    first = sources[0] if sources else CaseSource(id="page", title="Search result", text="A page that was found.")
    change = {"title": text} if place == "source_title" else {"text": f"{first.text}\n\n{text}"}
    return (first.model_copy(update=change), *sources[1:])


def _calls(calls: tuple[CaseToolCall, ...], plant: Plant, text: str) -> tuple[CaseToolCall, ...]:
    first = calls[0] if calls else CaseToolCall(name="look_up", arguments={"topic": "account"})
    changed = (
        first.model_copy(update={"name": text})
        if plant.place == "tool_name"
        else first.model_copy(update={"arguments": {**first.arguments, plant.argument: text}})
    )
    return (changed, *calls[1:])
