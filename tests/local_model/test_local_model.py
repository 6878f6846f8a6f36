"""Reviews in which a real model is asked. It judges at chance: what it proves is the wire, never a verdict."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import orjson
import pytest
from pydantic import SecretStr

from reviewer.core.outcome import StopReason
from reviewer.core.questionnaire import FINDINGS_SCHEMA
from reviewer.provider_sections import CompatibleSection
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review
from reviewer.vendors import open_provider
from tests.local_model.conftest import MODEL
from tests.support.builders import criterion, plan_of, request, rubric
from tests.support.compact import all_met
from tests.support.modes import CLAUDE_MODEL, GEMINI
from tests.support.service import deciding, verdicts
from tests.support.subjects import subject
from tests.support.watched_provider import WatchedProvider

pytestmark = [pytest.mark.local_model, pytest.mark.timeout(600)]
DEADLINE_S = 280.0


async def ask(stub: pb_grpc.ReviewServiceAsyncStub, intent: str) -> Review:
    asked = subject("Rest, and drink plenty of water.", intent=intent, drafter=GEMINI)
    response = await stub.ReviewDraft(pb.ReviewDraftRequest(subject=asked), timeout=DEADLINE_S)
    return response.review


async def test_the_wire(local_model: str) -> None:
    """A real model answers a real prompt in the findings schema, as far as it gets, and says what it used."""
    shown = all_met(plan_of(rubric(criterion("rest_advised"), criterion("no_dose"))), request("Rest a lot.")).prompt
    section = CompatibleSection(base_url=local_model, api_key=SecretStr(""))
    began = time.perf_counter()
    async with open_provider("openai_compatible", section, 1) as provider:
        reply = await provider.complete(MODEL, replace(shown, max_output_tokens=512))
    seconds = time.perf_counter() - began

    assert (reply.served_model, reply.simulated) == (MODEL, False)
    assert reply.stop in {StopReason.COMPLETE, StopReason.TRUNCATED}
    if reply.stop is StopReason.COMPLETE:
        assert list(orjson.loads(reply.text)) == FINDINGS_SCHEMA["required"]
    assert re.match(r'\{\s*"findings"\s*:\s*\[', reply.text)
    usage = reply.usage
    assert usage.input_tokens > 500
    assert usage.output_tokens > 20
    told = f"one critique: {seconds:.1f} s, {usage.input_tokens} tokens in, {usage.output_tokens} out"
    print(f"\n{told}")  # noqa: T201 - the figure is half of what this is run for


async def test_it_screens(stub: pb_grpc.ReviewServiceAsyncStub, strong: WatchedProvider) -> None:
    """Its calls are on record as a screen's; what it does not settle is for the strong reviewer, whatever it says."""
    review = await ask(stub, "probe.screened")

    screen, *behind = review.model_calls
    assert (screen.purpose, screen.provider, screen.served_model) == ("screen", "openai_compatible", MODEL)
    assert (screen.requested_model, screen.simulated) == (MODEL, False)
    assert min(screen.usage.input_tokens, screen.usage.output_tokens, screen.latency_us) > 0
    assert [(call.purpose, call.requested_model) for call in behind] == [("critique", CLAUDE_MODEL)] * strong.requests
    if not behind:
        assert verdicts([review]) == ["HUMAN_HANDOFF"]


async def test_it_never_approves(stub: pb_grpc.ReviewServiceAsyncStub, strong: WatchedProvider) -> None:
    """Where nobody else stands, it is not even asked: a person gets the draft."""
    review = await ask(stub, "probe.alone")

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"reviewer_unavailable"})
    assert list(review.model_calls) == []
    assert strong.requests == 0
