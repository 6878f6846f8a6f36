"""Texts in the PostgreSQL log.

PostgreSQL's text cannot hold the character NUL, which is a character like any other to our ids: it is written as a
backslash and a zero, and a backslash as two. What begins with a text begins with it when it is written, too.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\x00\\]")
_WRITTEN = re.compile(r"\\(.)")


def text(value: str) -> str:
    """Write a text as PostgreSQL can hold it, each text differently."""
    return _SPECIAL.sub(lambda found: "\\0" if found.group() == "\x00" else "\\\\", value)


def read(value: str) -> str:
    """Read a text back."""
    return _WRITTEN.sub(lambda found: "\x00" if found.group(1) == "0" else "\\", value) if "\\" in value else value
