"""Disguises: every way in which an eager model would make sense of a text that was written not to be recognised.

Only for the gullible critic, who is to see through anything an attacker tries. What the service itself sees through
is `reviewer.checks`, which this file must not share a table with: one gap would hide the other.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final
from urllib.parse import unquote

_NAMED = re.compile("\u27e8U\\+([0-9A-F]{4,6})\u27e9")
_TAGS = range(0xE0020, 0xE007F)
_CYRILLIC = dict(zip("авеёкмнорстухіјѕԁһАВЕКМНОРСТУХІЈЅ", "abeekmhopctyxijsdhABEKMHOPCTYXIJS", strict=True))
_GREEK = dict(zip("αειικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeiikvoptuxABEZHIKMNOPTYX", strict=True))
_LETTERS = str.maketrans(_CYRILLIC | _GREEK)
_DIGITS = str.maketrans("013457@$!|", "oieastasil")
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:]?){12,}")
_SPACED = re.compile(r"(?:(?<!\w)\w[ .\-_*\u00b7]{1,3}){4,}\w(?!\w)")
_GAP = re.compile(r"[ .\-_*\u00b7]{2,}")
_BETWEEN = re.compile(r"[ .\-_*\u00b7]")
_MAX_BLOBS = 64
_READABLE = re.compile(r"[\w\s.,:;!?\"'{}\[\]()-]{8,}")


def readings(text: str) -> Iterator[str]:
    """Yield each reading of a text once, the text without its hidden characters first.

    Work is linear in the text for each kind of disguise; blobs are decoded two levels deep.
    """
    seen: set[str] = set()
    plain = _NAMED.sub("", text)
    for reading in (plain, *(undo(text) for undo in _UNDO), *_decoded(plain)):
        if reading not in seen:
            seen.add(reading)
            yield reading


def _tags(text: str) -> str:
    """Letters of the tag block, which nobody sees, read as the ASCII they copy."""
    return _NAMED.sub(lambda m: chr(code - 0xE0000) if (code := int(m[1], 16)) in _TAGS else "", text)


def _looks(text: str) -> str:
    """Letters of other alphabets and type styles read as what they look like."""
    bare = unicodedata.normalize("NFKD", _NAMED.sub("", text)).translate(_LETTERS)
    return unicodedata.normalize("NFC", bare)


def _leet(text: str) -> str:
    """Digits and signs that stand for letters."""
    return _NAMED.sub("", text).translate(_DIGITS)


def _spaced(text: str) -> str:
    """Words written letter by letter; a wider gap parts words."""
    return _SPACED.sub(lambda m: " ".join(_BETWEEN.sub("", word) for word in _GAP.split(m[0])), text)


def _reversed(text: str) -> str:
    return _NAMED.sub("", text)[::-1]


def _rot13(text: str) -> str:
    return codecs.encode(_NAMED.sub("", text), "rot13")


def _escaped(text: str) -> str:
    """Entities, percent signs, and JSON inside a JSON string."""
    return unquote(html.unescape(_NAMED.sub("", text))).replace('\\"', '"').replace("\\n", "\n")


_UNDO: Final[tuple[Callable[[str], str], ...]] = (_tags, _looks, _leet, _spaced, _reversed, _rot13, _escaped)


def _decoded(text: str) -> Iterator[str]:
    """Base64 and hexadecimal blobs, also where a long line was cut."""
    whole = "".join(text.split("\n"))
    for shown in dict.fromkeys((text, whole)):
        blobs = [bytes.fromhex(re.sub(r"[\s:]", "", match[0])) for match in islice(_HEX.finditer(shown), _MAX_BLOBS)]
        blobs += [_unbased(match[0]) for match in islice(_BLOB.finditer(shown), _MAX_BLOBS)]
        for inner in filter(None, map(_readable, blobs)):
            yield inner
            yield from filter(None, (_readable(_unbased(match[0])) for match in _BLOB.finditer(inner)))


def _unbased(blob: str) -> bytes:
    bare = blob.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return b""


def _readable(raw: bytes) -> str:
    text = raw.decode("utf-8", "ignore")
    return text if _READABLE.match(text) else ""
