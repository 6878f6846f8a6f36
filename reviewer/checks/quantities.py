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

Units = dict[str, tuple[str, Decimal]]


def _units(*rows: tuple[str, Decimal, str]) -> Units:
    """Map each spelling (parted by commas, case folded) to canonical unit and factor; no canonical name: itself."""
    return {
        spelling: (canonical_name or spelling, factor)
        for canonical_name, factor, spellings in rows
        for spelling in spellings.casefold().split(",")
    }


# Case folding turns the micro sign into a mu, so that both are found under one spelling.
DOSE_UNITS = _units(
    ("mg", _ONE, "mg,milligram,milligrams,miligrama,miligramas,miligramo,miligramos"),
    ("mg", _KILO, "g,gr,gram,grams,grama,gramas,gramo,gramos"),
    ("mg", _MILLI, "mcg,\u03bcg,ug,microgram,micrograms,micrograma,microgramas,microgramos"),
    ("ml", _ONE, "ml,cc,milliliter,milliliters,millilitre,millilitres,mililitro,mililitros"),
    ("iu", _ONE, "iu,ui,units,unidades"),
    ("", _ONE, "mg/kg,mg/ml,mcg/kg,ui/kg,iu/kg"),
    ("drop", _ONE, "drop,drops,gota,gotas"),
    ("tablet", _ONE, "tablet,tablets,tab,tabs,pill,pills,comprimido,comprimidos,tableta,tabletas"),
    ("capsule", _ONE, "capsule,capsules,cápsula,cápsulas"),
    ("puff", _ONE, "puff,puffs,jato,jatos,inhalation,inhalations"),
)
DURATION_UNITS = _units(
    ("second", _ONE, "second,seconds,sec,secs,segundo,segundos"),
    ("minute", _ONE, "minute,minutes,min,mins,minuto,minutos"),
    ("hour", _ONE, "h,hr,hrs,hs,hour,hours,hora,horas"),
    ("business day", _ONE, "business day,business days,working day,working days"),
    ("business day", _ONE, "dia útil,dias úteis,día hábil,días hábiles"),
    ("day", _ONE, "day,days,dia,dias,día,días,calendar days,dias corridos"),
    ("week", _ONE, "week,weeks,semana,semanas"),
    ("month", _ONE, "month,months,mês,meses,mes"),
    ("year", _ONE, "year,years,ano,anos,año,años"),
)
MEASUREMENT_UNITS = _units(
    ("", _ONE, "mg/dl,g/dl,ng/ml,ng/dl,pg/ml,\u03bcg/dl,mcg/dl,ug/dl,mg/l,g/l,u/l,ui/l,iu/l,mui/l,miu/l,\u03bcui/ml"),
    ("", _ONE, "mui/ml,mmol/l,\u03bcmol/l,umol/l,mmol/mol,meq/l,ml/min,mm/h,/\u03bcl,/mm\u00b3,/mm3,mmhg,bpm,fl,pg"),
    ("", _ONE, "kcal,cal,kj,nm,\u03bcm,mm,cm,km,ft,mi,km/h,mph,l,oz,psi,kpa,db,ppm,kw,kwh,hz,khz,mhz,ghz"),
    ("", _ONE, "kb,mb,gb,tb,mib,gib,mbps,gbps"),
    ("m", _ONE, "m,meter,meters,metre,metres,metro,metros"),
    ("kg", _ONE, "kg,kilo,kilos,quilo,quilos"),
    ("lb", _ONE, "lb,lbs"),
    ("celsius", _ONE, "\u00b0c,\u00bac,celsius"),
    ("fahrenheit", _ONE, "\u00b0f,\u00baf,fahrenheit"),
    ("inch", _ONE, "inch,inches,polegada,polegadas,pulgada,pulgadas"),
)
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


def canonical(units: Units, written: str) -> tuple[str, Decimal] | None:
    """Return canonical unit and factor of a unit as written, or None where its case makes it something else."""
    folded = " ".join(written.casefold().split())
    if folded not in units or (folded in CASED_UNITS and folded != written):
        return None
    return units[folded]


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
