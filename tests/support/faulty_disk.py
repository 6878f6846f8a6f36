"""A disk under SQLite that fails when told to, and knows what a power cut would leave of the files on it.

It is a SQLite VFS over the real one: SQLite, its locks and its files are real, only writes and syncs pass through here.
What was written and not yet synced may be lost by a power cut, in any combination, torn at any sector; what SQLite was
told is synced may not. Removals and new sizes of files count as durable at once, as on a journalling file system.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw

SECTOR = 512
_NAMES = itertools.count()
_REAL = "unix"

Filename = str | apsw.URIFilename | None


@dataclass(slots=True)
class _Unsynced:
    """What a file may still lose: its bytes as of the last sync, and the writes since then."""

    durable: bytearray
    writes: list[tuple[int, bytes]] = field(default_factory=list)

    def settle(self) -> None:
        for at, data in self.writes:
            _put(self.durable, at, data)
        self.writes.clear()

    def remains(self, chance: Random) -> bytes:
        """Return what a power cut now may leave: of each write nothing, all, or some of its sectors."""
        left = bytearray(self.durable)
        for at, data in self.writes:
            fate = chance.choice(("lost", "kept", "torn"))
            for start in range(0, len(data), SECTOR):
                if fate == "kept" or (fate == "torn" and chance.random() < 0.5):
                    _put(left, at + start, data[start : start + SECTOR])
        return bytes(left)


def _put(into: bytearray, at: int, data: bytes) -> None:
    if len(into) < at:
        into.extend(bytes(at - len(into)))
    into[at : at + len(data)] = data


class FaultyDisk(apsw.VFS):
    """The disk. Use `faulty_disk`, which makes it the one that SQLite takes.

    Attributes:
        operations: writes and syncs of log files, counted from 0.
    """

    def __init__(self, name: str) -> None:
        """Register as the default."""
        super().__init__(name, _REAL, makedefault=True)
        self.operations = 0
        self._files: dict[str, _Unsynced] = {}
        self._failure: Callable[[int], type[Exception] | None] = lambda _: None
        self._before: Callable[[int], None] = lambda _: None
        self._lock = threading.RLock()

    def fail(self, error: type[Exception], first: int = 0, count: int | None = None) -> None:
        """Have operations fail.

        Args:
            error: of apsw, as SQLite's own VFS would report it.
            first: number of the first operation to fail.
            count: how many fail; None for all until `heal`.
        """
        end = None if count is None else first + count
        self._failure = lambda at: error if at >= first and (end is None or at < end) else None

    def heal(self) -> None:
        """Work again."""
        self._failure = lambda _: None

    def watch(self, before: Callable[[int], None]) -> None:
        """Have somebody told of each operation before it is done; nothing else is written meanwhile."""
        self._before = before

    def power_cut(self, folder: Path, chance: Random) -> None:
        """Write into another folder what the files would hold if the power failed now."""
        with self._lock:
            for name, file in self._files.items():
                (folder / Path(name).name).write_bytes(file.remains(chance))

    def xOpen(self, name: Filename, flags: list[int]) -> _File:  # noqa: N802 - SQLite's name
        """Open a file that is watched."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        with self._lock:
            if path is not None and path not in self._files:
                there = Path(path)
                self._files[path] = _Unsynced(bytearray(there.read_bytes() if there.exists() else b""))
        return _File(self, name, flags, path)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        """Forget a file."""
        with self._lock:
            super().xDelete(filename, syncdir)
            self._files.pop(filename, None)

    @contextmanager
    def operation(self, path: str | None) -> Iterator[_Unsynced]:
        """Count one operation, let it fail where it is told to, and keep others out."""
        with self._lock:
            if path is None:
                yield _Unsynced(bytearray())
                return
            at, self.operations = self.operations, self.operations + 1
            self._before(at)
            if error := self._failure(at):
                raise error("the disk was told to fail")
            yield self._files[path]


class _File(apsw.VFSFile):
    def __init__(
        self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int], path: str | None
    ) -> None:
        super().__init__(_REAL, name, flags)
        self._disk = disk
        self._path = path

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        with self._disk.operation(self._path) as file:
            super().xWrite(data, offset)
            file.writes.append((offset, bytes(data)))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        with self._disk.operation(self._path) as file:
            super().xSync(flags)
            file.settle()

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        with self._disk.operation(self._path) as file:
            super().xTruncate(newsize)
            file.settle()
            del file.durable[newsize:]


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    """Put every SQLite file that is opened meanwhile on a faulty disk."""
    disk = FaultyDisk(f"faulty-{next(_NAMES)}")
    try:
        yield disk
    finally:
        disk.unregister()
