"""Bundles: one form for a release, and no other bytes are ever taken for it."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core import release as bundles
from reviewer.core.errors import ReleaseError
from reviewer.core.release import MAGIC, MAX_FILE_BYTES, Release, pack, unpack

RELEASE = Release({"routing.yaml": b"a: 1\n", "health/rubric.yaml": b"", "models.yaml": b"b: 2\n"}, "2", "ana")
BUNDLE = pack(RELEASE)
paths = st.from_regex(r"[a-z0-9_]{1,8}(/[a-z0-9_]{1,8}){0,3}\.yaml", fullmatch=True)


def faults(data: bytes, digest: str = RELEASE.digest) -> list[str]:
    with pytest.raises(ReleaseError) as caught:
        unpack(data, digest)
    return [str(fault) for fault in caught.value.faults]


@given(st.dictionaries(paths, st.binary(max_size=50), min_size=1, max_size=6), st.text("abc.", max_size=5))
def test_a_bundle_is_read_as_it_was_written(files: dict[str, bytes], by: str) -> None:
    """What was packed is unpacked, and packs to the same bytes, in whatever order its files were named."""
    release = Release(files, "2", by)
    read = unpack(pack(release), release.digest)
    assert (read, dict(read.files)) == (release, files)
    turned = Release(dict(reversed(files.items())), "2", by)
    assert pack(turned) == pack(read) == pack(release)


@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, by: int) -> None:
    """No byte of a bundle, be it of the head, of the manifest or of a file, can differ."""
    assert faults(BUNDLE[:at] + bytes([BUNDLE[at] ^ by]) + BUNDLE[at + 1 :])


@given(st.integers(0, len(BUNDLE) - 1), st.binary(max_size=3))
def test_no_other_length_is_accepted(end: int, more: bytes) -> None:
    """A bundle that was cut off, or to which something was added, is refused."""
    assert faults(BUNDLE[:end])
    assert not more or faults(BUNDLE + more)


def test_an_altered_file_is_named() -> None:
    """Where a file's bytes are not what the manifest says, each such file is told."""
    assert faults(BUNDLE.replace(b"a: 1", b"a: 9").replace(b"b: 2", b"b: 9")) == [
        "models.yaml: is not the file that the manifest lists",
        "routing.yaml: is not the file that the manifest lists",
    ]


def test_another_release_is_not_this_one() -> None:
    """A bundle that is sound in itself is refused under another digest."""
    other = Release({**RELEASE.files, "routing.yaml": b"a: 2\n"}, "2", "ana")
    assert faults(pack(other)) == [f"bundle: this is {other.name}, expected {RELEASE.name}"]


def test_builder_and_prompt_are_part_of_the_digest() -> None:
    """Who built a release and what prompt it is for cannot be changed without its name changing."""
    digests = {Release(RELEASE.files, prompt, by).digest for prompt in ("1", "2") for by in ("", "ana")}
    assert len(digests) == 4


def test_the_manifest_is_canonical() -> None:
    """The manifest is RFC 8785, so that others can make and check it; written otherwise it is refused."""
    told = json.loads(RELEASE.manifest)
    assert rfc8785.dumps(told) == RELEASE.manifest
    loose = json.dumps(told).encode()
    assert faults(MAGIC + loose + b"\n" + BUNDLE.partition(b"}}}")[2]) != []


@pytest.mark.parametrize(
    "path",
    [
        "../a",
        "/a",
        "a/../b",
        ".git/a",
        "a//b",
        "a/",
        "",
        "a\\b",
        "a:b",
        "a\n",
        "\u00e9.yaml",
        "a/b/c/d/e/f",
        "x" * 201,
        " a",
    ],
)
def test_paths_lead_nowhere_else(path: str) -> None:
    """A path that leads upwards, is absolute, hidden, or would mean another file elsewhere is refused."""
    with pytest.raises(ReleaseError):
        Release({path: b""}, "2")


@pytest.mark.parametrize(
    ("files", "prompt", "by"),
    [
        ({}, "2", ""),
        ({"a": bytes(MAX_FILE_BYTES + 1)}, "2", ""),
        ({f"f{n}": b"" for n in range(bundles.MAX_FILES + 1)}, "2", ""),
        ({"a": b""}, "2\n", ""),
        ({"a": b""}, "2", "x" * 201),
    ],
)
def test_sizes_are_bounded(files: dict[str, bytes], prompt: str, by: str) -> None:
    """No files, too many, too large ones, and texts that are no names are refused."""
    with pytest.raises(ReleaseError):
        Release(files, prompt, by)


def test_the_whole_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are small each may be too much together."""
    monkeypatch.setattr(bundles, "MAX_BYTES", 9)
    with pytest.raises(ReleaseError, match="together"):
        Release(RELEASE.files, "2")
