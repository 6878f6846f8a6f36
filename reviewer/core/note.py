"""Signed notes: a text with signature lines below it, after C2SP signed-note 1.0.0 (https://c2sp.org/signed-note).

The format only; who signs, and with which key, comes in as functions. A reader skips signature lines of keys that it
does not know, as the format demands, and refuses what is not the format.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

ED25519 = 0x01
"""Type of a plain Ed25519 signature over the note's text."""
COSIGNATURE = 0x04
"""Type of a witness's timestamped Ed25519 cosignature (C2SP tlog-cosignature 1.0.1)."""
KEY_ID_BYTES = 4
MAX_SIGNATURES = 16
MAX_NOTE_CHARS = 1_000_000
_DASH = "\u2014"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose, by which key, and its bytes without the key's id."""

    name: str
    key_id: bytes
    value: bytes

    def is_of(self, key: VerifierKey) -> bool:
        """Whether it says that it is a key's."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class Note:
    """A text and what stands below it. The text ends with a newline, and signatures are over all of it."""

    text: str
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key as it is handed around: `name+id+key`, of which the id binds name, type and key together.

    Attributes:
        type: `ED25519` or `COSIGNATURE`.
        public: 32 bytes.
    """

    name: str
    type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """Write the key on one line."""
        encoded = base64.b64encode(bytes([self.type]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def read_key(line: str) -> VerifierKey:
    """Read a public key from its line.

    Raises:
        ValueError: it is not a key, is of a type that we do not know, or its id is that of another key.
    """
    name, plus, rest = line.strip().partition("+")
    key_id, second, encoded = rest.partition("+")
    if not plus or not second or not is_key_name(name):
        raise ValueError("expected name+id+key")
    data = _unbase64(encoded)
    if data is None or len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
        raise ValueError("the key is not an Ed25519 key of a known type")
    key = VerifierKey(name, data[0], data[1:])
    if key.key_id.hex() != key_id:
        raise ValueError(f"the id {key_id[:16]!r} is not that of this name and key")
    return key


def is_key_name(name: str) -> bool:
    """Whether a name may stand in a signature line: not empty, no white space, no plus."""
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def write(note: Note) -> str:
    """Write a note out.

    Raises:
        ValueError: its text does not end with a newline or holds control characters.
    """
    if not _is_text(note.text):
        raise ValueError("the text of a note ends with a newline and holds no control characters")
    lines = [
        f"{_DASH} {signature.name} {base64.b64encode(signature.key_id + signature.value).decode()}\n"
        for signature in note.signatures
    ]
    return note.text + "\n" + "".join(lines)


def read(text: str) -> Note:
    """Read a note; the signatures are not verified here.

    Raises:
        ValueError: it is not a signed note.
    """
    if len(text) > MAX_NOTE_CHARS:
        raise ValueError(f"the note has {len(text)} characters, at most {MAX_NOTE_CHARS} are read")
    # The last blank line: a note's text may hold one as well.
    body, blank, below = text.rpartition("\n\n")
    if not blank or not below.endswith("\n") or not _is_text(body + "\n"):
        raise ValueError("expected a text, a blank line and signature lines")
    lines = below.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ValueError(f"the note has {len(lines)} signature lines, at most {MAX_SIGNATURES} are read")
    return Note(body + "\n", tuple([_signature(line) for line in lines]))


def signers(note: Note, keys: Iterable[VerifierKey], verify: Callable[[VerifierKey, bytes, bytes], bool]) -> list[str]:
    """Return the names of the given keys whose signature stands below a note and verifies, in the order of the keys.

    Args:
        verify: whether a signature (third) over a message (second) is that of a key.

    Raises:
        ValueError: a signature under a known name and id does not verify, which the format forbids to pass over.
    """
    message = note.text.encode()
    found: list[str] = []
    for key in keys:
        own = [signature for signature in note.signatures if signature.is_of(key)]
        for signature in own:
            if not verify(key, message, signature.value):
                raise ValueError(f"the signature of {key.name} does not verify")
        if own:
            found.append(key.name)
    return found


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, space, encoded = rest.partition(" ")
    data = _unbase64(encoded)
    if dash != _DASH or not space or not is_key_name(name) or data is None or len(data) <= KEY_ID_BYTES:
        raise ValueError("a line below the text is no signature line")
    return Signature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _is_text(text: str) -> bool:
    return text.endswith("\n") and not any(char < " " and char != "\n" for char in text)


def _unbase64(text: str) -> bytes | None:
    """Decode standard base64 in its one canonical form, or return None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None
