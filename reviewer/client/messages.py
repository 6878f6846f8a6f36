"""Messages of the contract from and to other forms: protobuf JSON, and labelled cases."""

from __future__ import annotations

import json

from google.protobuf import json_format

from reviewer.core.case import Case
from reviewer.core.draft import RawDraft, Source, ToolCall
from reviewer.v1 import draft_pb2
from reviewer.v1.handoff_service_pb2 import Ticket
from reviewer.v1.review_pb2 import Review
from reviewer.v1.review_service_pb2 import ReviewSubject

_ROLES = {
    "system": draft_pb2.ROLE_SYSTEM,
    "user": draft_pb2.ROLE_USER,
    "assistant": draft_pb2.ROLE_ASSISTANT,
    "tool": draft_pb2.ROLE_TOOL,
}


def read_subject(text: str) -> ReviewSubject:
    """Read a `ReviewSubject` in protobuf's JSON form.

    Raises:
        ValueError: it is not JSON, or names a field that the contract lacks; the message repeats no value.
    """
    subject = ReviewSubject()
    try:
        json_format.Parse(text, subject)
    except json_format.ParseError as exc:
        # The library's message goes on to repeat the value.
        raise ValueError(str(exc).split("\n", 1)[0][:200]) from exc
    return subject


def review_json(review: Review, *, one_line: bool = False) -> str:
    """Write a review in protobuf's JSON form, indented unless it is to be one line, with the contract's field names."""
    indent = None if one_line else 2
    return json_format.MessageToJson(review, indent=indent, preserving_proto_field_name=True, ensure_ascii=False)


def ticket_json(ticket: Ticket) -> str:
    """Write a ticket in protobuf's JSON form on one line, with the contract's field names."""
    return json_format.MessageToJson(ticket, indent=None, preserving_proto_field_name=True, ensure_ascii=False)


def read_review(text: str) -> Review:
    """Read a review in protobuf's JSON form.

    Raises:
        ValueError: it is not one.
    """
    try:
        return json_format.Parse(text, Review())
    except json_format.ParseError as exc:
        raise ValueError("not a review in JSON") from exc


def draft_digests(subject: ReviewSubject) -> tuple[str, str]:
    """Return the digests of a request's draft and of its sources, as receipts bind them."""
    draft = subject.draft
    calls = tuple([ToolCall(call.id, call.name, call.arguments_json) for call in draft.tool_calls])
    sources = tuple([Source(source.id, source.title, source.uri, source.text) for source in draft.sources])
    raw = RawDraft(draft.text, tool_calls=calls, sources=sources)
    return raw.digest(), raw.sources_digest()


def subject_of_case(case: Case) -> ReviewSubject:
    """Turn a labelled case into a request, without a request id."""
    subject = ReviewSubject(intent=case.intent, locale=case.locale)
    for turn in case.conversation:
        message = subject.conversation.add(role=_ROLES[turn.role])
        if turn.role == "tool":
            message.parts.add().tool_result.text = turn.text
        else:
            message.parts.add(text=turn.text)
    draft = subject.draft
    draft.text = case.draft.text
    draft.model.provider = case.draft.model.provider
    draft.model.model = case.draft.model.model
    for call in case.draft.tool_calls:
        draft.tool_calls.add(id=call.id, name=call.name, arguments_json=json.dumps(call.arguments, ensure_ascii=False))
    for source in case.sources:
        added = draft.sources.add(id=source.id, title=source.title, uri=source.uri, text=source.text)
        if source.retrieved_at is not None:
            added.retrieved_at.FromDatetime(source.retrieved_at)
    return subject
