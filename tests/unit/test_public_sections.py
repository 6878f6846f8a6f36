"""The settings of the public face and of witnesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from reviewer.config import load_settings
from reviewer.core.errors import ConfigError
from reviewer.core.note import COSIGNATURE, ED25519, VerifierKey

KEY = VerifierKey("w1.example/w", COSIGNATURE, bytes(range(32)))
OTHER = VerifierKey("w2.example/w", COSIGNATURE, bytes(range(1, 33)))


def settings_file(folder: Path, *keys: VerifierKey, more: str = "", head: str = "") -> Path:
    path = folder / "settings.toml"
    entries = [f'[[witness.witnesses]]\nurl = "https://w.example/"\nkey = "{key}"\n{more}' for key in keys]
    path.write_text(f"[witness]\n{head}\n" + "".join(entries), encoding="utf-8")
    return path


def test_nothing_is_public_unless_asked_for() -> None:
    """No address, no witness, no quorum by default."""
    settings = load_settings(None, {})

    assert (settings.monitor.address, settings.monitor.metrics_address) == ("", "")
    assert (settings.witness.witnesses, settings.witness.quorum) == ((), 0)


def test_witnesses_are_read(tmp_path: Path) -> None:
    """A list of tables, whose keys are read once and for all."""
    settings = load_settings(settings_file(tmp_path, KEY, OTHER, head="quorum = 2"), {})

    assert settings.witness.keys == (KEY, OTHER)
    assert settings.witness.quorum == 2


@pytest.mark.parametrize(
    ("keys", "head", "told"),
    [
        ((KEY,), "quorum = 2", "over the number of witnesses"),
        ((KEY, KEY), "", "one name or one key"),
        ((VerifierKey("log", ED25519, bytes(range(32))),), "", "got that of a log"),
        ((KEY,) * 16, "", "at most 15"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, keys: tuple[VerifierKey, ...], head: str, told: str) -> None:
    """A quorum nobody can reach, a witness that counts twice, a log's key, more than a note has room for."""
    with pytest.raises(ConfigError, match=told):
        load_settings(settings_file(tmp_path, *keys, head=head), {})


def test_an_unknown_name_in_a_list_is_told(tmp_path: Path) -> None:
    """With the name that was meant, as anywhere else."""
    with pytest.raises(ConfigError, match="did you mean url"):
        load_settings(settings_file(tmp_path, KEY, more='urls = "https://w.example/"\n'), {})


@pytest.mark.parametrize("address", ["localhost", ":8080:", "a b:1"])
def test_an_address_has_a_port(address: str) -> None:
    """Anything else is a fault with the variable's name."""
    with pytest.raises(ConfigError, match="REVIEWER_MONITOR__ADDRESS"):
        load_settings(None, {"REVIEWER_MONITOR__ADDRESS": address})
