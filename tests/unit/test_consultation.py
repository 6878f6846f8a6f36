"""The consultation's lines: turns by tenant at one model, spares in a crowd, and modes cut to what models take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from reviewer.core.draft import Drafter
from reviewer.core.outcome import Completed, FailureKind, Reply, Unavailable
from reviewer.core.prompt import Prompt
from reviewer.core.redaction import redact
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause
from reviewer.critic import Critic, Criticism, Inquiry
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import Listener
from reviewer.providers.line import LinePolicy
from reviewer.reuse import Memory
from tests.support.builders import FACTS, MOMENT, REVIEWERS, criterion, plan_of, request, rubric
from tests.support.held_provider import CATALOGUE, HeldProvider

PANEL: dict[str, object] = {"mode": "panel", "panel": {"size": 3, "quorum": 2}}
CASCADE: dict[str, object] = {"mode": "cascade", "cascade": {"screen": "critic"}}
LEAST_S = 0.02


@dataclass
class ListeningProvider(HeldProvider):
    """A held provider that lets one call out at a time, and remembers whose draft each was about."""

    drafts: list[str] = field(default_factory=list)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def complete(self, model: str, prompt: Prompt, _: Listener | None = None) -> Reply:
        shown = "".join(prompt.blocks)
        self.drafts.append(next(name for name in ("acme", "other") if f"Ask {name} for more" in shown))
        self.waiting.release()
        await self.turns.acquire()
        self.gate.set()
        return await super().complete(model, prompt)


def plan(fields: dict[str, object], *named: str) -> Plan:
    """Plan a route with reviewers of these models, or with three of a family of their own."""
    made = plan_of(rubric(criterion("asked")), reviewers=REVIEWERS, **fields)  # type: ignore[arg-type]
    models = named or tuple(f"{name}-1" for name in REVIEWERS)
    ids = (*REVIEWERS, "spare")
    return replace(
        made, reviewers=tuple(ReviewerSpec(id=i, provider="held", model=m) for i, m in zip(ids, models, strict=False))
    )


def critic_of(provider: HeldProvider, places: int = 256, memory: Memory | None = None) -> Critic:
    return Critic(
        {"held": provider},
        max_attempts=1,
        min_model_s=LEAST_S,
        breaker=BreakerPolicy(1, 3600),
        entropy=lambda size: bytes(range(size)),
        lines=LinePolicy(places),
        memory=memory,
    )


def inquiry(of: Plan, seconds: float = 30, tenant: str = "acme") -> Inquiry:
    draft = redact(request(f"Rest, and drink plenty of water. Ask {tenant} for more.", drafter=Drafter("p", "drafter")))
    deadline = asyncio.get_running_loop().time() + seconds
    return Inquiry(of, FACTS, frozenset(), draft, MOMENT, deadline, CATALOGUE, tenant)


def whole(criticism: Criticism) -> list[str]:
    return [critique.judge for critique in criticism.critiques if isinstance(critique.outcome, Completed)]


def takes(critic: Critic, model: str, seconds: float) -> None:
    """Let a model be known to take so long."""
    line = critic._consultant._line(model)
    for _ in range(20):
        line.window.add(seconds, asyncio.get_running_loop().time())


async def test_tenants_are_served_in_turn() -> None:
    """At one place, a tenant with one draft waits for one call of a tenant with many, not for all of them."""
    provider = ListeningProvider()
    critic = critic_of(provider, places=1)
    tasks = [asyncio.create_task(critic.criticise(inquiry(plan({})))) for _ in range(4)]
    await provider.arrived(1)
    tasks.append(asyncio.create_task(critic.criticise(inquiry(plan({}), tenant="other"))))
    while critic._consultant._line("critic-1").gate.waiting < 4:  # noqa: ASYNC110 - a gate tells nobody who waits
        await asyncio.sleep(0)
    for _ in tasks:
        provider.turns.release()
    critiques = await asyncio.gather(*tasks)

    assert provider.drafts == ["acme", "acme", "other", "acme", "acme"]
    assert [whole(criticism) for criticism in critiques] == [["critic-1"]] * 5


async def test_a_crowd_sends_the_next_to_a_spare() -> None:
    """Where no place comes free in time the spare is asked, and nothing is on record of a call that was not made."""
    provider = HeldProvider()
    critic = critic_of(provider, places=1)
    first = asyncio.create_task(critic.criticise(inquiry(plan({}, "critic-1"))))
    await provider.arrived(1)
    second = asyncio.create_task(critic.criticise(inquiry(plan({}, "critic-1", "spare-1"), 2.0, "other")))
    await provider.arrived(1)
    provider.gate.set()

    assert (whole(await first), whole(await second)) == (["critic-1"], ["spare-1"])
    assert [call.requested_model for call in (await second).calls] == ["spare-1"]


async def test_a_crowd_without_a_spare_is_an_outage_of_its_own() -> None:
    """Without a place in time the critique is unavailable for that reason, and the model is not blamed."""
    provider = HeldProvider()
    critic = critic_of(provider, places=1)
    first = asyncio.create_task(critic.criticise(inquiry(plan({}, "critic-1"))))
    await provider.arrived(1)
    late = await critic.criticise(inquiry(plan({}, "critic-1"), 2.0, "other"))
    (critique,) = late.critiques
    assert isinstance(critique.outcome, Unavailable)
    assert (critique.outcome.kind, late.calls) == (FailureKind.CONGESTED, ())

    provider.gate.set()
    assert whole(await first) == ["critic-1"]
    assert whole(await critic.criticise(inquiry(plan({}, "critic-1")))) == ["critic-1"]


async def test_one_who_leaves_the_queue_keeps_nobody_waiting() -> None:
    """Cancelled while it waits for a place, a critique leaves the queue, and the next in it is served."""
    provider = HeldProvider()
    critic = critic_of(provider, places=1)
    tasks = [asyncio.create_task(critic.criticise(inquiry(plan({}, "critic-1")))) for _ in range(3)]
    await provider.arrived(1)
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    provider.gate.set()

    assert [whole(await tasks[0]), whole(await tasks[2])] == [["critic-1"]] * 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


SHORTENED: dict[str, tuple[dict[str, object], dict[str, float], list[str], list[Effect]]] = {
    "single to spare": ({}, {"critic-1": 60}, ["second-1"], [Effect.NOTE]),
    "single of none": ({}, dict.fromkeys(("critic-1", "second-1", "third-1"), 60), [], [Effect.HANDOFF]),
    "cascade to strong": (CASCADE, {"critic-1": 20}, ["second-1"], [Effect.NOTE]),
    "cascade to screen": (CASCADE, {"second-1": 60, "third-1": 60}, ["critic-1"], [Effect.HANDOFF]),
    "panel to quorum": (PANEL, {"third-1": 60}, ["critic-1", "second-1"], [Effect.NOTE]),
    "panel to one": (PANEL, {"critic-1": 60, "third-1": 60}, ["second-1"], [Effect.HANDOFF]),
}


@pytest.mark.parametrize(("fields", "known", "asked", "effects"), SHORTENED.values(), ids=SHORTENED)
async def test_modes_are_cut_to_the_time_that_is_left(
    fields: dict[str, object], known: dict[str, float], asked: list[str], effects: list[Effect]
) -> None:
    """Only those are asked who have a chance to answer, and what was left out is told as the deadline's doing."""
    provider = HeldProvider()
    provider.gate.set()
    critic = critic_of(provider)
    for name, seconds in known.items():
        takes(critic, name, seconds)
    criticism = await critic.criticise(inquiry(plan(fields)))

    assert sorted(provider.asked) == sorted(whole(criticism)) == asked
    assert [(t.cause, t.effect) for t in criticism.troubles] == [(Cause.DEADLINE, effect) for effect in effects]


async def test_answers_of_a_shortened_mode_are_not_kept() -> None:
    """Answers of fewer reviewers than the route names are no answers for a review that has time for all."""
    provider = HeldProvider()
    provider.gate.set()
    critic = critic_of(provider, memory=Memory(60, 10))
    takes(critic, "critic-1", 20)
    hurried = await critic.criticise(inquiry(plan(CASCADE)))
    critic.remember(hurried, "reviews/1")
    patient = await critic.criticise(inquiry(plan(CASCADE), 100))

    assert (hurried.key, patient.reused_from) == ("", "")
    assert whole(patient) == ["critic-1", "second-1"]
