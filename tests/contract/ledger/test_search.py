"""Searching a log: every store lets through what the filter's words mean, in order, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.core.draft import Drafter, Tier
from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.facets import facets_of
from reviewer.core.merkle import leaf_hash
from reviewer.core.outcome import CallRecord, Usage
from reviewer.core.record import Entry
from reviewer.core.review import RouteTaken
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import RubricPin
from reviewer.core.search import EVERYTHING, Filter, Match, Operator, Order, read_filter
from reviewer.core.verdict import Cause, Reason, Verdict
from reviewer.ledger.interface import Found, Ledger
from tests.contract.ledger.conftest import Store
from tests.support.builders import MOMENT, entry
from tests.support.filters import filters, lets_through, matches

TEXTS = [
    "acme",
    "globex",
    "a",
    "",
    "health.dose",
    "health.",
    "finance",
    "caf\u00e9",
    "\U0010ffff",
    "\ud7ff",
    "en-US",
    "%_",
]
MODELS = ["critic-1", "critic-2", "second"]
DIGESTS = ["", "ab" * 32, "ac" + "0" * 62]
CAUSES = [(), (Cause.DEADLINE,), (Cause.CRITERION, Cause.DEADLINE), (Cause.INJECTION_SUSPECTED,)]
words = st.sampled_from([*TEXTS, *MODELS, *DIGESTS, "ab", "canary", "critic-", "probe/one", "probe@1.0.0", "probe@"])
asked = filters(
    matches(
        words,
        st.integers(-2, 14),
        st.integers(-3, 8).map(lambda seconds: MOMENT + timedelta(seconds=seconds)),
    )
)


def varied(number: int) -> Entry:
    """Return an entry that differs from its neighbours in most of what it is found by."""

    def one_of(values: Sequence[str], step: int) -> str:
        return values[number * step % len(values)]

    model = one_of(MODELS, 1)
    call = CallRecord("anthropic", model, f"{model}-served", "r", "0" * 64, Usage(), None, 1, "stop")
    # Several entries share a moment, and time goes backwards now and then.
    moment = MOMENT + timedelta(seconds=[0, 1, 1, 0, 2, 5, 4][number % 7], microseconds=number % 2)
    return entry(
        number,
        tenant=one_of(["acme", "globex", "a"], 1),
        created_at=moment,
        intent=one_of(TEXTS, 5),
        locale=one_of(["en-US", "", "pt-BR"], 1),
        verdict=list(Verdict)[number % 3],
        reasons=tuple(Reason(cause, Effect.HANDOFF, "probe/one", None, "so") for cause in CAUSES[number % 4]),
        pins=(RubricPin("probe", "1.0.0", "d" * 64), RubricPin(one_of(["health", "law"], 1), "2.0.0", "d" * 64)),
        route=RouteTaken(one_of(TEXTS, 7), one_of(TEXTS, 1), list(Tier)[number % 3], False, True, "e" * 64),  # noqa: FBT003 - as the fields go
        calls=(call,) if number % 5 else (),
        drafter=Drafter("openai", one_of(TEXTS, 11), ""),
        simulated=number % 2 == 0,
        canary="health/egfr" if number % 6 == 5 else "",
        release=one_of(DIGESTS, 5),
        stage="canary" if number % 4 == 3 else "",
    )


ENTRIES = [varied(number) for number in range(13)]


async def filled(ledger: Ledger) -> None:
    for one in ENTRIES:
        await ledger.append(one)


def by_hand(read: Filter, order: Order) -> list[int]:
    found = [index for index, one in enumerate(ENTRIES) if lets_through(read, index, one.facets)]
    found.sort(key=lambda index: (ENTRIES[index].facets.create_time, index), reverse=order is Order.NEWEST)
    return found


def indexes(found: Sequence[Found]) -> list[int]:
    return [one.position.index for one in found]


@pytest.mark.parametrize("order", Order)
def test_every_filter_means_what_it_says(store: Store, order: Order) -> None:
    """Whatever the filter, exactly those records come that plain Python would let through, in order."""

    async def check() -> None:
        async with store.open() as ledger:
            await filled(ledger)

    async def search(read: Filter) -> list[int]:
        async with store.open() as ledger:
            return indexes(await ledger.search(read, order, None, 100))

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(asked)
    def holds(read: Filter) -> None:
        assert runner.run(search(read)) == by_hand(read, order)

    with asyncio.Runner() as runner:
        runner.run(check())
        holds()


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("text", ["", "simulated = true", "cause:deadline OR tenant = acme", "NOT model:critic-*"])
async def test_pages_join_to_the_whole(ledger: Ledger, order: Order, text: str) -> None:
    """Page after page of any size, each behind the last entry of the one before, gives every record once, in order."""
    await filled(ledger)
    read = read_filter(text)
    for size in (1, 2, 5, 100):
        found: list[int] = []
        while page := await ledger.search(read, order, found[-1] if found else None, size):
            assert len(page) <= size
            found += indexes(page)
        assert found == by_hand(read, order)


async def test_what_is_found_is_what_was_appended(ledger: Ledger) -> None:
    """A record comes back byte for byte, with its position, time and tenant."""
    await filled(ledger)
    found = await ledger.search(EVERYTHING, Order.OLDEST, None, 100)
    for one in found:
        sealed = ENTRIES[one.position.index]
        assert (one.record, one.position.leaf_hash) == (sealed.record, sealed.leaf_hash)
        assert (one.kind, one.review, one.tenant) == ("review", f"reviews/{sealed.review_id}", sealed.tenant)
        assert one.create_time == sealed.facets.create_time
        assert await ledger.find_record(sealed.review_id) == one
    assert all((a.create_time, a.position.index) < (b.create_time, b.position.index) for a, b in pairwise(found))
    assert await ledger.find_record("none") is None


async def test_records_of_other_kinds_are_found(ledger: Ledger) -> None:
    """An entry that is no review is found by what its bytes say, and is not taken for one."""
    record = b'{"schema":"hold/1","time":"2026-11-21T09:30:15.250000Z","tenant":"acme"}'
    await ledger.append(replace(entry(1), record=record, leaf_hash=leaf_hash(record), facets=facets_of(record)))
    await ledger.append(entry(2))
    (found,) = await ledger.search(read_filter("kind = hold AND tenant = acme"), Order.OLDEST, None, 10)
    assert (found.kind, found.review, found.record, found.create_time) == ("hold", "", record, MOMENT)
    assert indexes(await ledger.search(read_filter("kind = review"), Order.OLDEST, None, 10)) == [1]


async def test_a_search_sees_what_was_appended_before(ledger: Ledger) -> None:
    """What `append` has returned for is found at once."""
    for number, one in enumerate(ENTRIES[:5]):
        await ledger.append(one)
        assert len(await ledger.search(EVERYTHING, Order.NEWEST, None, 10)) == number + 1


async def test_what_was_not_kept_is_not_found(ledger: Ledger) -> None:
    """An entry whose request id was taken leaves no trace that a search could find."""
    await ledger.append(entry(1, "r-1", locale="en"))
    await ledger.append(entry(2, "r-1", locale="fr"))
    assert indexes(await ledger.search(EVERYTHING, Order.OLDEST, None, 10)) == [0]
    assert await ledger.search(Match("locale", Operator.EQUAL, "fr"), Order.OLDEST, None, 10) == ()


async def test_after_an_entry_that_is_not_there(ledger: Ledger) -> None:
    """Behind an index that the log does not have there is nothing."""
    await filled(ledger)
    assert await ledger.search(EVERYTHING, Order.OLDEST, 10**9, 10) == ()


@pytest.mark.parametrize("text", ["'; DROP TABLE entries; --", '" OR 1=1', "%", "_", "*", "?1", "caf\u00e9"])
async def test_values_are_only_values(ledger: Ledger, text: str) -> None:
    """A value is compared as it is, whatever characters it holds, whole as by its beginning."""
    await ledger.append(entry(1, intent=text))
    await ledger.append(entry(2, intent=f"{text}x"))
    await ledger.append(entry(3, intent="other"))
    for prefix, expected in ((False, [0]), (True, [0, 1])):
        match = Match("intent", Operator.EQUAL, text, prefix)
        assert indexes(await ledger.search(match, Order.OLDEST, None, 10)) == expected


@pytest.mark.parametrize("field", ["intent", "model", "release"])
async def test_beginnings(ledger: Ledger, field: str) -> None:
    """What begins as asked is found and what only comes close is not, in texts as in lists."""
    await filled(ledger)
    sign = Operator.HAS if field == "model" else Operator.EQUAL
    for text in {word[:length] for word in (*TEXTS, *MODELS, *DIGESTS) for length in range(len(word) + 1)}:
        match = Match(field, sign, text, prefix=True)
        assert indexes(await ledger.search(match, Order.OLDEST, None, 100)) == by_hand(match, Order.OLDEST), text


async def test_a_cancelled_search_leaves_the_log_at_work(ledger: Ledger) -> None:
    """A caller that goes away disturbs nobody: the next search and the next append are answered."""
    await filled(ledger)
    searches = [asyncio.create_task(ledger.search(EVERYTHING, Order.OLDEST, None, 100)) for _ in range(20)]
    await asyncio.sleep(0)
    for search in searches[::2]:
        search.cancel()
    results = await asyncio.gather(*searches, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in results] == [True, False] * 10
    await ledger.append(entry(99))
    assert len(await ledger.search(EVERYTHING, Order.OLDEST, None, 100)) == len(ENTRIES) + 1


async def test_a_closed_log_is_not_searched(store: Store) -> None:
    """A log that is closed is unavailable for searches as for all else."""
    async with store.open() as ledger:
        pass
    with pytest.raises(LedgerUnavailableError):
        await ledger.search(EVERYTHING, Order.OLDEST, None, 1)
    with pytest.raises(LedgerUnavailableError):
        await ledger.find_record("x")
