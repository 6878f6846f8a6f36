"""Readings of a text that was encoded so as not to be recognised, each with a sign by which to know it at a glance.

A reading is made only where its sign is found, so ordinary text pays for none: base64, ROT13 and backward writing show
in what they make of a few words, not in their alphabet (whoever mixes capitals at random gets past that). Work is
linear in the text, and blobs are bounded. What the readings say is judged in `reviewer.checks.reviewer_steering`.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

from reviewer.checks.patterns import Pattern, compile_own

# Bounds on decoding: stretches a passage, and characters of each. More is a file, not a phrase.
_MAX_STRETCHES = 16
_MAX_CHARS = 16_384
_URL_SAFE = str.maketrans("-_", "+/")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_LONG_BLOB = r"[A-Za-z0-9+/_\-]{40,}={0,2}"
_SHORT_BLOB = r"[A-Za-z0-9+/_\-]{16,}={0,2}"
_WORDS = (
    *("criteri", "crit\u00e9rio", "question", "rubric", "approv", "review", "evaluat", "grader", "verdict", "outcome"),
    *("ignor", "disregard", "forget", "overrid", "bypass", "instruct", "previous", "system", "assistant", "im_start"),
    *(
        "steering",
        "finding",
        "draft",
        "pergunta",
        "pregunta",
        "aprov",
        "aprueb",
        "revisor",
        "avaliad",
        "veredi",
        "desconsider",
    ),
    *("esque\u00e7a", "olvid", "kriteri"),
)
"""Of these at least one stands in whatever steers a review, but for a bare score; a test holds it against examples."""
_KEY_WORDS = (
    "criteri",
    "crit\u00e9rio",
    "question",
    "pergunta",
    "pregunta",
    "rubric",
    "approv",
    "aprov",
    "ignor",
    "review",
)
"""Of these at least one stands in most of it: for codings whose signs are many or long."""
# Letters of base64 that tell a word: six are as rare as 36 bits, and with more of them the automaton of all signs
# outgrows its memory.
_TELLING = 6
_LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7+"}
_FROM_LEET = str.maketrans({sign: letter for letter, signs in _LEET.items() for sign in signs})
_TOKEN = re.compile(r"[\w@!$+]+")
_GAP = re.compile("[ .\\-_*\u00b7]")
_WIDE_GAP = re.compile(r"[ .\-_*\u00b7]{2,}")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text or a stretch of it says when decoded.

    Attributes:
        text: what it says.
        start, end: where the stretch stands; the whole text where the decoding has no place of its own.
        hidden: nothing in it was legible before, so that even a harmless-looking claim counts.
    """

    text: str
    start: int
    end: int
    hidden: bool


@dataclass(frozen=True, slots=True)
class _Coding:
    """One way to encode: the sign that gives it away, and how stretches of it are read."""

    sign: Pattern
    decode: Callable[[str], Iterator[str]]
    stretch: Pattern | None = None
    hidden: bool = True

    def readings(self, text: str, raw: bytes) -> Iterator[Reading]:
        if self.sign.search(raw) is None:
            return
        if self.stretch is None:
            yield from (Reading(decoded, 0, len(text), self.hidden) for decoded in self.decode(text))
            return
        for match in islice(self.stretch.finditer(text), _MAX_STRETCHES):
            start, end = match.span()
            for decoded in self.decode(text[start : min(end, start + _MAX_CHARS)]):
                yield Reading(decoded, start, end, self.hidden)


def readings(text: str, raw: bytes) -> Iterator[Reading]:
    """Yield what a text says besides what it shows.

    Args:
        raw: the text as UTF-8.
    """
    for coding in _CODINGS:
        yield from coding.readings(text, raw)


def _literals(forms: Iterable[str]) -> str:
    return "(?-i:" + "|".join(sorted(map(re.escape, set(forms)))) + ")"


def _forms(words: tuple[str, ...]) -> Iterator[str]:
    return (form for word in words for form in (word, word.capitalize(), word.upper()))


def _within_base64(texts: Iterable[str]) -> Iterator[str]:
    """Spell what a text becomes at each of the three offsets that it can have in base64, less the ragged ends."""
    for text in texts:
        raw = text.encode()
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + raw).decode()
            yield encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6][:_TELLING]


def _leet_words() -> str:
    """Spell each word with a sign for at least one of its letters: the first such letter, then either for the rest."""
    either = {letter: f"[{letter}{re.escape(signs)}]" for letter, signs in _LEET.items()}
    forms = []
    for word in _KEY_WORDS:
        for at, letter in enumerate(word):
            if letter in _LEET:
                rest = "".join(either.get(c, c) for c in word[at + 1 :])
                forms.append(f"{word[:at]}[{re.escape(_LEET[letter])}]{rest}")
    return "(?:" + "|".join(forms) + ")"


