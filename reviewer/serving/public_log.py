"""What the log shows to anybody: checkpoints, the tree's hashes and public keys, laid out as in C2SP tlog-tiles 0.1.0.

Never records or contents: there are no entry bundles (`tile/entries`). A monitor gets leaf hashes, which are the tiles
of level 0, and with them all that it needs to see that the log only grows. A leaf hash tells nothing of its record to
whoever cannot guess all of it, the commitment to its content included, which is keyed at random.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from reviewer.core.merkle import HASH_BYTES
from reviewer.core.note import VerifierKey
from reviewer.core.tiles import WIDTH, Tile, tile_of_path
from reviewer.ledger.publication import Published, publish
from reviewer.ledger.tree import TreeLedger
from reviewer.serving.http_face import TEXT, Find, Page
from reviewer.signing import Identity

_LOOK_S = 0.5
"""For how long a checkpoint is shown before the log is asked again."""
_KEPT_TILES = 256
"""Full tiles kept in memory, 8 KiB each."""
_YEAR_S = 365 * 86_400
_BINARY = "application/octet-stream"


class PublicLog:
    """Finds what is public of one log."""

    def __init__(
        self,
        ledger: TreeLedger,
        identity: Identity,
        witnesses: Sequence[VerifierKey] = (),
        quorum: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the log; nothing is read yet.

        Args:
            witnesses: keys that count towards the quorum.
            quorum: see `WitnessSettings`.
            clock: seconds.
        """
        self._ledger = ledger
        self._witnesses = witnesses
        self._quorum = quorum
        self._clock = clock
        self._shown: Published | None = None
        self._looked = float("-inf")
        self._size = 0
        self._full: OrderedDict[Tile, bytes] = OrderedDict()
        self._jwks = json.dumps(identity.jwks()).encode()
        self._keys = "".join([f"{key}\n" for key in identity.verifier_keys()]).encode()

    @property
    def pages(self) -> Mapping[str, Find]:
        """What is served, by path."""
        return {
            "/checkpoint": self._checkpoint,
            "/tile/": self._tile,
            "/log-keys": self._log_keys,
            "/.well-known/jwks.json": self._receipt_keys,
        }

    async def _checkpoint(self, _: str) -> Page | None:
        now = self._clock()
        if now - self._looked > _LOOK_S:
            self._shown = await self._newest() or self._shown
            self._looked = now
        return None if self._shown is None else Page(self._shown.checkpoint.encode(), TEXT, max_age_s=1)

    async def _newest(self) -> Published | None:
        """Return the head to show; None where it is the one that is shown, with nothing to be added."""
        shown = self._shown
        # The same head is looked at again: cosignatures come later than it.
        above = shown.head.size - 1 if shown else 0
        return await publish(self._ledger.tree, self._witnesses, self._quorum, above)

    async def _tile(self, path: str) -> Page | None:
        asked = tile_of_path(path.removeprefix("/"))
        if asked is None or asked[0].level < 0:
            return None
        tile, width = asked
        if tile.width(self._size) < width:
            head = await self._ledger.tree.head()
            self._size = head.size if head else 0
        if tile.width(self._size) < width:
            return None
        # Tiles are written together with the head over them: what is there is under a signature.
        data = await self._hashes(tile, width)
        if len(data) < width * HASH_BYTES:
            return None
        return Page(data[: width * HASH_BYTES], _BINARY, _YEAR_S, immutable=True)

    async def _hashes(self, tile: Tile, width: int) -> bytes:
        kept = self._full.get(tile)
        if kept is not None:
            self._full.move_to_end(tile)
            return kept
        data = await self._ledger.tree.read_tile(tile)
        if width == WIDTH == len(data) // HASH_BYTES:
            self._full[tile] = data
            if len(self._full) > _KEPT_TILES:
                self._full.popitem(last=False)
        return data

    async def _log_keys(self, _: str) -> Page:
        return Page(self._keys, TEXT, max_age_s=60)

    async def _receipt_keys(self, _: str) -> Page:
        return Page(self._jwks, "application/jwk-set+json", max_age_s=60)
