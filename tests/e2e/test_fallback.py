"""Another second model where one fails, and a model that keeps failing left alone: both keep the family rule."""

from __future__ import annotations

from tests.e2e.conftest import Serve
from tests.support.service import broken, causes, deciding, rules, verdicts
from tests.support.subjects import ANSWER, CLAUDE, GPT, subject

GEMINI = ("google", "gemini-2.5-pro")


async def test_the_next_reviewer_answers_where_the_first_cannot(serve: Serve) -> None:
    """A draft of a third family is judged by the route's second choice when the first is down; both are on record."""
    service = await serve(rules(broken("unauthorized", provider="anthropic")))

    review = await service.review(subject(drafter=GEMINI))

    assert verdicts([review]) == ["APPROVE"]
    assert [(call.provider, call.failure) for call in review.model_calls] == [("anthropic", "rejected"), ("openai", "")]


async def test_the_drafters_own_family_is_no_fallback(serve: Serve) -> None:
    """A GPT draft whose Claude reviewer is down goes to a person, though a GPT reviewer would answer."""
    service = await serve(rules(broken("unauthorized", provider="anthropic")))

    review = await service.review(subject(drafter=GPT))

    assert deciding(review) == {"reviewer_unavailable"}
    assert [call.provider for call in review.model_calls] == ["anthropic"]


async def test_a_refusal_is_not_shopped_around(serve: Serve) -> None:
    """Only an outage leads to another model: one that refused has said something."""
    service = await serve(rules(broken("refusal", provider="anthropic")))

    review = await service.review(subject(drafter=GEMINI))

    assert deciding(review) == {"reviewer_refused"}
    assert len(review.model_calls) == 1


async def test_a_model_that_keeps_failing_is_left_alone(serve: Serve) -> None:
    """After failures in a row the model gets no call, and the verdict says at once that it is unavailable."""
    critic = {"max_attempts": 1, "breaker_failures": 2, "breaker_open_s": 3600}
    service = await serve(rules(broken("server_error")), critic=critic)

    for _ in range(4):
        review = await service.review(subject(drafter=CLAUDE))
        assert deciding(review) == {"reviewer_unavailable"}

    assert service.provider.requests == 2
    assert not review.model_calls


async def test_a_model_that_recovered_is_asked_again(serve: Serve) -> None:
    """When the breaker's time is over one call tries, and its success lets all others through."""
    critic = {"max_attempts": 1, "breaker_failures": 1, "breaker_open_s": 0.01}
    service = await serve(rules(broken("server_error", times=1)), critic=critic)
    await service.review(subject(drafter=GPT))

    given: list[str] = []
    while len(given) < 500 and "APPROVE" not in given:
        given += verdicts([await service.review(subject(drafter=GPT))])

    assert given[-1] == "APPROVE"
    assert verdicts([await service.review(subject(drafter=GPT))]) == ["APPROVE"]


async def test_an_inattentive_model_trips_its_breaker(serve: Serve) -> None:
    """A critic that waves things through is as good as none: it is left alone as well, and nothing is approved."""
    service = await serve(rules(broken("rubber_stamp")), critic={"breaker_failures": 2, "breaker_open_s": 3600})

    asked = [subject(f"{ANSWER} Rest for {hours} hours.", drafter=GPT) for hours in (1, 2, 3)]
    found = [causes(await service.review(each)) for each in asked]

    assert found == [{"reviewer_unreadable"}, {"reviewer_unreadable"}, {"reviewer_unavailable"}]


async def test_one_draft_cannot_take_a_model_from_all(serve: Serve) -> None:
    """A draft that makes the critic unreadable counts once, however often it is sent; others are still judged."""
    trap = {**broken("rubber_stamp"), "match": {"contains": "for ever"}}
    service = await serve(rules(trap), critic={"breaker_failures": 2, "breaker_open_s": 3600})

    for _ in range(4):
        assert causes(await service.review(subject(f"{ANSWER} Rest for ever.", drafter=GPT))) == {"reviewer_unreadable"}

    assert verdicts([await service.review(subject(drafter=GPT))]) == ["APPROVE"]
