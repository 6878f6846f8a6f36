"""Labelled cases as requests: what a backend would send for each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reviewer.core.case import Case, CaseTurn
from reviewer.core.draft import (
    DataClass,
    Drafter,
    Message,
    Part,
    RawDraft,
    ReviewRequest,
    Role,
    Source,
    TextPart,
    ToolCall,
    ToolResult,
)


def request_of(
    case: Case,
    *,
    request_id: str = "",
    tenant: str = "cases",
    data_class: DataClass | None = DataClass.INTERNAL,
) -> ReviewRequest:
    """Convert a case into the request that a backend would send.

    Args:
        case: as its file states it; tool turns become tool results.
        request_id: the idempotency key, empty for none.
        data_class: what the caller would say of the material; None leaves it open.

    Returns:
        A request whose `content_digest` is that of the draft; tool calls carry their arguments as compact JSON.
    """
    draft = RawDraft(
        text=case.draft.text,
        tool_calls=tuple(ToolCall(c.id, c.name, compact_json(c.arguments)) for c in case.draft.tool_calls),
        conversation=tuple(Message(Role(t.role), (_turn(t, n),)) for n, t in enumerate(case.conversation)),
        sources=tuple(Source(s.id, s.title, s.uri, s.text, s.retrieved_at) for s in case.sources),
        drafter=Drafter(case.draft.model.provider, case.draft.model.model),
        finish_reason="stop",
    )
    return ReviewRequest(
        request_id=request_id,
        content_digest=draft.digest(),
        tenant=tenant,
        intent=case.intent,
        draft=draft,
        locale=case.locale,
        data_class=data_class,
    )


def compact_json(arguments: Mapping[str, object]) -> str:
    """Write a call's arguments as a backend would."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def _turn(turn: CaseTurn, number: int) -> Part:
    return ToolResult(f"turn_{number}", turn.text) if turn.role == "tool" else TextPart(turn.text)
