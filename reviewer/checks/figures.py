"""Figures: numbers with what they count, in a form in which draft and sources can be compared.

Kinds: `dose`, `money`, `percent`, `date`, `cve`, `version`, `duration`, `measurement`. A figure has one key for each
reading it allows; two figures agree where they share a key. Numbers without a unit are no figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from reviewer.checks import quantities
from reviewer.checks.dates import find_dates
from reviewer.checks.patterns import Pattern, compile_own, spans
from reviewer.checks.quantities import NUMBER, SPELLED, Units, readings

FigureKind = Literal["dose", "money", "percent", "date", "cve", "version", "duration", "measurement"]
FIGURE_KINDS: tuple[FigureKind, ...] = get_args(FigureKind)
Key = tuple[str, str, object]

_RANGE = r"(?:\s?[-\x{2013}\x{2014}]\s?|\s(?:to|a|até|e|and|y|o|or|ou|hasta)\s)"


# 70 mg/dL is no dose: what is measured per volume has units of its own.
_PER = re.compile(r"/(?:d?l|ml|mmol|mol|m[2\u00b2]|min|kg)\b", re.IGNORECASE)


# Behind a number that is written out: signs that it goes on, and words that make another amount of it.
_GOES_ON = re.compile(r"\w|[\u00a0\u202f%\u00b0/\-\u2010-\u2015]|[.,:]\w")
_MAX_PLACES = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in a text.

    Attributes:
        start, end: half-open span in characters; of a range, each end is a figure of its own with the same span.
        keys: `(dimension, unit, value)`, one for each reading.
        values: the number itself in each reading, as written; empty for dates, versions and identifiers.
    """

    kind: FigureKind
    start: int
    end: int
    keys: tuple[Key, ...]
    values: tuple[Decimal, ...] = ()


def find_figures(text: str, kinds: tuple[FigureKind, ...]) -> Iterator[Figure]:
    """Yield the figures of the named kinds, kind by kind, in order of position within a kind."""
    for kind in kinds:
        yield from _FINDERS[kind](text)


def stands_as_written(figure: Figure, written: str, text: str) -> bool:
    """Whether a figure stands in another text in the same words, as a whole: cheaper than to read that text's figures.

    Args:
        written: the text that the figure spans.

    Returns:
        False also where it stands between words or signs that may make it part of another figure, or stands so at the
        first few places: then the text has to be read.
    """
    at = text.find(written)
    for _ in range(_MAX_PLACES):
        if at < 0:
            return False
        end = at + len(written)
        if (at == 0 or text[at - 1] in " \n(") and _GOES_ON.match(text, end) is None:
            widened = _WIDENED.get(figure.kind)
            if widened is None or widened.match(text, end) is None:
                return True
        at = text.find(written, end)
    return False


def find_spelled(text: str, kinds: tuple[FigureKind, ...]) -> Iterator[Figure]:
    """Yield amounts whose number is a word ("two weeks"); too loose for a draft, welcome in a source."""
    for kind in kinds:
        if kind not in _SPELLED_UNITS:
            continue
        pattern, units = _SPELLED_UNITS[kind]
        for match in pattern.finditer(text):
            value = SPELLED.get((match.group(1) or "").casefold())
            found = quantities.canonical(units, match.group(2) or "")
            if value is not None and found is not None:
                key = ("amount", found[0], value * found[1])
                yield Figure(kind, match.start(), match.end(), (key,), (value,))


def _alternatives(words: Iterator[str]) -> str:
    return "|".join(re.escape(w).replace(r"\ ", r"\s+") for w in sorted(words, key=len, reverse=True))


def _unit_pattern(units: Units) -> Pattern:
    # ASCII boundaries only: a unit that ends outside ASCII is followed by anything.
    written = _alternatives(iter(units))
    return compile_own(rf"({NUMBER})(?:{_RANGE}({NUMBER}))?[\s\-]?({written})(?:[^\pL\pN]|$)")


def _amounts(kind: FigureKind, units: Units) -> Callable[[str], Iterator[Figure]]:
    pattern = _unit_pattern(units)

    def find(text: str) -> Iterator[Figure]:
        for match in spans(pattern, text):
            unit_start, end = match.span(3)
            start = match.start()
            found = quantities.canonical(units, text[unit_start:end])
            if found is None or _PER.match(text, end) is not None or _continues_a_number(text, start):
                continue
            unit, factor = found
            for number_start, number_end in (match.span(1), match.span(2)):
                if number_start >= 0:
                    values = readings(text[number_start:number_end])
                    keys = tuple([("amount", unit, value * factor) for value in values])
                    yield Figure(kind, start, end, keys, values)

    return find


