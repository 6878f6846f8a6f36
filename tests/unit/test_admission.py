from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reviewer.admission import Admission, recall, replay
from reviewer.core.draft import ReviewRequest
from reviewer.core.errors import (
    DrainingError,
    IdempotencyConflictError,
    InProgressError,
    LedgerCorruptError,
    LedgerUnavailableError,
    OverloadError,
)
from reviewer.core.review import Position, RecordedReview
from reviewer.ledger.interface import Stored
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.support.builders import entry, request, review

RETRY_AFTER_S = 1.5


class SlowToFind(SqliteLedger):
    """A log whose look-ups end when the test says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = asyncio.Event()
        self.gate.set()
        self.looked_up = 0

    async def find_request(self, tenant: str, request_id: str) -> Stored | None:
        self.looked_up += 1
        await self.gate.wait()
        return await super().find_request(tenant, request_id)


class Work:
    """One review in the making: it says when it began and ends when the test says so."""

    def __init__(
        self, ledger: SqliteLedger, number: int = 1, request_id: str = "r-1", fault: Exception | None = None
    ) -> None:
        self._ledger = ledger
        self._number = number
        self._request_id = request_id
        self._fault = fault
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.count = 0

    async def __call__(self) -> RecordedReview:
        self.count += 1
        self.began.set()
        await self.may_end.wait()
        if self._fault is not None:
            raise self._fault
        made = review(self._number, request_id=self._request_id)
        appended = await self._ledger.append(entry(self._number, self._request_id))
        return RecordedReview(made, appended.position)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SlowToFind]:
    create(tmp_path / "log.db")
    async with SlowToFind(tmp_path / "log.db") as opened:
        yield opened


@pytest.fixture
def admission(ledger: SlowToFind) -> Admission:
    return Admission(ledger, 2, RETRY_AFTER_S)


def ask(request_id: str = "r-1", digest: str = "c" * 64, tenant: str = "acme") -> ReviewRequest:
    return request(request_id=request_id, content_digest=digest, tenant=tenant)


def later(seconds: float = 60) -> float:
    return asyncio.get_running_loop().time() + seconds


async def settle() -> None:
    """Let every task run until it waits for something that this test has to do."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_slots_are_counted(admission: Admission) -> None:
    """Each caller holds one place and is refused, with a time to wait, when all are taken."""
    with admission.slot(), admission.slot():
        assert admission.in_flight == 2
        with pytest.raises(OverloadError, match="2 reviews in flight, at most 2") as refused, admission.slot():
            pass
    assert refused.value.retry_after_s == RETRY_AFTER_S
    assert admission.in_flight == 0


async def test_slots_are_given_back_after_a_failure(admission: Admission) -> None:
    """A caller that fails gives its place back."""
    with pytest.raises(ValueError, match="gone wrong"), admission.slot():
        raise ValueError("gone wrong")

    assert admission.in_flight == 0
    await asyncio.wait_for(admission.wait_idle(), 1)


async def test_drain(admission: Admission) -> None:
    """After the doors are closed nobody new comes in, and the last one to leave makes the house idle."""
    drained = [admission.draining]
    with admission.slot():
        admission.close_doors()
        drained.append(admission.draining)
        idle = asyncio.create_task(admission.wait_idle())
        with pytest.raises(DrainingError), admission.slot():
            pass
        await settle()
        assert not idle.done()
    await asyncio.wait_for(idle, 1)

    assert drained == [False, True]


async def test_draining_is_said_before_overload(admission: Admission) -> None:
    """A full house that is closing says that it is closing: to come back to it is no use."""
    with admission.slot(), admission.slot():
        admission.close_doors()
        with pytest.raises(DrainingError), admission.slot():
            pass


async def test_without_request_id_nothing_is_shared(admission: Admission, ledger: SlowToFind) -> None:
    """Two requests without an id are two reviews, and nothing is looked up."""
    first, second = Work(ledger, 1, ""), Work(ledger, 2, "")
    tasks = [asyncio.create_task(admission.once(ask(""), later(), work)) for work in (first, second)]
    await asyncio.wait_for(asyncio.gather(first.began.wait(), second.began.wait()), 1)
    first.may_end.set()
    second.may_end.set()
    made = await asyncio.gather(*tasks)

    assert [m.replayed for m in made] == [False, False]
    assert [m.review.id for m in made] == [review(1).id, review(2).id]
    assert ledger.looked_up == 0


async def test_one_review_for_one_id(admission: Admission, ledger: SlowToFind) -> None:
    """Callers of one id with one content share one piece of work, and the followers' copies are marked as replayed."""
    work = Work(ledger)
    tasks = [asyncio.create_task(admission.once(ask(), later(), work)) for _ in range(5)]
    await asyncio.wait_for(work.began.wait(), 1)
    await settle()
    work.may_end.set()
    made = await asyncio.wait_for(asyncio.gather(*tasks), 1)

    assert work.count == 1
    assert await ledger.size() == 1
    assert sorted(m.replayed for m in made) == [False, True, True, True, True]
    assert {m.review.id for m in made} == {review(1).id}


async def test_callers_that_look_up_together(admission: Admission, ledger: SlowToFind) -> None:
    """Callers that find nothing at the same moment do not all begin: one leads, the others follow."""
    ledger.gate.clear()
    work = Work(ledger)
    tasks = [asyncio.create_task(admission.once(ask(), later(), work)) for _ in range(3)]
    await settle()
    assert ledger.looked_up == 3
    ledger.gate.set()
    work.may_end.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 1)

    assert work.count == 1
    assert await ledger.size() == 1


