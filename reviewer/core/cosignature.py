"""Cosignatures: a witness's word that a log has only grown, below the log's checkpoints, and how a log asks for one.

Formats are C2SP tlog-cosignature 1.0.1 (`cosignature/v1`, Ed25519) and the messages of add-checkpoint in C2SP
tlog-witness 1.0.0. Who signs, sends and verifies is no matter of this module.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from reviewer.core import note
from reviewer.core.note import COSIGNATURE, Note, Signature, VerifierKey, read_key

MAX_WITNESSES = note.MAX_SIGNATURES - 1
"""What a note has room for below the log's own signature."""
TIMESTAMP_BYTES = 8
SIGNATURE_BYTES = 64
SIZE_TYPE = "text/x.tlog.size"
"""Content type by which a witness says how far it has seen a log."""
_MAX_TIMESTAMP = (1 << 63) - 1
_MAX_PROOF = 63


def unwrap(text: bytes, value: bytes) -> tuple[bytes, bytes] | None:
    """Return what the key of a cosignature signed, and its plain signature; None where the value is no cosignature.

    Args:
        text: of the note.
        value: seconds since the epoch, eight bytes, and the signature.
    """
    timestamp = int.from_bytes(value[:TIMESTAMP_BYTES], "big")
    if len(value) != TIMESTAMP_BYTES + SIGNATURE_BYTES or timestamp > _MAX_TIMESTAMP:
        return None
    return signed_bytes(text, timestamp), value[TIMESTAMP_BYTES:]


def signed_bytes(text: bytes, timestamp: int) -> bytes:
    """Return what a witness signs over the text of a note at a time."""
    return f"cosignature/v1\ntime {timestamp}\n".encode() + text


def read_witness_keys(lines: Iterable[str]) -> tuple[VerifierKey, ...]:
    """Read the keys of witnesses.

    Raises:
        ValueError: a line is no witness's key, or two are of one name or one key: one witness must not count twice.
    """
    keys = tuple([read_key(line) for line in lines])
    if any(key.type != COSIGNATURE for key in keys):
        raise ValueError("expected the key of a witness, got that of a log")
    if len({key.name for key in keys}) < len(keys) or len({key.public for key in keys}) < len(keys):
        raise ValueError("two witnesses have one name or one key")
    return keys


def request(old_size: int, proof: Sequence[bytes], checkpoint: str) -> str:
    """Write the body of an add-checkpoint request.

    Args:
        old_size: of the tree that the witness cosigned last; 0 for none.
        proof: that the checkpoint's tree begins with that one.
        checkpoint: the signed note.
    """
    assert len(proof) <= _MAX_PROOF
    lines = "".join([f"{base64.b64encode(part).decode()}\n" for part in proof])
    return f"old {old_size}\n{lines}\n{checkpoint}"


def read_answer(body: str, checkpoint: str) -> tuple[Signature, ...]:
    """Return the signatures of an add-checkpoint answer; they are not verified here.

    Raises:
        ValueError: these are no signature lines.
    """
    return note.read(f"{note.read(checkpoint).text}\n{body}").signatures


def read_size(body: str) -> int:
    """Read how many entries a witness has seen of a log, from an answer of type `SIZE_TYPE`.

    Raises:
        ValueError: it is no size.
    """
    digits = body.removesuffix("\n")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and digits == str(int(digits))):
        raise ValueError("the answer is no tree size")
    return int(digits)


def added(checkpoint: str, cosignatures: Iterable[Signature]) -> str:
    """Return a signed checkpoint with cosignatures below the log's own signature, as many as a note may have."""
    signed = note.read(checkpoint)
    signatures = (*signed.signatures, *cosignatures)[: note.MAX_SIGNATURES]
    return note.write(Note(signed.text, signatures))
