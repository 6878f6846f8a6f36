"""Releases on disk: rule folders as releases, bundles with their signatures, and a release as rules.

`<digest>.release` is a bundle, `<digest>.sigs/` holds the signatures over it, one `*.sig` file each. Rules are made of
bytes that are in memory already, and whose digest is therefore known: what changes on disk meanwhile changes nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reviewer.core.approval import MAX_SIGNATURES
from reviewer.core.case import CaseFile
from reviewer.core.errors import Fault, ReleaseError
from reviewer.core.questionnaire import PROMPT_VERSION
from reviewer.core.release import MAGIC, MAX_BYTES, MAX_DEPTH, MAX_FILE_BYTES, Release, pack, release_name, unpack
from reviewer.core.rollout_gates import DEFAULT_GATES, RolloutGates
from reviewer.core.rulebook import Rulebook
from reviewer.core.sshsig import MAX_CHARS
from reviewer.rubrics.gates import GATES, load_gates
from reviewer.rubrics.load import load_cases, load_rulebook

BUNDLE_SUFFIX = ".release"
_SUFFIX = ".yaml"
_MAX_BUNDLE_BYTES = MAX_BYTES + 4 * 1024 * 1024 + len(MAGIC)
"""The files, and a manifest of as many entries as there may be."""

Traces = tuple[tuple[str, int, int, int], ...]
"""Path, time of the last change in nanoseconds, size and inode of files: what differs when one was written."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it was found: its release, the bytes that are signed, and signatures by the name of their file."""

    release: Release
    data: bytes
    signatures: dict[str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A release that was loaded.

    Attributes:
        cases: its case files, sorted by path.
        warnings: about reviewers past or near their retirement.
        gates: what it is held to while it is on trial.
    """

    rulebook: Rulebook
    cases: tuple[CaseFile, ...]
    warnings: tuple[Fault, ...]
    gates: RolloutGates = DEFAULT_GATES


def read_folder(directory: Path, built_by: str = "") -> Release:
    """Read every rule file of a folder as one release.

    Raises:
        RubricError: there are none.
        ReleaseError: a file cannot be read, is too large, or has a name that a release cannot hold.
    """
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    for path in _rule_files(directory):
        name = path.relative_to(directory).as_posix()
        try:
            files[name] = _read(path, MAX_FILE_BYTES)
        except OSError as exc:
            faults.append(Fault(name, "", f"cannot be read: {exc.strerror}"))
    if faults:
        raise ReleaseError(tuple(faults))
    if not files:
        # Whoever loads such a folder says best what it lacks.
        load_rulebook(directory, today=date.min)
    return Release(files, PROMPT_VERSION, built_by)


def traces_of(directory: Path) -> Traces:
    """Return what differs when a rule file was written, added or removed; without reading any."""
    return tuple(_traces(_rule_files(directory), directory))


def traces_of_bundle(folder: Path, digest: str, approvers: Path | None) -> Traces:
    """Return what differs when a bundle, its signatures or the list of approvers were written."""
    beside = [_bundle(folder, digest), *_signature_files(folder, digest)]
    return tuple(_traces([*beside, *([approvers] if approvers else [])], folder))


def load_release(release: Release, today: date, *, with_cases: bool) -> Loaded:
    """Make rules of a release; takes long, so it is called beside the event loop.

    Args:
        today: UTC date that retirements are compared with.
        with_cases: else they are not looked at.

    Raises:
        ReleaseError: it was written for another prompt.
        RubricError: with all faults of all its files.
    """
    if release.prompt_version != PROMPT_VERSION:
        message = f"is for prompt version {release.prompt_version}; this service has {PROMPT_VERSION}"
        raise ReleaseError((Fault(release.name, "prompt_version", message),))
    with tempfile.TemporaryDirectory(prefix="reviewer-rules-") as private:
        folder = Path(private)
        for made in {(folder / path).parent for path in release.files}:
            made.mkdir(parents=True, exist_ok=True)
        for path, data in release.files.items():
            (folder / path).write_bytes(data)
        rulebook, warnings = load_rulebook(folder, today=today)
        cases = tuple([case for _, case in load_cases(folder)]) if with_cases else ()
        gates = load_gates(folder, rulebook.rubrics.values()) if GATES in release.files else None
    return Loaded(rulebook, cases, warnings, gates.rollout if gates else DEFAULT_GATES)


def read_bundle(folder: Path, digest: str) -> Bundle:
    """Read a bundle and the signatures beside it; nothing is said yet about whose they are.

    Raises:
        ReleaseError: it is not there, or it is not the release of this digest.
    """
    try:
        data = _read(_bundle(folder, digest), _MAX_BUNDLE_BYTES)
        paths = _signature_files(folder, digest)[:MAX_SIGNATURES]
        signatures = {path.name: _read(path, MAX_CHARS).decode("utf-8", "replace") for path in paths}
    except OSError as exc:
        message = f"cannot be read: {exc.strerror}"
        raise ReleaseError((Fault(release_name(digest), "", message),)) from exc
    return Bundle(unpack(data, digest), data, signatures)


def write_bundle(folder: Path, release: Release) -> Path:
    """Write a bundle, whole or not at all, with a folder for signatures beside it, and return where.

    Raises:
        ReleaseError: it cannot be written.
    """
    path = _bundle(folder, release.digest)
    try:
        _signatures(folder, release.digest).mkdir(parents=True, exist_ok=True)
        _write(path, pack(release))
    except OSError as exc:
        raise ReleaseError((Fault(path.name, "", f"cannot be written: {exc.strerror}"),)) from exc
    return path


def write_signature(folder: Path, digest: str, name: str, text: str) -> Path:
    """Write a signature beside its bundle, and return where.

    Args:
        name: of the file, without its suffix; one that is there is replaced.

    Raises:
        ReleaseError: it cannot be written.
    """
    path = _signatures(folder, digest) / f"{name}.sig"
    try:
        path.parent.mkdir(exist_ok=True)
        _write(path, text.encode())
    except OSError as exc:
        raise ReleaseError((Fault(path.name, "", f"cannot be written: {exc.strerror}"),)) from exc
    return path


def _bundle(folder: Path, digest: str) -> Path:
    return folder / f"{digest}{BUNDLE_SUFFIX}"


def _signature_files(folder: Path, digest: str) -> list[Path]:
    return sorted(_signatures(folder, digest).glob("*.sig"))


def _signatures(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.sigs"


def _rule_files(directory: Path) -> Iterator[Path]:
    """Walk the rule files below a folder; what is hidden, a repository's own files say, is left out."""
    # Mounted folders are links, and links may lead in circles: the depth is bounded.
    for folder, inside, names in os.walk(directory, followlinks=True):
        deep = len(Path(folder).relative_to(directory).parts) >= MAX_DEPTH
        inside[:] = [] if deep else sorted(name for name in inside if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_SUFFIX) and not name.startswith("."):
                yield Path(folder, name)


def _traces(paths: Iterator[Path] | list[Path], directory: Path) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        try:
            seen = path.stat()
        except OSError:
            # It went away just now, or cannot be looked at: reading it says why.
            yield (path.name, 0, 0, 0)
        else:
            yield (os.path.relpath(path, directory), seen.st_mtime_ns, seen.st_size, seen.st_ino)


def _read(path: Path, most: int) -> bytes:
    """Read a file, one byte beyond its bound at most: whoever takes it refuses it then."""
    with path.open("rb") as file:
        return file.read(most + 1)


def _write(path: Path, data: bytes) -> None:
    """Write a file in one step: nobody ever reads a half of it."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