def _from_blob(blob: str, depth: int = 2) -> Iterator[str]:
    for decoded in _unblobbed(blob):
        yield decoded
        if depth > 1:
            for inner in islice(_BLOB_WITHIN.finditer(decoded), _MAX_STRETCHES):
                yield from _from_blob(decoded[inner.start() : inner.end()], depth - 1)


def _unblobbed(blob: str) -> Iterator[str]:
    if _HEX.fullmatch(blob):
        yield bytes.fromhex(blob).decode("utf-8", "replace")
    bare = blob.rstrip("=").translate(_URL_SAFE)
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    try:
        yield base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return


def _from_rot13(text: str) -> Iterator[str]:
    yield codecs.encode(text, "rot13")


def _from_backwards(text: str) -> Iterator[str]:
    yield text[::-1]


def _from_leet(text: str) -> Iterator[str]:
    yield _TOKEN.sub(lambda match: match[0] if match[0].isdigit() else match[0].translate(_FROM_LEET), text)


def _from_spaced(text: str) -> Iterator[str]:
    # Where words are parted by more than letters are, they can be told; otherwise the phrases themselves part them.
    yield " ".join(_GAP.sub("", word) for word in _WIDE_GAP.split(text))
    yield _RUN_TOGETHER.sub(r" \g<0> ", _GAP.sub("", text))


def _from_entities(text: str) -> Iterator[str]:
    yield html.unescape(text)


def _from_percent(text: str) -> Iterator[str]:
    yield unquote(text.replace("+", " "))


def _from_escapes(text: str) -> Iterator[str]:
    yield _ESCAPE.sub(lambda m: _character(m[1]) if m[1] else _ESCAPED.get(m[2], m[2]), text)


def _character(code: str) -> str:
    # Half of a pair has no UTF-8; no word that matters is written with such.
    return "\ufffd" if code[0] in "dD" and code[1] in "89abcdefABCDEF" else chr(int(code, 16))


_BLOB_WITHIN = re.compile(_SHORT_BLOB)
_RUN_TOGETHER = re.compile(
    r"all|every|each|todos|todas|cada|criteri(?:on|a|os?)|questions?|perguntas?|preguntas?|as|are|is|met|ignore"
    r"|previous"
    r"|instructions?|rubric|approve|this|the|draft|answer|aprove",
    re.IGNORECASE,
)
_LETTER_ENTITY = (
    r"&#(?:x0*(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])|0*(?:6[5-9]|[78][0-9]|90|9[7-9]|1[01][0-9]|12[0-2]));"
)
_SPACED = r"\b(?:[a-z][ .\-_*\x{b7}]{1,3}){7,}[a-z]\b"
# Four letters of one word on end, which every phrase that matters has.
_SPACED_WORD = r"(?:[ .\-_*\x{b7}][a-z]){4}[ .\-_*\x{b7}]"
_PERCENT_LETTERS = r"(?:%(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])){3}"
_LETTER_ESCAPE = r"\\u00(?:4[1-9a-f]|5[0-9a]|[6c-f][0-9a-f]|7[0-9a])"
_BASE64_WORDS = _literals([*_within_base64(_forms(_WORDS)), *_within_base64(_within_base64(_KEY_WORDS))])
_HEX_WORDS = "|".join(sorted({form.encode().hex()[: 2 * _TELLING] for form in _forms(_WORDS)}))
_ROT13_WORDS = "|".join(codecs.encode(word, "rot13") for word in _WORDS)
_BACKWARD_WORDS = "|".join(word[::-1] for word in _WORDS)
_LEET_WORDS = _leet_words()

_CODINGS = (
    _Coding(compile_own(_LONG_BLOB), _from_blob, compile_own(_LONG_BLOB)),
    _Coding(compile_own(_BASE64_WORDS, _HEX_WORDS), _from_blob, compile_own(_SHORT_BLOB)),
    _Coding(compile_own(_ROT13_WORDS), _from_rot13),
    _Coding(compile_own(_BACKWARD_WORDS), _from_backwards),
    _Coding(compile_own(_LEET_WORDS), _from_leet),
    _Coding(compile_own(_SPACED), _from_spaced, compile_own(_SPACED)),
    _Coding(compile_own(_LETTER_ENTITY), _from_entities, hidden=False),
    _Coding(compile_own(r"%[0-9a-f]{2}|[a-z]\+[a-z]"), _from_percent, hidden=False),
    _Coding(compile_own(r"\\[nrt\"]|" + _LETTER_ESCAPE), _from_escapes, hidden=False),
)

ENCODED_HINTS = (
    *(_BASE64_WORDS, _HEX_WORDS, _ROT13_WORDS, _BACKWARD_WORDS, _LEET_WORDS, _SPACED_WORD),
    *(_LETTER_ENTITY, _PERCENT_LETTERS, _LETTER_ESCAPE),
)
"""What ordinary text is searched for.

Not long blobs as such: an automaton that counts their letters while it looks for all of these words outgrows its
memory. Percent signs and escapes that leave the letters legible need no sign of their own.
"""
