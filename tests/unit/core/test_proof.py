"""Proofs for offline readers, read by the service's own code and by the verifier that shares none of it."""

from __future__ import annotations

import base64
import hmac
import subprocess
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.core import note, proof
from reviewer.core.checkpoint import Checkpoint
from reviewer.core.note import ED25519, VerifierKey
from reviewer.core.proof import Proof
from reviewer.signing import Identity, PublicKey, SigningKey
from tests.support.tree import grown

VERIFIER = Path(__file__).resolve().parents[3] / "deploy" / "verify_proof.py"
INDEPENDENT: dict[str, Any] = run_path(str(VERIFIER))
IDENTITY = Identity("example.com/log", SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))
KEY = IDENTITY.verifier_keys()[0]


def signed(size: int, *, origin: str = "example.com/log") -> str:
    text = Checkpoint(origin, size, grown(size).root()).text()
    return note.write(IDENTITY.key.sign_note("example.com/log", text))


def record(index: int) -> bytes:
    return str(index).encode()


def proof_of(index: int, size: int) -> Proof:
    return Proof(index, grown(size).inclusion(index), signed(size))


def verify(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    return PublicKey(key.public).verifies(message, signature)


def verdicts(text: str, entry: bytes, key: VerifierKey = KEY) -> tuple[bool, bool]:
    """Return what our own reader says of a proof, and what the independent one says."""
    try:
        proof.proves(proof.read(text), entry, [key], verify)
        ours = True
    except ValueError:
        ours = False
    try:
        INDEPENDENT["check"](text, entry, str(key))
        theirs = True
    except (INDEPENDENT["NotProvedError"], ValueError, IndexError):
        theirs = False
    return ours, theirs


@given(st.integers(1, 600), st.data())
@settings(max_examples=25)
def test_both_readers_accept_what_is_proved(size: int, data: st.DataObject) -> None:
    """Every entry of a log can be proved, to our reader and to the one that shares no code with it."""
    index = data.draw(st.integers(0, size - 1))
    text = proof.write(proof_of(index, size))

    assert proof.read(text) == proof_of(index, size)
    assert verdicts(text, record(index)) == (True, True)
    assert verdicts(text, record(index) + b" ") == (False, False)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_both_readers_refuse_what_was_changed(data: st.DataObject) -> None:
    """A proof with one character changed proves nothing but the same again, to neither reader."""
    text = proof.write(proof_of(5, 13))
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("Aa0+/ \n=").filter(lambda char: char != text[at]))
    changed = text[:at] + other + text[at + 1 :]

    assert verdicts(changed, record(5)) == (False, False)


def test_a_signature_has_one_spelling() -> None:
    """Bits that base64 does not use must be zero: the same bytes spelled otherwise are refused by both readers."""
    text = proof.write(proof_of(5, 13))
    end = text.rstrip("=\n")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    respelled = end[:-1] + digits[digits.index(end[-1]) ^ 1] + text[len(end) :]

    assert verdicts(respelled, record(5)) == (False, False)


@given(st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=30)
def test_a_proof_is_for_one_index(index: int, other: int) -> None:
    """The path of one entry proves no other one, and not at another index."""
    made = proof_of(index, 13)
    moved = proof.write(Proof(other, made.hashes, made.checkpoint))
    assert verdicts(moved, record(index)) == (index == other, index == other)
    assert verdicts(proof.write(made), record(other)) == (index == other, index == other)


def test_another_key_proves_nothing() -> None:
    """Neither a stranger's key nor the same key under another name vouches for the log."""
    text = proof.write(proof_of(5, 13))
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert verdicts(text, record(5), VerifierKey(KEY.name, ED25519, stranger)) == (False, False)
    assert verdicts(text, record(5), VerifierKey("example.com/other", ED25519, KEY.public)) == (False, False)


def test_a_checkpoint_of_another_log_proves_nothing() -> None:
    """A checkpoint that the key signed for another origin does not count."""
    made = proof_of(5, 13)
    text = proof.write(Proof(5, made.hashes, signed(13, origin="example.com/other")))
    assert verdicts(text, record(5)) == (False, False)


def test_extra_data_is_passed_over() -> None:
    """Extra data neither counts nor disturbs."""
    text = proof.write(proof_of(5, 13)).replace("\nindex", "\nextra AAAA\nindex")
    assert verdicts(text, record(5)) == (True, True)


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    """What is no proof is a ValueError, whatever it is."""
    with pytest.raises(ValueError, match=r"^[et]"):
        proof.read(text)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511))
@settings(max_examples=25)
def test_the_independent_signatures(seed: bytes, message: bytes, bit: int) -> None:
    """The verifier's own Ed25519 accepts what a library signed, and nothing with one bit changed."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    spoiled = bytearray(signature)
    spoiled[bit // 8] ^= 1 << bit % 8

    assert INDEPENDENT["signed"](public, message, signature)
    assert not INDEPENDENT["signed"](public, message, bytes(spoiled))
    assert not INDEPENDENT["signed"](public, message + b"x", signature)


def test_the_independent_verifier_as_a_command(tmp_path: Path) -> None:
    """The script runs without anything of ours, and its exit status says what it found."""
    (tmp_path / "entry.tlog-proof").write_text(proof.write(proof_of(5, 13)), encoding="utf-8")
    (tmp_path / "good").write_bytes(record(5))
    (tmp_path / "bad").write_bytes(record(6))

    def run(name: str, *more: str) -> tuple[int, str]:
        command = [sys.executable, "-I", "-S", str(VERIFIER), "--key", str(KEY), "entry.tlog-proof", name, *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout.strip()

    assert run("good") == (0, "proved: the record is entry 5 of a log of 13 entries")
    assert run("bad") == (1, "NOT PROVED: the record does not stand at index 5")
    assert run("missing")[0] == 2


def test_the_independent_verifier_reads_commitments() -> None:
    """Content that the record commits to is accepted, and no other."""
    key, content = bytes(range(32)), b"a review"
    commitment = base64.b16encode(hmac.digest(key, content, "sha256")).decode().lower()
    entry = f'{{"content_commitment":"{commitment}"}}'.encode()

    INDEPENDENT["check_content"](entry, content, key)
    for changed, other in ((content + b"!", key), (content, bytes(32))):
        with pytest.raises(INDEPENDENT["NotProvedError"]):
            INDEPENDENT["check_content"](entry, changed, other)
