"""Golden files: bytes that may only change in a reviewed diff."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent / "golden"
_UPDATE = "UPDATE_GOLDEN"


def assert_golden(name: str, made: bytes) -> None:
    """Hold bytes against a file of `tests/golden`; with `UPDATE_GOLDEN=1` in the environment write it instead."""
    path = _FOLDER / name
    if os.environ.get(_UPDATE):
        path.write_bytes(made)
    assert made == path.read_bytes(), f"{name} differs: run with {_UPDATE}=1 and review the diff"
