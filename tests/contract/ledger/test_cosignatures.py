"""Cosignatures in every store, and which head is shown with them."""

from __future__ import annotations

import asyncio

import pytest

from reviewer.core import note
from reviewer.core.checkpoint import read_checkpoint
from reviewer.core.errors import LedgerCorruptError
from reviewer.core.note import COSIGNATURE, Signature, VerifierKey
from reviewer.core.proof import proves, read
from reviewer.ledger import publication
from reviewer.ledger.evidence import prove
from reviewer.ledger.publication import proven, publish
from reviewer.ledger.tree import EVERY, Cosignature, TreeLedger
from reviewer.signing import verifies
from tests.contract.ledger.conftest import Store
from tests.support.builders import entry
from tests.support.signed_log import IDENTITY, append_all, integrate_all
from tests.support.witness import LoopbackWitness

KEYS = tuple([LoopbackWitness(f"w{number}.example", IDENTITY.verifier_keys()[0]).key for number in range(3)])


def said(size: int, which: int, byte: int = 0) -> Cosignature:
    """Return a cosignature that nobody made: what is good is not for the store to say."""
    return Cosignature(size, Signature(KEYS[which].name, KEYS[which].key_id, bytes([byte]) * 72))


async def grow(ledger: TreeLedger, *sizes: int) -> None:
    """Have the log signed at these sizes."""
    done = 0
    for size in sizes:
        await append_all(ledger, [entry(number) for number in range(done, size)])
        await integrate_all(ledger)
        done = size


async def shown(ledger: TreeLedger, quorum: int, above: int = 0) -> int:
    """Return the size of the head that is shown; 0 for none."""
    found = await publish(ledger.tree, KEYS, quorum, above)
    return found.head.size if found else 0


async def test_cosignatures_are_kept(store: Store) -> None:
    """They come back largest head first, then by name, up to a size and a number; also in the next process."""
    async with store.open() as ledger:
        await grow(ledger, 1, 2, 4)
        for one in (said(2, 1), said(4, 2), said(2, 0), said(1, 0), said(4, 0)):
            await ledger.tree.add_cosignature(one)
    async with store.open() as ledger:
        assert await ledger.tree.cosignatures(EVERY, 10) == (said(4, 0), said(4, 2), said(2, 0), said(2, 1), said(1, 0))
        assert await ledger.tree.cosignatures(3, 2) == (said(2, 0), said(2, 1))
        assert await ledger.tree.cosignatures(0, 10) == ()


async def test_the_first_one_stands(ledger: TreeLedger) -> None:
    """A second cosignature of one head by one key changes nothing."""
    await grow(ledger, 1)
    await ledger.tree.add_cosignature(said(1, 0, byte=1))
    await ledger.tree.add_cosignature(said(1, 0, byte=2))

    assert await ledger.tree.cosignatures(EVERY, 10) == (said(1, 0, byte=1),)


async def test_what_is_of_no_head_is_refused(ledger: TreeLedger) -> None:
    """Without a head of that size, or of a wrong length, nothing is written; an entry beside it is."""
    await grow(ledger, 1)
    short = Cosignature(1, Signature(KEYS[0].name, KEYS[0].key_id, bytes(71)))
    for number, wrong in enumerate((said(2, 0), said(0, 0), short), start=50):
        results = await asyncio.gather(
            ledger.tree.add_cosignature(wrong), ledger.append(entry(number)), return_exceptions=True
        )
        assert isinstance(results[0], LedgerCorruptError)
        assert not isinstance(results[1], BaseException)

    assert await ledger.tree.cosignatures(EVERY, 10) == ()
    assert await ledger.size() == 4


async def test_the_newest_head_with_a_quorum_is_shown(ledger: TreeLedger) -> None:
    """Without a quorum it is the newest head; with one the newest that enough of the keys cosigned, or none."""
    assert await shown(ledger, 0) == 0
    await grow(ledger, 1, 2, 4)
    assert [await shown(ledger, quorum) for quorum in (0, 1)] == [4, 0]
    for one in (said(1, 0), said(1, 1), said(1, 2), said(2, 0), said(2, 1)):
        await ledger.tree.add_cosignature(one)

    assert [await shown(ledger, quorum) for quorum in (0, 1, 2, 3)] == [4, 2, 2, 1]
    assert [await shown(ledger, 2, above) for above in (1, 2)] == [2, 0]


async def test_strangers_do_not_count(ledger: TreeLedger) -> None:
    """A cosignature by another key is shown and makes no quorum."""
    await grow(ledger, 1)
    stranger = VerifierKey(KEYS[0].name, COSIGNATURE, bytes([99]) * 32)
    await ledger.tree.add_cosignature(Cosignature(1, Signature(stranger.name, stranger.key_id, bytes(72))))
    await ledger.tree.add_cosignature(said(1, 1))
    found = await publish(ledger.tree, KEYS, 1)

    assert await shown(ledger, 2) == 0
    assert found is not None
    assert found.witnesses == (KEYS[1].name,)
    signed = note.read(found.checkpoint)
    assert read_checkpoint(signed.text).size == 1
    assert [signature.name for signature in signed.signatures[1:]] == [KEYS[1].name, stranger.name]


@pytest.mark.parametrize("page", [2, 3, 4])
async def test_a_quorum_is_found_however_far_back(
    ledger: TreeLedger, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one witness has been silent for long, the head before that is found, in pages of any length."""
    monkeypatch.setattr(publication, "_PAGE", page)
    await grow(ledger, *range(1, 9))
    for one in (said(2, 0), said(2, 1), *[said(size, 1) for size in range(3, 9)]):
        await ledger.tree.add_cosignature(one)

    assert await shown(ledger, 2) == 2
    assert await shown(ledger, 3) == 0


async def test_what_counts_as_proof_is_verified(ledger: TreeLedger) -> None:
    """A cosignature that was put into the store and is not good proves nothing, and is told."""
    await grow(ledger, 1)
    assert await proven(ledger.tree, KEYS, 1) is None
    await ledger.tree.add_cosignature(said(1, 0))
    with pytest.raises(LedgerCorruptError, match="does not verify"):
        await proven(ledger.tree, KEYS, 1)


async def test_a_proof_has_the_cosignatures_of_its_checkpoint(ledger: TreeLedger) -> None:
    """Whoever gets it offline can hold it against a quorum; readers that know no witness pass them over."""
    await grow(ledger, 3)
    await ledger.tree.add_cosignature(said(3, 0))
    wanted = (await ledger.page(1, 1))[0]
    evidence = await prove(ledger, wanted.tenant, wanted.review_id, IDENTITY.verifier_keys())
    proof = read(evidence.proof)

    assert proves(proof, wanted.record, IDENTITY.verifier_keys(), verifies).size == 3
    assert [one.name for one in note.read(proof.checkpoint).signatures] == [IDENTITY.origin, KEYS[0].name]
