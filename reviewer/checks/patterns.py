r"""Patterns that run on untrusted text: RE2 only, so that no text can make a match slower than linear.

Here is the compiling, with its limits and error messages, and the choice of patterns by locale. RE2 has no look-around
and no back-references; its `\b` and `\w` know ASCII letters only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Protocol, overload

import re2
from pydantic import StringConstraints

_AUTHOR_MEMORY = 4 << 20
_OWN_MEMORY = 16 << 20
# `\b` beside a literal non-ASCII letter holds only where the next character is an ASCII one: at a word's end, never.
_BLIND_BOUNDARY = re.compile(r"[^\W\d_a-zA-Z](?:\\b)|(?<!\\)\\b[^\W\d_a-zA-Z]")
# What RE2 says of syntax that other engines have: `(?<!`, `(?=`, `\1`.
_FOREIGN = re.compile(r"invalid perl operator|invalid escape sequence: \\[1-9]")

PatternText = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
LocaleKey = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$")]


class PatternError(ValueError):
    """A pattern of a rubric author that is none.

    Attributes:
        where, index: the argument, with dots, and the place in it.
        why: in RE2's words, or ours.
    """

    def __init__(self, where: str, index: int, why: str) -> None:
        """Say which pattern it is, and why."""
        super().__init__(f"{where}[{index}]: {why}")
        self.where = where
        self.index = index
        self.why = why


class Spans(Protocol):
    """Where a match and its groups stand: offsets in characters, -1 for a group that took no part."""

    def start(self, group: int = 0, /) -> int:
        """Return where the group starts."""
        ...

    def end(self, group: int = 0, /) -> int:
        """Return where the group ends."""
        ...

    def span(self, group: int = 0, /) -> tuple[int, int]:
        """Return both."""
        ...


class Match(Spans, Protocol):
    """The part of a match that checks read."""

    def group(self, group: int = 0, /) -> str | None:
        """Return the group's text, None for a group that took no part."""
        ...


class Pattern(Protocol):
    """A compiled RE2 pattern; every method is linear in the text.

    Where only the existence of a match matters, UTF-8 bytes are given instead of text: the wrapper then neither encodes
    nor counts characters.
    """

    @property
    def pattern(self) -> str:
        """The source."""
        ...

    @overload
    def search(self, text: str, /) -> Match | None: ...

    @overload
    def search(self, text: bytes, /) -> object | None: ...

    def search(self, text: str | bytes, /) -> object | None:
        """Return the leftmost match."""
        ...

    def fullmatch(self, text: str | bytes, /) -> object | None:
        """Return a match of the whole text."""
        ...

    @overload
    def finditer(self, text: str, /) -> Iterator[Match]: ...

    @overload
    def finditer(self, text: bytes, /) -> Iterator[Spans]: ...

    def finditer(self, text: str | bytes, /) -> Iterator[Spans]:
        """Yield matches that do not overlap; of bytes, their offsets are those of bytes."""
        ...


def spans(pattern: Pattern, text: str) -> Iterator[Spans]:
    """Yield where the matches in a text stand, at less cost than `finditer` where all its characters are ASCII."""
    return pattern.finditer(text.encode()) if text.isascii() else pattern.finditer(text)


def compile_own(*alternatives: str) -> Pattern:
    """Compile a pattern of this package, the alternatives joined by `|`; case is ignored."""
    return _compile("|".join(f"(?:{alternative})" for alternative in alternatives), _OWN_MEMORY)


def compile_authored(patterns: tuple[str, ...], where: str) -> tuple[Pattern, ...]:
    r"""Compile patterns of a rubric author; case is ignored.

    Args:
        where: name of the argument, for the message.

    Raises:
        PatternError: a pattern is no RE2, needs too much memory, or relies on `\b` beside a non-ASCII letter.
    """
    compiled: list[Pattern] = []
    for index, pattern in enumerate(patterns):
        if _BLIND_BOUNDARY.search(pattern):
            why = (
                "\\b beside a letter outside ASCII never matches at a word's end in RE2; "
                r"write (?:[^\pL]|$) or (?:^|[^\pL]) instead"
            )
            raise PatternError(where, index, why)
        try:
            compiled.append(_compile(pattern, _AUTHOR_MEMORY))
        except re2.error as exc:
            raise PatternError(where, index, _message(exc)) from exc
    return tuple(compiled)


def _compile(pattern: str, memory: int) -> Pattern:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = memory
    compiled: Pattern = re2.compile(pattern, options)
    return compiled


def _message(exc: Exception) -> str:
    given = exc.args[0] if exc.args else ""
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return f"{text}; RE2 has no look-around and no back-references" if _FOREIGN.match(text) else text


@dataclass(frozen=True, slots=True)
class PatternGroup:
    """Patterns that are tried one after the other, and one expression that says in a single pass whether any matches.

    An alternation and not an RE2 set: a set that runs out of memory on a hostile text says "no match", an expression
    falls back to a slower engine and is right.
    """

    patterns: tuple[Pattern, ...]
    _any: Pattern

    def matches(self, raw: bytes) -> bool:
        """Whether any of the patterns matches somewhere in a text given as UTF-8."""
        return self._any.search(raw) is not None


def compile_by_locale(patterns: Mapping[str, tuple[PatternText, ...]], where: str) -> dict[str, PatternGroup]:
    """Compile a map from locale tag, language or `*` to patterns; keys come back in lower case.

    Raises:
        PatternError: as `compile_authored`.
    """
    return {
        key.lower(): PatternGroup(compile_authored(group, f"{where}.{key}"), compile_own(*group))
        for key, group in patterns.items()
    }


@lru_cache(maxsize=256)
def locale_chain(locale: str) -> tuple[str, ...]:
    """Return the keys that apply to a locale, most specific first: exact tag, language, `*`."""
    tag = locale.lower()
    return tuple(dict.fromkeys(key for key in (tag, tag.split("-", 1)[0], "*") if key))
