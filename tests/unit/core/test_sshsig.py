"""SSH signatures: what ssh-keygen writes is read, what is written here ssh-keygen takes, and nothing else passes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core import sshsig
from reviewer.signing import PublicKey
from tests.support.releases import ANA

MESSAGE = b"rules"
TEXT = ANA.signature(MESSAGE)


def holds(text: str, message: bytes = MESSAGE) -> bool:
    try:
        read = sshsig.read(text)
    except ValueError:
        return False
    own = (read.public, read.namespace) == (ANA.key.public.raw, sshsig.NAMESPACE)
    return own and PublicKey(read.public).verifies(read.signed_data(message), read.value)


def test_a_signature_holds_for_its_message_alone() -> None:
    """What was signed verifies, anything else does not."""
    assert holds(TEXT)
    assert not holds(TEXT, b"rules!")


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="latin-1"))
def test_any_changed_character_is_refused(at: int, other: str) -> None:
    """No character of a signature's file can differ, be it of its armour, its line ends or its padding."""
    changed = TEXT[:at] + other + TEXT[at + 1 :]
    assert holds(changed) is (changed == TEXT)


@given(st.integers(0, len(TEXT) - 1), st.text("A=\n -", min_size=1, max_size=2))
def test_nothing_can_be_added_or_cut_off(at: int, more: str) -> None:
    """A signature that was cut off, or into which something was put, is refused."""
    assert not holds(TEXT[:at])
    changed = TEXT[:at] + more + TEXT[at:]
    assert holds(changed) is (changed == TEXT)


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_both_hashes_of_the_format_are_read(hash_name: str) -> None:
    """A signer may choose either hash that the format knows."""
    value = ANA.key.private.sign(sshsig.signed_data(MESSAGE, hash_name=hash_name))
    assert holds(sshsig.write(sshsig.SshSignature(ANA.key.public.raw, value, hash_name=hash_name)))


def test_other_keys_and_versions_are_refused() -> None:
    """A signature of a newer version, of another kind of key, or over an unknown hash is none."""
    whole = sshsig.SshSignature(ANA.key.public.raw, bytes(64))
    for broken in (
        sshsig.write(sshsig.SshSignature(ANA.key.public.raw, bytes(63))),
        sshsig.write(sshsig.SshSignature(bytes(31), bytes(64))),
        sshsig.write(sshsig.SshSignature(whole.public, whole.value, hash_name="md5sum")),
        "x" * (sshsig.MAX_CHARS + 1),
        "-----BEGIN SSH SIGNATURE-----\n????\n-----END SSH SIGNATURE-----\n",
        sshsig._armored(b"SSHSIG\0\0\0\2", 70),
        sshsig._armored(b"SSHSIG\0\0\0\1\0\0\0\x09", 70),
        sshsig._armored(b"SSHSIG\0\0\0\1\0\0", 70),
    ):
        with pytest.raises(ValueError, match=r"is |ends|has"):
            sshsig.read(broken)


def test_ssh_keygen_writes_what_is_read_here(tmp_path: Path) -> None:
    """The real tool's signature over a file verifies here, and is byte for byte what is written here."""
    key = ANA.write_key(tmp_path)
    (tmp_path / "message").write_bytes(MESSAGE)
    _run("-Y", "sign", "-q", "-n", sshsig.NAMESPACE, "-f", str(key), str(tmp_path / "message"))

    assert (tmp_path / "message.sig").read_text() == TEXT


def test_ssh_keygen_takes_what_is_written_here(tmp_path: Path) -> None:
    """The real tool verifies our signature by the same file of approvers, and for this purpose alone."""
    (tmp_path / "approvers").write_text(ANA.line)
    (tmp_path / "signature").write_text(TEXT)
    check = ("-Y", "verify", "-f", str(tmp_path / "approvers"), "-I", "ana", "-s", str(tmp_path / "signature"), "-n")
    assert "Good" in _run(*check, sshsig.NAMESPACE, message=MESSAGE)
    with pytest.raises(subprocess.CalledProcessError):
        _run(*check, "file", message=MESSAGE)


def _run(*arguments: str, message: bytes = b"") -> str:
    try:
        done = subprocess.run(("ssh-keygen", *arguments), input=message, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no ssh-keygen here")
    return done.stdout.decode()
