"""Arrival: answers of a reply that is still being written, each as soon as its last bracket is there.

What is announced here may decide early and may be shown early. It is no reading of the reply: of a critique that comes
to its end only `reviewer.core.critique.parse` says what it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from reviewer.core.critique import read_finding, read_quoted
from reviewer.core.outcome import Answer
from reviewer.core.questionnaire import Question

_READERS = {"findings": read_finding, "quoted": read_quoted}
"""Lists whose entries are answers; aliases under `met` are told by the whole reply alone."""
_MARK = re.compile(r'["{}\[\]]')
_IN_STRING = re.compile(r'["\\]')
_CLOSES = {"}": "{", "]": "["}
_DOCUMENT, _LIST = 1, 2
_MAX_DEPTH = 5
"""Brackets open at once in the reply that is asked for: document, findings, finding, evidence, quote."""


class Arrival:
    """Reads one reply piece by piece.

    The scanner looks at each character once, and each complete entry is validated once, so that the work is linear
    in the reply however it is cut. Each list is read once, and nothing after the last of them. What is not the stated
    form ends the reading: nothing is announced any more.
    """

    __slots__ = (
        "_answers",
        "_asked",
        "_begin",
        "_escaped",
        "_held",
        "_key",
        "_open",
        "_over",
        "_quoted",
        "_read",
        "_within",
    )

    def __init__(self, asked: Mapping[str, Question]) -> None:
        """Start before the first character; `asked` are the questions by alias."""
        self._asked = asked
        self._answers: list[Answer] = []
        # Brackets that are open, whether a string is, and whether a backslash is the last that was read in it.
        self._open: list[str] = []
        self._quoted = False
        self._escaped = False
        # The latest string of the document itself, the list of answers that is open, the lists that were, whether all
        # is read.
        self._key = ""
        self._within = ""
        self._read: set[str] = set()
        self._over = False
        # Pieces of the key or entry that is being read, and where it goes on in the latest piece.
        self._held: list[str] | None = None
        self._begin = 0

    def add(self, text: str) -> list[Answer]:
        """Take the next piece and return the answers that it completes, in the order of the reply.

        Never raises for what stands there. Answers to questions that were not asked are left out; several to one
        question are all returned.
        """
        self._answers = []
        self._begin = at = 0
        while at < len(text) and not self._over:
            at = self._through_string(text, at) if self._quoted else self._to_mark(text, at)
        if self._held is not None:
            self._held.append(text[self._begin :])
        return self._answers

    def _through_string(self, text: str, at: int) -> int:
        """Go on to the end of the string, to a backslash in it, or past what stands behind one."""
        if self._escaped:
            self._escaped = False
            return at + 1
        mark = _IN_STRING.search(text, at)
        if mark is None:
            return len(text)
        if mark[0] == "\\":
            self._escaped = True
        else:
            self._quoted = False
            if len(self._open) == _DOCUMENT:
                self._key = self._taken(text, mark.end())
        return mark.end()

    def _to_mark(self, text: str, at: int) -> int:
        """Go on past the next bracket or quotation mark outside of strings."""
        mark = _MARK.search(text, at)
        end = mark.end() if mark else len(text)
        depth = len(self._open)
        if depth == 0 and text[at:end].strip() not in ("", "{"):
            # The reply begins with something else: the whole of it is unreadable.
            self._over = True
        elif mark is None:
            return end
        elif mark[0] == '"':
            self._quoted = True
            if depth == _DOCUMENT:
                self._hold(mark.start())
        elif mark[0] in _CLOSES:
            self._close(mark[0], text, end)
        else:
            self._enter(mark[0], mark.start())
        return end

    def _enter(self, sign: str, at: int) -> None:
        depth = len(self._open)
        if depth == _DOCUMENT and sign == "[":
            name = _named(self._key)
            self._within = name if name in _READERS and name not in self._read else ""
        elif depth == _LIST and self._within:
            self._over = sign != "{"
            self._hold(at)
        self._over = self._over or depth == _MAX_DEPTH
        self._open.append(sign)

    def _close(self, sign: str, text: str, end: int) -> None:
        fits = self._open.pop() == _CLOSES[sign]
        depth = len(self._open)
        if not fits or depth == 0:
            self._over = True
        elif self._within and depth == _DOCUMENT:
            self._read.add(self._within)
            self._within = ""
            self._over = len(self._read) == len(_READERS)
        elif self._within and depth == _LIST:
            answer = _READERS[self._within](self._taken(text, end), self._asked)
            if answer is not None:
                self._answers.append(answer)

    def _hold(self, at: int) -> None:
        """Keep the text from here on: a key of the document, or an entry."""
        self._held = []
        self._begin = at

    def _taken(self, text: str, end: int) -> str:
        """Return what was kept, up to here."""
        held = "".join([*(self._held or ()), text[self._begin : end]])
        self._held = None
        return held


def _named(key: str) -> str:
    """Decode a key: one that is written with escapes is the same key."""
    try:
        named = json.loads(key)
    except ValueError:
        return ""
    return named if isinstance(named, str) else ""
