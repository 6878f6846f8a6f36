"""Budgets over a real log, with a clock and a price that a test holds in its hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reviewer import budget
from reviewer.budget import Allowance, Budgets
from reviewer.config import BudgetSettings
from reviewer.core.errors import BudgetExhaustedError, LedgerUnavailableError
from reviewer.core.outcome import CallRecord, FailureKind, Usage
from reviewer.core.record import seal
from reviewer.core.review import Review
from reviewer.core.spending import Spent
from reviewer.core.verdict import Cause
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.support.builders import CONTENT_KEY, MOMENT, review

ESTIMATE = 1000
REREAD_S = 5.0


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class CountingLedger(SqliteLedger):
    """A log that counts how often it is asked what was spent, and can be held back in the answer."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.readings: list[tuple[str, date]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def spending(self, tenant: str, day: date) -> Spent:
        self.readings.append((tenant, day))
        found = await super().spending(tenant, day)
        self.asked.set()
        await self.gate.wait()
        return found


@dataclass
class Bank:
    """Budgets, and the log and clock that they live on."""

    ledger: CountingLedger
    clock: Clock = field(default_factory=Clock)
    number: int = 0

    def budgets(self, limit: int | None = None, **settings: object) -> Budgets:
        values = {"tenant_daily_micro_usd": limit, "reread_s": REREAD_S, **settings}
        return Budgets(self.ledger, BudgetSettings.model_validate(values), self.clock)

    async def pay(self, cost: int, tenant: str = "acme") -> Review:
        """Write a review that cost so much into the log."""
        self.number += 1
        made = review(self.number, tenant=tenant, calls=(call_for(cost),))
        await self.ledger.append(seal(made, CONTENT_KEY))
        return made


def call_for(cost: int) -> CallRecord:
    return CallRecord("anthropic", "critic-1", "critic-1", "r", "0" * 64, Usage(), cost, 1, "stop")


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    create(tmp_path / "log.db")
    async with CountingLedger(tmp_path / "log.db") as ledger:
        yield Bank(ledger)


async def asks(allowance: Allowance, estimate: int = ESTIMATE) -> bool:
    """Reserve, and say whether that was granted."""
    trouble = await allowance.reserve(lambda: estimate)
    assert trouble is None or trouble.cause is Cause.BUDGET_EXHAUSTED
    return trouble is None


async def test_without_a_budget_nothing_is_kept(bank: Bank) -> None:
    """Where a tenant has no budget nothing is estimated, read or refused."""

    def never() -> int:
        raise AssertionError

    budgets = bank.budgets(tenants={"globex": 0})
    with budgets.allowance("acme", MOMENT) as allowance:
        assert await allowance.reserve(never) is None
        budgets.settle(await bank.pay(10**9))

    assert bank.ledger.readings == []


@pytest.mark.parametrize(("limit", "granted"), [(999, 0), (1000, 1), (2999, 2), (3000, 3), (0, 0)])
async def test_estimates_share_the_budget(bank: Bank, limit: int, granted: int) -> None:
    """As many reviews are granted at once as their estimates fit into the budget, to the last micro-USD."""
    budgets = bank.budgets(limit)
    allowances = [budgets.allowance("acme", MOMENT).__enter__() for _ in range(50)]
    answers = await asyncio.gather(*map(asks, allowances))

    assert sum(answers) == granted
    assert len(bank.ledger.readings) == 1


async def test_a_named_tenant_has_its_own(bank: Bank) -> None:
    """A tenant that is named has its own budget, all others the common one, and nobody pays for another."""
    budgets = bank.budgets(1000, tenants={"acme": 2000, "poor": 0})
    for tenant, granted in (("acme", 2), ("poor", 0), ("globex", 1), ("initech", 1)):
        allowances = [budgets.allowance(tenant, MOMENT).__enter__() for _ in range(5)]
        assert [await asks(a) for a in allowances] == [True] * granted + [False] * (5 - granted)


