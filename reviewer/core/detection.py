"""Detectors of personal data and secrets in text: where redaction learns what to replace.

Checksums come from python-stdnum and phone plans from phonenumbers; ours is only the search for candidates. A cheap
pass decides which detectors are worth running, so that plain prose costs one linear scan. Kinds, in the order in
which overlapping hits win: `secret`, `email`, `iban`, `card`, `cnpj`, `cpf`, `ssn`, `phone`.

Digits of any script count. Numbers without letters are `reviewer.core.digit_runs`' part.

Sources of the formats: ISO/IEC 7812 (card), ISO 13616 (IBAN), Receita Federal (CPF, CNPJ with letters since 2026),
SSA (SSN), ITU-T E.164 (phone), RFC 5890 (domains); token prefixes as their issuers publish them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import re2
from stdnum import iban, numdb
from stdnum.br import cnpj

from reviewer.core import digit_runs

KINDS = ("secret", "email", "iban", "card", "cnpj", "cpf", "ssn", "phone")
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}

# One automaton over all token shapes: RE2 keeps it linear whatever the text, which Python's engine would not.
_CREDENTIALS = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_\-]{20,}"
    r"|xox[abeprs]-[A-Za-z0-9\-]{10,}"
    r"|sk-[A-Za-z0-9_\-]{20,}|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|AIza[0-9A-Za-z_\-]{35}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    r"|://[^\s:/@\"]{1,64}:[^\s/@\"]{3,128}@"
)
_SECRET = re2.compile(_CREDENTIALS)
_KEY_CLOSES = "-----END "
_KEY_END = "PRIVATE KEY-----"
_ASSIGNED = re.compile(
    r"(?i:pass(?:word|wd|code)|senha|contrase\u00f1a|secret|token|api[_\- ]?key|bearer)"
    r"[\"']?\s{0,3}(?:[:=]|\bis\b|\u00e9)?\s{0,3}[\"']?([^\s\"',;<>\[\]]{8,200})"
)
_ASSIGNED_HINT_PATTERN = r"(?i)passw|passcode|senha|contrase|secret|token|api[_\- ]?key|bearer"
_ASSIGNED_HINT = re2.compile(_ASSIGNED_HINT_PATTERN)

# What stands for an ASCII sign of numbers and addresses in typeset or full-width text.
_TWINS = {
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2044\u2215\uff0f", "/"),
    **dict.fromkeys("\ufe6b\uff20", "@"),
    "\uff0e": ".",
    "\uff08": "(",
    "\uff09": ")",
    "\uff0b": "+",
}
_TWIN = re.compile(f"[^\\D0-9]|[{''.join(_TWINS)}]")

# An address is looked for from its @ outwards. The part before is read backwards, and begins with a letter or digit.
_LOCAL_PART_BACKWARDS = re.compile(r"[\w.+\-]{0,63}[^\W_]")
_DOMAIN = re.compile(
    r"(?:[^\W_][\w\-]{0,62}\.){1,8}"
    r"(?:xn--[A-Za-z0-9\-]{2,59}|[A-Za-z][A-Za-z0-9]{1,23}(?![A-Za-z0-9])|[^\W\d_]{2,24})"
)

_IBAN_HEAD = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))([A-Za-z]{2})[0-9]{2}(?=[ .\-]?[A-Za-z0-9])")
_CNPJ = re.compile(
    r"(?<!\w)(?:[A-Za-z0-9]{2}\.[A-Za-z0-9]{3}\.[A-Za-z0-9]{3}/[A-Za-z0-9]{4}-[0-9]{2}"
    r"|(?=[0-9]*[A-Z])[A-Z0-9]{12}[0-9]{2})(?!\w)"
)
_CNPJ_HINT_PATTERN = r"/[A-Za-z0-9]{4}-\p{Nd}{2}|\b[A-Z0-9]{12}[0-9]{2}\b"
_LONG_DIGITS_PATTERN = rf"\p{{Nd}}(?:[ .\-()/{''.join(_TWINS)}]{{0,2}}\p{{Nd}}){{7}}"
_NUMBER_HINT = re2.compile(f"{_LONG_DIGITS_PATTERN}|{_CNPJ_HINT_PATTERN}")
_INTEGER = re.compile(r"[0-9]+")

# One pass for texts that hold nothing, which most do. An alternation and not an RE2 set: a set that runs out of memory
# on a hostile text says "no match", an expression falls back to a slower engine and is right.
_ANYTHING = re2.compile(
    f"[@\ufe6b\uff20]|(?:{_CREDENTIALS})|(?:{_ASSIGNED_HINT_PATTERN})"
    f"|(?:{_LONG_DIGITS_PATTERN})|(?:{_CNPJ_HINT_PATTERN})"
)
_REGIONS = {"pt": "BR", "en": "US", "es": "ES"}


@dataclass(frozen=True, slots=True)
class Hit:
    """One value found: kind and half-open span in characters."""

    kind: str
    start: int
    end: int


def region_of(locale: str) -> str:
    """Return the phone region of a BCP 47 tag: its own region subtag, else the language's most likely one."""
    parts = locale.split("-")
    for part in parts[1:]:
        if len(part) == 2 and part.isalpha():
            return part.upper()
    return _REGIONS.get(parts[0].lower(), "US")


