"""Verification: the whole log held against itself, its signed heads, and checkpoints that somebody remembers.

One walk from the first entry to the last, or from a remembered checkpoint on, page by page, in memory that does not
grow with the log: records against the hashes beside them and in the tiles, tiles against those below them, heads
against their signatures and the records, contents against the commitments in their records. `reviewer.core.audit` says
what such a walk can tell and what not. Nothing is repaired, and nothing is written.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from reviewer.core import tiles
from reviewer.core.audit import Edge, Problem, Tower, Walk
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.merkle import HASH_BYTES
from reviewer.core.note import VerifierKey
from reviewer.core.record import RECORD_SCHEMA
from reviewer.core.summary import summary_of
from reviewer.core.tiles import HEIGHT, WIDTH, Tile
from reviewer.ledger.erasure import Erasures, has_content
from reviewer.ledger.interface import Stored
from reviewer.ledger.tree import SignedHead, Tiles, TreeLedger, TreeStore, read_through
from reviewer.signing import verifies

MAX_PROBLEMS = 100
"""Problems kept; further ones are only counted."""
_HEADS = 1_000
_COLUMNS = (
    ("review", "review_id"),
    ("tenant", "tenant"),
    ("request_id", "request_id"),
    ("request_digest", "content_digest"),
)
"""What a record says and what it is found by."""

Progress = Callable[[int, int], None]
"""Told how many entries were walked, and of how many."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        size: entries up to where the walk ended.
        root: of the tree over them.
        heads: signed heads that were checked.
        erased: entries whose content is gone, as a record of its erasure says.
        newest: the newest head; None where none was ever signed.
        problems: the first ones, in the order of the walk.
        count: of all problems.
        begin: entries before it were not walked.
    """

    size: int
    root: bytes
    heads: int
    erased: int
    newest: SignedHead | None
    problems: tuple[Problem, ...]
    count: int
    begin: int = 0


async def verify(
    ledger: TreeLedger,
    keys: Sequence[VerifierKey],
    remembered: Iterable[Checkpoint],
    progress: Progress,
    *,
    readable: bool = True,
    begin: Checkpoint | None = None,
) -> Report:
    """Walk a log. Entries that are appended meanwhile are left to the next walk.

    From a remembered checkpoint on, the walk begins at the last full tile below it, with the hashes that the tiles hold
    for what lies before. That these lead to the checkpoint shows that the log begins with the very tree that was seen;
    whether the earlier records and contents still are those under that tree, it does not show.

    Args:
        keys: whose signatures under heads count.
        remembered: checkpoints from outside the log, whose signatures were checked already.
        readable: the ledger decrypts contents; without its keys their commitments are not checked.
        begin: checkpoint to begin at, whose signature was checked already; None walks everything.

    Raises:
        LedgerUnavailableError: the log cannot be read.
        LedgerCorruptError: it holds something that cannot even be read.
    """
    # Heads before entries: no head of this moment covers an entry that is not there yet.
    newest = await ledger.tree.head()
    size = await ledger.size()
    start = _Start()
    if begin is not None:
        remembered = (begin, *remembered)
        start = await _start(ledger.tree, min(begin.size, newest.size if newest else 0), remembered)
    verification = _Verification(ledger, newest, keys, remembered, start, readable=readable)
    walked = start.index
    while walked < size:
        page = await ledger.page(walked, WIDTH)
        if not page:
            break
        # One tile at a time, also where entries are missing.
        end = min(size, (page[0].position.index // WIDTH + 1) * WIDTH)
        page = tuple([stored for stored in page if stored.position.index < end])
        await verification.take(page)
        walked = page[-1].position.index + 1
        progress(walked, size)
    return await verification.end()


def contradiction(stored: Stored, *, readable: bool) -> str:
    """Say how an entry that is what its leaf hash says contradicts itself otherwise; empty where it does not.

    Args:
        readable: contents are decrypted; else they are not looked at.
    """
    try:
        record = orjson.loads(stored.record)
        schema = str(record["schema"])
    except (ValueError, TypeError, KeyError):
        return "the record cannot be read"
    if schema == RECORD_SCHEMA and (wrong := [n for n, c in _COLUMNS if record.get(n) != getattr(stored, c)]):
        return f"the record's {wrong[0]} is not the one that it is kept under"
    if not readable or not (stored.content or stored.content_key):
        return ""
    return _unbound(stored, record, schema)


def _unbound(stored: Stored, record: dict[str, object], schema: str) -> str:
    """Say why a content is not the one that its record commits to; empty where it is."""
    if stored.content is None or stored.content_key is None:
        return "the content or its key is missing, and not both"
    later = summary_of(stored.record).kind == schema
    if later and "content_commitment" not in record:
        # What a later version binds its content by is not known here.
        return ""
    bound = record.get("content_commitment") == hmac.digest(stored.content_key, stored.content, hashlib.sha256).hex()
    return "" if bound else "the content is not the one that the record commits to"


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a walk begins.

    Attributes:
        index: of the first entry, the first one of a tile.
        subtrees: the tree over those before it.
        rows: of that tree, as `Tower` takes them.
        problem: what is wrong with its tiles; then the walk begins at the front.
    """

    index: int = 0
    subtrees: tuple[bytes, ...] = ()
    rows: tuple[tuple[int, bytes], ...] = ()
    problem: str = ""


