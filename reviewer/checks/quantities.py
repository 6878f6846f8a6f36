"""Numbers as people write them in English, Portuguese and Spanish, and units in one canonical form.

`1,000.50` and `1.000,50` are the same number; `1.500` alone can be two numbers, and both readings are kept. Values
are exact decimals. Amounts of one dimension are compared in one unit (mg, mL).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

NUMBER = r"(?:\d{1,3}(?:[.,\x{a0}\x{202f}]\d{3}){1,4}(?:[.,]\d{1,6})?|\d{1,12}(?:[.,]\d{1,6})?)"
"""RE2 source of a number with its separators."""

_TOKEN = re.compile(r"\d[\d.,\u00a0\u202f]*+")
_SPACES = str.maketrans("", "", "\u00a0\u202f")
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_MAX_TOKEN = 24
# A date, a time, a range of identifiers: the digits beside these marks are parts, not numbers.
_JOINED_BEFORE = re.compile(r"\d[/:\-]|[^\W\d_]-?")
_JOINED_AFTER = re.compile(r"[/:\-]\d")
_AFTER = re.compile(r"\s?[^\W\d_%]|\s?[%\u00b0\u00b5\u03bc]")

_KILO, _MILLI = Decimal(1000), Decimal("0.001")
_ONE = Decimal(1)

# Canonical unit and factor by the unit as written, case folded (which turns the micro sign into a mu).
DOSE_UNITS: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("mg", "milligram", "milligrams", "miligrama", "miligramas", "miligramo", "miligramos"), ("mg", _ONE)),
    **dict.fromkeys(("g", "gr", "gram", "grams", "grama", "gramas", "gramo", "gramos"), ("mg", _KILO)),
    **dict.fromkeys(
        ("mcg", "\u03bcg", "ug", "microgram", "micrograms", "micrograma", "microgramas", "microgramos"),
        ("mg", _MILLI),
    ),
    **dict.fromkeys(("ml", "cc", "milliliter", "milliliters", "millilitre", "millilitres", "mililitro", "mililitros"), ("ml", _ONE)),
    **dict.fromkeys(("iu", "ui", "units", "unidades"), ("iu", _ONE)),
    **dict.fromkeys(("mg/kg", "mg/ml", "mcg/kg", "ui/kg", "iu/kg"), ("", _ONE)),
    **dict.fromkeys(("drop", "drops", "gota", "gotas"), ("drop", _ONE)),
    **dict.fromkeys(
        ("tablet", "tablets", "tab", "tabs", "pill", "pills", "comprimido", "comprimidos", "tableta", "tabletas"),
        ("tablet", _ONE),
    ),
    **dict.fromkeys(("capsule", "capsules", "cápsula", "cápsulas"), ("capsule", _ONE)),
    **dict.fromkeys(("puff", "puffs", "jato", "jatos", "inhalation", "inhalations"), ("puff", _ONE)),
}
DURATION_UNITS: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "segundo", "segundos"), ("second", _ONE)),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "minuto", "minutos"), ("minute", _ONE)),
    **dict.fromkeys(("h", "hr", "hrs", "hs", "hour", "hours", "hora", "horas"), ("hour", _ONE)),
    **dict.fromkeys(
        ("business day", "business days", "working day", "working days", "dia útil", "dias úteis")
        + ("día hábil", "días hábiles"),
        ("business day", _ONE),
    ),
    **dict.fromkeys(("day", "days", "dia", "dias", "día", "días", "calendar days", "dias corridos"), ("day", _ONE)),
    **dict.fromkeys(("week", "weeks", "semana", "semanas"), ("week", _ONE)),
    **dict.fromkeys(("month", "months", "mês", "meses", "mes"), ("month", _ONE)),
    **dict.fromkeys(("year", "years", "ano", "anos", "año", "años"), ("year", _ONE)),
}
MEASUREMENT_UNITS: dict[str, tuple[str, Decimal]] = {
    **{
        unit: ("", _ONE)
        for unit in (
            *("mg/dl", "g/dl", "ng/ml", "ng/dl", "pg/ml", "\u03bcg/dl", "mcg/dl", "ug/dl", "mg/l", "g/l", "u/l", "ui/l", "iu/l"),
            *("mui/l", "miu/l", "\u03bcui/ml", "mui/ml", "mmol/l", "\u03bcmol/l", "umol/l", "mmol/mol", "meq/l", "ml/min", "mm/h"),
            *("/\u03bcl", "/mm\u00b3", "/mm3", "mmhg", "bpm", "kcal", "cal", "kj", "nm", "\u03bcm", "mm", "cm", "m", "km", "ft"),
            *("mi", "km/h", "mph", "kb", "mb", "gb", "tb", "mib", "gib", "mbps", "gbps", "hz", "khz", "mhz", "ghz", "kw", "kwh"),
            *("psi", "kpa", "db", "ppm", "fl", "pg", "l", "oz"),
        )
    },
    **dict.fromkeys(("kg", "kilo", "kilos", "quilo", "quilos"), ("kg", _ONE)),
    **dict.fromkeys(("lb", "lbs"), ("lb", _ONE)),
    **dict.fromkeys(("\u00b0c", "\u00bac", "celsius"), ("celsius", _ONE)),
    **dict.fromkeys(("\u00b0f", "\u00baf", "fahrenheit"), ("fahrenheit", _ONE)),
    **dict.fromkeys(("inch", "inches", "polegada", "polegadas", "pulgada", "pulgadas"), ("inch", _ONE)),
    **dict.fromkeys(("meter", "meters", "metre", "metres", "metro", "metros"), ("m", _ONE)),
}
# Written in another case these are something else: 5G, 10M.
CASED_UNITS = frozenset({"g", "m"})
SPELLED = {
    word: Decimal(value)
    for words in (
        "one two three four five six seven eight nine ten eleven twelve",
        "um dois três quatro cinco seis sete oito nove dez onze doze",
        "uma duas",
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
        "una",
    )
    for value, word in enumerate(words.split(), 1)
}
"""Small numbers in words."""


def canonical(units: dict[str, tuple[str, Decimal]], written: str) -> tuple[str, Decimal] | None:
    """Return canonical unit and factor of a unit as written, or None where its case makes it something else."""
    folded = " ".join(written.casefold().split())
    if folded not in units or (folded in CASED_UNITS and folded != written):
        return None
    unit, factor = units[folded]
    return unit or folded, factor


def readings(token: str) -> tuple[Decimal, ...]:
    """Read a number with separators: one value, two where a single separator can be either kind, none for `3.0.7`."""
    token = token.translate(_SPACES).rstrip(".,")
    points, commas = token.count("."), token.count(",")
    if not points and not commas:
        return (Decimal(token),)
    if points and commas:
        last = max(token.rfind("."), token.rfind(","))
        return (Decimal(f"{_digits(token[:last])}.{_digits(token[last:])}"),)
    if points + commas > 1:
        return (Decimal(_digits(token)),) if _THOUSANDS.fullmatch(token) else ()
    head, _, tail = token.partition("." if points else ",")
    as_decimal = Decimal(f"{head}.{tail}")
    if len(tail) == 3 and len(head) <= 3 and not head.startswith("0"):
        return as_decimal, Decimal(head + tail)
    return (as_decimal,)


def bare_numbers(text: str, *, before_words: bool) -> Iterator[Decimal]:
    """Yield every reading of numbers that carry no unit.

    Args:
        before_words: also take numbers that a word follows, which in most prose is their unit.
    """
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        before = text[max(0, start - 2) : start]
        joined = _JOINED_BEFORE.fullmatch(before) or _JOINED_BEFORE.fullmatch(before[-1:])
        if end - start > _MAX_TOKEN or joined or _JOINED_AFTER.match(text, end):
            continue
        if before_words or _AFTER.match(text, end) is None:
            yield from readings(match.group(0))


def _digits(text: str) -> str:
    return text.replace(".", "").replace(",", "")
