"""Where the critiques of a trial come from: recordings, or a provider whose replies are recorded as they come.

The critic knows nothing of either: both are providers to it, and what they answer is read as any reply is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import TracebackType
from typing import Self

from reviewer.core.outcome import FailureKind, Reply, StopReason
from reviewer.core.prompt import Prompt
from reviewer.core.prompt_parts import changed, parts_of
from reviewer.providers.interface import Listener, ProviderError, ReviewerProvider
from reviewer.rubrics.recordings import Call, Library, Recording, is_repair, record


@dataclass(slots=True)
class Tape:
    """The critiques of one trial.

    Attributes:
        providers: what the critic of this trial asks, by name.
        missing: models that were asked and of which nothing is recorded.
        stale: what changed since a recording was made, one sentence a prompt.
        made: recordings of this trial, in the order of the replies.
    """

    providers: Mapping[str, ReviewerProvider] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    made: list[Recording] = field(default_factory=list)


class _Provider:
    """What both kinds have in common: nothing is opened, and nobody counts."""

    simulated = False

    def __init__(self, name: str, case: str, tape: Tape) -> None:
        self.name = name
        self._case = case
        self._tape = tape

    async def count(self, model: str, prompt: Prompt) -> int | None:
        """Say nothing: a case is far from the limits of a context."""
        del model, prompt
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close nothing."""


class RecordedProvider(_Provider):
    """Answers from recordings, and tells the tape of what it could not answer."""

    def __init__(self, name: str, case: str, tape: Tape, library: Library) -> None:
        """Keep where to look, and whom to tell."""
        super().__init__(name, case, tape)
        self._library = library

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        """Return the recorded reply.

        Raises:
            ProviderError: REJECTED, where there is none to this prompt; nothing is ever made up.
        """
        call = Call(self._case, self.name, model, prompt)
        found = self._library.find(call)
        if found is None:
            self._tell(call)
            raise ProviderError(FailureKind.REJECTED, "no reply to this prompt is recorded")
        reply = found.reply(prompt)
        if listener is not None and reply.text and listener.heard(reply.text):
            return Reply(
                reply.text,
                StopReason.ENDED_EARLY,
                "",
                reply.served_model,
                reply.request_id,
                reply.usage,
                reply.simulated,
            )
        return reply

    def _tell(self, call: Call) -> None:
        repair = is_repair(call.prompt)
        kept = [recording for recording in self._library.of(call.case, call.model) if recording.repair == repair]
        if not kept:
            self._tape.missing.append(call.model)
            return
        now = parts_of(call.prompt)
        # Of several prompts (groups of questions) the one that changed least is the one that was meant.
        names = min((changed(recording.parts, now) for recording in kept), key=len)
        what = ", ".join(names) or "the order of its parts"
        self._tape.stale.append(f"{call.model}: the prompt is no longer the recorded one; changed: {what}")


class RecordingProvider(_Provider):
    """Asks another provider and records what it answers."""

    def __init__(
        self, inner: ReviewerProvider, case: str, tape: Tape, now: Callable[[], datetime], today: date
    ) -> None:
        """Keep whom to ask; it is opened and closed by whoever made it."""
        super().__init__(inner.name, case, tape)
        self.simulated = inner.simulated
        self._inner = inner
        self._now = now
        self._today = today

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        """Ask, and keep the reply.

        Raises:
            ProviderError: no reply came; nothing is recorded of that.
        """
        reply = await self._inner.complete(model, prompt, listener)
        call = Call(self._case, self.name, model, prompt)
        self._tape.made.append(record(call, reply, self._now(), self._today))
        return reply

    async def count(self, model: str, prompt: Prompt) -> int | None:
        """Ask the provider."""
        return await self._inner.count(model, prompt)
