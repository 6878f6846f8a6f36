"""Proofs for offline readers: one entry's place in the log, as text.

The form is C2SP tlog-proof (https://c2sp.org/tlog-proof, `c2sp.org/tlog-proof@v1`). A proof holds the signed checkpoint
and the hashes that lead to it, not the entry: whoever has the entry can check it with the log's public key alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reviewer.core import note
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.merkle import HASH_BYTES, included, leaf_hash
from reviewer.core.note import VerifierKey

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry stands.

    Attributes:
        hashes: its inclusion proof (RFC 9162, 2.1.3.1).
        checkpoint: the signed note, as it was published.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str


def write(proof: Proof) -> str:
    """Write a proof out."""
    hashes = "".join([f"{base64.b64encode(part).decode()}\n" for part in proof.hashes])
    return f"{HEADER}\nindex {proof.index}\n{hashes}\n{proof.checkpoint}"


def read(text: str) -> Proof:
    """Read a proof; extra data, which nothing vouches for, is passed over.

    Raises:
        ValueError: it is not a proof.
    """
    if len(text) > note.MAX_NOTE_CHARS:
        raise ValueError(f"the proof has {len(text)} characters, at most {note.MAX_NOTE_CHARS} are read")
    head, blank, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if lines and lines[0].startswith("extra "):
        lines = lines[1:]
    if header != HEADER or not blank or not lines or not checkpoint:
        raise ValueError(f"expected {HEADER}, an index, hashes, a blank line and a checkpoint")
    word, _, index = lines[0].partition(" ")
    if word != "index" or not (index.isascii() and index.isdigit() and len(index) <= 19 and index == str(int(index))):
        raise ValueError("the proof names no index")
    if len(lines) > MAX_HASHES + 1:
        raise ValueError(f"the proof has {len(lines) - 1} hashes, no tree needs more than {MAX_HASHES}")
    return Proof(int(index), tuple([_hash(line) for line in lines[1:]]), checkpoint)


def proves(
    proof: Proof, record: bytes, keys: Iterable[VerifierKey], verify: Callable[[VerifierKey, bytes, bytes], bool]
) -> Checkpoint:
    """Return the checkpoint under which a proof shows a record to stand in the log.

    Args:
        keys: of the log, any of which may have signed.
        verify: as for `note.signers`.

    Raises:
        ValueError: nobody of them signed the checkpoint, it is another log's, or the record does not stand there.
    """
    head = read_signed(proof.checkpoint, keys, verify)
    if not included(leaf_hash(record), proof.index, head.size, proof.hashes, head.root):
        raise ValueError(f"the record does not stand at index {proof.index} of the log")
    return head


def _hash(line: str) -> bytes:
    try:
        data = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != HASH_BYTES or base64.b64encode(data).decode() != line:
        raise ValueError("a line of the proof is no hash")
    return data
