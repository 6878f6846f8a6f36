"""What reviews cost is in the log exactly as the reviews are: counted once, durable, and never without them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.outcome import CallRecord, Usage
from reviewer.core.record import Entry
from reviewer.core.spending import NOTHING, Spent
from reviewer.ledger.interface import Ledger
from tests.contract.ledger.conftest import Store
from tests.support.builders import MOMENT, entry

CALL = CallRecord("anthropic", "critic-1", "critic-1", "r", "0" * 64, Usage(1000, 600, 0, 50, 20), 700, 1, "stop")
UNPRICED = replace(CALL, cost_micro_usd=None)
COST = Spent(700, 1, 0, 1000, 600, 50)
DAY = MOMENT.date()


def paid(
    number: int,
    request_id: str = "",
    tenant: str = "acme",
    created_at: datetime = MOMENT,
    calls: tuple[CallRecord, ...] = (CALL,),
) -> Entry:
    """Return the entry of a review that made one call."""
    return entry(number, request_id, tenant=tenant, created_at=created_at, calls=calls)


def times(number: int) -> Spent:
    return sum([COST] * number, NOTHING)


async def test_nothing_is_spent_in_an_empty_log(ledger: Ledger) -> None:
    """A tenant or a day without reviews has spent nothing."""
    assert await ledger.spending("acme", DAY) == NOTHING
    assert await ledger.spending_of_day(DAY) == ()


async def test_reviews_add_up(ledger: Ledger) -> None:
    """Every call of every review is counted, with and without a price; a review without calls costs nothing."""
    await ledger.append(paid(1))
    await ledger.append(paid(2, calls=(CALL, UNPRICED)))
    await ledger.append(paid(3, calls=()))

    assert await ledger.spending("acme", DAY) == Spent(1400, 3, 1, 3000, 1800, 150)


async def test_tenants_and_days_are_apart(ledger: Ledger) -> None:
    """Each tenant pays for its own reviews, on the UTC day on which they were decided."""
    await ledger.append(paid(1))
    await ledger.append(paid(2, tenant="globex"))
    await ledger.append(paid(3, created_at=MOMENT + timedelta(days=1)))
    await ledger.append(paid(4, tenant="idle", calls=()))

    assert await ledger.spending_of_day(DAY) == (("acme", COST), ("globex", COST))
    assert await ledger.spending_of_day(DAY + timedelta(days=1)) == (("acme", COST),)
    assert await ledger.spending("globex", DAY + timedelta(days=1)) == NOTHING
    assert await ledger.spending_of_day(date(2000, 1, 1)) == ()


async def test_a_duplicate_costs_nothing(ledger: Ledger) -> None:
    """A review whose request id is in the log already is not counted, also not within one commit."""
    await ledger.append(paid(1, "r-1"))
    await ledger.append(paid(2, "r-1"))
    await asyncio.gather(*(ledger.append(paid(number, f"r-{number // 4}")) for number in range(8, 48)))

    assert await ledger.spending("acme", DAY) == times(11)


async def test_many_at_once(ledger: Ledger) -> None:
    """Reviews of several tenants that are committed together are all counted."""
    await asyncio.gather(*(ledger.append(paid(number, tenant=f"t{number % 3}")) for number in range(300)))

    assert await ledger.spending_of_day(DAY) == tuple((f"t{number}", times(100)) for number in range(3))


async def test_two_writers_count_together(store: Store) -> None:
    """Two processes that write to one log add to the same figures, and each sees the other's at once."""
    async with store.open() as one, store.open() as other:
        for number in range(10):
            await (one, other)[number % 2].append(paid(number, f"r-{number // 2 * 2 if number > 5 else number}"))
            assert await one.spending("acme", DAY) == await other.spending("acme", DAY)
        size = await one.size()
        await asyncio.gather(*((one, other)[number % 2].append(paid(number)) for number in range(100, 200)))

        assert await one.spending("acme", DAY) == await other.spending("acme", DAY) == times(size + 100)


async def test_spending_is_durable(store: Store) -> None:
    """What was counted is there for the next process."""
    async with store.open() as ledger:
        await ledger.append(paid(1))
    async with store.open() as ledger:
        await ledger.append(paid(2))
        assert await ledger.spending("acme", DAY) == times(2)


async def test_absurd_figures_do_no_harm(ledger: Ledger) -> None:
    """Figures that no store can add up stop at their greatest value, and the log goes on."""
    absurd = replace(paid(1), spent=Spent(2**80, 1, 0, 2**63, 0, 0))
    for number in (1, 2, 3):
        sealed = paid(number)
        await ledger.append(replace(sealed, spent=absurd.spent))

    spent = await ledger.spending("acme", DAY)
    assert spent.micro_usd == spent.input_tokens > 2**60
    assert spent.calls == await ledger.size() == 3


async def test_closed_log_tells_no_spending(store: Store) -> None:
    """A closed log is unavailable for figures too."""
    async with store.open() as ledger:
        pass
    for call in (ledger.spending("acme", DAY), ledger.spending_of_day(DAY)):
        with pytest.raises(LedgerUnavailableError):
            await call
