"""A release: the files of one rule set as one immutable bundle, with a name that follows from every byte of it.

A bundle is a line that says what it is, the manifest on one line, and the bytes of the files one after another in the
manifest's order: nothing else fits in, so that there is one bundle for a release. The manifest is canonical JSON
(RFC 8785): path, size and SHA-256 of each file, the version of the prompt that they were written for, and who put them
together. Its SHA-256 is the release's digest. Who approves of one is `reviewer.core.approval`; what the rules mean is
`reviewer.rubrics`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.core.canonical import canonical_bytes
from reviewer.core.errors import Fault, ReleaseError

MAGIC = b"oversight-reviewer-release/1\n"
SCHEMA = "release-manifest/1"
MAX_FILES = 10_000
MAX_FILE_BYTES = 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
"""Of a whole bundle: sixty times the shipped rules, and read into memory without a thought."""
MAX_PATH_CHARS = 200
MAX_DEPTH = 4
"""Folders around a file."""
MAX_NAME_CHARS = 200

# No step begins with a dot: no path leads upwards, none is hidden, none is absolute, on no system.
_STEP = r"[A-Za-z0-9_(](?:[A-Za-z0-9 ._()+,=@-]*[A-Za-z0-9_)])?"
_PATH = re.compile(rf"(?:{_STEP}/){{0,{MAX_DEPTH}}}{_STEP}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Release:
    """The files of a rule set.

    Attributes:
        files: bytes by path below the rule folder, with `/`; any order.
        prompt_version: `reviewer.core.questionnaire.PROMPT_VERSION` that the rules were written for.
        built_by: who put them together, as that person named itself; empty where nobody says so.
        manifest: RFC 8785.
        digest: SHA-256 of the manifest, in hex.
    """

    files: Mapping[str, bytes]
    prompt_version: str
    built_by: str = ""
    manifest: bytes = field(init=False, repr=False, compare=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be a release, and name the rest.

        Raises:
            ReleaseError: with every fault of paths, sizes and names.
        """
        if faults := tuple(self._faults()):
            raise ReleaseError(faults)
        files = {path: self.files[path] for path in sorted(self.files)}
        listed = {path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in files.items()}
        told = {"schema": SCHEMA, "prompt_version": self.prompt_version, "built_by": self.built_by, "files": listed}
        manifest = canonical_bytes(told)
        object.__setattr__(self, "files", files)
        object.__setattr__(self, "manifest", manifest)
        object.__setattr__(self, "digest", hashlib.sha256(manifest).hexdigest())

    @property
    def name(self) -> str:
        """Resource name."""
        return release_name(self.digest)

    def _faults(self) -> Iterator[Fault]:
        for where, text in (("built_by", self.built_by), ("prompt_version", self.prompt_version)):
            if len(text) > MAX_NAME_CHARS or not text.isprintable():
                yield Fault("manifest", where, f"expected at most {MAX_NAME_CHARS} printable characters")
        if not 0 < len(self.files) <= MAX_FILES:
            yield Fault("files", "", f"{len(self.files):,} files, expected 1 to {MAX_FILES:,}")
        for path, data in self.files.items():
            if len(path) > MAX_PATH_CHARS or not _PATH.fullmatch(path):
                yield Fault(path[:MAX_PATH_CHARS], "", "is no path that a release may hold")
            if len(data) > MAX_FILE_BYTES:
                yield Fault(path, "", f"{len(data):,} bytes, at most {MAX_FILE_BYTES:,}")
        if sum(map(len, self.files.values())) > MAX_BYTES:
            yield Fault("files", "", f"more than {MAX_BYTES:,} bytes together")


def release_name(digest: str) -> str:
    """Return the resource name of a release; empty for none."""
    return f"releases/{digest}" if digest else ""


def is_digest(text: str) -> bool:
    """Whether a text could be the digest of a release."""
    return _DIGEST.fullmatch(text) is not None


def pack(release: Release) -> bytes:
    """Write a bundle: the same bytes for the same release."""
    return b"".join((MAGIC, release.manifest, b"\n", *release.files.values()))


def unpack(data: bytes, digest: str) -> Release:
    """Read a bundle.

    Args:
        digest: of the release that it must be.

    Raises:
        ReleaseError: with every fault; nothing of an altered bundle is ever used.
    """
    if not data.startswith(MAGIC):
        raise _refused(f"does not begin with {MAGIC.decode().strip()}")
    head, _, body = data[len(MAGIC) :].partition(b"\n")
    manifest = _read_manifest(head)
    listed = manifest.files
    expected = sum([entry.size for entry in listed.values()])
    if expected != len(body):
        raise _refused(f"{len(body):,} bytes of files, the manifest says {expected:,}")
    files: dict[str, bytes] = {}
    at = 0
    for path, entry in listed.items():
        files[path] = body[at : at + entry.size]
        at += entry.size
    if altered := [path for path, data in files.items() if hashlib.sha256(data).hexdigest() != listed[path].sha256]:
        raise ReleaseError(tuple([Fault(path, "", "is not the file that the manifest lists") for path in altered]))
    release = Release(files, manifest.prompt_version, manifest.built_by)
    if release.manifest != head:
        raise _refused("the manifest is not in its one canonical form")
    if release.digest != digest:
        raise _refused(f"this is {release.name}, expected {release_name(digest)}")
    return release


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Listed(_Strict):
    sha256: str
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]


class _Manifest(_Strict):
    told: Literal["release-manifest/1"] = Field(alias="schema")
    prompt_version: str
    built_by: str
    files: Annotated[dict[str, _Listed], Field(max_length=MAX_FILES)]


def _read_manifest(head: bytes) -> _Manifest:
    try:
        return _Manifest.model_validate_json(head)
    except ValidationError as exc:
        raise _refused("the manifest cannot be read") from exc


def _refused(message: str) -> ReleaseError:
    return ReleaseError((Fault("bundle", "", message),))
