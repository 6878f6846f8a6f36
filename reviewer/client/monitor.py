"""A monitor of one's own: sees over HTTP whether a log only grows, with no access to where it is kept.

It remembers one signed checkpoint. Of the next one it wants to see that its tree begins with the remembered one and is
the tree over the leaf hashes that the log shows: the tiles of level 0 from there on, and of what lies before only the
hashes that lead to the remembered root. Both roots are worked out here; nothing that the log says of itself is believed
but the leaf hashes, which two roots bind. Records are not public, so that what they say is not seen here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import aiohttp

from reviewer.core import note, tiles
from reviewer.core.audit import Edge
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.errors import ContradictionError, FetchError
from reviewer.core.merkle import HASH_BYTES
from reviewer.core.note import VerifierKey
from reviewer.core.tiles import WIDTH, Tile
from reviewer.fetching import Answer, fetch
from reviewer.ledger.tree import read_through
from reviewer.signing import verifies

_MAX_CHECKPOINT_BYTES = 65_536
_AT_ONCE = 8
"""Tiles under way at the same time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a log came to.

    Attributes:
        checkpoint: the signed note, to be remembered.
        head: what it says.
        before: entries of the remembered one; 0 for none.
        witnesses: names of those who cosigned it.
    """

    checkpoint: str
    head: Checkpoint
    before: int
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a monitor believes in.

    Attributes:
        keys: of the log, any of which may sign.
        witnesses: keys of those whose cosignatures count.
        quorum: of them that must have cosigned.
    """

    keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0


async def look(session: aiohttp.ClientSession, url: str, trust: Trust, remembered: str = "") -> Seen:
    """Look at a log once.

    Args:
        url: prefix of the log.
        remembered: the note of an earlier look; empty for the first, which reads the whole tree.

    Raises:
        FetchError: the log cannot be reached, or does not serve what its checkpoint covers.
        ContradictionError: what it shows cannot be.
        ValueError: what is remembered is no checkpoint of this log.
    """
    old = read_signed(remembered, trust.keys, verifies) if remembered else None
    text = _text(await _get(session, url, "checkpoint", _MAX_CHECKPOINT_BYTES))
    head, witnesses = _read(text, trust)
    if old is not None and head.origin != old.origin:
        raise ContradictionError(f"the log is {head.origin}, the remembered one {old.origin}", text)
    if old is not None and head.size < old.size:
        raise ContradictionError(f"rolled back: it has {head.size} entries, and had {old.size}", text)
    root = await _root(_Remote(session, url, head.size), head.size, old, text)
    if root != head.root:
        raise ContradictionError(f"its leaf hashes do not lead to the checkpoint of {head.size} entries", text)
    return Seen(text, head, old.size if old else 0, witnesses)


def _read(text: str, trust: Trust) -> tuple[Checkpoint, tuple[str, ...]]:
    """Read a checkpoint that is signed as it must be."""
    try:
        head = read_signed(text, trust.keys, verifies)
        witnesses = tuple(note.signers(note.read(text), trust.witnesses, verifies))
    except ValueError as exc:
        raise ContradictionError(f"the checkpoint is not good: {exc}") from exc
    if len(witnesses) < trust.quorum:
        told = f"{len(witnesses)} of the witnesses cosigned the checkpoint of {head.size} entries"
        raise ContradictionError(f"{told}, {trust.quorum} are wanted")
    return head, witnesses


async def _root(remote: _Remote, size: int, old: Checkpoint | None, text: str) -> bytes:
    """Work out the root over the leaf hashes that a log shows, holding it against an earlier one on the way.

    Raises:
        ContradictionError: the tree does not begin with the earlier one.
    """
    first = old.size // WIDTH if old else 0
    edge = Edge(first * WIDTH, await _subtrees(remote, first * WIDTH))
    rest = range(first, -(-size // WIDTH))
    held = old is None
    for begin in range(rest.start, rest.stop, _AT_ONCE):
        some = [Tile(0, index) for index in range(begin, min(begin + _AT_ONCE, rest.stop))]
        for data in await asyncio.gather(*[remote.read_tile(tile) for tile in some]):
            for at in range(0, len(data), HASH_BYTES):
                held = held or _holds(edge, old, text)
                edge.add(data[at : at + HASH_BYTES])
    if not held:
        _holds(edge, old, text)
    return edge.root()


def _holds(edge: Edge, old: Checkpoint | None, text: str) -> bool:
    """Whether the tree so far has come to the earlier one's size.

    Raises:
        ContradictionError: it has, and is another one.
    """
    if old is None or edge.size != old.size:
        return False
    if edge.root() != old.root:
        raise ContradictionError(f"forked: it does not begin with the {old.size} entries that were seen before", text)
    return True


async def _subtrees(remote: _Remote, size: int) -> Sequence[bytes]:
    try:
        return await read_through(remote, partial(tiles.subtrees, size))
    except ValueError as exc:
        raise FetchError("a tile holds too few hashes") from exc


class _Remote:
    """The tiles of a log at one size, over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, url: str, size: int) -> None:
        self._session = session
        self._url = url
        self._size = size

    async def read_tile(self, tile: Tile) -> bytes:
        """Fetch a tile, as wide as it is at this size.

        Raises:
            FetchError: it is not there, or has another length.
        """
        width = tile.width(self._size)
        length = width * HASH_BYTES
        answer = await _get(self._session, self._url, tile.path(width), WIDTH * HASH_BYTES, partial=width < WIDTH)
        if len(answer) < length:
            raise FetchError(f"{tile.path(width)} has {len(answer)} bytes, {length} are expected")
        return answer[:length]


async def _get(session: aiohttp.ClientSession, url: str, path: str, limit: int, *, partial: bool = False) -> bytes:
    """GET something of a log; of a tile that is not full any more, the full one will do."""
    answer: Answer = await fetch(session, f"{url.rstrip('/')}/{path}", limit)
    if answer.status == 404 and partial:
        answer = await fetch(session, f"{url.rstrip('/')}/{path.partition('.p/')[0]}", limit)
    if answer.status != 200:
        raise FetchError(f"{path}: the log answered with status {answer.status}")
    return answer.body


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ContradictionError("the checkpoint is not text") from exc
