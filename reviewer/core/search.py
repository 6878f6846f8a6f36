"""Searching the log: the filter language of AIP-160 on what records are found by, read into a checked tree.

`verdict = HUMAN_HANDOFF AND cause:deadline AND create_time >= "2026-11-01T00:00:00Z"`. As AIP-160 has it, OR binds more
tightly than AND; NOT and a leading minus negate; `:` asks whether a list holds a value; a `*` at the end of a text asks
for what begins so. What a store makes of the tree is its own business; this one refuses what no store could answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum

from reviewer.core.draft import Tier
from reviewer.core.verdict import Cause, Verdict

MAX_FILTER_CHARS = 4_096
MAX_TERMS = 100
_MAX_DEPTH = 20


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    HAS = ":"


class Kind(Enum):
    """What a field holds: which operators it takes, and how its values are read."""

    TEXT = 1
    WORD = 2
    LIST = 3
    NUMBER = 4
    TIME = 5
    FLAG = 6


@dataclass(frozen=True, slots=True)
class Match:
    """One comparison.

    Attributes:
        value: a text; a UTC time for a TIME, an integer for a NUMBER, a boolean for a FLAG.
        prefix: the field begins with the value.
    """

    field: str
    operator: Operator
    value: str | int | datetime
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Every one of these holds; of none, everything does."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    part: Filter


Filter = Match | All | Some | Not
EVERYTHING: Filter = All()


class Order(StrEnum):
    """In which order records come; those of one moment in the order of the log. As AIP-132 writes it."""

    OLDEST = "create_time asc"
    NEWEST = "create_time desc"


_ORDERS = {"": Order.NEWEST, "create_time": Order.OLDEST, **{order.value: order for order in Order}}


def read_order(text: str) -> Order:
    """Read an order; none given means the newest first.

    Raises:
        ValueError: it is none.
    """
    order = _ORDERS.get(" ".join(text.split()))
    if order is None:
        raise ValueError(f"got {text[:40]!r}, expected create_time desc or create_time asc")
    return order


FIELDS: Mapping[str, Kind] = {
    "index": Kind.NUMBER,
    "create_time": Kind.TIME,
    "kind": Kind.TEXT,
    "tenant": Kind.TEXT,
    "intent": Kind.TEXT,
    "domain": Kind.TEXT,
    "route": Kind.TEXT,
    "tier": Kind.WORD,
    "locale": Kind.TEXT,
    "verdict": Kind.WORD,
    "cause": Kind.LIST,
    "criterion": Kind.LIST,
    "model": Kind.LIST,
    "rubric": Kind.LIST,
    "drafter": Kind.TEXT,
    "simulated": Kind.FLAG,
    "canary": Kind.FLAG,
    "about": Kind.LIST,
    "release": Kind.TEXT,
    "stage": Kind.TEXT,
}
"""What records are found by; the same names in a filter, in every store and in exports."""

_WORDS = {
    "tier": {tier.label: tier.label for tier in Tier},
    "verdict": {verdict.name: verdict.name for verdict in Verdict},
    "cause": {cause.value: cause.value for cause in Cause},
}
_RELEASES = "releases/"
_ORDERED = frozenset({Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST})
_SAME = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
_TAKES = {
    Kind.TEXT: _SAME,
    Kind.WORD: _SAME,
    Kind.LIST: frozenset({Operator.HAS}),
    Kind.NUMBER: _SAME | _ORDERED,
    Kind.TIME: _SAME | _ORDERED,
    Kind.FLAG: _SAME,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<operator><=|>=|!=|[=<>:])|"(?P<quoted>(?:[^"\\]|\\.)*)"|"""
    r"""(?P<minus>-(?=[a-z_(]))|(?P<bare>[^\s()"=<>!:]+))"""
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def read_filter(text: str) -> Filter:
    """Read a filter; an empty one lets everything through.

    Raises:
        ValueError: with what is wrong and at which character, counted from 1.
    """
    if len(text) > MAX_FILTER_CHARS:
        raise ValueError(f"the filter has {len(text)} characters, at most {MAX_FILTER_CHARS} are read")
    tokens = [*_tokens(text), _Token("end", "", len(text))]
    if len(tokens) == 1:
        return EVERYTHING
    reader = _Reader(tokens)
    read = reader.sequence(0)
    reader.expect("end", "AND, OR or the end")
    return read


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._terms = 0

    def sequence(self, depth: int) -> Filter:
        """Read terms joined by AND."""
        if depth > _MAX_DEPTH:
            raise _wrong(self._next, f"parentheses nest deeper than {_MAX_DEPTH}")
        return self._joined("AND", lambda: self._joined("OR", lambda: self._term(depth), Some), All)

    def expect(self, kind: str, what: str) -> _Token:
        """Take a token of a kind."""
        token = self._next
        if token.kind != kind:
            raise _wrong(token, f"expected {what}")
        self._at += 1
        return token

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _joined(self, word: str, part: Callable[[], Filter], whole: Callable[[tuple[Filter, ...]], Filter]) -> Filter:
        parts = [part()]
        while self._next.kind == "bare" and self._next.text == word:
            self._at += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else whole(tuple(parts))

    def _term(self, depth: int) -> Filter:
        token = self._next
        if token.kind == "minus" or (token.kind == "bare" and token.text == "NOT"):
            self._at += 1
            return Not(self._simple(depth))
        return self._simple(depth)

    def _simple(self, depth: int) -> Filter:
        if self._next.kind == "open":
            self._at += 1
            inside = self.sequence(depth + 1)
            self.expect("close", "a closing parenthesis")
            return inside
        return self._match()

    def _match(self) -> Match:
        self._terms += 1
        name = self.expect("bare", "the name of a field")
        if self._terms > MAX_TERMS:
            raise _wrong(name, f"more than {MAX_TERMS} comparisons")
        kind = FIELDS.get(name.text)
        if kind is None:
            raise _wrong(name, f"unknown field; known: {', '.join(FIELDS)}")
        sign = self.expect("operator", "an operator")
        operator = Operator(sign.text)
        if operator not in _TAKES[kind]:
            taken = " ".join(sorted(_TAKES[kind]))
            raise _wrong(sign, f"{name.text} takes {taken}")
        value = self._next
        if value.kind not in ("bare", "quoted"):
            raise _wrong(value, "expected a value")
        self._at += 1
        return _checked(name.text, kind, operator, value)


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise ValueError(f"character {at + 1}: cannot be read; a quotation mark may be missing")
        kind = found.lastgroup
        value = found.group(kind)
        yield _Token(kind, re.sub(r"\\(.)", r"\1", value) if kind == "quoted" else value, found.start(kind))
        at = found.end()


