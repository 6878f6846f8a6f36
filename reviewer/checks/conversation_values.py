"""Whether a value that a draft wants to use was said before: in a turn of the conversation or in a tool result."""

from __future__ import annotations

from decimal import Decimal

from reviewer.checks.quantities import bare_numbers
from reviewer.core.passage import RedactedDraft
from reviewer.core.rubric import Place


class ConversationValues:
    """The conversation as something to look values up in; folded at the first look-up only."""

    def __init__(self, draft: RedactedDraft) -> None:
        self._passages = (*draft.at(Place.CONVERSATION), *draft.at(Place.TOOL_RESULT))
        self._text: str | None = None
        self._numbers: set[Decimal] | None = None

    def hold(self, value: object) -> bool:
        """Whether a string stands there as whole words (case and white space folded), or a number in any spelling."""
        if isinstance(value, bool) or value is None:
            return False
        if isinstance(value, int | Decimal):
            return Decimal(value) in self._all_numbers()
        return isinstance(value, str) and self._holds_text(_fold(value))

    def _holds_text(self, wanted: str) -> bool:
        if self._text is None:
            self._text = _fold(" \n ".join(passage.text for passage in self._passages))
        at = self._text.find(wanted) if wanted else -1
        while at >= 0:
            end = at + len(wanted)
            before, after = self._text[at - 1 : at], self._text[end : end + 1]
            if not (before.isalnum() and wanted[0].isalnum()) and not (after.isalnum() and wanted[-1].isalnum()):
                return True
            at = self._text.find(wanted, at + 1)
        return False

    def _all_numbers(self) -> set[Decimal]:
        if self._numbers is None:
            texts = (passage.text for passage in self._passages)
            self._numbers = {number for text in texts for number in bare_numbers(text, before_words=True)}
        return self._numbers


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