def ascii_numerals(text: str) -> str:
    """Return the text with digits of any script, and signs used between them, as ASCII; offsets stay."""
    return text if text.isascii() else _TWIN.sub(_ascii_twin, text)


def _ascii_twin(match: re.Match[str]) -> str:
    sign = match.group(0)
    return _TWINS.get(sign) or str(unicodedata.decimal(sign))


def find(text: str, region: str) -> list[Hit]:
    """Find personal data and secrets.

    Args:
        text: any length, without lone surrogates; work is linear in it.
        region: ISO 3166 region for phone numbers written without a country code.

    Returns:
        Hits that do not overlap, by position.
    """
    if _ANYTHING.search(text) is None:
        return []
    text = ascii_numerals(text)
    hits: list[Hit] = []
    if _SECRET.search(text) is not None:
        hits.extend(_secrets(text))
    if _ASSIGNED_HINT.search(text) is not None:
        hits.extend(_assigned(text))
    if "@" in text:
        hits.extend(_emails(text))
    if _NUMBER_HINT.search(text) is not None:
        hits.extend(_ibans(text))
        hits.extend(Hit("cnpj", m.start(), m.end()) for m in _CNPJ.finditer(text) if cnpj.is_valid(m.group(0)))
        hits = without_overlaps(hits)
        numbers = digit_runs.values(_without(hits, text), region)
        return sorted([*hits, *(Hit(*number) for number in numbers)], key=lambda hit: hit.start)
    return without_overlaps(hits)


def _secrets(text: str) -> Iterator[Hit]:
    done = 0
    last_close = text.rfind(_KEY_CLOSES)
    for match in _SECRET.finditer(text):
        start, end = match.start(), match.end()
        if start < done:
            continue
        if match.group(0).startswith("-----BEGIN"):
            end = _end_of_key(text, end, closed=last_close >= end)
        done = end
        yield Hit("secret", start, end)


def _end_of_key(text: str, begun: int, *, closed: bool) -> int:
    """Return where a private key ends: at its closing line, else at a quote, which no key holds, else with the text."""
    if closed:
        closing = text.find(_KEY_END, text.find(_KEY_CLOSES, begun))
        if closing >= 0:
            return closing + len(_KEY_END)
    quote = text.find('"', begun)
    return len(text) if quote < 0 else quote


def _assigned(text: str) -> Iterator[Hit]:
    """Values after `password:` and the like, where they mix letters with digits or symbols as secrets do."""
    for match in _ASSIGNED.finditer(text):
        value = match.group(1).rstrip(".!?)")
        if len(value) >= 8 and any(c.isdigit() for c in value) and any(c.isalpha() for c in value):
            yield Hit("secret", match.start(1), match.start(1) + len(value))


def _emails(text: str) -> Iterator[Hit]:
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        local = _LOCAL_PART_BACKWARDS.match(text[max(at - 64, 0) : at][::-1]) if domain else None
        if domain and local:
            yield Hit("email", at - local.end(), domain.end())
        at = text.find("@", at + 1)


def _ibans(text: str) -> Iterator[Hit]:
    for match in _IBAN_HEAD.finditer(text):
        body = _iban_body(match.group(1).upper())
        rest = body.match(text, match.end()) if body else None
        if rest and iban.is_valid(text[match.start() : rest.end()]):
            yield Hit("iban", match.start(), rest.end())


@lru_cache(maxsize=1024)
def _iban_body(country: str) -> re.Pattern[str] | None:
    """Return what follows the first four characters of a country's IBANs; None where it has none."""
    structure = numdb.get("iban").info(country)[0][1].get("bban", "")
    length = sum(int(n) for n in _INTEGER.findall(structure))
    return re.compile(rf"(?:[ .\-]?[A-Za-z0-9]){{{length}}}(?![A-Za-z0-9])") if length else None


def _without(hits: list[Hit], text: str) -> str:
    """Return the text with line ends, which join no digits, in place of what was found."""
    if not hits:
        return text
    pieces: list[str] = []
    at = 0
    for hit in hits:
        pieces += (text[at : hit.start], "\n" * (hit.end - hit.start))
        at = hit.end
    return "".join(pieces) + text[at:]


def without_overlaps(hits: list[Hit]) -> list[Hit]:
    """Keep the earliest hit of each overlap; at one start the stronger kind, then the longer span."""
    if len(hits) < 2:
        return hits
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start, _RANK[h.kind], -h.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
        elif hit.end > kept[-1].end:
            # Partly covered: widen what is kept rather than leave a tail of the value in the text.
            kept[-1] = Hit(kept[-1].kind, kept[-1].start, hit.end)
    return kept
