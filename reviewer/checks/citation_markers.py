"""Citation markers in a draft: which brackets cite a source, and which source.

`[kb-12]`, `[1]`, `[1, 3]`, `[2-4]`, `[source: kb-12]` are markers; Markdown links, check boxes, redaction
placeholders, array indexes, `[sic]` and whatever stands in code are not. A bracket that has the form of the sources'
ids, or of a number list that starts within the sources, is a marker even where no such source exists; so is a name
behind `source:`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from reviewer.core.passage import SourceMeta

# No part of a bracket can begin another one, so that nothing is read twice.
_BRACKET = re.compile(r"\[[^\[\]\n]{1,160}+\]")
_CODE = re.compile(r"(?m)^[ \t]{0,3}(```|~~~).*?(?:^[ \t]{0,3}\1|\Z)|`[^`\n]{1,400}`", re.DOTALL)
_NUMBERS = re.compile(r"\d{1,3}(?:\s?[,;\u2013-]\s?\d{1,3}){0,20}")
_NUMBER_STEP = re.compile(r"([,;\u2013-]?)\s?(\d{1,3})")
_PLACEHOLDER = re.compile(r"(?:SECRET|EMAIL|IBAN|CARD|CNPJ|CPF|SSN|PHONE)_\d{1,9}")
_LEAD_IN = re.compile(r"(?i)(?:sources?|fontes?|fuentes?|src|refs?\.?|docs?|ver|see)(?:\s*:\s*|\s+)")
# What is called a source outright is one, whatever its name looks like; "see" and "refs" also lead to sections.
_OUTRIGHT = re.compile(r"(?i)(?:sources?|fontes?|fuentes?|src)\s*:")
_NAME = re.compile(r"[\w.:/#-]{1,64}")
_SHAPE = re.compile(r"[A-Za-z]+|\d+")
_OPERATORS = frozenset("=(+*>[{|&<")
_SPLIT = re.compile(r"\s*[,;]\s*")


class Marker(NamedTuple):
    """One marker of a draft.

    Attributes:
        start, end: span in the redacted draft, brackets included.
        sources: indexes of the sources that it names, from 0.
        unknown: what it names that is no source, as written.
    """

    start: int
    end: int
    sources: tuple[int, ...]
    unknown: tuple[str, ...]


class SourceIndex:
    """The sources of a request as markers may name them: by id, case ignored, or by number from 1."""

    def __init__(self, sources: tuple[SourceMeta, ...]) -> None:
        self._sources = sources
        self._count = len(sources)
        self._by_id = {source.id.casefold(): index for index, source in enumerate(sources)}

    @cached_property
    def _shapes(self) -> set[str]:
        return {_shape(source.id) for source in self._sources}

    @cached_property
    def _heads(self) -> set[str]:
        return {_head(source.id) for source in self._sources if _head(source.id)}

    def markers(self, text: str) -> Iterator[Marker]:
        """Yield the citation markers of a draft, in order."""
        if "[" not in text:
            return
        code = [(m.start(), m.end()) for m in _CODE.finditer(text)] if "`" in text or "~~~" in text else []
        at = 0
        for match in _BRACKET.finditer(text):
            start, end = match.span()
            while at < len(code) and code[at][1] <= start:
                at += 1
            in_code = at < len(code) and code[at][0] < end
            if in_code or text[end : end + 1] == "(":
                continue
            marker = self._read(text, start, end)
            if marker is not None:
                yield marker

    def _read(self, text: str, start: int, end: int) -> Marker | None:
        inside = text[start + 1 : end - 1].strip().lstrip("^")
        whole = self._by_id.get(inside.casefold())
        if whole is not None:
            return Marker(start, end, (whole,), ())
        if _PLACEHOLDER.fullmatch(inside):
            return None
        lead = _LEAD_IN.match(inside)
        named = inside[lead.end() :] if lead else inside
        if _NUMBERS.fullmatch(named):
            return self._numbered(text, start, end, named)
        if _OUTRIGHT.match(inside) and all(map(_NAME.fullmatch, _SPLIT.split(named))):
            return self._split(start, end, named)
        marker = self._split(start, end, named)
        led_in = lead is not None
        if marker.sources or all(self._like_an_id(token, led_in=led_in) for token in marker.unknown):
            return marker
        return None

    def _split(self, start: int, end: int, named: str) -> Marker:
        tokens = _SPLIT.split(named)
        known = [self._by_id[t.casefold()] for t in tokens if t.casefold() in self._by_id]
        unknown = [t for t in tokens if t.casefold() not in self._by_id]
        return Marker(start, end, tuple(known), tuple(unknown))

    def _like_an_id(self, token: str, *, led_in: bool) -> bool:
        """Whether a bracketed token without a source has the form of the ids in use."""
        shape = _shape(token)
        if shape not in self._shapes or not token.isascii() or " " in token:
            return False
        structured = "9" in shape and shape.strip("a9") != "" and not token.isupper()
        return led_in or structured or (_head(token) in self._heads and shape != "a")

    def _numbered(self, text: str, start: int, end: int, named: str) -> Marker | None:
        numbers = _expand(named)
        if not numbers or numbers[0] == 0:
            return None
        # Past the last source a lone number may be an invented citation; an interval or an index is none.
        if numbers[0] > self._count and (len(numbers) > 1 or _is_indexed(text, start)):
            return None
        if self._count == 0 and _begins_line(text, start):
            return None
        known = tuple(number - 1 for number in numbers if number <= self._count)
        unknown = tuple(str(number) for number in numbers if number > self._count)
        return Marker(start, end, known, unknown)


def _is_indexed(text: str, start: int) -> bool:
    """Whether a bracket stands where code would put it: glued to a name, or after an operator."""
    before = text[max(0, start - 3) : start]
    return before[-1:].isalnum() or before[-1:] in {"_", "]", ")"} or before.rstrip(" ")[-1:] in _OPERATORS


def _begins_line(text: str, start: int) -> bool:
    """Whether a bracket numbers a line: nothing but a bullet stands before it."""
    before = text[max(0, start - 12) : start]
    return (start < 12 or "\n" in before) and before.rpartition("\n")[2].strip(" \t>*-") == ""


def _expand(named: str) -> list[int]:
    """Read `1, 3` and `2-4` as numbers; a range that runs backwards or far is no citation."""
    numbers: list[int] = []
    for separator, digits in _NUMBER_STEP.findall(named):
        number = int(digits)
        if separator in {"-", "\u2013"} and numbers:
            if not numbers[-1] < number <= numbers[-1] + 20:
                return []
            numbers.extend(range(numbers[-1] + 1, number))
        numbers.append(number)
    return numbers


def _shape(text: str) -> str:
    return _SHAPE.sub(lambda m: "9" if m.group(0).isdigit() else "a", text)


def _head(text: str) -> str:
    match = _SHAPE.match(text)
    return match.group(0).casefold() if match and not match.group(0).isdigit() else ""