def _continues_a_number(text: str, start: int) -> bool:
    before = text[start - 2 : start] if start > 1 else text[:start]
    return before[-1:].isalnum() or (before[-1:] in {".", ","} and before[:1].isdigit())


_CURRENCY_SIGNS = {
    "r$": "BRL",
    "us$": "USD",
    "u$": "USD",
    "$": "USD",
    "\u20ac": "EUR",
    "\u00a3": "GBP",
    "\u00a5": "JPY",
}
_CURRENCY_WORDS = {
    **dict.fromkeys(("real", "reais", "brl"), "BRL"),
    **dict.fromkeys(("dollar", "dollars", "dólar", "dólares", "usd", "bucks"), "USD"),
    **dict.fromkeys(("euro", "euros", "eur"), "EUR"),
    **dict.fromkeys(("gbp", "libra", "libras"), "GBP"),
    **dict.fromkeys(("peso", "pesos", "mxn", "ars"), "PESO"),
}
_MULTIPLIERS = {
    **dict.fromkeys(("k", "mil", "thousand"), Decimal(10) ** 3),
    **dict.fromkeys(("m", "mi", "mm", "million", "milhão", "milhões", "millón", "millones"), Decimal(10) ** 6),
    **dict.fromkeys(("b", "bi", "bn", "billion", "bilhão", "bilhões"), Decimal(10) ** 9),
}
_MULTIPLIER = r"(?:\s?(" + _alternatives(iter(_MULTIPLIERS)) + r")(?:[^\pL\pN]|$))?"
_MONEY = compile_own(
    r"(R\$|US\$|U\$|\$|\x{20ac}|\x{a3}|\x{a5}|\b(?:USD|BRL|EUR|GBP|MXN|ARS)\b)\s?(" + NUMBER + ")" + _MULTIPLIER,
    "(" + NUMBER + r")(?:\s?(" + _alternatives(iter(_MULTIPLIERS)) + r"))?(?:\s+de)?\s?(\x{20ac}|\b(?:"
    + _alternatives(iter(_CURRENCY_WORDS)) + r"))(?:[^\pL\pN]|$)",
)  # fmt: skip


_WIDENED = {
    "money": re.compile(rf"(?i)\s*(?:{_alternatives(iter(_MULTIPLIERS))})(?!\w)"),
    "duration": re.compile(
        rf"(?i)\s+(?:{'|'.join(u.partition(' ')[2] for u in quantities.DURATION_UNITS if ' ' in u)})"
    ),
    "date": re.compile(r"(?i)\.?,?\s*-?\s*(?:(?:de|del|of)\s+)?\d"),
}
"""What makes another figure of one of that kind when it follows."""


def _money(text: str) -> Iterator[Figure]:
    for match in _MONEY.finditer(text):
        sign = (match.group(1) or match.group(6) or "").casefold()
        currency = _CURRENCY_SIGNS.get(sign) or _CURRENCY_WORDS.get(sign)
        factor = _MULTIPLIERS.get((match.group(3) or match.group(5) or "").casefold(), Decimal(1))
        number = 2 if match.group(2) is not None else 4
        last = 3 if match.group(3) else 2
        end = match.end(last) if number == 2 else match.end(6)
        if currency is None or (number == 4 and _continues_a_number(text, match.start())):
            continue
        values = tuple(value * factor for value in readings(match.group(number) or "0"))
        yield Figure("money", match.start(), end, tuple(("money", currency, v) for v in values), values)


_PERCENT = compile_own(
    rf"({NUMBER})(?:{_RANGE}({NUMBER}))?\s?(?:%|(?:percent|per\s+cent|por\s+cento|por\s+ciento|p\.\s?p\.)(?:[^\pL]|$))"
)


def _percent(text: str) -> Iterator[Figure]:
    for match in spans(_PERCENT, text):
        start, end = match.span()
        if _continues_a_number(text, start):
            continue
        for number_start, number_end in (match.span(1), match.span(2)):
            if number_start >= 0:
                values = readings(text[number_start:number_end])
                yield Figure("percent", start, end, tuple([("percent", "%", v) for v in values]), values)


def _dates(text: str) -> Iterator[Figure]:
    for dated in find_dates(text):
        yield Figure("date", dated.start, dated.end, tuple(("date", "", day) for day in dated.readings))


