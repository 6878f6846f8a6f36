"""Content at rest: AES-256-GCM under a data key of its tenant, which is wrapped by a key that the log does not hold.

Whoever has the log's file alone can read records (ids, digests, outcomes) and no text. Destroying one ciphertext
erases one review, destroying a tenant's data keys erases all of its text at once; records are left as they are.

Formats: AES key wrap (RFC 3394) for data keys; nonces of 96 random bits (NIST SP 800-38D, 8.2.2, bounds one key to
2^32 messages, so that data keys are renewed long before).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from reviewer.core.errors import ConfigError, Fault, LedgerCorruptError, SealedError

KEY_BYTES = 32
FORM = 1
_NONCE_BYTES = 12
_ID_BYTES = 16
_HEAD_BYTES = 1 + _ID_BYTES + _NONCE_BYTES
_CONTEXT = b"reviewer content 1\x00"
_OWNER_ONLY = 0o600
_ANYBODY_ELSE = 0o077

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A tenant's data key as the log keeps it.

    Attributes:
        id: UUIDv7, in the clear part of every content that it encrypts.
        wrapped: the key under the key-encryption key; None once it was destroyed.
        wrapper: `Keyring` id of the key that wraps it.
    """

    id: UUID
    tenant: str
    wrapped: bytes | None
    wrapper: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DataKey:
    """A tenant's data key, ready to be used. Its repr shows nothing of it."""

    id: UUID
    tenant: str
    cipher: AESGCM = field(repr=False)


class Keyring:
    """The key-encryption keys: one that wraps, and former ones that still unwrap."""

    def __init__(self, current: bytes, former: Sequence[bytes] = ()) -> None:
        """Keep the keys, 32 bytes each."""
        self.current = wrapper_id(current)
        self._keys = {wrapper_id(key): key for key in (*former, current)}

    @property
    def ids(self) -> frozenset[str]:
        """Ids of all keys that unwrap."""
        return frozenset(self._keys)

    def __repr__(self) -> str:
        """Name the keys by their ids."""
        return f"Keyring({self.current}, {len(self._keys)} keys)"

    def new_key(self, tenant: str, key_id: UUID, created_at: datetime, entropy: Entropy) -> tuple[DataKey, WrappedKey]:
        """Make a data key for a tenant."""
        key = entropy(KEY_BYTES)
        wrapped = aes_key_wrap(self._keys[self.current], key)
        return DataKey(key_id, tenant, AESGCM(key)), WrappedKey(key_id, tenant, wrapped, self.current, created_at)

    def unwrap(self, wrapped: WrappedKey) -> DataKey:
        """Return a data key.

        Raises:
            SealedError: it was destroyed, or the key that wraps it is not in this ring.
            LedgerCorruptError: what the log holds is not what was wrapped.
        """
        return DataKey(wrapped.id, wrapped.tenant, AESGCM(self._unwrap(wrapped)))

    def rewrap(self, wrapped: WrappedKey) -> WrappedKey:
        """Wrap a data key anew under the current key; content need not be touched.

        Raises:
            SealedError, LedgerCorruptError: as for `unwrap`.
        """
        renewed = aes_key_wrap(self._keys[self.current], self._unwrap(wrapped))
        return WrappedKey(wrapped.id, wrapped.tenant, renewed, self.current, wrapped.created_at)

    def _unwrap(self, wrapped: WrappedKey) -> bytes:
        if wrapped.wrapped is None:
            raise SealedError(f"data key {wrapped.id} was destroyed: what it encrypted is erased")
        key = self._keys.get(wrapped.wrapper)
        if key is None:
            raise SealedError(f"data key {wrapped.id} is wrapped by {wrapped.wrapper}, which is not configured")
        try:
            return aes_key_unwrap(key, wrapped.wrapped)
        except (InvalidUnwrap, ValueError) as exc:
            raise LedgerCorruptError(f"data key {wrapped.id} cannot be unwrapped") from exc


def encrypt(key: DataKey, entry_id: str, content: bytes, entropy: Entropy) -> bytes:
    """Encrypt the content of an entry: form, key id and nonce in the clear, then the ciphertext, bound to the entry."""
    head = bytes([FORM]) + key.id.bytes + entropy(_NONCE_BYTES)
    return head + key.cipher.encrypt(head[-_NONCE_BYTES:], content, _bound_to(head, key.tenant, entry_id))


def key_id_of(sealed: bytes) -> UUID:
    """Return the id of the data key that a content was encrypted under.

    Raises:
        LedgerCorruptError: it is no encrypted content.
    """
    if len(sealed) < _HEAD_BYTES or sealed[0] != FORM:
        raise LedgerCorruptError("stored content is in no form that this version knows")
    return UUID(bytes=sealed[1 : 1 + _ID_BYTES])


def decrypt(key: DataKey, entry_id: str, sealed: bytes) -> bytes:
    """Return the content of an entry.

    Raises:
        LedgerCorruptError: it was altered, is of another entry, or was encrypted under another key.
    """
    head = sealed[:_HEAD_BYTES]
    try:
        return key.cipher.decrypt(head[-_NONCE_BYTES:], sealed[_HEAD_BYTES:], _bound_to(head, key.tenant, entry_id))
    except (InvalidTag, ValueError) as exc:
        raise LedgerCorruptError(f"content of {entry_id} cannot be decrypted: it is not what was written") from exc


def wrapper_id(key: bytes) -> str:
    """Return the id of a key-encryption key: the first eight bytes, in hex, of a hash that gives nothing away."""
    return hashlib.sha256(b"reviewer key-encryption key\x00" + key).hexdigest()[:16]


def create_key(path: Path) -> None:
    """Make a key-encryption key and write it, as base64, to a new file that only its owner can read.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    except OSError as exc:
        raise ConfigError((Fault(str(path), "", f"cannot be created: {type(exc).__name__}"),)) from exc


def load_keyring(key_file: Path, former_files: Sequence[Path], key: str = "") -> Keyring:
    """Read the key-encryption keys.

    Args:
        key_file: of the key that wraps; not read where `key` is given.
        former_files: of keys that wrapped before.
        key: the key itself, as base64, from the environment say.

    Raises:
        ConfigError: with every key that cannot be read, is no key, or can be read by others.
    """
    faults: list[Fault] = []
    current = _decoded(key, "encryption.key", faults) if key else _read(key_file, faults)
    former = [_read(path, faults) for path in former_files]
    if faults:
        raise ConfigError(tuple(faults))
    return Keyring(current, former)


def _read(path: Path, faults: list[Fault]) -> bytes:
    try:
        open_to_others = path.stat().st_mode & _ANYBODY_ELSE
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as exc:
        message = f"key-encryption key cannot be read ({type(exc).__name__}); `reviewer log init` makes one"
        faults.append(Fault(str(path), "", message))
        return b""
    if open_to_others:
        faults.append(Fault(str(path), "", "others can read the key-encryption key; expected mode 0600"))
    return _decoded(text, str(path), faults)


def _decoded(text: str, where: str, faults: list[Fault]) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        faults.append(Fault(where, "", f"expected {KEY_BYTES} bytes in base64"))
    return key


def _bound_to(head: bytes, tenant: str, entry_id: str) -> bytes:
    """What a ciphertext is bound to: moved to another entry or tenant, or under another id, it does not decrypt."""
    return b"\x00".join((_CONTEXT, head, tenant.encode(), entry_id.encode()))
