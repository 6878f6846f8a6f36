"""The critic against a provider that a test holds in its hand: who is asked when, and what is left when all is over."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from reviewer.core.draft import Drafter
from reviewer.core.outcome import Completed, FailureKind, Unavailable
from reviewer.core.redaction import redact
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause
from reviewer.critic import Critic, Criticism, Inquiry
from reviewer.providers.breaker import BreakerPolicy
from tests.support.builders import FACTS, MOMENT, REVIEWERS, criterion, plan_of, request, rubric
from tests.support.held_provider import CATALOGUE, HeldProvider

QUESTIONS = rubric(*(criterion(f"asked_{n}") for n in range(6)))
PANEL: dict[str, object] = {"mode": "panel", "panel": {"size": 3, "quorum": 2}}
CASCADE: dict[str, object] = {"mode": "cascade", "cascade": {"screen": "critic"}}
SPLIT: dict[str, object] = {"fan_out": 3}
SHAPES: dict[str, tuple[dict[str, object], int]] = {
    "single": ({}, 1),
    "panel": (PANEL, 3),
    "cascade": (CASCADE, 1),
    "split": (SPLIT, 3),
    "split panel": (PANEL | SPLIT, 9),
    "split cascade": (CASCADE | SPLIT, 3),
}
"""Fields of a route, and how many calls it makes before the first answer."""


def plan(fields: dict[str, object], *spares: str) -> Plan:
    """Plan a route with three reviewers, each of a family of its own, and other models that stand by."""
    made = plan_of(QUESTIONS, reviewers=REVIEWERS, **fields)  # type: ignore[arg-type]
    named = [(name, f"{name}-1") for name in REVIEWERS] + [(f"by_{at}", name) for at, name in enumerate(spares)]
    return replace(made, reviewers=tuple(ReviewerSpec(id=n, provider="held", model=m) for n, m in named))


def critic_of(provider: HeldProvider) -> Critic:
    breaker = BreakerPolicy(1, 3600)
    return Critic({"held": provider}, max_attempts=1, min_model_s=0.5, breaker=breaker, entropy=entropy)


def entropy(size: int) -> bytes:
    """Return bytes that serve for any boundary."""
    return bytes(range(size))


def inquiry(of: Plan, seconds: float = 30) -> Inquiry:
    draft = redact(request("Rest, and drink plenty of water.", drafter=Drafter("p", "drafter")))
    return Inquiry(of, FACTS, frozenset(), draft, MOMENT, asyncio.get_running_loop().time() + seconds, CATALOGUE)


def whole(criticism: Criticism) -> list[str]:
    return [critique.judge for critique in criticism.critiques if isinstance(critique.outcome, Completed)]


@pytest.mark.parametrize(("fields", "calls"), SHAPES.values(), ids=SHAPES)
async def test_a_caller_who_leaves_leaves_nothing_behind(fields: dict[str, object], calls: int) -> None:
    """Cancelled, a critique ends all its calls before it ends itself, and holds nothing against their models."""
    provider = HeldProvider()
    critic = critic_of(provider)
    task = asyncio.create_task(critic.criticise(inquiry(plan(fields))))
    await provider.arrived(calls)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert provider.left == calls

    provider.gate.set()
    assert whole(await critic.criticise(inquiry(plan(fields))))


@pytest.mark.parametrize(("fields", "calls"), SHAPES.values(), ids=SHAPES)
async def test_draining_ends_every_call(fields: dict[str, object], calls: int) -> None:
    """Told to stop, all calls in flight end, none is begun after them, and each critique says why."""
    provider = HeldProvider()
    critic = critic_of(provider)
    task = asyncio.create_task(critic.criticise(inquiry(plan(fields))))
    await provider.arrived(calls)
    critic.drain(asyncio.get_running_loop().time())
    outcomes = [critique.outcome for critique in (await task).critiques]

    assert {o.kind for o in outcomes if isinstance(o, Unavailable)} == {FailureKind.DRAINING}
    assert len(outcomes) == len([o for o in outcomes if isinstance(o, Unavailable)])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (provider.left, len(provider.asked)) == (calls, calls)


@pytest.mark.parametrize(("fields", "calls"), SHAPES.values(), ids=SHAPES)
async def test_no_time_asks_nobody(fields: dict[str, object], calls: int) -> None:
    """With less time than a model needs no call is made, in any mode."""
    provider = HeldProvider()
    criticism = await critic_of(provider).criticise(inquiry(plan(fields), 0.4))
    outcomes = [critique.outcome for critique in criticism.critiques]

    assert (provider.asked, criticism.calls) == ([], ())
    assert {o.kind for o in outcomes if isinstance(o, Unavailable)} == {FailureKind.DEADLINE}


async def test_calls_stand_by_critique() -> None:
    """Every call is on record, those of one reviewer together, the screen's first."""
    provider = HeldProvider()
    provider.gate.set()
    criticism = await critic_of(provider).criticise(inquiry(plan(CASCADE | SPLIT)))

    told = [(call.requested_model, call.purpose) for call in criticism.calls]
    assert told == [("critic-1", "screen")] * 3 + [("second-1", "critique")] * 3
    assert [(critique.judge, critique.screen) for critique in criticism.critiques] == [
        ("critic-1", True),
        ("second-1", False),
    ]


