"""Screens: one pass over a text that spares several checks their own, because most texts hold nothing for any of them.

A screen errs on one side only: it may call a text suspicious that no check minds, never the other way round. It is an
alternation and not an RE2 set, for the reason given at `reviewer.checks.patterns.PatternGroup`.
"""

from __future__ import annotations

from collections.abc import Callable

from reviewer.checks.caveat_phrases import CAVEAT
from reviewer.checks.lookalikes import SUSPECT
from reviewer.checks.patterns import Pattern, compile_own
from reviewer.checks.refusal_phrases import REFUSAL_HINT
from reviewer.checks.steering_phrases import HINT_OR_ENCODED
from reviewer.core.passage import RedactedDraft


class Screen:
    """One pattern over one text of a request; the last request's answer is kept for the next check that asks.

    It holds on to that one request until the next one comes: its identity could be another's otherwise.
    """

    __slots__ = ("_last", "_pattern", "_text_of")

    def __init__(self, pattern: Pattern, text_of: Callable[[RedactedDraft], str]) -> None:
        self._pattern = pattern
        self._text_of = text_of
        # One tuple and not two fields: whoever reads it sees an answer with its own question.
        self._last: tuple[RedactedDraft | None, bool] = (None, False)

    def clears(self, draft: RedactedDraft) -> bool:
        """Whether a request certainly holds nothing that the screened checks look for."""
        asked, clear = self._last
        if asked is not draft:
            clear = self._pattern.search(self._text_of(draft).encode()) is None
            self._last = (draft, clear)
        return clear


def _all_text(draft: RedactedDraft) -> str:
    # No phrase and no blob spans a line break unless it is white space to it, and a passage's ends are words' ends.
    return "\n".join([passage.text for passage in draft.passages])


def _draft_text(draft: RedactedDraft) -> str:
    return draft.text


EVERYWHERE = Screen(compile_own(HINT_OR_ENCODED.pattern, SUSPECT.pattern), _all_text)
"""For `hidden_text` and `reviewer_steering`: hidden characters, look-alikes, words for the reviewer, encoded text."""

VOICE = Screen(compile_own(REFUSAL_HINT.pattern, CAVEAT.pattern), _draft_text)
"""For `refusal` and `over_caveating`, over the draft."""
