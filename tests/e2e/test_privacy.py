"""Personal data and secrets: replaced before anybody sees them, while every quote still points at the original."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import orjson
import pytest

from reviewer.v1 import draft_pb2, finding_pb2
from reviewer.v1.review_service_pb2 import DataClassification, ReviewSubject
from tests.e2e.conftest import Serve
from tests.support.service import Service, rules
from tests.support.subjects import quoted, subject

UNVERIFIED = finding_pb2.QUOTE_STATUS_FAILED
UNKNOWN_ROLE: Any = 99
PII = {
    "email": "maria.souza@example.com",
    "card": "4111 1111 1111 1111",
    "cpf": "529.982.247-25",
    "iban": "GB82 WEST 1234 5698 7654 32",
    "secret": "AKIAIOSFODNN7EXAMPLE",
    "phone": "+1 415 555 2671",
}
DRAFT_QUOTE = "the fund pays twelve percent a year and has never lost a month"
SOURCE_QUOTE = "the fund lost nine percent in its worst year, and costs two percent annually"
TALK_QUOTE = "i will need this money for surgery in three months"


def _private_subject() -> ReviewSubject:
    """Build a request with personal data before, between and inside what will be quoted."""
    asked = subject(
        f"Dear {PII['email']}, about card {PII['card']}: {DRAFT_QUOTE}. Write to {PII['email']} to confirm the order.",
        asked=f"my cpf is {PII['cpf']}, key {PII['secret']}. {TALK_QUOTE}",
        intent="finance.investment",
        request_id="private-1",
    )
    asked.conversation.add(role=draft_pb2.ROLE_TOOL).parts.add().tool_result.text = f"Customer phone: {PII['phone']}."
    asked.draft.sources.add(
        id="sheet",
        title=f"Fact sheet for {PII['email']}",
        text=f"Contact {PII['email']}, account {PII['iban']}. Note: {SOURCE_QUOTE}.",
    )
    asked.draft.tool_calls.add(id="call_1", name="place_order", arguments_json=f'{{"to":"{PII["iban"]}","n":1}}')
    return asked


def _finance_critic() -> dict[str, object]:
    quotes = [
        {"place": "draft", "text": DRAFT_QUOTE},
        {"place": "source", "text": SOURCE_QUOTE},
        {"place": "draft", "text": "Write to [EMAIL_1] to confirm the order."},
    ]
    talk = [{"place": "conversation", "text": TALK_QUOTE}]
    return {
        "critique": {
            "finance/figures_grounded": {"outcome": "NOT_MET", "why": "The source says otherwise.", "quotes": quotes},
            "finance/backed_recommendation": {"outcome": "NOT_MET", "why": "The horizon is short.", "quotes": talk},
        }
    }


async def test_quotes_point_into_what_the_caller_sent(serve: Serve) -> None:
    """Offsets of verified quotes cut the quoted words out of the caller's own text, whatever was redacted before."""
    service = await serve(rules(_finance_critic()))
    asked = _private_subject()
    review = await service.review(asked)
    given = {reason.criterion: reason for reason in review.reasons if reason.message != ""}
    grounded = given["finance/figures_grounded"].quotes
    assert [quoted(asked, quote) for quote in grounded] == [
        DRAFT_QUOTE,
        SOURCE_QUOTE,
        f"Write to {PII['email']} to confirm the order.",
    ]
    assert [quote.text for quote in grounded][:2] == [DRAFT_QUOTE, SOURCE_QUOTE]
    assert [quoted(asked, quote) for quote in given["finance/backed_recommendation"].quotes] == [TALK_QUOTE]
    assert all(quote.status != UNVERIFIED for reason in review.reasons for quote in reason.quotes)


async def test_personal_data_stays_in_the_house(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    """No value that redaction knows reaches the second model, the log, the operational log or the review."""
    service = await serve(rules(_finance_critic()))
    review = await service.review(_private_subject())
    captured = capfd.readouterr()
    assert "verdict" in captured.out + captured.err
    assert len(service.provider.bodies) == 1
    stored = (await service.entries())[0]
    kept = {
        "provider": service.provider.bodies[0],
        "record": stored.record,
        "content": stored.content or b"",
        "material": _inflated(stored.content or b""),
        "events": (captured.out + captured.err).encode(),
        "review": review.SerializeToString(),
    }
    assert all(kept.values())
    values = {kind: value.encode() for kind, value in PII.items()}
    assert [(where, kind) for where, text in kept.items() for kind, value in values.items() if value in text] == []
    assert DRAFT_QUOTE.encode() in kept["provider"]
    assert TALK_QUOTE.encode() in kept["material"]
    assert {(count.kind, count.count) for count in review.redactions if count.place == finding_pb2.PLACE_DRAFT} == {
        ("email", 2),
        ("card", 1),
    }


async def test_what_is_kept_of_a_request_can_be_left_out(serve: Serve) -> None:
    """Where the settings keep nothing, or material is restricted, a content holds no more of a request than quotes."""
    nothing = await serve(rules(_finance_critic()), replay={"keep": "nothing"})
    await nothing.review(_private_subject())
    usual = await serve(rules(_finance_critic()))
    restricted = _private_subject()
    restricted.request_id, restricted.data_classification = (
        "private-2",
        DataClassification.DATA_CLASSIFICATION_RESTRICTED,
    )
    await usual.review(restricted)
    contents = [orjson.loads(stored.content or b"") for stored in await usual.entries()]
    assert [content.get("material") for content in contents] == [None, None]
    assert [content.get("unkept") for content in contents] == [None, "material of class restricted is not kept"]


async def test_no_reply_holds_what_was_kept(serve: Serve) -> None:
    """The kept request is in the log's content alone: in the store it is ciphertext, and no reply carries it."""
    service = await serve(rules())
    review = await service.review(_private_subject())
    stored = (await service.entries())[0]
    material = orjson.loads(stored.content or b"")["material"]
    assert material.encode() not in review.SerializeToString()
    assert material.encode() not in service.settings.ledger.path.read_bytes()
    assert TALK_QUOTE.encode() in _inflated(stored.content or b"")
    assert TALK_QUOTE.encode() not in review.SerializeToString()


def _inflated(content: bytes) -> bytes:
    """Return what a content keeps of a request, as JSON."""
    return zlib.decompress(base64.b64decode(orjson.loads(content)["material"]))


async def test_the_log_of_events_holds_no_text(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither draft, question, source nor the critic's words stand in the operational log."""
    service = await serve(rules(_finance_critic()))
    await service.review(_private_subject())
    captured = capfd.readouterr()
    events = captured.out + captured.err
    assert "finance" in events
    assert not [text for text in (DRAFT_QUOTE, SOURCE_QUOTE, TALK_QUOTE, "The source says otherwise") if text in events]


async def test_errors_repeat_no_text_of_the_request(service: Service, capfd: pytest.CaptureFixture[str]) -> None:
    """What a refused request held of personal data is neither in its status nor in the operational log."""
    asked = _private_subject()
    asked.draft.sources.add(id="sheet", text=f"again {PII['email']}")
    asked.conversation.add(role=UNKNOWN_ROLE).parts.add(text=PII["card"])
    asked.draft.tool_calls[0].name = ""
    refusal = await service.refusal(asked)
    captured = capfd.readouterr()
    said = " ".join((refusal.message, *map(str, refusal.fields), captured.out, captured.err))
    assert "subject.draft.sources" in said
    assert [kind for kind, value in PII.items() if value in said] == []
