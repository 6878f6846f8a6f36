"""Check `non_answer`: is there any content at all?

Judge models grade near-empty drafts and bare openers well, so code asks first. Sentences that only announce, point
to a person or page, or restate the question are taken out; what is left must reach the minimum. Long drafts pass:
whether they answer the question is the critic's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from pydantic import Field

from reviewer.checks.opener_phrases import DEFLECTION, LINK, OPENER, OPENER_HINT, RESTATED, URGENT
from reviewer.checks.patterns import compile_own
from reviewer.checks.quoting import quotes
from reviewer.checks.sentences import sentences, word_count
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Role
from reviewer.core.finding import Outcome
from reviewer.core.rubric import Frozen, Place

# Above this length no draft is made of openers and deflections alone.
_SHORT = 1_200
_ECHO_LENGTH = 600
_ECHO_SHARE = 0.6
# A sentence that goes on longer than this after naming whom to ask says something else too.
_WORDS_AFTER_POINTER = 14
_WORD = re.compile(r"\w+")
# Scripts that write words without spaces: two characters count as a word, and one as two letters.
_DENSE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_SIGNS = (OPENER_HINT, DEFLECTION, LINK)
_DENSE_LETTER = compile_own(f"[{_DENSE}]")
_FIX = "Answer what was asked: a fact, a step, a figure, or the one question without which no answer is possible."


class Args(Frozen):
    """What a draft must hold at least.

    Attributes:
        min_characters: letters and digits; those of scripts without word spaces count twice.
        min_words: words; two characters of scripts without word spaces count as one.
    """

    min_characters: int = Field(default=20, ge=1, le=400)
    min_words: int = Field(default=4, ge=1, le=100)


def build(args: Args) -> Check:
    """Return the check."""
    return _NonAnswer(args.min_characters, args.min_words)


@dataclass(frozen=True, slots=True)
class _NonAnswer:
    characters: int
    words: int

    def __call__(self, subject: Subject, /) -> CheckOutcome:
        text = subject.draft.text.strip()
        if not text:
            return _without_text(subject)
        if not self._suffices(text):
            return self._flagged(subject, f"the draft holds less than {self._minimum}")
        if len(text) <= _SHORT and _echoes(text, subject):
            return self._flagged(subject, "the draft only restates the user's question")
        if len(text) <= _SHORT and any(sign.search(text) is not None for sign in _SIGNS):
            rest, dropped = _content(text)
            if not self._suffices(rest):
                why = f"beyond {' and '.join(dropped)} the draft holds less than {self._minimum}"
                return self._flagged(subject, why)
        return Passed()

    def _suffices(self, text: str) -> bool:
        return _has_letters(text, self.characters) and _has_words(text, self.words)

    @property
    def _minimum(self) -> str:
        return f"{self.characters} letters and {self.words} words"

    def _flagged(self, subject: Subject, why: str) -> Flagged:
        draft = subject.draft.draft
        start = len(draft.text) - len(draft.text.lstrip())
        return Flagged(why, quotes(draft, [(start, len(draft.text.rstrip()))]), fix=_FIX)


def _has_letters(text: str, wanted: int) -> bool:
    """Whether a text holds so many letters and digits; in most texts the first few characters show it."""
    letters = sum(map(str.isalnum, text[: 4 * wanted]))
    if letters < wanted:
        letters = sum(map(str.isalnum, text)) + sum(1 for _ in islice(_DENSE_LETTER.finditer(text), wanted))
    return letters >= wanted


def _has_words(text: str, wanted: int) -> bool:
    words = 0
    for match in _WORD.finditer(text):
        word = match.group(0)
        dense = 0 if word.isascii() else sum(1 for _ in _DENSE_LETTER.finditer(word[: 2 * wanted]))
        words += max(1, dense // 2)
        if words >= wanted:
            return True
    return False


def _without_text(subject: Subject) -> Flagged:
    if subject.draft.tool_calls:
        return Flagged("the draft proposes tool calls without text", outcome=Outcome.NOT_APPLICABLE)
    return Flagged("the draft is empty", fix=_FIX)


def _content(text: str) -> tuple[str, list[str]]:
    """Return the text without sentences that hold no content, and what kinds of sentence were taken out."""
    kept: list[str] = []
    dropped: dict[str, None] = {}
    for start, end in sentences(text):
        kind, rest = _kind(text[start:end])
        if kind:
            dropped[kind] = None
        if rest:
            kept.append(rest)
    return " ".join(kept), list(dropped) or ["its form"]


def _kind(sentence: str) -> tuple[str, str]:
    """Name why a sentence is no content (empty where it is), and what of it is kept."""
    if OPENER.fullmatch(sentence) is not None:
        return "an opener", ""
    pointer = DEFLECTION.search(sentence)
    if pointer is not None and word_count(sentence[pointer.end() :]) <= _WORDS_AFTER_POINTER:
        urgent = URGENT.search(sentence) is not None
        return ("", sentence) if urgent else ("a pointer elsewhere", "")
    spans = [(match.start(), match.end()) for match in LINK.finditer(sentence)]
    if not spans:
        return "", sentence
    pieces = [sentence[a:b] for a, b in zip([0, *(e for _, e in spans)], [*(s for s, _ in spans), None], strict=True)]
    return "links", "".join(pieces)


def _echoes(text: str, subject: Subject) -> bool:
    """Whether the draft is a stretch of the user's last turn, and most of it."""
    if len(text) > _ECHO_LENGTH:
        return False
    turns = [p for p in subject.draft.at(Place.CONVERSATION) if p.role is Role.USER]
    if not turns or len(turns[-1].text) > 2 * _ECHO_LENGTH:
        return False
    asked = _WORD.findall(turns[-1].text.casefold())
    restated = RESTATED.search(text)
    said = _WORD.findall((text[restated.end() :] if restated else text).casefold())
    if not said or len(said) < _ECHO_SHARE * len(asked):
        return False
    if restated is not None and len(set(said).difference(asked)) <= 1:
        return True
    return f" {' '.join(said)} " in f" {' '.join(asked)} "
