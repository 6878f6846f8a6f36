"""The log's keys: made once, read from files nobody else can read, and never shown."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from reviewer.core.errors import ConfigError
from reviewer.core.note import COSIGNATURE, ED25519, VerifierKey, read, signers, write
from reviewer.signing import PublicKey, SigningKey, create_key, load_identity, read_private_key

ORIGIN = "example.com/verdicts"
FORMER = VerifierKey(ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "log.key"
    create_key(path)
    return path


def test_a_key_is_made_for_its_owner_alone(key_file: Path) -> None:
    """The file can be read by its owner only, and the key in it signs."""
    identity = load_identity(ORIGIN, key_file, ())

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    signature = identity.key.private.sign(b"text")
    assert identity.key.public.verifies(b"text", signature)
    assert not identity.key.public.verifies(b"other", signature)
    assert not identity.key.public.verifies(b"text", signature[:-1] + bytes([signature[-1] ^ 1]))


def test_a_key_is_never_overwritten(key_file: Path) -> None:
    """Where a file is, no key is made: the old one may still be needed."""
    before = key_file.read_bytes()
    with pytest.raises(ConfigError, match="cannot be created: FileExistsError"):
        create_key(key_file)
    assert key_file.read_bytes() == before


def test_a_key_that_others_can_read_is_refused(key_file: Path) -> None:
    """A private key open to a group or to everybody stops the start."""
    key_file.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read the signing key; expected mode 0600"):
        load_identity(ORIGIN, key_file, ())


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    """Missing, garbled, encrypted and other kinds of keys each say what is wrong, and show nothing of the file."""
    private = Ed25519PrivateKey.generate()
    encrypted = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    elliptic = ec.generate_private_key(ec.SECP256R1())
    contents = {
        "garbled": (b"secret words", "expected an unencrypted PKCS #8 key in PEM"),
        "encrypted": (encrypted, "expected an unencrypted PKCS #8 key in PEM"),
        "other": (
            elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "expected an Ed25519 key",
        ),
    }
    for name, (content, message) in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(ConfigError) as caught:
            load_identity(ORIGIN, path, ())
        assert [fault.message for fault in caught.value.faults] == [message]
    with pytest.raises(ConfigError, match="reviewer log init"):
        load_identity(ORIGIN, tmp_path / "missing", ())


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """A missing key and two bad former ones are three faults."""
    with pytest.raises(ConfigError) as caught:
        load_identity(ORIGIN, tmp_path / "missing", ("nonsense", str(FORMER), "more"))
    assert [fault.where.rpartition("/")[2] for fault in caught.value.faults] == [
        "signing.former_keys[0]",
        "signing.former_keys[2]",
        "missing",
    ]


def test_former_keys_are_published_and_sign_no_more(key_file: Path) -> None:
    """After a change of keys both stand in the key set, and notes are signed by the new one alone."""
    identity = load_identity(ORIGIN, key_file, (str(FORMER),))

    assert identity.public_keys == (identity.key.public, PublicKey(FORMER.public))
    assert identity.verifier_keys()[1] == FORMER
    note = read(write(identity.key.sign_note(ORIGIN, "a text\n")))
    assert [s.key_id for s in note.signatures] == [identity.verifier_keys()[0].key_id]
    by_raw = {key.raw: key for key in identity.public_keys}
    found = signers(note, identity.verifier_keys(), lambda key, message, s: by_raw[key.public].verifies(message, s))
    assert found == [ORIGIN]


def test_a_witness_key_is_no_key_of_the_log(key_file: Path) -> None:
    """A former key must have signed as a log does."""
    cosigner = VerifierKey(ORIGIN, COSIGNATURE, FORMER.public)
    with pytest.raises(ConfigError, match="witness"):
        load_identity(ORIGIN, key_file, (str(cosigner),))


def test_the_key_set_is_what_other_libraries_read(key_file: Path) -> None:
    """A JWK library reads the set, and the ids are the thumbprints of RFC 7638."""
    identity = load_identity(ORIGIN, key_file, (str(FORMER),))
    key_set = jwt.PyJWKSet.from_json(json.dumps(identity.jwks()))

    assert [key.key_id for key in key_set.keys] == [key.key_id for key in identity.public_keys]
    x = base64.urlsafe_b64encode(FORMER.public).rstrip(b"=").decode()
    thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    assert identity.public_keys[1].key_id == base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()


def test_a_published_thumbprint() -> None:
    """The key of RFC 8037, appendix A, has the thumbprint that stands there."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = PublicKey(base64.urlsafe_b64decode(x + "="))
    assert key.key_id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_does_not_show_itself() -> None:
    """The repr of a key names its public half."""
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert repr(key) == f"SigningKey({key.public.key_id})"


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_a_persons_key_is_read_in_both_forms(tmp_path: Path, form: PrivateFormat) -> None:
    """A key of OpenSSH or in PEM is read, and nothing is asked for it."""
    private = Ed25519PrivateKey.generate()
    (tmp_path / "plain").write_bytes(private.private_bytes(Encoding.PEM, form, NoEncryption()))

    def never() -> bytes:
        raise AssertionError("nothing is asked for a plain key")

    assert read_private_key(tmp_path / "plain", never).public == SigningKey(private).public


def test_a_persons_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    """A key with a passphrase is read by it, and not by a wrong one."""
    private = Ed25519PrivateKey.generate()
    locked = tmp_path / "locked"
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")))
    assert read_private_key(locked, lambda: b"word").public == SigningKey(private).public
    with pytest.raises(ConfigError):
        read_private_key(locked, lambda: b"other")


def test_what_is_no_persons_key_is_refused(tmp_path: Path) -> None:
    """A missing file, text, and a key of another kind are refused without repeating anything of them."""
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "text").write_text("secret words")
    (tmp_path / "ec").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name in ("missing", "text", "ec"):
        with pytest.raises(ConfigError) as caught:
            read_private_key(tmp_path / name, lambda: b"")
        assert "secret" not in str(caught.value)
