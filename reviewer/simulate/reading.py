"""Reading a rendered prompt back: the text of a request -> `ReadPrompt`.

The inverse of `reviewer.core.questionnaire.build` and `reviewer.core.prompt.render`, as far as a critic needs it.
Wire formats are not known here: a prefix and content blocks come in as text. A prompt that is not ours reads as one
without questions. The prefix is read once a text, since it is the same for all requests of a rubric set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reviewer.core.rubric import EvidenceDemand, Kind, Place, Severity
from reviewer.core.segments import HIDDEN, may_hide

_QUESTION = re.compile(
    r"^## (?P<alias>c\d+) (?P<key>\S+) \((?P<kind>\w+), (?P<severity>\w+)\)"
    r"(?: \[quote (?P<demand>if MET|if NOT_MET|always)\])?(?P<na> \[NOT_APPLICABLE allowed\])?\n"
    r"(?:.* Quotes from: (?P<places>[a-z_, ]+)\.$)?",
    re.MULTILINE,
)
_DEMANDS: Final = {
    "if MET": EvidenceDemand.ON_MET,
    "if NOT_MET": EvidenceDemand.ON_NOT_MET,
    "always": EvidenceDemand.BOTH,
    None: EvidenceDemand.NONE,
}
_BOUNDARY = re.compile(r"^Boundary of this call: (\w+)\. ", re.MULTILINE)
_NOT_ASKED = re.compile(r"^These questions do not arise here, leave them out: ([\w, ]+)\.$", re.MULTILINE)
_GROUP = re.compile(r"^Answer only questions c(\d+) to c(\d+)\. ", re.MULTILINE)
_TITLE = re.compile(r"begin .*?\b([dmsrt]\d*)(?: by (\w+)| \(\w+\))?>>\n")
# How the core spells hidden characters out.
SPELLED = re.compile("\u27e8U\\+[0-9A-F]{4,6}\u27e9")
_ATTENTION = re.compile(r'^(a\d+): part ([dmsrt]\d*) contains the word "([^"\n]+)"\.$', re.MULTILINE)
_PLACES: Final = {
    "d": Place.DRAFT,
    "m": Place.CONVERSATION,
    "s": Place.SOURCE,
    "r": Place.TOOL_RESULT,
    "t": Place.TOOL_CALL,
}


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """One question of the prefix.

    Attributes:
        key: `rubric/criterion`.
        demand: which outcome has to be quoted.
        places: where quotes may stand, in the prompt's order; empty where none is asked for.
    """

    alias: str
    key: str
    kind: Kind
    severity: Severity
    demand: EvidenceDemand
    places: tuple[Place, ...]
    na_allowed: bool


@dataclass(frozen=True, slots=True)
class ReadPart:
    """One fenced part.

    Attributes:
        label: `d`, `s1`, `m2`, `r1`, `t1`.
        role: who speaks in a conversation part, empty elsewhere.
        segments: `(id, text)` of each numbered line, in order, text as shown.
    """

    label: str
    place: Place
    role: str
    segments: tuple[tuple[str, str], ...]

    def squashed(self) -> str:
        """Text of all segments without any white space, so that no cut or line break matters."""
        return squash("".join([text for _, text in self.segments]))

    def bared(self) -> str:
        """The same without hidden characters: what is searched."""
        return bare("".join([text for _, text in self.segments]))


@dataclass(frozen=True, slots=True)
class AttentionStatement:
    """`alias` is true where the part `label` contains `word`, whatever the case."""

    alias: str
    label: str
    word: str


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """What one request asks.

    Attributes:
        questions: those that arise for this request, in order; of these its group, where they were split.
        parts: in order; the draft is last.
        attention: none or two.
    """

    questions: tuple[AskedQuestion, ...]
    parts: tuple[ReadPart, ...]
    attention: tuple[AttentionStatement, ...]

    def at(self, place: Place) -> tuple[ReadPart, ...]:
        """Parts of one place that show any text, in order."""
        return tuple(part for part in self.parts if part.place is place and part.segments)

    def true_aliases(self) -> tuple[str, ...]:
        """Return the attention statements that hold, by looking; one about a part that is not shown does not."""
        asked = {statement.label for statement in self.attention}
        shown = {p.label: "".join([t for _, t in p.segments]).casefold() for p in self.parts if p.label in asked}
        return tuple(s.alias for s in self.attention if s.word.casefold() in shown.get(s.label, ""))


def squash(text: str) -> str:
    """Drop all white space."""
    return "".join(text.split())


def bare(text: str) -> str:
    """Drop all white space and hidden characters, raw ones and those spelled out in a prompt."""
    return squash(HIDDEN.sub("", SPELLED.sub("", text)) if may_hide(text) else text)


def read(prefix: str, blocks: Sequence[str]) -> ReadPrompt:
    """Read one request's text.

    Args:
        prefix: instructions and questions (the system prompt).
        blocks: the rest, in order, one string a content block; one joined string reads the same.

    Returns:
        The questions, parts and attention statements; empty where the text is not a prompt of ours. Work is linear in
        the blocks; the prefix is read once and remembered.
    """
    questions = read_prefix(prefix)
    text = "\n".join(blocks)
    boundary = _BOUNDARY.search(text)
    if boundary is None:
        return ReadPrompt(questions, (), ())
    # The boundary cannot stand in data, so pieces alternate: trusted text, `begin ...`, `end ...` and trusted text.
    head, *pieces = text.split(f"<<{boundary.group(1)} ")
    parts = tuple(part for piece in pieces if (part := _part(piece)) is not None)
    trusted = pieces[-1] if pieces else head
    skipped = _NOT_ASKED.search(head)
    if skipped is not None:
        left_out = frozenset(skipped.group(1).split(", "))
        questions = tuple(q for q in questions if q.alias not in left_out)
    if (group := _GROUP.search(trusted)) is not None:
        first, last = map(int, group.groups())
        questions = tuple(q for q in questions if first <= int(q.alias.removeprefix("c")) <= last)
    attention = tuple(AttentionStatement(*match.groups()) for match in _ATTENTION.finditer(trusted))
    return ReadPrompt(questions, parts, attention)


@lru_cache(maxsize=256)
def read_prefix(prefix: str) -> tuple[AskedQuestion, ...]:
    """Read all questions of a prefix, in order."""
    return tuple(_question(match) for match in _QUESTION.finditer(prefix))


def _question(match: re.Match[str]) -> AskedQuestion:
    places = match["places"]
    return AskedQuestion(
        alias=match["alias"],
        key=match["key"],
        kind=Kind(match["kind"]),
        severity=Severity(match["severity"]),
        demand=_DEMANDS[match["demand"]],
        places=tuple(Place(name) for name in places.split(", ")) if places else (),
        na_allowed=match["na"] is not None,
    )


def _part(piece: str) -> ReadPart | None:
    title = _TITLE.match(piece)
    if title is None:
        return None
    label, role = title.groups(default="")
    return ReadPart(label, _PLACES[label[0]], role, segments_of(piece[title.end() :]))


def segments_of(body: str) -> tuple[tuple[str, str], ...]:
    """Split a rendered part into `(segment id, text)`; a line without an id is no segment."""
    return tuple((name, text[1:]) for name, bar, text in (line.partition("|") for line in body.split("\n")) if bar)