async def test_ids_and_tenants_are_apart(admission: Admission, ledger: SlowToFind) -> None:
    """The same id of another tenant, and another id, are other requests."""
    works = [Work(ledger, 1), Work(ledger, 2, "r-2"), Work(ledger, 3, "")]
    asked = [ask(), ask("r-2"), ask(tenant="globex")]
    for work in works:
        work.may_end.set()
    await asyncio.gather(*(admission.once(one, later(), work) for one, work in zip(asked, works, strict=True)))

    assert [work.count for work in works] == [1, 1, 1]


async def test_other_content_while_in_flight(admission: Admission, ledger: SlowToFind) -> None:
    """The same id with other content is a conflict, at once, and the first review goes on."""
    work = Work(ledger)
    first = asyncio.create_task(admission.once(ask(), later(), work))
    await asyncio.wait_for(work.began.wait(), 1)
    with pytest.raises(IdempotencyConflictError, match="r-1"):
        await asyncio.wait_for(admission.once(ask(digest="d" * 64), later(), work), 1)
    work.may_end.set()

    assert not (await asyncio.wait_for(first, 1)).replayed
    assert (work.count, await ledger.size()) == (1, 1)


async def test_stored_review_is_replayed(admission: Admission, ledger: SlowToFind) -> None:
    """An id that is in the log gives the stored review again, for the same content only, and no work is done."""
    appended = await ledger.append(entry(7, "r-1"))
    work = Work(ledger)
    again = await asyncio.wait_for(admission.once(ask(), later(), work), 1)

    assert again == RecordedReview(review(7, request_id="r-1"), appended.position, replayed=True)
    with pytest.raises(IdempotencyConflictError, match="r-1"):
        await admission.once(ask(digest="d" * 64), later(), work)
    assert (work.count, await ledger.size()) == (0, 1)


async def test_follower_takes_over(admission: Admission, ledger: SlowToFind) -> None:
    """Where the leader is cancelled before it has a review, a follower makes it."""
    lost, work = Work(ledger), Work(ledger, 2)
    leader = asyncio.create_task(admission.once(ask(), later(), lost))
    await asyncio.wait_for(lost.began.wait(), 1)
    follower = asyncio.create_task(admission.once(ask(), later(), work))
    await settle()
    assert not work.began.is_set()
    leader.cancel()
    await asyncio.wait_for(work.began.wait(), 1)
    work.may_end.set()
    made = await asyncio.wait_for(follower, 1)

    assert leader.cancelled()
    assert (made.review.id, made.replayed) == (review(2).id, False)


async def test_follower_finds_what_the_leader_wrote(admission: Admission, ledger: SlowToFind) -> None:
    """Where the leader went away after its review was written, the follower finds it in the log and makes none."""
    lost, work = Work(ledger), Work(ledger, 2)
    leader = asyncio.create_task(admission.once(ask(), later(), lost))
    await asyncio.wait_for(lost.began.wait(), 1)
    follower = asyncio.create_task(admission.once(ask(), later(), work))
    await settle()
    await ledger.append(entry(1, "r-1"))
    leader.cancel()
    made = await asyncio.wait_for(follower, 1)

    assert (made.review.id, made.replayed) == (review(1).id, True)
    assert work.count == 0


async def test_followers_retry_after_a_failure(admission: Admission, ledger: SlowToFind) -> None:
    """The leader's failure is its own: the followers try again, one of them leading."""
    broken = Work(ledger, fault=LedgerUnavailableError("the log could not be written"))
    works = [Work(ledger, 2), Work(ledger, 3)]
    leader = asyncio.create_task(admission.once(ask(), later(), broken))
    await asyncio.wait_for(broken.began.wait(), 1)
    followers = [asyncio.create_task(admission.once(ask(), later(), work)) for work in works]
    await settle()
    for work in works:
        work.may_end.set()
    broken.may_end.set()
    made = await asyncio.wait_for(asyncio.gather(*followers), 1)

    with pytest.raises(LedgerUnavailableError):
        await leader
    assert sorted(m.replayed for m in made) == [False, True]
    assert (sum(work.count for work in works), await ledger.size()) == (1, 1)


async def test_follower_waits_no_longer_than_its_deadline(admission: Admission, ledger: SlowToFind) -> None:
    """A follower whose deadline is reached is told that the work goes on, and the work does go on."""
    work = Work(ledger)
    leader = asyncio.create_task(admission.once(ask(), later(), work))
    await asyncio.wait_for(work.began.wait(), 1)
    with pytest.raises(InProgressError):
        await asyncio.wait_for(admission.once(ask(), later(-1), work), 1)
    work.may_end.set()

    assert (await asyncio.wait_for(leader, 1)).review.id == review(1).id
    assert work.count == 1


async def test_cancelled_follower_leaves_the_leader_alone(admission: Admission, ledger: SlowToFind) -> None:
    """A follower that goes away takes nothing with it."""
    work = Work(ledger)
    leader, follower, other = (asyncio.create_task(admission.once(ask(), later(), work)) for _ in range(3))
    await asyncio.wait_for(work.began.wait(), 1)
    await settle()
    follower.cancel()
    await settle()
    assert follower.cancelled()
    work.may_end.set()

    assert not (await asyncio.wait_for(leader, 1)).replayed
    assert (await asyncio.wait_for(other, 1)).replayed


async def test_erased_content_is_no_review(ledger: SlowToFind) -> None:
    """A stored entry without its content cannot be replayed, and is not mistaken for a new request."""
    sealed = entry(1, "r-1")
    erased = Stored(Position(0, sealed.leaf_hash), sealed.review_id, "acme", "r-1", "c" * 64, sealed.record, None, None)

    with pytest.raises(LedgerCorruptError):
        recall(erased)
    with pytest.raises(IdempotencyConflictError):
        replay(erased, ask(digest="d" * 64))
