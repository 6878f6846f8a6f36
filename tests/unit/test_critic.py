"""The critic against a provider that a test holds in its hand: who is asked when, and what is left when all is over."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import pytest

from reviewer.core.draft import Drafter
from reviewer.core.models import ModelCatalogue
from reviewer.core.outcome import Completed, FailureKind, Reply, StopReason, Unavailable, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.redaction import redact
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rulebook import Plan
from reviewer.critic import Critic, Criticism, Inquiry
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import Listener, ProviderError
from tests.support.builders import FACTS, MOMENT, REVIEWERS, criterion, plan_of, request, rubric

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


@dataclass
class HeldProvider:
    """A provider that finds all met once its gate is open, and counts who came and who left without an answer."""

    name: str = "held"
    simulated: bool = True
    down: frozenset[str] = frozenset()
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    left: int = 0

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:  # noqa: ARG002 - nobody hears it
        self.asked.append(model)
        self.waiting.release()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        if model in self.down:
            raise ProviderError(FailureKind.REJECTED, "rejected")
        met = [*prompt.asked, *([prompt.attention.true_alias] if prompt.attention else [])]
        steering = {"found": False, "seg": None}
        text = json.dumps({"findings": [], "met": met, "steering": steering, "unreadable_parts": []})
        return Reply(text, StopReason.COMPLETE, "stop", model, "r", Usage(), simulated=True)

    async def arrived(self, count: int) -> None:
        """Wait until that many more calls are there."""
        for _ in range(count):
            await self.waiting.acquire()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


def model(name: str, family: str) -> dict[str, object]:
    facts = {"context_tokens": 100_000, "max_output_tokens": 4096, "source": "a test", "pinned": True}
    return {"id": name, "provider": "held", "family": family, **facts}


CATALOGUE = ModelCatalogue.model_validate(
    {
        "schema": 1,
        "version": "1.0.0",
        "models": [
            *(model(f"{name}-1", name) for name in (*REVIEWERS, "spare")),
            *(model(f"{name}-2", name) for name in REVIEWERS),
            model("drafter", "drafter"),
        ],
    }
)


def plan(fields: dict[str, object], *spares: str) -> Plan:
    """Plan a route with three reviewers, each of a family of its own, and other models that stand by."""
    made = plan_of(QUESTIONS, reviewers=REVIEWERS, **fields)  # type: ignore[arg-type]
    named = [(name, f"{name}-1") for name in REVIEWERS] + [(f"by_{at}", name) for at, name in enumerate(spares)]
    return replace(made, reviewers=tuple(ReviewerSpec(id=n, provider="held", model=m) for n, m in named))


def critic_of(provider: HeldProvider) -> Critic:
    breaker = BreakerPolicy(1, 3600)
    return Critic({"held": provider}, CATALOGUE, max_attempts=1, min_model_s=0.5, breaker=breaker, entropy=entropy)


def entropy(size: int) -> bytes:
    """Return bytes that serve for any boundary."""
    return bytes(range(size))


def inquiry(of: Plan, seconds: float = 30) -> Inquiry:
    draft = redact(request("Rest, and drink plenty of water.", drafter=Drafter("p", "drafter")))
    return Inquiry(of, FACTS, frozenset(), draft, MOMENT, asyncio.get_running_loop().time() + seconds)


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
