"""Check `refusal`: does the draft's opening turn the request down?

Only the opening is read: a criterion's critic looks for refusals further down. A refusal of one part passes where
enough of an answer follows; `why` says which of the two it was.
"""

from __future__ import annotations

from functools import partial

from reviewer.checks.quoting import quotes
from reviewer.checks.refusal_phrases import LETTER, PADDING, REFUSAL, TURN, WHOLE
from reviewer.checks.screens import VOICE
from reviewer.checks.sentences import is_quoted, sentences, word_count
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.rubric import Frozen

_OPENING_SENTENCES = 3
_OPENING_CHARS = 800
# What is read of the rest to see whether an answer follows: enough to exceed the larger bound many times.
_REST_CHARS = 4_000
_ANSWER_WORDS_AFTER_PART = 12
_ANSWER_WORDS_AFTER_WHOLE = 40
_PASSED = Passed(why="the opening declines nothing")
_OF_OTHERS = Passed(why="the opening declines nothing in the draft's own voice")


class Args(Frozen):
    """The check takes no arguments."""


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args)


def _check(_: Args, subject: Subject) -> CheckOutcome:
    text = subject.draft.text
    if VOICE.clears(subject.draft) or REFUSAL.search(text[:_OPENING_CHARS].encode()) is None:
        return _PASSED
    refusing = _refusing(text)
    if not refusing or LETTER.search(text[: refusing[0][1]]) is not None:
        return _OF_OTHERS
    whole = any(WHOLE.search(text[start:end]) is not None for start, end in refusing)
    answer = _answer_words(text, refusing)
    needed = _ANSWER_WORDS_AFTER_WHOLE if whole else _ANSWER_WORDS_AFTER_PART
    if answer >= needed:
        return Passed(
            quotes(subject.draft.draft, refusing), f"declines one part, then answers in {answer} words or more"
        )
    kind = "declines the request" if whole else "declines what was asked"
    why = f"the opening {kind} and {answer} words of answer follow, fewer than {needed}"
    return Flagged(
        why, quotes(subject.draft.draft, refusing), fix="Answer the request, or the part that can be answered."
    )


def _refusing(text: str) -> list[tuple[int, int]]:
    """Return the sentences of the opening that refuse in the draft's own voice."""
    found: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(sentences(text, _OPENING_CHARS)):
        if number == _OPENING_SENTENCES:
            break
        match = REFUSAL.search(text[start:end])
        if match is None or text[start:end].lstrip().startswith(">"):
            continue
        if not is_quoted(text, start + match.start(), start):
            found.append((start, end))
    return found


def _answer_words(text: str, refusing: list[tuple[int, int]]) -> int:
    """Count words of sentences that neither refuse nor pad, and of what follows a turn inside a refusing sentence."""
    words = 0
    for start, end in sentences(text, _REST_CHARS):
        sentence = text[start:end]
        if (start, end) in refusing:
            refusal = REFUSAL.search(sentence)
            rest = sentence[refusal.end() :] if refusal else ""
            turn = TURN.search(rest)
            sentence = rest[turn.end() :] if turn else ""
        if sentence and PADDING.search(sentence) is None:
            words += word_count(sentence)
    return words
