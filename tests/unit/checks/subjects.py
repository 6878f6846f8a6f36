"""Builds what a check looks at, through the real redaction, so that no test invents a redacted text."""

from __future__ import annotations

from datetime import UTC, datetime

from reviewer.checks.interface import CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Message, RawDraft, ReviewRequest, Role, Source, TextPart, ToolCall, ToolResult
from reviewer.core.finding import Outcome
from reviewer.core.redaction import redact

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def subject(
    text: str = "",
    *,
    user: str | tuple[str, ...] = "",
    system: str = "",
    sources: tuple[Source | str, ...] = (),
    calls: tuple[tuple[str, str], ...] = (),
    results: tuple[str, ...] = (),
    locale: str = "en-US",
) -> Subject:
    """Return a subject; sources given as text are named `s-1`, `s-2`, calls are `(name, arguments_json)`."""
    turns = (user,) if isinstance(user, str) else user
    messages = [Message(Role.SYSTEM, (TextPart(system),))] if system else []
    messages += [Message(Role.USER, (TextPart(turn),)) for turn in turns if turn]
    messages += [Message(Role.TOOL, (ToolResult("r", result),)) for result in results]
    named = tuple(
        s if isinstance(s, Source) else Source(f"s-{n}", f"Title {n}", "", s) for n, s in enumerate(sources, 1)
    )
    proposed = tuple(ToolCall(f"call_{n}", name, arguments) for n, (name, arguments) in enumerate(calls, 1))
    raw = RawDraft(text=text, tool_calls=proposed, conversation=tuple(messages), sources=named)
    request = ReviewRequest("", "", "tenant", "health.question", raw, locale=locale)
    return Subject(redact(request), locale, NOW)


def outcome_of(result: CheckOutcome) -> Outcome:
    """Return what a check's result comes to; `Unavailable` has no outcome and fails the test."""
    assert isinstance(result, Passed | Flagged)
    return Outcome.MET if isinstance(result, Passed) else result.outcome
