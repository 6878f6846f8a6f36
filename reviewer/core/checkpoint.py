"""Checkpoints: what a log says it is at one size, as the text of a note (C2SP tlog-checkpoint 1.0.0)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reviewer.core import note
from reviewer.core.merkle import HASH_BYTES
from reviewer.core.note import VerifierKey


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's head.

    Attributes:
        origin: identity of the log, such as `example.com/verdicts`; never empty.
        size: leaves.
        root: 32 bytes.
        extensions: further lines, none of them empty; they mean nothing here.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the text of the note."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join([f"{line}\n" for line in lines])


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note.

    Raises:
        ValueError: it is not a checkpoint in its one canonical form.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise ValueError("expected three lines or more, none of them empty")
    origin, size, encoded, *extensions = lines[:-1]
    if not (size.isascii() and size.isdigit() and len(size) <= 19 and size == str(int(size))):
        raise ValueError("the second line is no tree size")
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != encoded:
        raise ValueError("the third line is no root hash")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def read_signed(
    text: str, keys: Iterable[VerifierKey], verify: Callable[[VerifierKey, bytes, bytes], bool]
) -> Checkpoint:
    """Read a whole note, and return its checkpoint once one of a log's keys is found to have signed it.

    Args:
        keys: of the log, any of which may have signed.
        verify: as for `note.signers`.

    Raises:
        ValueError: it is not a signed checkpoint, none of the keys signed it, or it is another log's.
    """
    known = tuple(keys)
    signed = note.read(text)
    if not note.signers(signed, known, verify):
        raise ValueError("none of the log's keys signed the checkpoint")
    head = read_checkpoint(signed.text)
    if head.origin not in {key.name for key in known}:
        raise ValueError("the checkpoint is of another log")
    return head
