"""Text as it looks: hidden characters dropped, compatibility forms and look-alike letters turned into ASCII.

For finding wording only. Texts that are written in Greek or Cyrillic become gibberish, which matches nothing.
Source of the pairs: letters of UTS 39 `confusables` that look the same in common typefaces.
"""

from __future__ import annotations

import unicodedata

from reviewer.checks.patterns import compile_own
from reviewer.core.segments import HIDDEN

_CYRILLIC = (
    "\u0430a\u0432b\u0435e\u043ak\u043eo\u0440p\u0441c\u0443y\u0445x"
    "\u0456i\u0458j\u0455s\u04bbh\u0501d\u051bq\u051dw\u043cm\u0442t\u043dh"
)
_CYRILLIC_UPPER = (
    "\u0410A\u0412B\u0415E\u041aK\u041cM\u041dH\u041eO\u0420P\u0421C\u0422T\u0425X\u0405S\u0406I\u0408J\u0423Y"
)
_GREEK = "\u03b1a\u03bfo\u03bdv\u03c1p\u03b5e\u03b9i\u03bak\u03c4t\u03c5u\u03c7x\u03b3y\u03b7n"
_GREEK_UPPER = "\u0391A\u0392B\u0395E\u0396Z\u0397H\u0399I\u039aK\u039cM\u039dN\u039fO\u03a1P\u03a4T\u03a5Y\u03a7X"
_ARMENIAN = "\u0578n\u0585o\u057du\u0581g\u0570h"
# Superscripts, letter-like symbols, enclosed and mathematical letters, ligatures, full-width forms.
_COMPATIBILITY = (
    *((0x1D2C, 0x1D6A), (0x2070, 0x209C), (0x2100, 0x214F), (0x24B6, 0x24E9), (0xFB00, 0xFB06), (0xFF01, 0xFF5E)),
    *((0x1D400, 0x1D7FF), (0x1F110, 0x1F189)),
)
# Case is not ignored: the Kelvin sign, which is among the letter-like symbols, is a k then.
SUSPECT = compile_own(
    "(?-i:" + HIDDEN.pattern + ")",
    r"(?-i:[\p{Cyrillic}\p{Greek}\p{Armenian}\x{300}-\x{36f}])",
    "(?-i:[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in _COMPATIBILITY) + "])",
)
"""Finds whether `folded` would change a text in a way that matters."""


def _table() -> dict[int, str]:
    table: dict[int, str] = dict.fromkeys(range(0x300, 0x370), "")
    for first, last in _COMPATIBILITY:
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFKD", chr(code))
            if plain.isascii():
                table[code] = plain
    for code in range(0x41, 0x5B):
        # Squared and negative circled capitals have no decomposition of their own.
        for base in (0x1F130, 0x1F150, 0x1F170):
            table[base + code - 0x41] = chr(code)
    for pairs in (_CYRILLIC, _CYRILLIC_UPPER, _GREEK, _GREEK_UPPER, _ARMENIAN):
        table.update({ord(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)})
    hidden = (code for code in [*range(0x10000), *range(0xE0000, 0xE1000)] if HIDDEN.match(chr(code)))
    return table | dict.fromkeys(hidden, "")


_TABLE = _table()


def folded(text: str) -> str:
    """Return the text as it looks; linear."""
    return text.translate(_TABLE)


def original_offsets(text: str) -> list[int]:
    """Return, for each character of `folded(text)`, where it stands in `text`, with the length of `text` at the end."""
    offsets: list[int] = []
    for at, char in enumerate(text):
        offsets.extend([at] * len(_TABLE.get(ord(char), char)))
    offsets.append(len(text))
    return offsets
