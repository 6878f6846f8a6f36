"""The gate: never more holders than places, turns by tenant, and nothing lost when waiters give up or are cancelled."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.providers.gate import Gate

FOREVER = 3600.0
TENANTS = "abcd"


@dataclass
class Crowd:
    """Callers at one gate."""

    gate: Gate
    holding: list[str] = field(default_factory=list)
    served: list[tuple[str, int]] = field(default_factory=list)
    refused: int = 0
    most: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def come(self, tenant: str, wait_s: float = FOREVER) -> None:
        self.tasks.append(asyncio.create_task(self._come(tenant, len(self.tasks), wait_s)))

    async def _come(self, tenant: str, number: int, wait_s: float) -> None:
        if not await self.gate.enter(tenant, wait_s):
            self.refused += 1
            return
        self.holding.append(tenant)
        self.served.append((tenant, number))
        self.most = max(self.most, len(self.holding))

    def leave(self) -> None:
        if self.holding:
            self.holding.pop(0)
            self.gate.leave()

    async def settle(self) -> None:
        """Let everything happen that is due."""
        for _ in range(4):
            await asyncio.sleep(0)


OPERATIONS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from(TENANTS)),
    st.tuples(st.just("come shortly"), st.sampled_from(TENANTS)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.just(("leave", "")),
    st.just(("step", "")),
)


@given(st.integers(1, 3), st.lists(OPERATIONS, max_size=60))
def test_places_are_neither_lost_nor_made(places: int, operations: list[tuple[str, str | int]]) -> None:
    """Whoever comes, leaves, gives up or is cancelled whenever: no more hold than may, and all ends as new."""

    async def play() -> None:
        crowd = Crowd(Gate(places))
        for name, of in operations:
            match name:
                case "come":
                    crowd.come(str(of))
                case "come shortly":
                    crowd.come(str(of), 0.0)
                case "cancel" if isinstance(of, int) and of < len(crowd.tasks):
                    crowd.tasks[of].cancel()
                case "leave":
                    crowd.leave()
                case _:
                    await asyncio.sleep(0)
            assert crowd.gate.free == 0 or crowd.gate.waiting == 0
        for task in crowd.tasks:
            task.cancel()
        await asyncio.gather(*crowd.tasks, return_exceptions=True)
        assert crowd.most <= places
        assert (crowd.gate.waiting, crowd.gate.free) == (0, places - len(crowd.holding))
        while crowd.holding:
            crowd.leave()
        assert crowd.gate.free == places
        assert not crowd.gate._queues

    asyncio.run(play())


@given(st.text(TENANTS, min_size=1, max_size=40))
def test_nobody_starves(arrivals: str) -> None:
    """With k tenants waiting each has a place within k hand-overs, and within a tenant the first come is first."""

    async def play() -> None:
        crowd = Crowd(Gate(1))
        assert crowd.gate.try_enter()
        crowd.holding.append("-")
        for tenant in arrivals:
            crowd.come(tenant)
        await crowd.settle()
        left = Counter(arrivals)
        due = dict.fromkeys(left, len(left))
        for at in range(len(arrivals)):
            crowd.leave()
            await crowd.settle()
            tenant, _ = crowd.served[at]
            left[tenant] -= 1
            due = {name: turns - 1 for name, turns in due.items()}
            assert min(due.values()) >= 0
            waiting = sum(1 for count in left.values() if count)
            due = {name: waiting if name == tenant else turns for name, turns in due.items() if left[name]}
        for tenant in set(arrivals):
            numbers = [number for name, number in crowd.served if name == tenant]
            assert numbers == sorted(numbers)
        crowd.leave()

    asyncio.run(play())


async def test_a_flood_does_not_delay_another_tenant() -> None:
    """One call of a quiet tenant waits for one hand-over, however many of another one came before."""
    crowd = Crowd(Gate(1))
    for _ in range(50):
        crowd.come("loud")
    crowd.come("quiet")
    await crowd.settle()
    crowd.leave()
    await crowd.settle()
    crowd.leave()
    await crowd.settle()
    assert [tenant for tenant, _ in crowd.served] == ["loud", "loud", "quiet"]
    for task in crowd.tasks:
        task.cancel()
    await asyncio.gather(*crowd.tasks, return_exceptions=True)
    assert crowd.gate.waiting == 0


async def test_a_place_given_to_one_who_is_cancelled_goes_on() -> None:
    """Handed over and cancelled in one step, a waiter passes its place to the next."""
    crowd = Crowd(Gate(1))
    for tenant in "abc":
        crowd.come(tenant)
    await crowd.settle()
    crowd.leave()
    crowd.tasks[1].cancel()
    await crowd.settle()
    assert [tenant for tenant, _ in crowd.served] == ["a", "c"]


async def test_the_turn_of_one_who_is_cancelled_is_still_its_tenants() -> None:
    """A tenant whose first waiter is cancelled in the moment of a hand-over keeps its turn."""
    crowd = Crowd(Gate(1))
    for tenant in "-aab":
        crowd.come(tenant)
    await crowd.settle()
    crowd.tasks[1].cancel()
    crowd.leave()
    await crowd.settle()
    assert [tenant for tenant, _ in crowd.served] == ["-", "a"]
    crowd.leave()
    await crowd.settle()
    crowd.leave()
    assert (crowd.gate.free, crowd.gate.waiting) == (1, 0)


@pytest.mark.parametrize("wait_s", [-1.0, 0.0, 0.001])
async def test_waiting_ends_in_time(wait_s: float) -> None:
    """Who is given no more time goes away without a place, and leaves no trace."""
    gate = Gate(1)
    assert await gate.enter("a", wait_s)
    assert not await gate.enter("b", wait_s)
    assert (gate.free, gate.waiting) == (0, 0)
    gate.leave()
    assert gate.free == 1
