"""Witnessing: asks other parties to cosign the log's checkpoints, as C2SP tlog-witness 1.0.0 says.

A witness signs only what is consistent with all it has seen of the log, so that whoever sees enough cosignatures sees
the tree that everybody else sees. One task a witness looks for new heads at an interval, submits the newest one and
keeps what comes back. Nothing waits for any of it: neither a reply, nor a head, nor another witness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import aiohttp

from reviewer.core import cosignature, note, tiles
from reviewer.core.errors import FetchError, LedgerError
from reviewer.core.note import Signature, VerifierKey
from reviewer.fetching import Answer, fetch, open_session
from reviewer.ledger.tree import EVERY, Cosignature, SignedHead, TreeLedger, read_through
from reviewer.public_sections import Witness, WitnessSettings
from reviewer.signing import verifies
from reviewer.telemetry import logger

MAX_ANSWER_BYTES = 65_536
MAX_PAUSE_S = 300.0
"""Between two requests to a witness that does not answer."""
_LATEST = 64
"""Cosignatures in which one of a witness is looked for; if it is not there, the witness will say."""
_SIZE_CONFLICT = 409


@dataclass(slots=True)
class _Relation:
    """What is known of one witness.

    Attributes:
        held: size of what it cosigned last, as far as we know; it is what the next proof begins at.
        cosigned: size of the newest head that it cosigned and of which we have that; 0 for none.
        failures: in a row.
        told: the last failure that was logged; empty while all is well.
    """

    witness: Witness
    key: VerifierKey
    held: int = 0
    cosigned: int = 0
    failures: int = 0
    told: str = ""


class _WitnessError(Exception):
    """A witness did not cosign. The message is one of few, so that each is logged once and not with every try."""


class Witnessing:
    """Asks one log's witnesses, between enter and leave."""

    def __init__(self, ledger: TreeLedger, settings: WitnessSettings) -> None:
        """Keep the collaborators; nobody is asked before `__aenter__`."""
        self._ledger = ledger
        self._settings = settings
        self._relations = [_Relation(witness, witness.verifier_key) for witness in settings.witnesses]
        self._session: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def cosigned(self) -> Mapping[str, int]:
        """Size of the newest head that each witness has cosigned, by its name; 0 for none."""
        return {relation.key.name: relation.cosigned for relation in self._relations}

    async def __aenter__(self) -> Self:
        """Begin to ask."""
        if self._relations:
            self._session = await open_session(self._settings.timeout_s).__aenter__()
            self._tasks = [asyncio.create_task(self._ask_forever(relation)) for relation in self._relations]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ask nobody any more; a request under way is given up, for the witness's next answer makes up for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _ask_forever(self, relation: _Relation) -> None:
        interval_s = self._settings.interval_s
        while True:
            try:
                await self._ask(relation)
            except Exception as exc:
                logger().error("witnessing_failed", witness=relation.key.name, error=type(exc).__name__)
                raise
            await asyncio.sleep(min(interval_s * 2 ** min(relation.failures, 12), max(MAX_PAUSE_S, interval_s)))

    async def _ask(self, relation: _Relation) -> None:
        """Have the newest head cosigned unless it is; what goes wrong is logged when it begins."""
        try:
            await self._catch_up(relation)
        except (_WitnessError, FetchError, LedgerError) as exc:
            relation.failures += 1
            if relation.told != str(exc):
                relation.told = str(exc)
                logger().warning("witness_silent", witness=relation.key.name, reason=relation.told)
        else:
            if relation.told:
                logger().info("witness_answers", witness=relation.key.name, size=relation.cosigned)
            relation.failures, relation.told = 0, ""

    async def _catch_up(self, relation: _Relation) -> None:
        tree = self._ledger.tree
        head = await tree.head()
        # Each time, since another process on this log may have asked.
        kept = [one.size for one in await tree.cosignatures(EVERY, _LATEST) if one.signature.is_of(relation.key)]
        relation.cosigned = max([relation.cosigned, *kept[:1]])
        relation.held = max(relation.held, relation.cosigned)
        if head is None or head.size <= relation.cosigned:
            return
        answer = await self._submit(relation, head)
        if answer.status == _SIZE_CONFLICT and answer.content_type == cosignature.SIZE_TYPE:
            relation.held = _size(answer)
            if relation.held > head.size:
                # Another process may have signed since; a log that was put back from a backup stays behind.
                raise _WitnessError("it has seen a larger tree")
            answer = await self._submit(relation, head)
        if answer.status != 200:
            raise _WitnessError(_refusal(answer))
        await tree.add_cosignature(Cosignature(head.size, _cosignature(answer, head, relation.key)))
        relation.held = relation.cosigned = head.size

    async def _submit(self, relation: _Relation, head: SignedHead) -> Answer:
        held = min(relation.held, head.size)
        try:
            proof = await read_through(self._ledger.tree, partial(tiles.consistency_proof, held, head.size))
        except ValueError as exc:
            raise _WitnessError("the tiles do not prove that the log has only grown") from exc
        body = cosignature.request(held, proof, head.note).encode()
        url = relation.witness.url.rstrip("/") + "/add-checkpoint"
        assert self._session is not None
        return await fetch(self._session, url, MAX_ANSWER_BYTES, body)


def _size(answer: Answer) -> int:
    try:
        return cosignature.read_size(answer.body.decode("ascii"))
    except ValueError as exc:
        raise _WitnessError("it did not say how much it has seen") from exc


def _cosignature(answer: Answer, head: SignedHead, key: VerifierKey) -> Signature:
    """Return the cosignature by a key in an answer; those by others are passed over.

    Raises:
        _WitnessError: there is none, or it is not good.
    """
    try:
        signatures = cosignature.read_answer(answer.body.decode("utf-8"), head.note)
        found = [signature for signature in signatures if signature.is_of(key)]
        if not note.signers(note.Note(note.read(head.note).text, tuple(found)), [key], verifies):
            raise _WitnessError("its answer holds no cosignature of its own")
    except ValueError as exc:
        raise _WitnessError("its answer is not good") from exc
    return found[0]


_REFUSALS: Mapping[int, str] = {
    403: "it does not know the key that signs the log",
    404: "it does not know the log",
    409: "it has seen another tree of this size: the log was forked",
    422: "the proof does not fit what it has seen: the log was forked",
}


def _refusal(answer: Answer) -> str:
    if answer.status == _SIZE_CONFLICT and answer.content_type == cosignature.SIZE_TYPE:
        return "it is asked by several processes at once"
    return _REFUSALS.get(answer.status, f"it answered with status {answer.status}")
