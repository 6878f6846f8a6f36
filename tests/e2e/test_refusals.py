"""Requests at fault: refused before anything is done with them, with every fault by its field."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from reviewer.serving.errors import ERROR_DOMAIN
from reviewer.v1 import draft_pb2
from reviewer.v1 import review_service_pb2 as pb
from tests.e2e.conftest import Serve
from tests.support.service import Service, refusal_of
from tests.support.subjects import ANSWER, subject

CODE = grpc.StatusCode
UNKNOWN: Any = 77


async def _nothing_happened(service: Service) -> bool:
    """Whether a refused call left no trace: no model was asked, and nothing was written."""
    return service.provider.bodies == [] and await service.entries() == ()


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x7f", b"\x0a\x02\x0a\x05"])
async def test_bytes_that_are_no_message_are_refused(service: Service, data: bytes) -> None:
    """Malformed bytes are the caller's fault, said with a reason."""
    refusal = await service.raw(data)
    assert (refusal.code, refusal.reason) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert await _nothing_happened(service)


async def test_text_that_is_no_utf8_is_refused(service: Service) -> None:
    """A draft that is not UTF-8 is refused, and its bytes are not repeated."""
    data = pb.ReviewDraftRequest(subject=subject(ANSWER + "QQQQ")).SerializeToString()
    refusal = await service.raw(data.replace(b"QQQQ", b"\xff\xfe\xfd\xfc"))
    assert (refusal.code, refusal.reason) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert ANSWER[:20] not in refusal.message
    assert await _nothing_happened(service)


def _no_draft(asked: pb.ReviewSubject) -> None:
    asked.ClearField("draft")


def _blank_draft(asked: pb.ReviewSubject) -> None:
    asked.draft.text = " \n"


def _unknown_tier(asked: pb.ReviewSubject) -> None:
    asked.tier = UNKNOWN


def _unknown_class(asked: pb.ReviewSubject) -> None:
    asked.data_classification = UNKNOWN


def _unknown_role(asked: pb.ReviewSubject) -> None:
    asked.conversation[0].role = UNKNOWN


def _no_role(asked: pb.ReviewSubject) -> None:
    asked.conversation[0].role = draft_pb2.ROLE_UNSPECIFIED


def _empty_part(asked: pb.ReviewSubject) -> None:
    asked.conversation[0].parts.add()


def _no_parts(asked: pb.ReviewSubject) -> None:
    asked.conversation.add(role=draft_pb2.ROLE_USER)


def _odd_image(asked: pb.ReviewSubject) -> None:
    image = asked.conversation[0].parts.add().image
    image.media_type, image.data = "image/tiff", b"II*"


def _empty_image(asked: pb.ReviewSubject) -> None:
    asked.conversation[0].parts.add().image.media_type = "image/png"


def _same_source(asked: pb.ReviewSubject) -> None:
    asked.draft.sources.add(id="a", text="x")
    asked.draft.sources.add(id="a", text="y")


def _source_without_id(asked: pb.ReviewSubject) -> None:
    asked.draft.sources.add(text="x")


def _impossible_time(asked: pb.ReviewSubject) -> None:
    asked.draft.sources.add(id="a", text="x").retrieved_at.seconds = 10**15


def _nameless_call(asked: pb.ReviewSubject) -> None:
    asked.draft.tool_calls.add(id="c1", arguments_json="{}")


def _negative_usage(asked: pb.ReviewSubject) -> None:
    asked.draft.usage.output_tokens = -1


def _bad_request_id(asked: pb.ReviewSubject) -> None:
    asked.request_id = "two words"


def _bad_locale(asked: pb.ReviewSubject) -> None:
    asked.locale = "portuguese!"


def _bad_label(asked: pb.ReviewSubject) -> None:
    asked.labels["Team"] = "a"


def _bad_revision_name(asked: pb.ReviewSubject) -> None:
    asked.revision.previous_review, asked.revision.attempt = "the one before", 1


def _bad_attempt(asked: pb.ReviewSubject) -> None:
    asked.revision.previous_review, asked.revision.attempt = f"reviews/{'0' * 8}-0000-7000-8000-{'0' * 12}", 0


