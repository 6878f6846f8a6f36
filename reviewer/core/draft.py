"""What a caller sends: conversation, draft, sources, and the facts that route them.

Nothing here is redacted; a value of this module must not reach a model, a log or an error message.
`reviewer.core.redaction` turns a `RawDraft` into a `RedactedDraft`, the only form that a provider accepts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from reviewer.core.canonical import canonical_bytes


class Role(StrEnum):
    """Who speaks in a conversation turn."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class DataClass(StrEnum):
    """How sensitive the caller says the material is; what it leaves open counts as confidential."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Tier(IntEnum):
    """Risk tier of a route. Ordered, so that a caller's wish can only raise it."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        """Lower-case name, as files and records spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class TextPart:
    """Plain text of a turn, as the caller sent it."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image of a turn.

    Attributes:
        media_type: `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
        data: the file's bytes.
    """

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that was made or, in a draft, is proposed.

    Attributes:
        id: the caller's id of the call, unique in its conversation.
        name: name of the tool.
        arguments_json: the arguments as one JSON object, byte for byte as the drafting model wrote it.
    """

    id: str
    name: str
    arguments_json: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered in the conversation: untrusted text."""

    call_id: str
    text: str
    is_error: bool = False


Part = TextPart | ImagePart | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation, oldest first."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A document that the draft may rely on.

    Attributes:
        retrieved_at: when the caller fetched it (UTC), if known.
    """

    id: str
    title: str
    uri: str
    text: str
    retrieved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Drafter:
    """The model that wrote the draft, as the caller names it; empty strings where unknown."""

    provider: str = ""
    model: str = ""
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class DrafterUsage:
    """What the draft cost the caller, if known.

    Attributes:
        cost_micro_usd: integer micro-USD, or None.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int | None = None


@dataclass(frozen=True, slots=True)
class RawDraft:
    """A draft with everything it was written from, unredacted.

    Attributes:
        text: the answer in the user's language, may be empty where only tool calls are proposed.
        tool_calls: proposed calls, in order.
        finish_reason: the drafting model's own stop reason, empty where unknown.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    conversation: tuple[Message, ...] = ()
    sources: tuple[Source, ...] = ()
    drafter: Drafter = field(default_factory=Drafter)
    finish_reason: str = ""
    usage: DrafterUsage = field(default_factory=DrafterUsage)

    def digest(self) -> str:
        """SHA-256, in hex, of what would be sent to the user: text and proposed tool calls.

        The bytes hashed are the RFC 8785 form of `{"text": ..., "tool_calls": [{"arguments_json", "id", "name"}]}`,
        so that any language with a JCS library can compute it.
        """
        calls = [{"id": c.id, "name": c.name, "arguments_json": c.arguments_json} for c in self.tool_calls]
        return hashlib.sha256(canonical_bytes({"text": self.text, "tool_calls": calls})).hexdigest()

    def sources_digest(self) -> str:
        """SHA-256, in hex, of the RFC 8785 form of the list of `{"id", "text", "title", "uri"}`, in order."""
        rows = [{"id": s.id, "text": s.text, "title": s.title, "uri": s.uri} for s in self.sources]
        return hashlib.sha256(canonical_bytes(rows)).hexdigest()


@dataclass(frozen=True, slots=True)
class Revision:
    """Says that this draft answers an earlier `REVISE`.

    Attributes:
        previous_review: name of the earlier review, `reviews/{id}`.
        attempt: 1 for the first revised draft, 2 for the next.
    """

    previous_review: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One request for a review, converted once at the edge.

    Attributes:
        request_id: the caller's idempotency key, empty where it gave none.
        content_digest: SHA-256 of the request as received, in hex; two requests with one `request_id` must agree on it.
        intent: dotted label, `health.medication_dosage`.
        tier: the caller's wish; it can raise the route's tier and never lowers it.
        locale: BCP 47 tag of the user, `pt-BR`; empty where unknown.
        data_class: None where the caller left it open (treated as confidential).
        labels: the caller's own key-value marks, kept in the record.
    """

    request_id: str
    content_digest: str
    tenant: str
    intent: str
    draft: RawDraft
    tier: Tier | None = None
    locale: str = ""
    data_class: DataClass | None = None
    revision: Revision | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
