"""Which cases of a rule set a run takes: by domain, suite, name, tag, locale, criterion, or an expression of words."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reviewer.core.case import Case, CaseFile
from reviewer.core.rulebook import fold_locale


class ExpressionError(ValueError):
    """An expression that cannot be read."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A case with where it stands.

    Attributes:
        name: `domain/case`; unique in a rule set.
    """

    domain: str
    suite: str
    case: Case

    @property
    def name(self) -> str:
        """Domain and id."""
        return f"{self.domain}/{self.case.id}"


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions, all of which must hold; one that names nothing holds always.

    Attributes:
        cases: patterns of shells (`*`, `?`, `[...]`) over the case's id or `domain/id`.
        locales: a language stands for all its locales.
        criteria: patterns over `rubric/criterion` that a case scripts or expects something of.
        expression: words joined by `and`, `or`, `not` and parentheses; a word holds where it stands anywhere in name,
            suite, locale, origin or a tag.
        names: exact names; None for any.
    """

    domains: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    expression: str = ""
    names: frozenset[str] | None = None

    def select(self, files: Iterable[CaseFile]) -> tuple[Placed, ...]:
        """Return the cases that fit, in the order of their files.

        Raises:
            ExpressionError: the expression cannot be read.
        """
        expression = _Expression(self.expression) if self.expression.strip() else None
        every = (Placed(file.rubric, file.suite, case) for file in files for case in file.cases)
        return tuple([p for p in every if self._fits(p) and (expression is None or expression.holds(_words(p)))])

    def _fits(self, placed: Placed) -> bool:
        case = placed.case
        locale = fold_locale(case.locale)
        return (
            (not self.domains or placed.domain in self.domains)
            and (not self.suites or placed.suite in self.suites)
            and (not self.cases or _any_match(self.cases, (case.id, placed.name)))
            and (not self.tags or not set(self.tags).isdisjoint(case.tags))
            and (not self.locales or not {locale, locale.partition("-")[0]}.isdisjoint(map(fold_locale, self.locales)))
            and (not self.criteria or _any_match(self.criteria, criteria_of(case)))
            and (self.names is None or placed.name in self.names)
        )


def criteria_of(case: Case) -> frozenset[str]:
    """Return the criteria of which a case scripts or expects something."""
    expect = case.expect
    return frozenset((*case.critique, *expect.findings, *expect.forbidden, *expect.quotes))


def _any_match(patterns: Iterable[str], names: Iterable[str]) -> bool:
    listed = tuple(names)
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in listed)


def _words(placed: Placed) -> str:
    case = placed.case
    return "\n".join((placed.name, placed.suite, case.locale, case.origin, *case.tags)).casefold()


class _Expression:
    """`a and (b or not c)`, read once; `not` binds most tightly, `or` least."""

    def __init__(self, text: str) -> None:
        self._tokens = re.findall(r"[()]|[^\s()]+", text)
        self._check()

    def holds(self, text: str) -> bool:
        """Whether it holds for a text."""
        left = iter([*self._tokens, ""])
        value, rest = self._either(next(left), left, text)
        if rest:
            raise ExpressionError(f"unexpected {rest!r}")
        return value

    def _check(self) -> None:
        self.holds("")

    def _either(self, word: str, left: Iterator[str], text: str) -> tuple[bool, str]:
        value, word = self._both(word, left, text)
        while word == "or":
            other, word = self._both(next(left), left, text)
            value = value or other
        return value, word

    def _both(self, word: str, left: Iterator[str], text: str) -> tuple[bool, str]:
        value, word = self._single(word, left, text)
        while word == "and":
            other, word = self._single(next(left), left, text)
            value = value and other
        return value, word

    def _single(self, word: str, left: Iterator[str], text: str) -> tuple[bool, str]:
        if word == "not":
            value, word = self._single(next(left), left, text)
            return not value, word
        if word == "(":
            value, word = self._either(next(left), left, text)
            if word != ")":
                raise ExpressionError("a parenthesis is not closed")
            return value, next(left)
        if word in {"", ")", "and", "or"}:
            raise ExpressionError(f"expected a word, got {word!r}" if word else "expected a word at the end")
        return word.casefold() in text, next(left)
