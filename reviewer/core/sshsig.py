"""Detached signatures in the format that `ssh-keygen -Y sign` writes (OpenSSH, PROTOCOL.sshsig), of Ed25519 keys.

The format only; who signs and who checks comes in as functions. A signature has one text: what another writer would
have laid out differently is refused, so that no byte of it can change unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

NAMESPACE = "oversight-reviewer-release"
"""What a signature is for: one that was made for something else, a commit say, counts for nothing here."""
KEY_TYPE = b"ssh-ed25519"
MAX_CHARS = 4_096
_MAGIC = b"SSHSIG"
_VERSION = 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTHS = (70, 76)
"""Of a line: what ssh-keygen writes, and what its specification says."""
_HASHES = ("sha512", "sha256")


@dataclass(frozen=True, slots=True)
class SshSignature:
    """One signature.

    Attributes:
        public: the signer's key, 32 bytes.
        hash_name: of the message, `sha512` or `sha256`.
        value: 64 bytes, over `signed_data`.
    """

    public: bytes
    value: bytes
    namespace: str = NAMESPACE
    hash_name: str = _HASHES[0]

    def signed_data(self, message: bytes) -> bytes:
        """Return what is signed where a message is."""
        return signed_data(message, self.namespace, self.hash_name)


def signed_data(message: bytes, namespace: str = NAMESPACE, hash_name: str = _HASHES[0]) -> bytes:
    """Return what a signer signs: it holds the message's hash, and what the signature is for."""
    digest = hashlib.new(hash_name, message).digest()
    return _MAGIC + _strings(namespace.encode(), b"", hash_name.encode(), digest)


def key_blob(public: bytes) -> bytes:
    """Return a public key as SSH writes it."""
    return _strings(KEY_TYPE, public)


def read_key_blob(blob: bytes) -> bytes:
    """Read a public key, 32 bytes.

    Raises:
        ValueError: it is no Ed25519 key.
    """
    parts = _cut(blob)
    if len(parts) != 2 or parts[0] != KEY_TYPE or len(parts[1]) != 32:
        raise ValueError("is no ssh-ed25519 key")
    return parts[1]


def write(signature: SshSignature) -> str:
    """Write a signature as ssh-keygen does."""
    return _armored(_blob(signature), _WIDTHS[0])


def read(text: str) -> SshSignature:
    """Read a signature.

    Raises:
        ValueError: it is none, of another version or kind of key, or not laid out in one of the two known ways.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"has more than {MAX_CHARS:,} characters")
    lines = text.splitlines()
    if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise ValueError("is no SSH signature")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("is no SSH signature: not base64") from exc
    if text not in [_armored(blob, width) for width in _WIDTHS]:
        raise ValueError("is no SSH signature in the form that ssh-keygen writes")
    head, rest = blob[: len(_MAGIC) + 4], blob[len(_MAGIC) + 4 :]
    if head != _MAGIC + struct.pack(">I", _VERSION):
        raise ValueError("is no SSH signature of version 1")
    parts = _cut(rest)
    if len(parts) != 5 or parts[2]:
        raise ValueError("is no SSH signature of a known form")
    return _signature(*parts)


def _signature(key: bytes, namespace: bytes, _reserved: bytes, hash_name: bytes, value: bytes) -> SshSignature:
    named = hash_name.decode("ascii", "replace")
    if named not in _HASHES:
        raise ValueError("is over a hash of an unknown kind")
    inside = _cut(value)
    if len(inside) != 2 or inside[0] != KEY_TYPE or len(inside[1]) != 64:
        raise ValueError("is no signature of an ssh-ed25519 key")
    return SshSignature(read_key_blob(key), inside[1], namespace.decode("utf-8", "replace"), named)


def _blob(signature: SshSignature) -> bytes:
    value = _strings(KEY_TYPE, signature.value)
    parts = (key_blob(signature.public), signature.namespace.encode(), b"", signature.hash_name.encode(), value)
    return _MAGIC + struct.pack(">I", _VERSION) + _strings(*parts)


def _armored(blob: bytes, width: int) -> str:
    encoded = base64.b64encode(blob).decode()
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    return "\n".join((_BEGIN, *lines, _END, ""))


def _strings(*parts: bytes) -> bytes:
    """Write strings as RFC 4251 does: each behind its length."""
    return b"".join([struct.pack(">I", len(part)) + part for part in parts])


def _cut(data: bytes) -> list[bytes]:
    """Cut bytes into the strings that they consist of.

    Raises:
        ValueError: they do not.
    """
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        if at + 4 > len(data) or end > len(data):
            raise ValueError("ends in the middle of a field")
        parts.append(data[at + 4 : end])
        at = end
    return parts