async def test_what_was_set_aside_is_free_again(bank: Bank) -> None:
    """What a review set aside and did not need is there for the next one."""
    budgets = bank.budgets(ESTIMATE)
    for _ in range(3):
        with budgets.allowance("acme", MOMENT) as allowance:
            assert await asks(allowance)


@pytest.mark.parametrize("end", [LedgerUnavailableError, asyncio.CancelledError])
async def test_what_a_lost_review_cost_is_taken_to_be_its_estimate(bank: Bank, end: type[BaseException]) -> None:
    """A caller who hangs up has had a model asked: however often that is done, the budget bounds it."""
    budgets = bank.budgets(2 * ESTIMATE)

    async def lost() -> None:
        with budgets.allowance("acme", MOMENT) as allowance:
            granted.append(await asks(allowance))
            raise end("gone")

    granted: list[bool] = []
    for _ in range(3):
        with pytest.raises(end):
            await lost()
    assert granted == [True, True, False]


async def test_a_review_that_failed_before_it_asked_costs_nothing(bank: Bank) -> None:
    """Where nothing was set aside, nothing is taken to be spent."""
    budgets = bank.budgets(ESTIMATE)
    for _ in range(3):
        with pytest.raises(LedgerUnavailableError), budgets.allowance("acme", MOMENT):
            raise LedgerUnavailableError("no log")
    with budgets.allowance("acme", MOMENT) as allowance:
        assert await asks(allowance)


@pytest.mark.parametrize("kind", [FailureKind.DEADLINE, FailureKind.TIMEOUT, FailureKind.DRAINING])
async def test_a_call_that_was_cut_off_is_taken_to_cost_what_was_set_aside(bank: Bank, kind: FailureKind) -> None:
    """Too short deadlines do not make reviews free: what is not known of a recorded review counts as estimated."""
    budgets = bank.budgets(2 * ESTIMATE)
    for granted in (True, True, False):
        with budgets.allowance("acme", MOMENT) as allowance:
            assert await asks(allowance) is granted
            allowance.settle(review(tenant="acme", calls=(replace(call_for(0), cost_micro_usd=None, failure=kind),)))


async def test_what_was_spent_stays_spent(bank: Bank) -> None:
    """A recorded review costs what it cost, not what was set aside, at once and after the log was read again."""
    budgets = bank.budgets(2000)
    for _ in range(2):
        with budgets.allowance("acme", MOMENT) as allowance:
            assert await asks(allowance)
            budgets.settle(await bank.pay(700))
    for _ in range(3):
        with budgets.allowance("acme", MOMENT) as allowance:
            assert not await asks(allowance, 601)
            assert await asks(allowance, 600)
        bank.clock.now += REREAD_S


async def test_the_log_is_read_at_an_interval(bank: Bank) -> None:
    """What was spent is read once, and not again before the interval has gone by; what others spent is known then."""
    budgets = bank.budgets(2000)
    for _ in range(10):
        with budgets.allowance("acme", MOMENT) as allowance:
            assert await asks(allowance)
    await bank.pay(1500)
    bank.clock.now += REREAD_S - 0.01
    with budgets.allowance("acme", MOMENT) as allowance:
        assert await asks(allowance)
    assert bank.ledger.readings == [("acme", MOMENT.date())]
    bank.clock.now += 0.01
    with budgets.allowance("acme", MOMENT) as allowance:
        assert not await asks(allowance)
        assert await asks(allowance, 500)
    assert bank.ledger.readings == [("acme", MOMENT.date())] * 2


async def test_what_is_settled_during_a_reading_is_not_lost(bank: Bank) -> None:
    """A review that ends while the log is being read counts, whether the answer has it already or not."""
    budgets = bank.budgets(2000)
    bank.ledger.gate.clear()
    with budgets.allowance("acme", MOMENT) as allowance, budgets.allowance("acme", MOMENT) as other:
        asking = asyncio.create_task(asks(allowance, 1001))
        await bank.ledger.asked.wait()
        budgets.settle(await bank.pay(1000))
        bank.ledger.gate.set()

        assert not await asking
        assert await asks(other, 1000)