def _checked(name: str, kind: Kind, operator: Operator, token: _Token) -> Match:
    """Read a value as its field wants it."""
    text = token.text
    words = _WORDS.get(name)
    if kind is Kind.TIME:
        return Match(name, operator, _moment(token))
    if kind is Kind.NUMBER:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise _wrong(token, "expected a whole number")
        return Match(name, operator, int(text))
    if kind is Kind.FLAG:
        if text not in ("true", "false"):
            raise _wrong(token, "expected true or false")
        return Match(name, operator, text == "true")
    if words is not None and text not in words:
        raise _wrong(token, f"{name} is one of {', '.join(words)}")
    prefix = words is None and text.endswith("*")
    text = text.removesuffix("*") if prefix else text
    return Match(name, operator, _digest(token) if name == "release" and text.startswith(_RELEASES) else text, prefix)


def _digest(token: _Token) -> str:
    """Read the name of a release as its digest, or as how that begins."""
    digest = token.text.removeprefix(_RELEASES).removesuffix("*")
    if not digest:
        raise _wrong(token, "expected releases/{digest}, or how a digest begins; what no release judged has none")
    return digest


def _moment(token: _Token) -> datetime:
    expected = "expected a time such as 2026-11-21T00:00:00Z, in quotation marks"
    try:
        moment = datetime.fromisoformat(token.text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise _wrong(token, expected) from exc
    raise _wrong(token, expected)


def _wrong(token: _Token, what: str) -> ValueError:
    got = f", got {token.text[:40]!r}" if token.text else ""
    return ValueError(f"character {token.at + 1}: {what}{got}")