async def _start(tree: Tiles, size: int, remembered: Iterable[Checkpoint]) -> _Start:
    """Return the start of a walk from the last full tile of level 0 below a size on.

    Args:
        remembered: those below the start, which the walk will not pass, are held against the tiles here.
    """
    index = size - size % WIDTH
    try:
        subtrees = await read_through(tree, partial(tiles.subtrees, index))
        for head in remembered:
            if head.size < index and await read_through(tree, partial(tiles.root, head.size)) != head.root:
                return _Start(problem=f"the tiles do not lead to the remembered checkpoint of size {head.size}")
    except ValueError as exc:
        return _Start(problem=f"the walk begins at the front: {exc}")
    rows: list[tuple[int, bytes]] = []
    for level in range(1, -(-index.bit_length() // HEIGHT)):
        full, at = divmod(index >> (HEIGHT * level), WIDTH)
        held = await tree.read_tile(Tile(level, full)) if at else b""
        rows.append((full, held[: at * HASH_BYTES]))
    return _Start(index, subtrees, tuple(rows))


class _Verification:
    """The state of one walk."""

    def __init__(
        self,
        ledger: TreeLedger,
        newest: SignedHead | None,
        keys: Sequence[VerifierKey],
        remembered: Iterable[Checkpoint],
        start: _Start,
        *,
        readable: bool,
    ) -> None:
        self._tree = ledger.tree
        self._readable = readable
        self._erasures = Erasures(ledger)
        self._newest = newest
        self._integrated = newest.size if newest else 0
        self._keys = keys
        self._begin = start.index
        self._walk = Walk(remembered, Edge(start.index, start.subtrees))
        self._tower = Tower(start.rows)
        self._lowest = start.index // WIDTH - 1
        self._whole = True
        self._heads = _all_heads(self._tree, max(start.index - 1, 0))
        self._next_head: SignedHead | None = None
        self._checked = 0
        self._erased = 0
        self._problems: list[Problem] = []
        self._count = 0
        if start.problem:
            self._keep([Problem(None, start.problem)])

    async def take(self, page: Sequence[Stored]) -> None:
        """Check one page: entries of one tile."""
        await self._expect_heads(page[-1].position.index + 1)
        leaves = await self._climb(page[0].position.index // WIDTH)
        for stored in page:
            index = stored.position.index
            at = index % WIDTH * HASH_BYTES
            in_tree = leaves[at : at + HASH_BYTES] if index < self._integrated else None
            found = list(self._walk.add(index, stored.record, stored.position.leaf_hash, in_tree))
            what = "" if found else contradiction(stored, readable=self._readable)
            if not found and (what := what or await self._erasures.problem(stored)):
                found = [Problem(index, what)]
            self._keep(found)
            self._erased += stored.content is None and has_content(stored)

    async def end(self) -> Report:
        """Check what only the end of the log can show."""
        await self._expect_heads(self._integrated)
        await self._compare(self._tower.rest())
        self._keep(self._walk.end())
        size, root = self._walk.size, self._walk.root()
        problems = tuple(self._problems)
        return Report(size, root, self._checked, self._erased, self._newest, problems, self._count, self._begin)

    async def _expect_heads(self, up_to: int) -> None:
        """Check the signatures of heads up to a size, and have the walk compare their roots."""
        while True:
            if self._next_head is None:
                self._next_head = await anext(self._heads, None)
            head = self._next_head
            if head is None or head.size > min(up_to, self._integrated):
                return
            self._next_head = None
            self._checked += 1
            self._expect(head)

    def _expect(self, head: SignedHead) -> None:
        try:
            signed = read_signed(head.note, self._keys, verifies)
        except ValueError as exc:
            self._keep([Problem(None, f"the head of size {head.size} is not good: {exc}")])
            return
        if (signed.size, signed.root) == (head.size, head.root):
            self._walk.expect(signed)
        else:
            self._keep([Problem(None, f"the head of size {head.size} is not the one that was signed")])

    async def _climb(self, lowest: int) -> bytes:
        """Check the tiles up to one of level 0, those of entries that are gone among them; return what that holds."""
        data = b""
        while self._lowest < lowest:
            tile = Tile(0, self._lowest + 1)
            expected = tile.width(self._integrated) * HASH_BYTES
            data = await self._read(tile, expected) if expected else b""
            if len(data) != expected:
                what = f"tile 0/{tile.index} of the tree holds {len(data)} bytes, {expected} are expected"
                self._keep([Problem(tile.index * WIDTH, what)])
                self._whole = False
            if not data:
                # Above here there is no tree, or none that could be followed.
                self._lowest = lowest
                break
            self._lowest += 1
            if expected == WIDTH * HASH_BYTES and self._whole:
                await self._compare(self._tower.add(data))
        return data

    async def _compare(self, expected: Iterable[tuple[Tile, bytes]]) -> None:
        """Hold tiles against what those below them demand."""
        if not self._whole:
            return
        for tile, data in expected:
            if await self._read(tile, len(data)) != data:
                what = f"tile {tile.level}/{tile.index} of the tree is not the one over the tiles below it"
                self._keep([Problem(tile.index << (HEIGHT * (tile.level + 1)), what)])

    async def _read(self, tile: Tile, expected: int) -> bytes:
        """Return a tile as it was under this walk's newest head: a head that was signed since may have let it grow."""
        data = await self._tree.read_tile(tile)
        if len(data) > expected:
            head = await self._tree.head()
            if head is not None and len(data) <= tile.width(head.size) * HASH_BYTES:
                return data[:expected]
        return data

    def _keep(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self._count += 1
            if len(self._problems) < MAX_PROBLEMS:
                self._problems.append(problem)


async def _all_heads(tree: TreeStore, size: int) -> AsyncIterator[SignedHead]:
    while page := await tree.heads(size, _HEADS):
        for head in page:
            yield head
        size = page[-1].size