_CVE = compile_own(r"\bCVE[-\x{2010}-\x{2013}](\d{4})[-\x{2010}-\x{2013}](\d{4,9})\b")


def _cves(text: str) -> Iterator[Figure]:
    for match in spans(_CVE, text):
        start, end = match.span()
        # Whatever the dashes are, they are one character each.
        yield Figure("cve", start, end, (("cve", "", f"{text[start + 4 : start + 8]}-{text[start + 9 : end]}"),))


_SUFFIX = r"(?:-?[a-z]{1,5}\.?\d{0,4})?"
_VERSION = compile_own(
    rf"\b(v?\d{{1,5}}(?:\.\d{{1,5}}){{2,3}}{_SUFFIX})\b",
    rf"\b(v\d{{1,5}}\.\d{{1,5}}{_SUFFIX})\b",
    r"\b(?:versions?|vers(?:ão|ões|ión|iones)|releases?|(?:upgraded?|updated?)\s+to|(?:fixed|patched)\s+in"
    r"|corrigid[oa]s?\s+(?:na|no|em)|(?:atualiz|actualiz)\w{1,4}\s+(?:para|a))\s+(?:[a-z][\w+\-]{0,30}\s+){0,2}"
    rf"(v?\d{{1,5}}(?:\.\d{{1,5}}){{1,3}}{_SUFFIX})\b",
)
_DOTTED = compile_own(rf"\d{{1,5}}(?:\.\d{{1,5}}){{1,3}}{_SUFFIX}")
_VERSION_PARTS = re.compile(r"(\d{1,5}(?:\.\d{1,5})+)(.*)", re.DOTALL)
# What three numbers with dots are besides a version: a clause, a date, thousands.
_CLAUSE = re.compile(
    r"(?i)(?:sections?|se[cç][aã]o|clauses?|cláusulas?|articles?|art(?:igo|ículo)?\.?|items?|itens|chapter"
    r"|cap[ií]tulo|figure|table|appendix|annex|anexo|\u00a7+|pci\s+dss|asvs|req(?:uirement)?s?\.?)\s*$"
)
_NUMBER_FOLLOWS = re.compile(r"[.\-]?\d")
_NO_VERSION = re.compile(
    r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d|\d{1,3}(?:\.000)+|(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}"
)


def _versions(text: str) -> Iterator[Figure]:
    for match in spans(_VERSION, text):
        start, end = next(span for span in map(match.span, (1, 2, 3)) if span[0] >= 0)
        written = text[start:end]
        # A number that goes on after a dot is an address or a longer identifier; so is one glued to what precedes it.
        goes_on = _NUMBER_FOLLOWS.match(text, end) is not None
        if goes_on or text[start - 1 : start] in {".", "$", "-", "/"} or _NO_VERSION.fullmatch(written):
            continue
        if written[0] in "vV" or not _CLAUSE.search(text[max(0, start - 24) : start]):
            yield Figure("version", start, end, (("version", "", written.lower().lstrip("v")),))


def versions_vouched(text: str) -> Iterator[Key]:
    """Yield the keys that a source's dotted numbers vouch for: each version, and the series it belongs to."""
    for match in spans(_DOTTED, text):
        start, end = match.span()
        written = text[start:end].lower()
        parts = _VERSION_PARTS.fullmatch(written)
        numbers = (parts.group(1) if parts else written).split(".")
        yield "version", "", written
        for length in range(2, len(numbers) + 1):
            yield "version", "", ".".join(numbers[:length])


def _spelled(units: Units) -> Pattern:
    return compile_own(rf"\b({_alternatives(iter(SPELLED))})[\s\-]+({_alternatives(iter(units))})(?:[^\pL\pN]|$)")


_UNITS: dict[FigureKind, Units] = {
    "dose": quantities.DOSE_UNITS,
    "duration": quantities.DURATION_UNITS,
    "measurement": quantities.MEASUREMENT_UNITS,
}
_SPELLED_UNITS: dict[FigureKind, tuple[Pattern, Units]] = {
    kind: (_spelled(units), units) for kind, units in _UNITS.items() if kind != "measurement"
}
_FINDERS: dict[FigureKind, Callable[[str], Iterator[Figure]]] = {
    **{kind: _amounts(kind, units) for kind, units in _UNITS.items()},
    "money": _money,
    "percent": _percent,
    "date": _dates,
    "cve": _cves,
    "version": _versions,
}
