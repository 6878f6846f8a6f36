"""Check `non_answer`: is there any content at all?

Judge models grade near-empty drafts and bare openers well, so code asks first. Sentences that only announce, point
to a person or page, or restate the question are taken out; what is left must reach the minimum. Long drafts pass:
whether they answer the question is the critic's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from pydantic import Field

from reviewer.checks.opener_phrases import DEFLECTION, LINK, OPENER, POINTER_OR_LINK, RESTATED, SIGN, URGENT
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
# So much of a draft's beginning shows that it is no echo: some word of it is none of the question's.
_ECHO_OPENING = 60
# A sentence that goes on longer than this after naming whom to ask says something else too.
_WORDS_AFTER_POINTER = 14
_WORD = re.compile(r"\w+")
# Scripts that write words without spaces: two characters count as a word, and one as two letters.
_DENSE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_PASSED = Passed()
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
    """Return the check; equal arguments give the same one, which then runs once for a draft."""
    return _shared(args.min_characters, args.min_words)


@lru_cache(maxsize=64)
def _shared(characters: int, words: int) -> Check:
    # As \w counts letters and digits, and the underscore, which is none of either.
    plainly = rf"(?=(?:\W*+\w++){{{words}}})(?:[\W_]*+[^\W_]){{{characters}}}"
    return _NonAnswer(characters, words, re.compile(plainly))


@dataclass(frozen=True, slots=True)
class _NonAnswer:
    """The check.

    Attributes:
        plainly: matches the beginning of most texts that hold enough; the others are counted.
    """

    characters: int
    words: int
    plainly: re.Pattern[str] = field(repr=False)

    def __call__(self, subject: Subject, /) -> CheckOutcome:
        text = subject.draft.text.strip()
        if not text:
            return _without_text(subject)
        if not self._suffices(text):
            return self._flagged(subject, f"the draft holds less than {self._minimum}")
        if len(text) <= _SHORT and _echoes(text, subject):
            return self._flagged(subject, "the draft only restates the user's question")
        if len(text) <= _SHORT and (dropped := self._beside_the_point(text)) and SIGN.search(text.encode()) is not None:
            why = f"beyond {' and '.join(dropped)} the draft holds less than {self._minimum}"
            return self._flagged(subject, why)
        return _PASSED

    def _beside_the_point(self, text: str) -> list[str]:
        """Return what kinds of sentence the draft consists of where the others are not enough, else nothing.

        Sentences are read until there is enough, which in most drafts the first one is.
        """
        kept: list[str] = []
        dropped: dict[str, None] = {}
        for start, end in sentences(text):
            kind, rest = _kind(text[start:end])
            if kind:
                dropped[kind] = None
            if rest:
                kept.append(rest)
                if self.plainly.match(" ".join(kept)) is not None:
                    return []
        return [] if self._suffices(" ".join(kept)) else list(dropped) or ["its form"]

    def _suffices(self, text: str) -> bool:
        return self.plainly.match(text) is not None or (
            _has_letters(text, self.characters) and _has_words(text, self.words)
        )

    @property
    def _minimum(self) -> str:
        return f"{self.characters} letters and {self.words} words"

    def _flagged(self, subject: Subject, why: str) -> Flagged:
        draft = subject.draft.draft
        start = len(draft.text) - len(draft.text.lstrip())
        return Flagged(why, quotes(draft, [(start, len(draft.text.rstrip()))]), fix=_FIX)


def _has_letters(text: str, wanted: int) -> bool:
    """Whether a text holds so many letters and digits."""
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


def _kind(sentence: str) -> tuple[str, str]:
    """Name why a sentence is no content (empty where it is), and what of it is kept."""
    raw = sentence.encode()
    if OPENER.fullmatch(raw) is not None:
        return "an opener", ""
    if POINTER_OR_LINK.search(raw) is None:
        return "", sentence
    pointer = DEFLECTION.search(sentence)
    if pointer is not None and word_count(sentence[pointer.end() :]) <= _WORDS_AFTER_POINTER:
        urgent = URGENT.search(raw) is not None
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
    turns = [p.text for p in subject.draft.at(Place.CONVERSATION) if p.role is Role.USER]
    if not turns or len(turns[-1]) > 2 * _ECHO_LENGTH:
        return False
    question = turns[-1].casefold()
    restated = RESTATED.search(text) if RESTATED.search(text.encode()) is not None else None
    # The last word may be cut.
    opening = _WORD.findall(text[:_ECHO_OPENING].casefold())[:-1]
    if restated is None and not all(word in question for word in opening):
        return False
    asked = _WORD.findall(question)
    said = _WORD.findall((text[restated.end() :] if restated else text).casefold())
    if not said or len(said) < _ECHO_SHARE * len(asked):
        return False
    if restated is not None and len(set(said).difference(asked)) <= 1:
        return True
    return f" {' '.join(said)} " in f" {' '.join(asked)} "