FAULTS = {
    _no_draft: "subject.draft",
    _blank_draft: "subject.draft",
    _unknown_tier: "subject.tier",
    _unknown_class: "subject.data_classification",
    _unknown_role: "subject.conversation[0].role",
    _no_role: "subject.conversation[0].role",
    _empty_part: "subject.conversation[0].parts[1]",
    _no_parts: "subject.conversation[1].parts",
    _odd_image: "subject.conversation[0].parts[1].image.media_type",
    _empty_image: "subject.conversation[0].parts[1].image.data",
    _same_source: "subject.draft.sources",
    _source_without_id: "subject.draft.sources[0].id",
    _impossible_time: "subject.draft.sources[0].retrieved_at",
    _nameless_call: "subject.draft.tool_calls[0].name",
    _negative_usage: "subject.draft.usage.output_tokens",
    _bad_request_id: "subject.request_id",
    _bad_locale: "subject.locale",
    _bad_label: "subject.labels",
    _bad_revision_name: "subject.revision.previous_review",
    _bad_attempt: "subject.revision.attempt",
}
"""What is done to a good request, and the one field that is at fault then."""


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__[1:])
async def test_a_fault_names_its_field(service: Service, spoil: Any) -> None:
    """A request with one fault is refused with exactly that field and what is wrong with it."""
    asked = subject()
    spoil(asked)
    refusal = await service.refusal(asked)
    assert (refusal.code, refusal.reason, refusal.domain) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST", ERROR_DOMAIN)
    assert refusal.paths == [FAULTS[spoil]]
    assert refusal.fields[0][1]
    assert len(refusal.correlation_id) == 32
    assert await _nothing_happened(service)


async def test_all_faults_are_named_at_once(service: Service) -> None:
    """A request with many faults is refused once, with every one of them."""
    asked = subject()
    together = [_unknown_tier, _empty_part, _same_source, _nameless_call, _bad_locale, _bad_label, _bad_attempt]
    for spoil in together:
        spoil(asked)
    refusal = await service.refusal(asked)
    assert sorted(refusal.paths) == sorted(FAULTS[spoil] for spoil in together)
    assert await _nothing_happened(service)


async def test_an_empty_request_is_refused(service: Service) -> None:
    """No bytes are a message without a draft."""
    assert (await service.raw(b"")).paths == ["subject.draft"]


async def test_too_much_text_is_refused(serve: Serve) -> None:
    """Text over the limit is refused with what was got and the bound, and nothing else of it is looked at."""
    service = await serve(limits={"max_text_bytes": 1024})
    asked = subject("word " * 300)
    _unknown_tier(asked)
    refusal = await service.refusal(asked)
    assert (refusal.code, refusal.paths) == (CODE.INVALID_ARGUMENT, ["subject"])
    assert "at most 1024" in refusal.fields[0][1]
    assert await _nothing_happened(service)


async def test_too_large_a_message_is_refused(serve: Serve) -> None:
    """Images count towards the whole message, whose limit is refused by name as well."""
    service = await serve(limits={"max_request_bytes": 4096})
    asked = subject()
    image = asked.conversation[0].parts.add().image
    image.media_type, image.data = "image/png", b"\x00" * 5000
    refusal = await service.refusal(asked)
    assert (refusal.code, refusal.paths) == (CODE.INVALID_ARGUMENT, ["subject"])
    assert "at most 4096" in refusal.fields[0][1]
    assert await _nothing_happened(service)


async def test_a_message_beyond_the_frame_is_not_even_read(serve: Serve) -> None:
    """Far beyond the limit gRPC itself refuses the message."""
    service = await serve(limits={"max_request_bytes": 4096})
    refusal = await service.refusal(subject("x" * (2 * 1024 * 1024)))
    assert refusal.code is CODE.RESOURCE_EXHAUSTED
    assert await _nothing_happened(service)


@pytest.mark.parametrize(
    ("limit", "field"),
    [
        ("max_messages", "subject.conversation"),
        ("max_sources", "subject.draft.sources"),
        ("max_tool_calls", "subject.draft.tool_calls"),
    ],
)
async def test_too_many_of_anything_are_refused(serve: Serve, limit: str, field: str) -> None:
    """Each count has its limit."""
    service = await serve(limits={limit: 1})
    asked = subject()
    asked.conversation.add(role=draft_pb2.ROLE_USER).parts.add(text="and")
    for name in ("a", "b"):
        asked.draft.sources.add(id=name, text="x")
        asked.draft.tool_calls.add(id=name, name="look", arguments_json="{}")
    assert (await service.refusal(asked)).paths == [field]


async def test_a_stream_fails_in_the_same_way(service: Service) -> None:
    """StreamReview refuses what ReviewDraft refuses, with the same details and no event before it."""
    asked = subject()
    _unknown_tier(asked)
    refusal = await refusal_of(service.stub.StreamReview(pb.StreamReviewRequest(subject=asked), timeout=10).read())
    assert (refusal.code, refusal.paths) == (CODE.INVALID_ARGUMENT, ["subject.tier"])