@pytest.mark.parametrize(
    ("down", "seated"),
    [
        ({"critic-1"}, ["second-1", "spare-1", "third-1"]),
        ({"critic-1", "spare-1"}, ["second-1", "third-1"]),
        ({"critic-1", "second-1"}, ["spare-1", "third-1"]),
    ],
)
async def test_a_spare_takes_one_seat(down: set[str], seated: list[str]) -> None:
    """Whoever stands by is asked once, in place of one that cannot be reached; nobody sits twice."""
    provider = HeldProvider(down=frozenset(down))
    provider.gate.set()
    criticism = await critic_of(provider).criticise(inquiry(plan(PANEL, "spare-1")))

    assert sorted(whole(criticism)) == seated
    assert sorted(provider.asked) == ["critic-1", "second-1", "spare-1", "third-1"]


@pytest.mark.parametrize("fields", [{}, PANEL], ids=["single", "panel"])
async def test_a_relative_may_take_the_seat_of_one_that_is_down(fields: dict[str, object]) -> None:
    """The family of a reviewer that cannot be reached has no seat any more, so that another model of it may have it."""
    provider = HeldProvider(down=frozenset({"critic-1", "second-1", "third-1"}))
    provider.gate.set()
    criticism = await critic_of(provider).criticise(inquiry(plan(fields, "critic-2", "third-2")))

    assert whole(criticism) == (["critic-2", "third-2"] if fields else ["critic-2"])


async def test_no_two_of_a_family_sit_on_a_panel() -> None:
    """A spare whose relative has a seat stands by in vain."""
    provider = HeldProvider(down=frozenset({"critic-1"}))
    provider.gate.set()
    criticism = await critic_of(provider).criticise(inquiry(plan(PANEL, "second-2", "third-2")))

    assert whole(criticism) == ["second-1", "third-1"]
    assert sorted(provider.asked) == ["critic-1", "second-1", "third-1"]


@pytest.mark.parametrize("fields", [{}, PANEL, CASCADE], ids=["single", "panel", "cascade"])
@pytest.mark.parametrize("examinee", ["critic-1", "second-1"])
async def test_a_canary_asks_whom_it_examines(fields: dict[str, object], examinee: str) -> None:
    """In every mode the examined model is asked alone, in its full part, and nobody takes its place."""
    provider = HeldProvider()
    provider.gate.set()
    criticism = await critic_of(provider).criticise(replace(inquiry(plan(fields)), examinee=examinee))

    assert provider.asked == [examinee]
    assert [(critique.judge, critique.screen) for critique in criticism.critiques] == [(examinee, False)]


async def test_nothing_tells_a_canary_from_any_other_draft() -> None:
    """The prompt of a canary and its call on record are those of the same draft under review."""
    provider = HeldProvider()
    provider.gate.set()
    critic = critic_of(provider)
    reviewed = await critic.criticise(inquiry(plan({})))
    shown = await critic.criticise(replace(inquiry(plan({})), examinee="critic-1"))

    assert provider.prompts[0] == provider.prompts[1]
    assert replace(reviewed.calls[0], latency_us=0) == replace(shown.calls[0], latency_us=0)


async def test_a_model_that_may_not_judge_is_not_examined() -> None:
    """A canary for a model that the route does not have asks nobody, and says so."""
    provider = HeldProvider()
    criticism = await critic_of(provider).criticise(replace(inquiry(plan({})), examinee="spare-1"))

    assert (provider.asked, criticism.critiques) == ([], ())
    assert "spare-1 may not judge" in criticism.troubles[0].message


async def test_distrust_sends_reviews_to_the_next_one() -> None:
    """A distrusted model is passed over until it is trusted again."""
    provider = HeldProvider()
    provider.gate.set()
    critic = critic_of(provider)
    critic.distrust("critic-1")
    assert whole(await critic.criticise(inquiry(plan({})))) == ["second-1"]
    critic.trust("critic-1")
    assert whole(await critic.criticise(inquiry(plan({})))) == ["critic-1"]


async def test_an_answer_under_way_is_not_believed_either() -> None:
    """A model that is found blind while it answers is not heard; its call stays on record."""
    provider = HeldProvider()
    critic = critic_of(provider)
    task = asyncio.create_task(critic.criticise(inquiry(plan({}))))
    await provider.arrived(1)
    critic.distrust("critic-1")
    provider.gate.set()
    criticism = await task

    assert whole(criticism) == ["second-1"]
    assert [call.requested_model for call in criticism.calls] == ["critic-1", "second-1"]


@pytest.mark.parametrize("tier", ["medium", "high"])
@pytest.mark.parametrize("answering", ["drafter", "drafter-2026-11-01"])
async def test_a_relative_that_answers_in_place_of_the_reviewer_is_none(tier: str, answering: str) -> None:
    """Whoever was asked: an answer of the drafting model's own family leads to a person, and is never taken again."""
    provider = HeldProvider(answers_as=answering)
    provider.gate.set()
    criticism = await critic_of(provider).criticise(inquiry(plan({"tier": tier})))

    kin = [trouble for trouble in criticism.troubles if trouble.cause is Cause.SAME_FAMILY]
    assert [trouble.effect for trouble in kin] == [Effect.HANDOFF]
    assert answering in kin[0].message


async def test_a_relative_may_answer_where_the_route_allows_it() -> None:
    """A route that does not ask for another family is not held to it by who answers."""
    provider = HeldProvider(answers_as="drafter")
    provider.gate.set()
    criticism = await critic_of(provider).criticise(inquiry(plan({"require_other_family": False})))

    assert Cause.SAME_FAMILY not in {trouble.cause for trouble in criticism.troubles}