async def test_each_day_has_its_own(bank: Bank) -> None:
    """At midnight UTC the budget is there again; a review counts on the day on which the log counts it."""
    budgets = bank.budgets(1000)
    tomorrow = MOMENT + timedelta(days=1)
    with budgets.allowance("acme", tomorrow) as late, budgets.allowance("acme", MOMENT) as allowance:
        assert await asks(late, 1000)
        budgets.settle(await bank.pay(1000))
        assert not await asks(allowance, 1)


async def test_refusing(bank: Bank) -> None:
    """Where the settings want it an exhausted budget is an error that says how long it is until midnight UTC."""
    budgets = bank.budgets(0, on_exhausted="refuse")
    with budgets.allowance("acme", MOMENT) as allowance, pytest.raises(BudgetExhaustedError) as refused:
        await asks(allowance)

    midnight = MOMENT.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert refused.value.retry_after_s == (midnight - MOMENT).total_seconds()
    assert "2026-11-21" in str(refused.value)


async def test_the_first_time_is_told_once(bank: Bank) -> None:
    """An exhausted budget is one event a tenant and day, with the sums that say why."""
    budgets = bank.budgets(1500)
    with capture_logs() as events:
        for tenant in ("acme", "globex"):
            with budgets.allowance(tenant, MOMENT) as allowance:
                assert [await asks(allowance) for _ in range(5)] == [True, False, False, False, False]

    assert events == [
        {
            "event": "budget_exhausted",
            "log_level": "warning",
            "tenant": tenant,
            "day": "2026-11-21",
            "budget_micro_usd": 1500,
            "spent_micro_usd": 0,
            "reserved_micro_usd": 1000,
            "estimate_micro_usd": 1000,
        }
        for tenant in ("acme", "globex")
    ]


async def test_an_unreadable_log_grants_nothing(bank: Bank) -> None:
    """Where nobody knows what was spent nothing is granted: the call fails."""
    budgets = bank.budgets(10**9)
    await bank.ledger.__aexit__(None, None, None)
    with budgets.allowance("acme", MOMENT) as allowance, pytest.raises(LedgerUnavailableError):
        await asks(allowance)


async def test_made_up_tenants_fill_no_memory(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many names callers make up, idle ones are forgotten, and those at work keep their account."""
    monkeypatch.setattr(budget, "MAX_ACCOUNTS", 10)
    budgets = bank.budgets(1000)
    with budgets.allowance("acme", MOMENT) as allowance:
        assert await asks(allowance)
        for number in range(100):
            with budgets.allowance(f"t{number}", MOMENT) as other:
                assert await asks(other)
        assert len(budgets._accounts) <= 11
        with budgets.allowance("acme", MOMENT) as again:
            assert not await asks(again)


@pytest.mark.parametrize("seed", range(5))
async def test_no_schedule_overshoots(bank: Bank, seed: int) -> None:
    """Under any order of asking, paying, failing and reading again no more than the budget is ever spent."""
    chance = random.Random(seed)
    limit = 10_000
    budgets = bank.budgets(limit)
    spent = 0

    async def work() -> None:
        nonlocal spent
        await _pause(chance)
        with budgets.allowance("acme", MOMENT) as allowance:
            if not await asks(allowance):
                return
            await _pause(chance)
            if chance.random() < 0.3:
                return
            made = await bank.pay(chance.randint(0, ESTIMATE))
            spent += made.calls[0].cost_micro_usd or 0
            await _pause(chance)
            budgets.settle(made)
        bank.clock.now += chance.choice((0, REREAD_S))

    for _ in range(30):
        bank.clock.now += REREAD_S
        await asyncio.gather(*(work() for _ in range(20)))

    assert limit - ESTIMATE <= spent <= limit
    assert (await bank.ledger.spending("acme", MOMENT.date())).micro_usd == spent


async def _pause(chance: random.Random) -> None:
    for _ in range(chance.randint(0, 5)):
        await asyncio.sleep(0)
