"""Content at rest: what comes back is what went in, for the entry it belongs to, and for nobody without the keys."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import ConfigError, LedgerCorruptError, SealedError
from reviewer.sealing import (
    KEY_BYTES,
    DataKey,
    Keyring,
    WrappedKey,
    create_key,
    decrypt,
    encrypt,
    key_id_of,
    load_keyring,
    wrapper_id,
)
from tests.support.builders import MOMENT

KEK = bytes(range(32))
RING = Keyring(KEK)
KEY_ID = UUID(int=7)


def made(tenant: str = "acme", ring: Keyring = RING) -> tuple[DataKey, WrappedKey]:
    return ring.new_key(tenant, KEY_ID, MOMENT, os.urandom)


@given(st.binary(max_size=500), st.text(max_size=20))
def test_what_goes_in_comes_out(content: bytes, entry: str) -> None:
    """Content is read back by the unwrapped key of its tenant, and stands nowhere in what is stored."""
    key, wrapped = made()
    sealed = encrypt(key, entry, content, os.urandom)

    assert key_id_of(sealed) == KEY_ID
    assert decrypt(RING.unwrap(wrapped), entry, sealed) == content
    assert len(content) < 4 or content not in sealed


@given(st.binary(max_size=60), st.data())
def test_no_altered_content_is_read(content: bytes, data: st.DataObject) -> None:
    """Whatever byte is changed, cut off or added, nothing is read, and the error shows nothing."""
    key, _ = made()
    sealed = encrypt(key, "e", content, os.urandom)
    at = data.draw(st.integers(0, len(sealed) - 1))
    flipped = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    for altered in (flipped, sealed[:at], sealed + b"\x00"):
        with pytest.raises(LedgerCorruptError, match="cannot be decrypted"):
            decrypt(key, "e", altered)


def test_content_is_bound_to_its_entry_and_tenant() -> None:
    """A ciphertext moved to another entry, or read as another tenant's, is refused."""
    key, _ = made()
    sealed = encrypt(key, "e", b"text", os.urandom)
    for other, entry in ((key, "f"), (replace(key, tenant="other"), "e"), (made()[0], "e")):
        with pytest.raises(LedgerCorruptError):
            decrypt(other, entry, sealed)


def test_nothing_repeats() -> None:
    """The same content twice gives two ciphertexts."""
    key, _ = made()
    assert encrypt(key, "e", b"text", os.urandom) != encrypt(key, "e", b"text", os.urandom)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(60), b'{"id":"plain"}' + bytes(40)])
def test_what_is_no_sealed_content(sealed: bytes) -> None:
    """What is not in the stated form is told as such."""
    with pytest.raises(LedgerCorruptError, match="no form"):
        key_id_of(sealed)


def test_the_published_key_wrap() -> None:
    """Wrapping is RFC 3394: the vector of its section 4.6 comes out of the function that is used here."""
    data = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    wrapped = bytes.fromhex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")
    assert aes_key_wrap(KEK, data) == wrapped
    assert aes_key_unwrap(KEK, wrapped) == data


def test_a_data_key_is_wrapped_by_the_ring() -> None:
    """What the log keeps is not the key, and names the key that wraps it."""
    key, wrapped = made()

    assert wrapped == WrappedKey(KEY_ID, "acme", wrapped.wrapped, wrapper_id(KEK), MOMENT)
    assert wrapped.wrapped is not None
    assert len(wrapped.wrapped) == KEY_BYTES + 8
    assert "AESGCM" not in repr(key)
    assert KEK.hex() not in repr(RING)


def test_a_ring_is_renewed() -> None:
    """With the former key still there, data keys are wrapped anew; then the former key can go."""
    key, wrapped = made()
    sealed = encrypt(key, "e", b"text", os.urandom)
    renewed = Keyring(bytes(32), [KEK]).rewrap(wrapped)

    assert renewed.wrapper == wrapper_id(bytes(32)) != wrapped.wrapper
    assert decrypt(Keyring(bytes(32)).unwrap(renewed), "e", sealed) == b"text"
    with pytest.raises(SealedError, match="not configured"):
        Keyring(bytes(32)).unwrap(wrapped)


def test_a_destroyed_key_is_told() -> None:
    """What a destroyed key encrypted is erased, which is no corruption."""
    with pytest.raises(SealedError, match="was destroyed"):
        RING.unwrap(replace(made()[1], wrapped=None))


@pytest.mark.parametrize("wrapped", [b"", bytes(40), bytes(41)])
def test_a_garbled_key_is_told(wrapped: bytes) -> None:
    """A wrapped key that was altered is corruption."""
    with pytest.raises(LedgerCorruptError, match="cannot be unwrapped"):
        RING.unwrap(replace(made()[1], wrapped=wrapped))


def test_a_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """A key is made once, for its owner, and read back."""
    path = tmp_path / "new" / "log.kek"
    create_key(path)
    before = path.read_bytes()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_keyring(path, ()).current == wrapper_id(base64.b64decode(before))
    with pytest.raises(ConfigError, match="FileExistsError"):
        create_key(path)
    assert path.read_bytes() == before


def test_the_environment_wins(tmp_path: Path) -> None:
    """A key given as a value is used, and the file is not looked at."""
    given_key = base64.b64encode(KEK).decode()
    assert load_keyring(tmp_path / "missing", (), given_key).current == wrapper_id(KEK)


def test_every_fault_is_told_at_once_and_no_key_is_shown(tmp_path: Path) -> None:
    """Missing, short and readable keys are told together, without their contents."""
    short, readable = tmp_path / "short", tmp_path / "readable"
    short.write_text("c2hvcnQ=", encoding="ascii")
    short.chmod(0o600)
    readable.write_bytes(base64.b64encode(KEK))
    readable.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        load_keyring(tmp_path / "missing", (short, readable))
    assert [fault.message for fault in caught.value.faults] == [
        "key-encryption key cannot be read (FileNotFoundError); `reviewer log init` makes one",
        "expected 32 bytes in base64",
        "others can read the key-encryption key; expected mode 0600",
    ]
    assert "c2hvcnQ" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"encryption\.key"):
        load_keyring(tmp_path / "missing", (), "nonsense")
