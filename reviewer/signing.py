"""The log's identity: one Ed25519 key (RFC 8032) that signs checkpoints and receipts, and older ones still honoured.

A note's text holds newlines and a receipt's signing input (RFC 7515) never does, so that neither can be passed off as
the other. Private keys are read from files that only their owner can read, and are shown nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from reviewer.core.canonical import Json, canonical_bytes
from reviewer.core.cosignature import unwrap
from reviewer.core.errors import ConfigError, Fault
from reviewer.core.note import COSIGNATURE, ED25519, Note, Signature, VerifierKey, read_key

_OWNER_ONLY = 0o600
_ANYBODY_ELSE = 0o077


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, 32 bytes, with the id that receipts name it by: its RFC 7638 thumbprint."""

    raw: bytes
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        """Work out the id."""
        digest = hashlib.sha256(canonical_bytes({"crv": "Ed25519", "kty": "OKP", "x": _base64url(self.raw)})).digest()
        object.__setattr__(self, "key_id", _base64url(digest))

    def jwk(self) -> dict[str, Json]:
        """Return the key as JSON (RFC 8037)."""
        parts = {"kty": "OKP", "crv": "Ed25519", "x": _base64url(self.raw)}
        return {**parts, "kid": self.key_id, "alg": "EdDSA", "use": "sig"}

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature over a message is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key. Its repr shows the public half only."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        """Keep the key and work out its public half."""
        self.private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Name the key by its id."""
        return f"SigningKey({self.public.key_id})"

    def sign_note(self, origin: str, text: str) -> Note:
        """Sign the text of a note under the log's name."""
        key = VerifierKey(origin, ED25519, self.public.raw)
        return Note(text, (Signature(origin, key.key_id, self.private.sign(text.encode())),))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a log is.

    Attributes:
        origin: the log's name, as checkpoints and receipts give it.
        key: signs from now on.
        former: public keys that signed before, and still verify.
    """

    origin: str
    key: SigningKey
    former: tuple[PublicKey, ...] = ()

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """Every key whose signatures count, the one in use first."""
        return (self.key.public, *self.former)

    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Return the same keys as verifiers of checkpoints take them."""
        return tuple([VerifierKey(self.origin, ED25519, key.raw) for key in self.public_keys])

    def jwks(self) -> dict[str, Json]:
        """Return the same keys as a JWK set (RFC 7517), for verifiers of receipts."""
        return {"keys": [key.jwk() for key in self.public_keys]}


def verifies(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    """Whether a signature over a note's text is that of a log's key or a witness's: what readers of notes ask for."""
    if key.type == COSIGNATURE:
        unwrapped = unwrap(message, signature)
        return unwrapped is not None and PublicKey(key.public).verifies(*unwrapped)
    return PublicKey(key.public).verifies(message, signature)


def load_identity(origin: str, key_file: Path, former: Sequence[str]) -> Identity:
    """Read a log's keys.

    Args:
        key_file: PKCS #8 PEM, unencrypted, readable by its owner only.
        former: public keys in the form `name+id+key` (C2SP signed-note).

    Raises:
        ConfigError: a key cannot be read, is no Ed25519 key, or others can read the file.
    """
    faults: list[Fault] = []
    older: list[PublicKey] = []
    for at, line in enumerate(former):
        try:
            former_key = read_key(line)
        except ValueError as exc:
            faults.append(Fault(f"signing.former_keys[{at}]", "", str(exc)))
            continue
        if former_key.type != ED25519:
            faults.append(Fault(f"signing.former_keys[{at}]", "", "is a witness's key, not one that signed the log"))
        older.append(PublicKey(former_key.public))
    key = _load(key_file, faults)
    if key is None or faults:
        raise ConfigError(tuple(faults))
    return Identity(origin, key, tuple(older))


def create_key(path: Path) -> None:
    """Make a key and write it to a new file that only its owner can read.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
            file.write(pem)
    except OSError as exc:
        raise ConfigError((Fault(str(path), "", f"cannot be created: {type(exc).__name__}"),)) from exc


def read_private_key(path: Path, ask: Callable[[], bytes]) -> SigningKey:
    """Read a person's own key: PKCS #8 in PEM, or as ssh-keygen writes it.

    Args:
        ask: gives the passphrase; called only where the key is encrypted.

    Raises:
        ConfigError: it cannot be read, is no Ed25519 key, the passphrase is wrong, or it is encrypted as OpenSSH does.
    """
    try:
        data = path.read_bytes()
        load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
        try:
            private = load(data, password=None)
        except TypeError:
            # How `cryptography` says that a key is encrypted.
            private = load(data, password=ask())
    except OSError as exc:
        raise ConfigError((Fault(str(path), "", f"cannot be read: {type(exc).__name__}"),)) from exc
    except UnsupportedAlgorithm as exc:
        # OpenSSH's way to encrypt keys needs a package that only this would need; its own tool does it, and agents too.
        message = "cannot be decrypted here: sign with ssh-keygen -Y sign, and put the file beside the bundle"
        raise ConfigError((Fault(str(path), "", message),)) from exc
    except ValueError as exc:
        message = "expected an Ed25519 key, PKCS #8 in PEM or OpenSSH's own, and its passphrase if it has one"
        raise ConfigError((Fault(str(path), "", message),)) from exc
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError((Fault(str(path), "", "expected an Ed25519 key"),))
    return SigningKey(private)


def _load(path: Path, faults: list[Fault]) -> SigningKey | None:
    try:
        open_to_others = path.stat().st_mode & _ANYBODY_ELSE
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as exc:
        message = f"signing key cannot be read ({type(exc).__name__}); `reviewer log init` makes one"
        faults.append(Fault(str(path), "", message))
        return None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        faults.append(Fault(str(path), "", "expected an unencrypted PKCS #8 key in PEM"))
        return None
    if open_to_others:
        faults.append(Fault(str(path), "", "others can read the signing key; expected mode 0600"))
    if not isinstance(private, Ed25519PrivateKey):
        faults.append(Fault(str(path), "", "expected an Ed25519 key"))
        return None
    return SigningKey(private)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
