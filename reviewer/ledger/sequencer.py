"""The sequencer: integrates entries into the log's tree in the order of their indexes, and signs the heads.

An entry has its index and leaf hash when it is committed, and no reply waits for this. Any number of processes may run
a sequencer on one log: the store may elect one of them, and lets one of those that build on a head win in any case;
the others begin again behind it.

Before it signs it holds what the log has against the newest head: whose signature that is, whether the tiles still
lead to its root, and whether the last entry below it still is the one in the tree. What does not fit stops it for
good, and with it the service's readiness: a tree that contradicts an earlier head is never signed. Whole logs are
checked by `reviewer.ledger.verification`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from reviewer.core import note, tiles
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError
from reviewer.core.merkle import HASH_BYTES
from reviewer.core.tiles import Tile
from reviewer.ledger.tree import Pending, SignedHead, TreeLedger
from reviewer.signing import Identity, verifies
from reviewer.telemetry import logger

BATCH = 4_096
"""Leaves integrated under one head: bounds the memory of a sequencer that has much to catch up with."""
_ON_THE_LOOP = 256
"""Leaves whose hashing takes less time than handing it to another thread and back."""
_LAST_BATCHES = 16
"""What a clean end integrates at most: the next start does the rest."""


class Sequencer:
    """One process's sequencer: a task between enter and leave, which integrates once more at the end.

    Args:
        interval_s: between two looks for new entries.
        now: UTC, for the time that is kept beside a head.
    """

    def __init__(self, ledger: TreeLedger, identity: Identity, interval_s: float, now: Callable[[], datetime]) -> None:
        """Keep the collaborators; nothing runs before `__aenter__`."""
        self._ledger = ledger
        self._identity = identity
        self._interval_s = interval_s
        self._now = now
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen = False
        self._fault = ""

    async def __aenter__(self) -> Self:
        """Begin."""
        self._stop.clear()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Integrate what is there, within bounds, and end. What is left is integrated after the next start."""
        self._stop.set()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait([task])

    @property
    def stopped(self) -> bool:
        """Whether it has stopped for good."""
        return bool(self._fault)

    async def probe(self) -> None:
        """Prove that the log can be written, and that its tree is not found to be corrupt.

        Raises:
            LedgerCorruptError: the sequencer has stopped for good.
            LedgerUnavailableError: the log cannot be written.
        """
        if self._fault:
            raise LedgerCorruptError(self._fault)
        await self._ledger.probe()

    async def integrate(self) -> int:
        """Integrate what follows the newest head, at most one batch.

        Returns:
            How many entries were found to follow it; the batch may have been integrated by another sequencer.

        Raises:
            LedgerCorruptError: what the log holds contradicts its newest head; nothing was signed.
            LedgerUnavailableError: the log cannot be read or written; the batch may or may not be integrated.
        """
        tree = self._ledger.tree
        pending = await tree.pending(BATCH)
        if self._seen and not pending.leaf_hashes:
            return 0
        wanted = {*tiles.edge(pending.size), Tile(0, max(pending.size - 1, 0) // tiles.WIDTH)}
        held = {tile: await tree.read_tile(tile) for tile in wanted}
        check(pending, held, self._identity)
        self._seen = True
        if not pending.leaf_hashes:
            return 0
        if len(pending.leaf_hashes) > _ON_THE_LOOP:
            changed, root = await asyncio.to_thread(_grown, pending, held)
        else:
            changed, root = _grown(pending, held)
        await tree.integrate(pending.size, changed, self._signed(pending.size + len(pending.leaf_hashes), root))
        return len(pending.leaf_hashes)

    async def _run(self) -> None:
        """Look for new entries until told to stop, and once more then; ends early for good where nothing fits."""
        try:
            while not self._stop.is_set():
                await self._catch_up(None)
                try:
                    await asyncio.wait_for(self._stop.wait(), self._interval_s)
                except TimeoutError:
                    continue
            await self._catch_up(_LAST_BATCHES)
        except LedgerCorruptError as exc:
            self._fault = str(exc)
            logger().error("log_tree_corrupt", reason=self._fault)
        except BaseException as exc:
            # Whatever it was, nobody signs any more: readiness must say so.
            self._fault = f"the sequencer ended: {type(exc).__name__}"
            logger().error("sequencer_failed", error=type(exc).__name__)
            raise

    async def _catch_up(self, batches: int | None) -> None:
        """Integrate batch after batch until one is not full; an unavailable log is tried again at the next look."""
        done = 0
        try:
            # The first look is everybody's: it shows whether this process's keys and the log fit together.
            while (not self._seen or await self._ledger.tree.elected()) and await self.integrate() == BATCH:
                done += 1
                if done == batches or (batches is None and self._stop.is_set()):
                    return
        except LedgerUnavailableError as exc:
            logger().warning("log_tree_waits", error=str(exc))

    def _signed(self, size: int, root: bytes) -> SignedHead:
        identity = self._identity
        text = Checkpoint(identity.origin, size, root).text()
        return SignedHead(size, root, note.write(identity.key.sign_note(identity.origin, text)), self._now())


def check(pending: Pending, held: Mapping[Tile, bytes], identity: Identity) -> None:
    """Hold the newest head against the log's key, its tiles and its last entry.

    Args:
        held: the tiles at the edge of the tree, and the one with its last leaf.

    Raises:
        LedgerCorruptError: something does not fit.
    """
    head = pending.head
    if head is None:
        return
    try:
        signed = read_signed(head.note, identity.verifier_keys(), verifies)
    except ValueError as exc:
        raise LedgerCorruptError(f"the newest head is not one of this log: {exc}") from exc
    if (signed.size, signed.root) != (head.size, head.root):
        raise LedgerCorruptError("the newest head is not the one that was signed")
    try:
        root = tiles.root(head.size, held.__getitem__)
    except ValueError as exc:
        raise LedgerCorruptError(f"the newest head cannot be checked: {exc}") from exc
    if root != head.root:
        raise LedgerCorruptError("the tiles do not lead to the newest head")
    at = (head.size - 1) % tiles.WIDTH * HASH_BYTES
    if held[Tile(0, (head.size - 1) // tiles.WIDTH)][at : at + HASH_BYTES] != pending.last:
        raise LedgerCorruptError(f"entry {head.size - 1} is not the one that the tree holds")


def _grown(pending: Pending, held: Mapping[Tile, bytes]) -> tuple[dict[Tile, bytes], bytes]:
    """Return the tiles that change and the root of the tree with what is pending."""
    changed = tiles.append(pending.size, pending.leaf_hashes, held.__getitem__)
    return changed, tiles.root(pending.size + len(pending.leaf_hashes), ({**held, **changed}).__getitem__)
