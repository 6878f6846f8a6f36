"""A second model in this process that answers as a case's own script says: no port, no wire format, no model.

For trying rubric files offline. What it answers is marked as simulated; it says nothing of what a model would answer.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from reviewer.core.case import Case
from reviewer.core.outcome import Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.simulate.critic import reply_text
from reviewer.simulate.reading import read
from reviewer.simulate.selection import Scene


class ScriptedReviewer:
    """Answers every prompt as one case says."""

    simulated = True

    def __init__(self, name: str, case: Case) -> None:
        """Keep the script.

        Args:
            name: of the provider whose place it takes.
        """
        self.name = name
        self._scene = Scene(case.critique)

    async def complete(self, model: str, prompt: Prompt, listener: object = None) -> Reply:
        """Return the script's answers, whole and at once; a listener is not told of them."""
        del listener
        text = reply_text(read(prompt.questionnaire.prefix, prompt.blocks), self._scene)
        return Reply(text, StopReason.COMPLETE, "scripted", model, "", Usage(), simulated=True)

    async def count(self, model: str, prompt: Prompt) -> int | None:
        """Say nothing: nothing is sent."""
        del model, prompt
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close nothing."""
