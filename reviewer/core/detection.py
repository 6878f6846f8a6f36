"""Detectors of personal data and secrets in text: where redaction learns what to replace.

Checksums come from python-stdnum and phone plans from phonenumbers; ours is only the search for candidates. A cheap
pass decides which detectors are worth running, so that plain prose costs one linear scan. Kinds, in the order in
which overlapping hits win: `secret`, `email`, `iban`, `card`, `cnpj`, `cpf`, `ssn`, `phone`.

Sources of the formats: ISO/IEC 7812 (card), ISO 13616 (IBAN), Receita Federal (CPF, CNPJ with letters since 2026),
SSA (SSN), ITU-T E.164 (phone); token prefixes as their issuers publish them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers
import re2
from stdnum import iban, luhn
from stdnum.br import cnpj, cpf
from stdnum.us import ssn

KINDS = ("secret", "email", "iban", "card", "cnpj", "cpf", "ssn", "phone")

# One automaton over all token shapes: RE2 keeps it linear whatever the text, which Python's engine would not.
_SECRET_PATTERN = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_\-]{20,}"
    r"|xox[abeprs]-[A-Za-z0-9\-]{10,}"
    r"|sk-[A-Za-z0-9_\-]{20,}|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|AIza[0-9A-Za-z_\-]{35}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    r"|://[^\s:/@]{1,64}:[^\s/@]{3,128}@"
)
_SECRET = re2.compile(_SECRET_PATTERN)
_KEY_END = "PRIVATE KEY-----"
_ASSIGNED = re.compile(
    r"(?i:pass(?:word|wd|code)|senha|contrase\u00f1a|secret|token|api[_\- ]?key|bearer)"
    r"[\"']?\s{0,3}(?:[:=]|\bis\b|\u00e9)?\s{0,3}[\"']?([^\s\"',;<>\[\]]{8,200})"
)
_ASSIGNED_HINT_PATTERN = r"(?i)passw|passcode|senha|contrase|secret|token|api[_\- ]?key|bearer"
_ASSIGNED_HINT = re2.compile(_ASSIGNED_HINT_PATTERN)
_EMAIL = re.compile(r"(?<![\w.+\-])[\w.+\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62}\.){1,8}[A-Za-z]{2,24}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CNPJ = re.compile(r"\b[A-Z0-9]{2}\.[A-Z0-9]{3}\.[A-Z0-9]{3}/[A-Z0-9]{4}-\d{2}\b")
_DIGITS = re.compile(r"(?<![\w.,/])(?:\+ ?|\()?\d(?:[ .\-()/]{0,2}\d){7,18}(?![\w/])")
_NOT_DIGIT = re.compile(r"\D+")
_LONG_DIGITS_PATTERN = r"\d(?:[ .\-()/]{0,2}\d){7}|/[A-Z0-9]{4}-\d{2}"
_LONG_DIGITS = re2.compile(_LONG_DIGITS_PATTERN)
# One pass for texts that hold nothing, which most do. An alternation and not an RE2 set: a set that runs out of memory
# on a hostile text says "no match", an expression falls back to a slower engine and is right.
_ANYTHING = re2.compile(f"@|(?:{_SECRET_PATTERN})|(?:{_ASSIGNED_HINT_PATTERN})|(?:{_LONG_DIGITS_PATTERN})")
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


def find(text: str, region: str) -> list[Hit]:
    """Find personal data and secrets.

    Args:
        text: any length; work is linear in it.
        region: ISO 3166 region for phone numbers written without a country code.

    Returns:
        Hits that do not overlap, by position.
    """
    if _ANYTHING.search(text) is None:
        return []
    hits: list[Hit] = []
    if _SECRET.search(text) is not None:
        hits.extend(_secrets(text))
    if _ASSIGNED_HINT.search(text) is not None:
        hits.extend(_assigned(text))
    if "@" in text:
        hits.extend(Hit("email", m.start(), m.end()) for m in _EMAIL.finditer(text))
    if _LONG_DIGITS.search(text) is not None:
        hits.extend(_numbers(text, region))
    return _without_overlaps(hits) if len(hits) > 1 else hits


def _secrets(text: str) -> Iterator[Hit]:
    for match in _SECRET.finditer(text):
        start, end = match.start(), match.end()
        if match.group(0).startswith("-----BEGIN"):
            closing = text.find(_KEY_END, end)
            end = len(text) if closing < 0 else closing + len(_KEY_END)
        yield Hit("secret", start, end)


def _assigned(text: str) -> Iterator[Hit]:
    """Values after `password:` and the like, where they mix letters with digits or symbols as secrets do."""
    for match in _ASSIGNED.finditer(text):
        value = match.group(1).rstrip(".!?)")
        if len(value) >= 8 and any(c.isdigit() for c in value) and any(c.isalpha() for c in value):
            yield Hit("secret", match.start(1), match.start(1) + len(value))


def _numbers(text: str, region: str) -> Iterator[Hit]:
    for match in _IBAN.finditer(text):
        if iban.is_valid(match.group(0)):
            yield Hit("iban", match.start(), match.end())
    for match in _CNPJ.finditer(text):
        if cnpj.is_valid(match.group(0)):
            yield Hit("cnpj", match.start(), match.end())
    for match in _DIGITS.finditer(text):
        kind = _classify(match.group(0), region)
        if kind:
            yield Hit(kind, match.start(), match.end())


def _classify(written: str, region: str) -> str | None:
    digits = _NOT_DIGIT.sub("", written)
    if 13 <= len(digits) <= 19 and digits[0] in "23456" and luhn.is_valid(digits):
        return "card"
    if len(digits) == 14 and cnpj.is_valid(digits):
        return "cnpj"
    if len(digits) == 11 and not written.startswith("+") and cpf.is_valid(digits):
        return "cpf"
    if len(digits) == 9 and re.fullmatch(r"\d{3}-\d{2}-\d{4}", written) and ssn.is_valid(written):
        return "ssn"
    return "phone" if _is_phone(written, len(digits), region) else None


def _is_phone(written: str, digits: int, region: str) -> bool:
    if not 8 <= digits <= 15:
        return False
    try:
        number = phonenumbers.parse(written, None if written.startswith("+") else region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)


def _without_overlaps(hits: list[Hit]) -> list[Hit]:
    """Keep the earliest hit of each overlap; at one start the stronger kind, then the longer span."""
    order = {kind: rank for rank, kind in enumerate(KINDS)}
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start, order[h.kind], -h.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
        elif hit.end > kept[-1].end:
            # Partly covered: widen what is kept rather than leave a tail of the value in the text.
            kept[-1] = Hit(kept[-1].kind, kept[-1].start, hit.end)
    return kept
