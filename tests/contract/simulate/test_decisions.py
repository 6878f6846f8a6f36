"""The Decisions format of the simulated provider, as the official SDK reads it."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.types.decision import Decision
from pydantic import TypeAdapter

from reviewer.core.outcome import StopReason, Usage
from reviewer.simulate.script import Script
from reviewer.simulate.wire import Answered
from reviewer.simulate.wire_decisions import MET, NOT_MET, OpenAIDecisions
from tests.contract.simulate.conftest import MODEL, Connect, Connected
from tests.support.small_review import KEYS, rendered

ALL_MET = Script(always_met=True)
PROMPT = rendered().prompt
ATTENTION = PROMPT.attention


def _questions() -> list[Any]:
    assert ATTENTION is not None
    asked = [(alias, f"{question.key}: {question.criterion.title}\n...") for alias, question in PROMPT.asked.items()]
    checks = [tuple(line.split(": ", 1)) for line in ATTENTION.lines]
    return [{"type": "predicate", "name": name, "instructions": text} for name, text in (*asked, *checks)]


async def _ask(on: Connected) -> Decision:
    """Ask everything about the toothache, trusted and untrusted text apart."""
    shown: Any = [{"type": "input_text", "text": block} for block in PROMPT.blocks[1:-1]]
    messages: Any = [{"role": "developer", "content": PROMPT.blocks[0]}, {"role": "user", "content": shown}]
    return await on.openai.decisions.create(input=messages, model=MODEL, questions=_questions())


async def _probabilities(on: Connected) -> list[float]:
    return [answer.probability for answer in (await _ask(on)).answers if answer.type == "predicate"]


def _only(kind: str) -> dict[str, Any]:
    return {"match": {"provider": "openai_decisions"}, "fault": {"kind": kind}, "critique": {}}


async def test_what_the_script_finds_met_is_nearly_certain(connect: Connect) -> None:
    """Answers come in the order asked, with the names asked; one that is not met is improbable."""
    critique = {KEYS[1]: {"outcome": "NOT_MET", "why": "It is not.", "quotes": []}}
    decision = await _ask(await connect({"critique": critique}))
    told = {answer.name: answer.probability for answer in decision.answers if answer.type == "predicate"}
    assert list(told) == [question["name"] for question in _questions()]
    assert [told[alias] for alias in PROMPT.asked] == [MET, NOT_MET, MET, MET, MET]
    assert decision.model == MODEL
    assert decision.usage.input_tokens > 0


async def test_attention_is_answered_by_looking(connect: Connect) -> None:
    """The true statement is nearly certain, the untrue one improbable, whatever the draft is worth."""
    assert ATTENTION is not None
    decision = await _ask(await connect())
    told = {answer.name: answer.probability for answer in decision.answers if answer.type == "predicate"}
    assert (told[ATTENTION.true_alias], told[ATTENTION.false_alias]) == (MET, NOT_MET)
    assert [told[alias] for alias in PROMPT.asked] == [NOT_MET] * 5


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rubber_stamp", [MET] * 7),
        ("missing_criteria", [MET] * 3 + [NOT_MET]),
        ("unknown_criteria", [MET] * 6 + [NOT_MET] * 2),
        ("prose", []),
        ("truncation", []),
    ],
)
async def test_faults_of_content(connect: Connect, kind: str, expected: list[float]) -> None:
    """A stamp is sure of all, gaps and surplus are told as such, and what is no JSON leaves no answers."""
    assert sorted(await _probabilities(await connect(_only(kind))), reverse=True) == expected


async def test_a_refusal_declines_each_question(connect: Connect) -> None:
    """Every answer is a refusal with the question's name."""
    decision = await _ask(await connect(_only("refusal")))
    assert [(answer.type, answer.name) for answer in decision.answers] == [
        ("refusal", question["name"]) for question in _questions()
    ]


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("unauthorized", 401), ("context_exceeded", 400)])
async def test_error_statuses_raise_the_sdks_own_errors(connect: Connect, kind: str, status: int) -> None:
    """Errors are those of OpenAI's other endpoints."""
    with pytest.raises(openai.APIStatusError) as caught:
        await _ask(await connect(_only(kind)))
    assert caught.value.status_code == status


@pytest.mark.parametrize("stop", [StopReason.COMPLETE, StopReason.REFUSED])
def test_bodies_hold_every_field_the_sdk_declares(stop: StopReason) -> None:
    """Checked against the SDK's type, the body still is one of it."""
    text = '{"findings":[],"quoted":[],"met":["c1"]}'
    answered = Answered("sim_1", MODEL, 0, text, stop, Usage(1, 0, 0, 1), names=("c1",))
    TypeAdapter(Decision).validate_python(OpenAIDecisions().body(answered))


async def test_questions_are_needed(connect: Connect) -> None:
    """A request that asks nothing is refused, as the real endpoint says it would be."""
    on = await connect(script=ALL_MET)
    with pytest.raises(openai.BadRequestError):
        await on.openai.decisions.create(input=[{"role": "user", "content": "hi"}], model=MODEL, questions=[])
