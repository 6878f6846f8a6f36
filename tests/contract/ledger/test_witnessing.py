"""Witnesses on loopback: what they cosign is kept, what they refuse is told, and nothing waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reviewer.ledger.publication import proven, publish
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.tree import EVERY, TreeLedger
from reviewer.ledger.witnessing import Witnessing
from reviewer.public_sections import Witness, WitnessSettings
from tests.support.builders import entry
from tests.support.signed_log import IDENTITY, append_all, integrate_all, signed_head
from tests.support.tree import Grown
from tests.support.witness import LoopbackWitness, listening

LOG = IDENTITY.verifier_keys()[0]
OFTEN_S = 0.02


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[TreeLedger]:
    """A log of three entries, signed."""
    create(tmp_path / "log.db")
    async with SqliteLedger(tmp_path / "log.db") as ledger:
        await grow(ledger, 0, 3)
        yield ledger


async def grow(ledger: TreeLedger, done: int, size: int) -> None:
    await append_all(ledger, [entry(number) for number in range(done, size)])
    await integrate_all(ledger)


@pytest.fixture
async def witness() -> AsyncIterator[LoopbackWitness]:
    async with listening(LoopbackWitness("w1.example/w", LOG)) as one:
        yield one


def asked(ledger: TreeLedger, *witnesses: LoopbackWitness, interval_s: float = OFTEN_S) -> Witnessing:
    settings = WitnessSettings(
        witnesses=tuple([Witness(**one.settings) for one in witnesses]), interval_s=interval_s, timeout_s=2.0
    )
    return Witnessing(ledger, settings)


async def cosigned(ledger: TreeLedger, witness: LoopbackWitness, size: int) -> None:
    """Wait until a good cosignature of that size is kept."""
    async with asyncio.timeout(20):
        while (found := await proven(ledger.tree, [witness.key], 1)) is None or found[0].size < size:  # noqa: ASYNC110 - a table
            await asyncio.sleep(0.005)


async def test_each_new_head_is_cosigned(log: TreeLedger, witness: LoopbackWitness) -> None:
    """A witness that has seen nothing is shown everything, later what followed, each time with a proof it takes."""
    async with asked(log, witness) as witnessing:
        await cosigned(log, witness, 3)
        await grow(log, 3, 300)
        await cosigned(log, witness, 300)
        await grow(log, 300, 301)
        await cosigned(log, witness, 301)
        assert witnessing.cosigned == {witness.name: 301}

    assert witness.seen[0] == 301
    assert set(witness.statuses) == {200}
    found = await publish(log.tree, [witness.key], 1)
    assert found is not None
    assert (found.head.size, found.witnesses) == (301, (witness.name,))


async def test_a_head_that_is_cosigned_is_not_sent_again(log: TreeLedger, witness: LoopbackWitness) -> None:
    """After a restart too: the log knows what it has, and where the next proof begins."""
    async with asked(log, witness):
        await cosigned(log, witness, 3)
    async with asked(log, witness):
        await asyncio.sleep(OFTEN_S * 3)
        await grow(log, 3, 5)
        await cosigned(log, witness, 5)

    assert witness.statuses == [200, 200]


async def test_a_witness_says_what_it_has_seen(log: TreeLedger, witness: LoopbackWitness) -> None:
    """Where it knows of a tree of which we have no cosignature, its size is taken from its refusal."""
    head = await log.tree.head()
    assert head is not None
    witness.seen = (head.size, head.root)
    await grow(log, 3, 5)
    async with asked(log, witness):
        await cosigned(log, witness, 5)

    assert witness.statuses == [409, 200]


async def test_two_processes_ask_one_witness(log: TreeLedger, witness: LoopbackWitness, tmp_path: Path) -> None:
    """Each finds out by itself what the other had cosigned; one cosignature is kept."""
    async with SqliteLedger(tmp_path / "log.db") as other, asked(log, witness), asked(other, witness):
        for size in range(4, 12):
            await grow(log, size - 1, size)
            await cosigned(other, witness, size)
    kept = await log.tree.cosignatures(EVERY, 100)

    assert len({one.size for one in kept}) == len(kept)
    assert set(witness.statuses) <= {200, 409}


async def test_a_fork_is_refused_and_told(log: TreeLedger, witness: LoopbackWitness) -> None:
    """A witness that saw another tree cosigns neither a head of that size nor a later one, and the log says why."""
    for size, reason in ((3, "another tree of this size"), (2, "the proof does not fit")):
        witness.seen = (size, bytes(32))
        with capture_logs() as events:
            async with asked(log, witness):
                await witness.answers(4)
        told = [event for event in events if event["event"] == "witness_silent"]
        assert [reason in event["reason"] for event in told] == [True]
        assert witness.seen == (size, bytes(32))

    assert await log.tree.cosignatures(EVERY, 10) == ()


async def test_a_log_behind_its_witness_is_told(log: TreeLedger, witness: LoopbackWitness) -> None:
    """A log that was put back from a backup is smaller than what a witness has seen."""
    witness.seen = (9, bytes(32))
    with capture_logs() as events:
        async with asked(log, witness):
            await witness.answers(2)

    assert [event["reason"] for event in events if event["event"] == "witness_silent"] == ["it has seen a larger tree"]
    assert await log.tree.cosignatures(EVERY, 10) == ()


@pytest.mark.parametrize(("status", "reason"), [(404, "does not know the log"), (403, "the key"), (500, "status 500")])
async def test_a_refusal_is_logged_once(log: TreeLedger, witness: LoopbackWitness, status: int, reason: str) -> None:
    """However often it is asked, and that it answers again is told too."""
    witness.broken = status
    with capture_logs() as events:
        async with asked(log, witness):
            await witness.answers(3)
            witness.broken = 0
            await cosigned(log, witness, 3)
            await witness.answers(1)
            async with asyncio.timeout(20):
                while events[-1]["event"] != "witness_answers":  # noqa: ASYNC110 - events have no event
                    await asyncio.sleep(0.005)

    assert [event["event"] for event in events] == ["witness_silent", "witness_answers"]
    assert reason in events[0]["reason"]


async def test_a_cosignature_that_is_not_good_is_not_kept(log: TreeLedger, witness: LoopbackWitness) -> None:
    """What does not verify is worth nothing, whoever sent it."""
    witness.forging = True
    with capture_logs() as events:
        async with asked(log, witness):
            await witness.answers(2)

    assert await log.tree.cosignatures(EVERY, 10) == ()
    assert {event["reason"] for event in events} == {"its answer is not good"}


async def test_answers_by_others_are_passed_over(log: TreeLedger, witness: LoopbackWitness) -> None:
    """A witness that signs under another name than the configured one has not cosigned."""
    stranger = LoopbackWitness("w2.example/w", LOG, url=witness.url)
    with capture_logs() as events:
        async with asked(log, stranger):
            await witness.answers(1)

    assert await log.tree.cosignatures(EVERY, 10) == ()
    assert {event["reason"] for event in events} <= {"its answer holds no cosignature of its own"}


async def test_nobody_waits_for_a_witness_that_is_down(log: TreeLedger, witness: LoopbackWitness) -> None:
    """One that refuses connections and one that never answers keep neither the others nor new heads waiting."""
    async with AsyncExitStack() as stack:
        mute = await stack.enter_async_context(listening(LoopbackWitness("mute.example/w", LOG, mute=True)))
        gone = LoopbackWitness("gone.example/w", LOG, url="http://127.0.0.1:1")
        await stack.enter_async_context(asked(log, mute, gone, witness))
        for size in (4, 5, 6):
            await grow(log, size - 1, size)
            await cosigned(log, witness, size)

    assert {one.signature.name for one in await log.tree.cosignatures(EVERY, 100)} == {witness.name}


async def test_without_a_head_nobody_is_asked(tmp_path: Path, witness: LoopbackWitness) -> None:
    """An empty log has nothing to be cosigned."""
    create(tmp_path / "empty.db")
    async with SqliteLedger(tmp_path / "empty.db") as ledger, asked(ledger, witness):
        await asyncio.sleep(OFTEN_S * 3)

    assert witness.statuses == []


def test_the_witness_checks_for_itself() -> None:
    """The loopback witness takes no proof of another tree: it would prove nothing otherwise."""
    tree, other = Grown([bytes([number]) * 32 for number in range(11)]), Grown([bytes(32)] * 11)
    witness = LoopbackWitness("w", LOG, seen=(6, tree.root(6)))
    good, bad = signed_head(11, tree.root()), signed_head(11, other.root())

    assert witness._follows(6, 11, list(tree.consistency(6)), good.root)
    assert not witness._follows(6, 11, list(other.consistency(6)), bad.root)
    assert not witness._follows(6, 11, list(tree.consistency(6))[:-1], good.root)
    assert not witness._follows(6, 11, [bytes(32), *tree.consistency(6)], good.root)
