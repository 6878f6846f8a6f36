"""Cosignatures and the messages by which a log asks for them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reviewer.core import note
from reviewer.core.cosignature import (
    MAX_WITNESSES,
    added,
    read_answer,
    read_size,
    read_witness_keys,
    request,
    signed_bytes,
    unwrap,
)
from reviewer.core.note import COSIGNATURE, ED25519, Note, Signature, VerifierKey
from reviewer.signing import verifies

TEXT = "example.com/log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SECRET.public_key().public_bytes_raw()
KEY = VerifierKey("witness.example/w1", COSIGNATURE, PUBLIC)
# The example of C2SP tlog-cosignature 1.0.1.
EXAMPLE = base64.b64decode(
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)


def value(timestamp: int, text: str = TEXT) -> bytes:
    return timestamp.to_bytes(8, "big") + SECRET.sign(signed_bytes(text.encode(), timestamp))


def test_the_published_example_has_its_parts() -> None:
    """Key id, time and signature lie where the specification puts them, and the message is the one it shows."""
    unwrapped = unwrap(TEXT.encode(), EXAMPLE[4:])
    assert unwrapped is not None
    message, signature = unwrapped

    assert message == b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    assert signature == EXAMPLE[12:]


def test_a_cosignature_is_of_its_text_time_and_type() -> None:
    """Another text, time or type of key is not good; a log's key never verifies a cosignature, nor the reverse."""
    good = value(1_800_000_000)
    log = VerifierKey("example.com/log", ED25519, PUBLIC)

    assert verifies(KEY, TEXT.encode(), good)
    assert not verifies(KEY, TEXT.replace("7", "8").encode(), good)
    assert not verifies(KEY, TEXT.encode(), (1_800_000_001).to_bytes(8, "big") + good[8:])
    assert not verifies(KEY, TEXT.encode(), SECRET.sign(TEXT.encode()))
    assert not verifies(log, TEXT.encode(), good)
    assert not verifies(log, TEXT.encode(), good[8:])


@pytest.mark.parametrize("spoiled", [b"", bytes(71), bytes(73), b"\x80" + bytes(71)])
def test_what_is_no_cosignature_is_not_taken_apart(spoiled: bytes) -> None:
    """A value of another length, or of a time that cannot be, verifies under no key."""
    assert unwrap(TEXT.encode(), spoiled) is None
    assert not verifies(KEY, TEXT.encode(), spoiled)


def test_a_request_is_written_as_the_specification_shows() -> None:
    """The old size, the proof, a blank line and the checkpoint."""
    checkpoint = f"{TEXT}\n\u2014 example.com/log AAAAAAA=\n"

    assert request(0, (), checkpoint) == f"old 0\n\n{checkpoint}"
    assert request(5, (bytes(32), b"\xff" * 32), checkpoint) == (f"old 5\n{'A' * 43}=\n{'/' * 42}8=\n\n{checkpoint}")


def test_an_answer_is_signature_lines() -> None:
    """Lines are read as those of a note are; anything else is refused."""
    checkpoint = f"{TEXT}\n\u2014 example.com/log AAAAAAA=\n"
    line = f"\u2014 {KEY.name} {base64.b64encode(KEY.key_id + value(1)).decode()}\n"

    assert read_answer(line, checkpoint) == (Signature(KEY.name, KEY.key_id, value(1)),)
    for body in ("", "cosigned\n", line.rstrip("\n"), line * 17, f"\n{line}x"):
        with pytest.raises(ValueError, match=r"note|signature|line"):
            read_answer(body, checkpoint)


@pytest.mark.parametrize(("body", "size"), [("0\n", 0), ("12\n", 12), ("12", 12)])
def test_a_size_is_read(body: str, size: int) -> None:
    """Decimal digits and a newline."""
    assert read_size(body) == size


@pytest.mark.parametrize("body", ["", "\n", "01\n", "-1\n", "1.0\n", "\u0663\n", "9" * 20, "1\n\n"])
def test_what_is_no_size_is_refused(body: str) -> None:
    """No sign, no leading zero, no other digits, nothing that no tree has."""
    with pytest.raises(ValueError, match="no tree size"):
        read_size(body)


def test_nobody_counts_twice() -> None:
    """Two names with one key, two keys with one name, and the key of a log are refused."""
    other = VerifierKey("witness.example/w2", COSIGNATURE, bytes(32))

    assert read_witness_keys([str(KEY), str(other)]) == (KEY, other)
    for lines in (
        [str(KEY), str(VerifierKey("witness.example/w2", COSIGNATURE, PUBLIC))],
        [str(KEY), str(VerifierKey(KEY.name, COSIGNATURE, bytes(32)))],
        [str(KEY), str(KEY)],
        [str(VerifierKey("example.com/log", ED25519, PUBLIC))],
    ):
        with pytest.raises(ValueError, match="witness"):
            read_witness_keys(lines)


def test_a_note_has_room_for_so_many() -> None:
    """The log's own signature stays first, and what does not fit is left out, not refused."""
    own = Signature("example.com/log", b"\x00\x00\x00\x01", bytes(64))
    checkpoint = note.write(Note(TEXT, (own,)))
    many = [Signature(f"w{number}", KEY.key_id, value(1)) for number in range(MAX_WITNESSES + 5)]
    signatures = note.read(added(checkpoint, many)).signatures

    assert signatures == (own, *many[:MAX_WITNESSES])
    assert added(checkpoint, ()) == checkpoint
