"""Signed notes and checkpoints: the published examples, what is refused, and that nothing is read two ways."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.checkpoint import Checkpoint, read_checkpoint, read_signed
from reviewer.core.note import COSIGNATURE, ED25519, Note, Signature, VerifierKey, read, read_key, signers, write

# The example of the C2SP specifications of tlog-checkpoint and signed-note, where its key stands as well.
EXAMPLE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("example.com/log", ED25519, SECRET.public_key().public_bytes_raw())
LINES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)


def signed(text: str, key: VerifierKey = KEY) -> Note:
    return Note(text, (Signature(key.name, key.key_id, SECRET.sign(text.encode())),))


def verifies(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_the_published_example() -> None:
    """The example of the specification is read as it says, and written back as the same bytes."""
    note = read(EXAMPLE)
    head = read_checkpoint(note.text)

    assert (head.origin, head.size, head.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert [s.name for s in note.signatures] == ["example.com/behind-the-sofa"]
    assert len(note.signatures[0].value) == 64
    assert write(note) == EXAMPLE
    assert head.text() == note.text


@given(st.lists(LINES, min_size=1, max_size=5), st.integers(1, 3))
def test_notes_read_back(lines: list[str], count: int) -> None:
    """Any text with signatures is read as it was written, blank lines inside it included."""
    text = "".join(f"{line}\n\n" for line in lines).removesuffix("\n")
    note = Note(text, signed(text).signatures * count)
    assert read(write(note)) == note


def test_who_signed() -> None:
    """A known key's signature is found, and one of an unknown key is passed over."""
    text = "a\n"
    stranger = Signature("example.com/witness", b"abcd", b"whatever")
    note = Note(text, (stranger, *signed(text).signatures))
    other = VerifierKey("example.com/other", ED25519, KEY.public)

    assert signers(note, [other, KEY], verifies) == ["example.com/log"]
    assert signers(note, [other], verifies) == []


def test_a_bad_signature_of_a_known_key_is_not_passed_over() -> None:
    """A line under a known name and id that does not verify spoils the note."""
    note = Note("another\n", signed("a\n").signatures)
    with pytest.raises(ValueError, match=r"example\.com/log does not verify"):
        signers(note, [KEY], verifies)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n\n",
        EXAMPLE.removesuffix("\n"),
        EXAMPLE.replace("\u2014", "-"),
        EXAMPLE.replace("A2I=\n", "A2I=\n\n") + "more",
        EXAMPLE.replace("AYQ8=", "AYQ8"),
        EXAMPLE.replace("AYQ8=", "AYQ9="),
        EXAMPLE.replace("\u2014 example.com", "\u2014 exam+ple.com"),
        EXAMPLE.replace("\u2014 example.com", "\u2014 exam\u00a0ple.com"),
        EXAMPLE.replace("20852163", "2085\t163"),
        "a\n\n\u2014 x AAAA\n",
        "a\n\n" + "\u2014 x AAAAAAA=\n" * 17,
        "a" * 1_000_001,
    ],
)
def test_what_is_no_note(text: str) -> None:
    """What is not the format in its one form is refused."""
    with pytest.raises(ValueError, match=r"note|line|text"):
        read(text)


@pytest.mark.parametrize("text", ["", "a", "a\x01\n", "a\r\n"])
def test_what_cannot_be_signed(text: str) -> None:
    """A text that could not be read back is not written."""
    with pytest.raises(ValueError, match="ends with a newline"):
        write(Note(text))


@given(st.sampled_from([ED25519, COSIGNATURE]), st.binary(min_size=32, max_size=32))
def test_keys_read_back(kind: int, public: bytes) -> None:
    """A key is read from the line it was written on."""
    key = VerifierKey("example.com/log", kind, public)
    assert read_key(f"{key}\n") == key


def test_a_published_key() -> None:
    """The key of Go's checksum database, as its documentation prints it, has the id that it says."""
    line = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert str(read_key(line)) == line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        "name+00000000",
        "na me+00000000+AA==",
        str(KEY).replace("example.com/log", "example.com/fog"),
        str(KEY)[:-4],
        f"x+00000000+{base64.b64encode(bytes(33)).decode()}",
        f"x+00000000+{base64.b64encode(bytes(65)).decode()}",
    ],
)
def test_what_is_no_key(line: str) -> None:
    """A line that is no key, or whose id is that of another one, is refused."""
    with pytest.raises(ValueError, match="key"):
        read_key(line)


def test_the_id_binds_the_name() -> None:
    """One public key under two names has two ids, and so has one under two types."""
    ids = {VerifierKey(name, kind, KEY.public).key_id for name in ("a", "b") for kind in (ED25519, COSIGNATURE)}
    assert len(ids) == 4


@given(LINES, st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=3))
def test_checkpoints_read_back(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    """A head is read from the text it was written as."""
    head = Checkpoint(origin, size, root, tuple(extensions))
    assert read_checkpoint(head.text()) == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "a\n1\nAA==\n",
        f"a\n01\n{base64.b64encode(bytes(32)).decode()}\n",
        f"a\n-1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"a\n\u0661\n{base64.b64encode(bytes(32)).decode()}\n",
        f"\n1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"a\n1\n{base64.b64encode(bytes(32)).decode()}\n\n",
        f"a\n1\n{base64.b64encode(bytes(32)).decode()}",
        f"a\n1\n{base64.b64encode(bytes(32)).decode().rstrip('=')}\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """What is not the format in its one form is refused."""
    with pytest.raises(ValueError, match=r"expected|line"):
        read_checkpoint(text)


@pytest.mark.parametrize("size", [1, 2**40])
def test_a_signed_checkpoint_is_read_once_it_is_verified(size: int) -> None:
    """One of a log's keys must have signed, and the checkpoint must be that key's log's."""
    head = Checkpoint(KEY.name, size, bytes(32))
    stranger = VerifierKey(KEY.name, ED25519, bytes(32))

    assert read_signed(write(signed(head.text())), [stranger, KEY], verifies) == head
    for text, keys in (
        (write(signed(head.text())), [stranger]),
        (write(signed(head.text())), []),
        (write(signed(Checkpoint("example.com/other", size, bytes(32)).text())), [KEY]),
        (write(signed(head.text())).replace(f"\n{size}\n", f"\n{size + 1}\n"), [KEY]),
        (head.text(), [KEY]),
    ):
        with pytest.raises(ValueError, match=r"."):
            read_signed(text, keys, verifies)
