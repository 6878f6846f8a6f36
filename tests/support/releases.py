"""Releases and approvers made up for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from reviewer.core import sshsig
from reviewer.core.release import Release, pack
from reviewer.core.sshsig import SshSignature
from reviewer.rubrics.release_files import write_bundle, write_signature
from reviewer.signing import SigningKey


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key, the same for the same name."""

    name: str
    key: SigningKey

    @property
    def line(self) -> str:
        """What stands in the file of approvers."""
        return f"{self.name} {self.public}\n"

    @property
    def public(self) -> str:
        """The public key as ssh-keygen writes it."""
        own = self.key.private.public_key()
        return own.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def signature(self, message: bytes, namespace: str = sshsig.NAMESPACE) -> str:
        """Sign a message."""
        value = self.key.private.sign(sshsig.signed_data(message, namespace))
        return sshsig.write(SshSignature(self.key.public.raw, value, namespace))

    def write_key(self, folder: Path, form: PrivateFormat = PrivateFormat.OpenSSH) -> Path:
        """Write the private key to a file of its owner's."""
        path = folder / f"{self.name}.key"
        path.write_bytes(self.key.private.private_bytes(Encoding.PEM, form, NoEncryption()))
        path.chmod(0o600)
        return path


def person(name: str, number: int = 0) -> Person:
    """Make somebody with a key that follows from name and number."""
    seed = f"{name}/{number}".encode().ljust(32, b".")[:32]
    return Person(name, SigningKey(Ed25519PrivateKey.from_private_bytes(seed)))


ANA, BO, CY = person("ana"), person("bo"), person("cy")


def approvers_file(folder: Path, *people: Person) -> Path:
    """Write who may approve."""
    path = folder / "approvers"
    path.write_text("# who may approve\n" + "".join(one.line for one in people))
    return path


def released(folder: Path, release: Release, *people: Person) -> str:
    """Write a bundle with signatures beside it, and return its digest."""
    write_bundle(folder, release)
    for one in people:
        write_signature(folder, release.digest, one.name, one.signature(pack(release)))
    return release.digest
