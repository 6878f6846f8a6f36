"""Decisions: what is asked of a model that answers with probabilities, and what those come to in our own form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from reviewer.core.finding import Outcome
from reviewer.core.outcome import Completed, FailureKind, Malformed, StopReason
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import build
from reviewer.providers import openai_decisions
from reviewer.providers.interface import ProviderError
from tests.support.small_review import KEYS, NONCE, QUESTIONNAIRE, RUBRIC, Rendered, rendered
from tests.support.wire_formats import DECISIONS, decision
from tests.support.wire_server import canned
from tests.support.wired import MODEL, Wired

pytestmark = pytest.mark.parametrize("form", [DECISIONS], indirect=True, ids=["openai_decisions"])
SHOWN = rendered()


def names_of(prompt: Prompt) -> list[str]:
    """Aliases of all that is asked, attention checks last."""
    lines = prompt.attention.lines if prompt.attention else ()
    return [*prompt.asked, *(line.partition(":")[0] for line in lines)]


def answers_to(shown: Rendered, probability: float, **others: float) -> list[dict[str, Any]]:
    """Answer everything with one probability, attention checks as they hold, and the questions named as given."""
    attention = shown.prompt.attention
    assert attention is not None
    said = {attention.true_alias: 1.0, attention.false_alias: 0.0, **others}
    return [
        {"type": "predicate", "name": name, "probability": said.get(name, probability)}
        for name in names_of(shown.prompt)
    ]


async def outcome_of(wired: Wired, answers: list[dict[str, Any]], shown: Rendered = SHOWN) -> Any:
    """Ask with a prompt, be answered so, and read the reply as the service does."""
    wired.server.script(canned(decision(*answers)))
    return shown.read((await wired.provider.complete(MODEL, shown.prompt)).text)


async def test_each_question_is_a_predicate_of_trusted_text(wired: Wired) -> None:
    """Every question and attention check is asked by name, in order, in the rubric's words and without the draft's."""
    await outcome_of(wired, answers_to(SHOWN, 0.5))
    asked = wired.sent()["questions"]
    assert [question["name"] for question in asked] == names_of(SHOWN.prompt)
    assert {question["type"] for question in asked} == {"predicate"}
    first = asked[0]["instructions"]
    assert first.startswith("health/red_flag: Title of red_flag\n")
    for part in ("Is red_flag as it should be?", "True when: it is so", "False when: it is not so"):
        assert part in first
    assert 'part d contains the word "' in asked[-1]["instructions"]
    assert not any("ibuprofen after a meal" in question["instructions"] for question in asked)


async def test_the_body_has_the_type_of_the_sdk(wired: Wired) -> None:
    """With questions in it, the SDK's own request type accepts the body."""
    await outcome_of(wired, answers_to(SHOWN, 0.5))
    TypeAdapter(DECISIONS.params).validate_json(orjson.dumps(wired.sent()))


async def test_trusted_and_untrusted_text_have_messages_of_their_own(wired: Wired) -> None:
    """Task and header come from the developer; each part of the request is a text of the user's, and nothing else."""
    await outcome_of(wired, answers_to(SHOWN, 0.5))
    trusted, data = wired.sent()["input"]
    assert (trusted["role"], data["role"]) == ("developer", "user")
    assert "Today: 2026-11-21" in trusted["content"][-1]["text"]
    assert [part["text"] for part in data["content"]] == list(SHOWN.prompt.blocks[1:-1])


async def test_facts_and_local_guidance_are_told(wired: Wired) -> None:
    """What the rubric lets a critic rely on, and what a locale adds, reaches a model that never sees the prefix."""
    fields = RUBRIC.model_dump(by_alias=True)
    fields["policy_facts"] = [{"text": "The desk opens at nine.", "source": None}]
    fields["locales"] = {"pt-BR": {"guidance": {"red_flag": "SAMU is 192."}}}
    told = build((type(RUBRIC).model_validate(fields),), "pt-BR")
    shown = rendered(questionnaire=told)
    await outcome_of(wired, answers_to(shown, 0.5), shown)
    assert "The desk opens at nine." in wired.sent()["input"][0]["content"][0]["text"]
    assert "Local: SAMU is 192." in wired.sent()["questions"][0]["instructions"]


async def test_what_does_not_arise_is_not_asked(wired: Wired) -> None:
    """A question that the request does not raise costs nothing."""
    shown = rendered(not_asked=("c1", "c3"))
    kept = [answer for answer in answers_to(shown, 0.5) if answer["name"] not in {"c1", "c3"}]
    assert isinstance(await outcome_of(wired, kept, shown), Completed)
    assert [question["name"] for question in wired.sent()["questions"]][:3] == ["c2", "c4", "c5"]


@pytest.mark.parametrize(
    ("probability", "outcome"),
    [(1.0, Outcome.MET), (0.97, Outcome.MET), (0.9699, Outcome.UNCERTAIN), (0.0, Outcome.UNCERTAIN)],
)
async def test_only_what_is_probable_enough_is_met(wired: Wired, probability: float, outcome: Outcome) -> None:
    """At the threshold a question is met, below it uncertain, and at no probability is anything NOT_MET."""
    read = await outcome_of(wired, answers_to(SHOWN, probability))
    assert isinstance(read, Completed)
    assert [(answer.criterion, answer.outcome) for answer in read.answers] == [(key, outcome) for key in KEYS]
    assert not any(answer.evidence for answer in read.answers)


