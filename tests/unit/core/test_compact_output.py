"""What finding everything met costs in output tokens, by real vocabularies, for critiques that lead to approval."""

from __future__ import annotations

import json

import pytest

from reviewer.core.outcome import Answer, Completed
from reviewer.core.questionnaire import FINDINGS_SCHEMA, INSTRUCTIONS
from reviewer.core.rulebook import Rulebook
from reviewer.core.verdict import Verdict
from tests.support.assembled import shipped_rulebook
from tests.support.builders import criterion, plan_of, request, rubric
from tests.support.compact import ENCODINGS, AllMet, all_met, approvable, of_route, tokens

TEN = 120
"""Output tokens that a critique of ten criteria may take where all are met."""
DRAFT = (
    "Drink some water, and lie down in a dark room for a while with a cool cloth on your forehead. "
    "Get seen right away if it turns into the worst headache you have ever had."
)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return shipped_rulebook()


def ten(quoted: int) -> AllMet:
    """Find ten criteria met, the first of them blockers whose presence must be quoted."""
    present = [criterion(f"present_{n}", kind="presence") for n in range(quoted)]
    absent = [criterion(f"absent_{n}") for n in range(10 - quoted)]
    return all_met(plan_of(rubric(*present, *absent)), request(DRAFT))


def answers(met: AllMet) -> tuple[Answer, ...]:
    assert isinstance(met.outcome, Completed)
    return met.outcome.answers


def of_rubric(rulebook: Rulebook, domain: str) -> AllMet:
    shipped = rulebook.rubrics[domain]
    return all_met(plan_of(shipped), approvable(domain)[0])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_shipped_rubric_of_ten(rulebook: Rulebook, encoding: str) -> None:
    """Finance asks ten questions: finding all met is read, approves, and fits in 120 tokens, spaces or not."""
    met = of_rubric(rulebook, "finance")

    assert (len(met.prompt.asked), met.completed, met.verdict) == (10, True, Verdict.APPROVE)
    assert tokens(met.text, encoding) <= tokens(met.spaced, encoding) <= TEN


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("quoted", [0, 1, 2])
def test_ten_of_which_two_are_quoted(quoted: int, encoding: str) -> None:
    """Ten criteria that are met fit in 120 tokens, also where two of them are blockers that need their quotes."""
    met = ten(quoted)

    assert (met.completed, met.quoted, met.verdict) == (True, quoted, Verdict.APPROVE)
    assert tokens(met.text, encoding) <= TEN


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_quote_costs_little_more_than_its_words(encoding: str) -> None:
    """One more quote costs its own tokens and thirteen at most, less what its alias cost under `met`."""
    words = next(answer.evidence[0].text for answer in answers(ten(3)) if answer.evidence)

    assert tokens(ten(3).text, encoding) - tokens(ten(2).text, encoding) <= tokens(words, encoding) + 13


@pytest.mark.parametrize("domain", ["answer_quality", "finance", "health", "legal", "security", "tool_use"])
def test_every_shipped_rubric_is_cheap_to_meet(rulebook: Rulebook, domain: str) -> None:
    """A criterion that is met costs at most four tokens, one that needs its quote 45, and the rest of a reply 35."""
    met = of_rubric(rulebook, domain)

    assert (met.completed, met.verdict) == (True, Verdict.APPROVE)
    plain = len(met.prompt.asked) - met.quoted
    assert tokens(met.text) <= 35 + 4 * plain + 45 * met.quoted


def test_every_route_can_be_measured(rulebook: Rulebook) -> None:
    """On every shipped route an all-met critique is read, and approves where no person is mandatory."""
    for route in rulebook.routing.all_routes:
        met = of_route(rulebook, route.id)
        assert met.completed
        assert (met.verdict is Verdict.APPROVE) != route.mandatory_human


def test_the_instructions_ask_for_it() -> None:
    """The critic is asked for one line without spaces, and is shown one."""
    form = next(line for line in INSTRUCTIONS.splitlines() if line.startswith("{"))
    assert "on one line, without spaces" in INSTRUCTIONS
    assert list(json.loads(form)) == FINDINGS_SCHEMA["required"]
    assert " " not in form
