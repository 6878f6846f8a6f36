"""The page of settings: nothing can be set that it does not name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reviewer.config import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
SECTIONS = sorted(set(Settings.model_fields) - {"providers"})


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_told(section: str) -> None:
    """Each field of a section stands in a row of the table that begins with the section's name."""
    annotation = Settings.model_fields[section].annotation
    assert annotation is not None
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{section}.")]
    told = {name for row in rows for name in re.findall(r"`(?:[a-z_]+\.)?([a-z_]+)", row)}
    assert set(annotation.model_fields) <= told