async def test_the_threshold_is_the_settings(wired: Wired) -> None:
    """A stricter threshold makes uncertain what the default lets pass."""
    async with wired.make(met_threshold=0.995) as provider:
        read = await outcome_of(replace(wired, provider=provider), answers_to(SHOWN, 0.99, c2=0.999))
    assert isinstance(read, Completed)
    assert [a.criterion for a in read.answers if a.outcome is Outcome.MET] == [KEYS[1]]


async def test_why_tells_the_probability(wired: Wired) -> None:
    """An uncertain answer says how probable it was, never rounded up to the threshold it missed."""
    read = await outcome_of(wired, answers_to(SHOWN, 1.0, c1=0.31, c2=0.9699))
    assert isinstance(read, Completed)
    assert [answer.why for answer in read.answers][:2] == ["probability 0.31", "probability 0.96"]


@pytest.mark.parametrize("lie", [{"true": 0.9}, {"false": 0.99}])
async def test_attention_goes_through_the_same_threshold(wired: Wired, lie: dict[str, float]) -> None:
    """A model that is not sure of a plain fact, or sure of a plain untruth, is not read."""
    attention = SHOWN.prompt.attention
    assert attention is not None
    said = {attention.true_alias if name == "true" else attention.false_alias: p for name, p in lie.items()}
    read = await outcome_of(wired, answers_to(SHOWN, 0.99, **said))
    assert isinstance(read, Malformed)
    assert not read.repairable


async def test_one_declined_question_is_uncertain(wired: Wired) -> None:
    """A question that the model declines is not met; the others stand."""
    answers = answers_to(SHOWN, 0.99)
    answers[0] = {"type": "refusal", "name": "c1"}
    read = await outcome_of(wired, answers)
    assert isinstance(read, Completed)
    assert (read.answers[0].outcome, read.answers[0].why) == (Outcome.UNCERTAIN, "the model declined this question")
    assert read.answers[1].outcome is Outcome.MET


async def test_declining_everything_is_a_refusal(wired: Wired) -> None:
    """A model that answers nothing has refused."""
    wired.server.script(canned(decision(*({"type": "refusal", "name": n} for n in names_of(SHOWN.prompt)))))
    assert (await wired.provider.complete(MODEL, SHOWN.prompt)).stop is StopReason.REFUSED


@pytest.mark.parametrize("change", ["fewer", "more", "swapped", "outside", "other_kind"])
async def test_answers_that_do_not_fit_are_no_answers(wired: Wired, change: str) -> None:
    """An answer that may belong to another question, or is no probability, makes the whole reply unusable."""
    answers = answers_to(SHOWN, 0.99)
    if change == "fewer":
        answers.pop()
    elif change == "more":
        answers.append({"type": "predicate", "name": "c99", "probability": 1.0})
    elif change == "swapped":
        answers[0], answers[1] = answers[1], answers[0]
    elif change == "outside":
        answers[0]["probability"] = 1.5
    else:
        answers[0] = {"type": "score", "name": "c1", "score": 1.0, "confidence": 1.0, "probabilities": []}
    wired.server.script(canned(decision(*answers)))
    with pytest.raises(ProviderError) as caught:
        await wired.provider.complete(MODEL, SHOWN.prompt)
    assert caught.value.kind is FailureKind.BAD_ENVELOPE


async def test_answers_without_names_are_taken_in_order(wired: Wired) -> None:
    """The order is the provider's promise; a missing name is no contradiction."""
    answers = [{**answer, "name": None} for answer in answers_to(SHOWN, 0.5, c2=0.99)]
    read = await outcome_of(wired, answers)
    assert isinstance(read, Completed)
    assert [a.criterion for a in read.answers if a.outcome is Outcome.MET] == [KEYS[1]]


async def test_the_reply_tells_model_and_usage(wired: Wired) -> None:
    """Served model, request id and usage are the provider's."""
    headers = {"x-request-id": "req_7"}
    wired.server.script(canned(decision(*answers_to(SHOWN, 0.5)), headers=headers))
    reply = await wired.provider.complete(MODEL, SHOWN.prompt)
    assert (reply.served_model, reply.request_id, reply.usage) == ("served-model-1", "req_7", DECISIONS.usage)
    assert (reply.stop, reply.provider_stop) == (StopReason.COMPLETE, "decided")


async def test_too_much_is_not_sent(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions beyond what a request may ask, and text beyond the bound, are too large before anything is sent."""
    question = QUESTIONNAIRE.aliases["c1"]
    many = {f"c{number}": question for number in range(openai_decisions.MAX_QUESTIONS + 1)}
    crowded = replace(SHOWN.prompt, group=many)
    vast = replace(SHOWN.prompt, blocks=(SHOWN.prompt.blocks[0], f"<<{NONCE[:16].hex()} begin draft d>>\n" + "x" * 999))
    monkeypatch.setattr(openai_decisions, "MAX_BODY_BYTES", 500)
    for prompt in (crowded, vast):
        with pytest.raises(ProviderError) as caught:
            await wired.provider.complete(MODEL, prompt)
        assert caught.value.kind is FailureKind.TOO_LARGE
    assert not wired.server.requests
