"""Requests: protobuf in, `ReviewRequest` out, or every fault of the message at once.

The only place where a request is checked for form. Field paths in faults are those of the contract
(`subject.draft.sources[2].id`); messages name value and bound, and never repeat text of a draft.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from reviewer.config import LimitSettings
from reviewer.core.draft import (
    DataClass,
    Drafter,
    DrafterUsage,
    ImagePart,
    Message,
    Part,
    RawDraft,
    ReviewRequest,
    Revision,
    Role,
    Source,
    TextPart,
    Tier,
    ToolCall,
    ToolResult,
)
from reviewer.core.errors import Fault, RequestError
from reviewer.core.spending import TENANT_PATTERN
from reviewer.v1 import draft_pb2, review_pb2, review_service_pb2

T = TypeVar("T")

DEFAULT_TENANT = "default"
TENANT_KEY = "x-reviewer-tenant"
"""Metadata in which a caller says whom it speaks for."""
MAX_ID_CHARS = 128
MAX_NAME_CHARS = 200
MAX_LABELS = 32
MAX_LABEL_VALUE_CHARS = 256
MAX_INTENT_CHARS = 200
MAX_ATTEMPT = 100
MAX_SAFE_INTEGER = 2**53 - 1

_VISIBLE = re.compile(r"[!-~]{1,128}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-/]{0,127}")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_.\-]{0,62}")
_TENANT = re.compile(TENANT_PATTERN)
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}")
_REVIEW_NAME = re.compile(r"reviews/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MEDIA_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")

_ROLES = {
    draft_pb2.ROLE_SYSTEM: Role.SYSTEM,
    draft_pb2.ROLE_USER: Role.USER,
    draft_pb2.ROLE_ASSISTANT: Role.ASSISTANT,
    draft_pb2.ROLE_TOOL: Role.TOOL,
}
_TIERS = {
    review_pb2.RISK_TIER_UNSPECIFIED: None,
    review_pb2.RISK_TIER_LOW: Tier.LOW,
    review_pb2.RISK_TIER_MEDIUM: Tier.MEDIUM,
    review_pb2.RISK_TIER_HIGH: Tier.HIGH,
}
_DATA_CLASSES = {
    review_service_pb2.DATA_CLASSIFICATION_UNSPECIFIED: None,
    review_service_pb2.DATA_CLASSIFICATION_PUBLIC: DataClass.PUBLIC,
    review_service_pb2.DATA_CLASSIFICATION_INTERNAL: DataClass.INTERNAL,
    review_service_pb2.DATA_CLASSIFICATION_CONFIDENTIAL: DataClass.CONFIDENTIAL,
    review_service_pb2.DATA_CLASSIFICATION_RESTRICTED: DataClass.RESTRICTED,
}


@dataclass(slots=True)
class _Faults:
    """Faults of one message as they are found."""

    found: list[Fault] = field(default_factory=list)

    def add(self, path: str, message: str) -> None:
        self.found.append(Fault(path, "", message))

    def at_most(self, path: str, got: int, bound: int, what: str) -> None:
        if got > bound:
            self.add(path, f"{got} {what}, at most {bound}")

    def matches(self, path: str, value: str, pattern: re.Pattern[str], expected: str) -> None:
        if not pattern.fullmatch(value):
            self.add(path, f"got {value[:40]!r}, expected {expected}")

    def unique(self, path: str, ids: Iterable[str]) -> None:
        seen: set[str] = set()
        for one in ids:
            if one in seen:
                self.add(path, f"id {one[:40]!r} stands twice")
            seen.add(one)


def read_tenant(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """Return whom a call is made for: what its metadata say, or the default tenant.

    Raises:
        RequestError: it is no tenant's name, or several are given: a proxy may have added its own to the caller's.
    """
    named = [value for key, value in metadata or () if key == TENANT_KEY]
    if not named:
        return DEFAULT_TENANT
    tenant = named[0]
    if len(named) > 1:
        raise RequestError((Fault(TENANT_KEY, "", f"stands {len(named)} times, expected once"),))
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        expected = "1 to 63 of a-z, 0-9, . _ -, the first one a letter or digit"
        raise RequestError((Fault(TENANT_KEY, "", f"got {tenant[:40]!r}, expected {expected}"),))
    return tenant


def read_request(
    subject: review_service_pb2.ReviewSubject, limits: LimitSettings, tenant: str = DEFAULT_TENANT
) -> ReviewRequest:
    """Check and convert a request.

    Args:
        tenant: as `read_tenant` returns it.

    Raises:
        RequestError: with every fault.
    """
    faults = _Faults()
    _check_sizes(subject, limits, faults)
    if faults.found:
        # Over a size limit nothing else is looked at: that is what the limit is for.
        raise RequestError(tuple(faults.found))
    _check_labels(subject, faults)
    if not subject.HasField("draft"):
        faults.add("subject.draft", "is missing")
    elif not subject.draft.text.strip() and not subject.draft.tool_calls:
        faults.add("subject.draft", "has neither text nor a proposed tool call")
    conversation = tuple(_message(m, i, faults) for i, m in enumerate(subject.conversation))
    draft = _draft(subject.draft, conversation, faults)
    request = ReviewRequest(
        request_id=subject.request_id,
        content_digest=hashlib.sha256(subject.SerializeToString(deterministic=True)).hexdigest(),
        tenant=tenant,
        intent=subject.intent,
        draft=draft,
        tier=_known(subject.tier, _TIERS, "subject.tier", faults),
        locale=subject.locale,
        data_class=_known(subject.data_classification, _DATA_CLASSES, "subject.data_classification", faults),
        revision=_revision(subject, faults),
        labels=dict(subject.labels),
    )
    if faults.found:
        raise RequestError(tuple(faults.found))
    return request


def read_review_name(name: str) -> str:
    """Return the id in `reviews/{id}`.

    Raises:
        RequestError: it is no such name.
    """
    if not _REVIEW_NAME.fullmatch(name):
        raise RequestError((Fault("name", "", f"got {name[:60]!r}, expected reviews/ and a UUID"),))
    return name.removeprefix("reviews/")


def _check_sizes(subject: review_service_pb2.ReviewSubject, limits: LimitSettings, faults: _Faults) -> None:
    images = [p.image for m in subject.conversation for p in m.parts if p.WhichOneof("content") == "image"]
    total = subject.ByteSize()
    text = total - sum(len(image.data) for image in images)
    faults.at_most("subject", total, limits.max_request_bytes, "bytes")
    faults.at_most("subject", text, limits.max_text_bytes, "bytes without images")
    faults.at_most("subject.conversation", len(subject.conversation), limits.max_messages, "messages")
    faults.at_most("subject.conversation", len(images), limits.max_images, "images")
    faults.at_most("subject.draft.sources", len(subject.draft.sources), limits.max_sources, "sources")
    faults.at_most("subject.draft.tool_calls", len(subject.draft.tool_calls), limits.max_tool_calls, "tool calls")
    faults.at_most("subject.labels", len(subject.labels), MAX_LABELS, "labels")


def _check_labels(subject: review_service_pb2.ReviewSubject, faults: _Faults) -> None:
    if subject.request_id:
        faults.matches("subject.request_id", subject.request_id, _VISIBLE, "1 to 128 visible ASCII characters")
    if subject.locale:
        faults.matches("subject.locale", subject.locale, _LOCALE, "a BCP 47 tag such as pt-BR")
    faults.at_most("subject.intent", len(subject.intent), MAX_INTENT_CHARS, "characters")
    for key in sorted(subject.labels):
        faults.matches("subject.labels", key, _LABEL_KEY, "a key of a-z, 0-9, _ . -, at most 63 characters")
        faults.at_most(f"subject.labels[{key[:40]}]", len(subject.labels[key]), MAX_LABEL_VALUE_CHARS, "characters")


def _known(value: int, table: Mapping[Any, T], path: str, faults: _Faults) -> T | None:
    if value not in table:
        faults.add(path, f"unknown value {value}")
        return None
    return table[value]


def _message(message: draft_pb2.Message, index: int, faults: _Faults) -> Message:
    path = f"subject.conversation[{index}]"
    role = _ROLES.get(message.role)
    if role is None:
        faults.add(f"{path}.role", f"unknown value {message.role}")
    if not message.parts:
        faults.add(f"{path}.parts", "is empty")
    parts = (_part(part, f"{path}.parts[{i}]", faults) for i, part in enumerate(message.parts))
    return Message(role or Role.USER, tuple(part for part in parts if part is not None))


def _part(part: draft_pb2.Part, path: str, faults: _Faults) -> Part | None:
    kind = part.WhichOneof("content")
    if kind == "text":
        return TextPart(part.text)
    if kind == "image":
        if part.image.media_type not in _MEDIA_TYPES:
            expected = ", ".join(_MEDIA_TYPES)
            faults.add(f"{path}.image.media_type", f"got {part.image.media_type[:40]!r}, expected one of {expected}")
        if not part.image.data:
            faults.add(f"{path}.image.data", "is empty")
        return ImagePart(part.image.media_type, part.image.data)
    if kind == "tool_call":
        return _tool_call(part.tool_call, f"{path}.tool_call", faults)
    if kind == "tool_result":
        return ToolResult(part.tool_result.call_id, part.tool_result.text, part.tool_result.is_error)
    faults.add(path, "has no content, or content of a kind that this server does not know")
    return None


def _tool_call(call: draft_pb2.ToolCall, path: str, faults: _Faults) -> ToolCall:
    faults.matches(f"{path}.id", call.id, _ID, "1 to 128 letters, digits, _ . : - /")
    if not 0 < len(call.name) <= MAX_NAME_CHARS:
        faults.add(f"{path}.name", f"{len(call.name)} characters, expected 1 to {MAX_NAME_CHARS}")
    return ToolCall(call.id, call.name, call.arguments_json)


def _draft(draft: draft_pb2.Draft, conversation: tuple[Message, ...], faults: _Faults) -> RawDraft:
    path = "subject.draft"
    faults.unique(f"{path}.sources", (source.id for source in draft.sources))
    faults.unique(f"{path}.tool_calls", (call.id for call in draft.tool_calls))
    faults.at_most(f"{path}.finish_reason", len(draft.finish_reason), MAX_NAME_CHARS, "characters")
    for name in ("provider", "model", "snapshot"):
        faults.at_most(f"{path}.model.{name}", len(getattr(draft.model, name)), MAX_NAME_CHARS, "characters")
    return RawDraft(
        text=draft.text,
        tool_calls=tuple(_tool_call(c, f"{path}.tool_calls[{i}]", faults) for i, c in enumerate(draft.tool_calls)),
        conversation=conversation,
        sources=_sources(draft.sources, f"{path}.sources", faults),
        drafter=Drafter(draft.model.provider, draft.model.model, draft.model.snapshot),
        finish_reason=draft.finish_reason,
        usage=_usage(draft.usage, f"{path}.usage", faults),
    )


def _sources(sources: Sequence[draft_pb2.Source], path: str, faults: _Faults) -> tuple[Source, ...]:
    read = []
    for index, source in enumerate(sources):
        faults.matches(f"{path}[{index}].id", source.id, _ID, "1 to 128 letters, digits, _ . : - /")
        retrieved_at = None
        if source.HasField("retrieved_at"):
            retrieved_at = _moment(source.retrieved_at, f"{path}[{index}].retrieved_at", faults)
        read.append(Source(source.id, source.title, source.uri, source.text, retrieved_at))
    return tuple(read)


def _moment(value: Timestamp, path: str, faults: _Faults) -> datetime | None:
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        faults.add(path, f"{value.seconds} seconds are no time between the years 1 and 9999")
        return None


def _usage(usage: draft_pb2.DraftingUsage, path: str, faults: _Faults) -> DrafterUsage:
    cost = usage.cost_micro_usd if usage.HasField("cost_micro_usd") else None
    for name, value in (
        ("input_tokens", usage.input_tokens),
        ("output_tokens", usage.output_tokens),
        ("cost_micro_usd", cost or 0),
    ):
        if not 0 <= value <= MAX_SAFE_INTEGER:
            faults.add(f"{path}.{name}", f"got {value}, expected 0 to {MAX_SAFE_INTEGER}")
    return DrafterUsage(usage.input_tokens, usage.output_tokens, cost)


def _revision(subject: review_service_pb2.ReviewSubject, faults: _Faults) -> Revision | None:
    if not subject.HasField("revision"):
        return None
    revision = subject.revision
    path = "subject.revision"
    faults.matches(f"{path}.previous_review", revision.previous_review, _REVIEW_NAME, "reviews/ and a UUID")
    if not 1 <= revision.attempt <= MAX_ATTEMPT:
        faults.add(f"{path}.attempt", f"got {revision.attempt}, expected 1 to {MAX_ATTEMPT}")
    return Revision(revision.previous_review, revision.attempt)
