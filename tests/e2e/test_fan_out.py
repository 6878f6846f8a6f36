"""Questions split into groups that are asked at once: the review that one call gives, or the failure of one group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from reviewer.client import subject_of_case
from reviewer.simulate.loading import load_script
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.modes import ANTHROPIC, GEMINI, OPENAI, panel_of, rubrics_with
from tests.support.service import Service, broken, causes, deciding, rules, running, verdicts
from tests.support.subjects import GPT, RUBRICS, shipped_cases, subject

GROUPS = 4
# Every case of the shipped rubrics comes out alike; a fifth of them says so in a fifth of the time.
SAMPLE = sorted(shipped_cases())[::5]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, Service]]:
    """The same rules and the same critic, asked in one call and in four."""
    one, split = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("split")
    rubrics = rubrics_with(split, ("claude_opus", "gpt"), fan_out=GROUPS)
    async with (
        running(one, load_script(cases_dir=RUBRICS), rubrics={"directory": RUBRICS}) as whole,
        running(split, load_script(cases_dir=RUBRICS), rubrics=rubrics) as parts,
    ):
        yield whole, parts


def told(review: Review) -> tuple[object, ...]:
    """What a review says, without what is new in each of them."""
    reasons = [(r.cause, r.asks_for, r.criterion, r.message, str(r.quotes)) for r in review.reasons]
    findings = [finding.SerializeToString(deterministic=True) for finding in review.findings]
    return review.verdict, reasons, findings, review.guidance.SerializeToString(deterministic=True)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SAMPLE)
async def test_groups_say_what_one_call_says(both: tuple[Service, Service], name: str) -> None:
    """Verdict, reasons, findings and guidance of a shipped case do not depend on how its questions were asked."""
    asked = subject_of_case(shipped_cases()[name])
    whole, parts = [await service.review(asked) for service in both]

    assert told(parts) == told(whole)
    assert len(parts.model_calls) == (GROUPS if whole.model_calls else 0)
    assert len({call.prompt_digest for call in parts.model_calls}) == len(parts.model_calls)


async def _serve(serve: Serve, folder: Path, *written: dict[str, object], **fields: object) -> Service:
    rubrics = rubrics_with(folder, **{"reviewers": ("claude_opus", "gpt"), "fan_out": GROUPS, **fields})  # type: ignore[arg-type]
    return await serve(rules(*written), rubrics=rubrics, critic={"max_attempts": 1})


FAULTS = {
    "rate_limited": "reviewer_unavailable",
    "server_error": "reviewer_unavailable",
    "overloaded": "reviewer_unavailable",
    "unauthorized": "reviewer_unavailable",
    "connection_reset": "reviewer_unavailable",
    "empty_body": "reviewer_unavailable",
    "too_large": "partial_coverage",
    "hang": "deadline",
    "slow_drip": "deadline",
    "refusal": "reviewer_refused",
    "truncation": "partial_coverage",
    "context_exceeded": "partial_coverage",
    "missing_criteria": "partial_coverage",
    "rubber_stamp": "reviewer_unreadable",
    "fail_attention": "reviewer_unreadable",
    "wrong_model": "served_model_mismatch",
}


@pytest.mark.parametrize(("kind", "cause"), FAULTS.items())
async def test_a_fault_in_one_group_fails_the_critique(serve: Serve, tmp_path: Path, kind: str, cause: str) -> None:
    """Three good groups do not make up for a bad one: its cause decides, and every group's call is on record."""
    service = await _serve(serve, tmp_path, broken(kind, times=1))
    review = await service.review(subject(), 1.5 if cause == "deadline" else 10)

    assert verdicts([review]) == ["HUMAN_HANDOFF"]
    assert deciding(review) == {cause}
    assert [call.purpose for call in review.model_calls] == ["critique"] * GROUPS


async def test_invented_quotes_are_found_out_in_any_group(serve: Serve, tmp_path: Path) -> None:
    """Quotes of all groups are held against the same text."""
    review = await (await _serve(serve, tmp_path, broken("invented_quotes"))).review(subject())

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"evidence_unverified"})


@pytest.mark.parametrize("kind", ["prose", "invalid_json", "fenced_json"])
async def test_each_group_has_its_own_repair(serve: Serve, tmp_path: Path, kind: str) -> None:
    """An unreadable answer of one group is asked for once more, and the others are not."""
    service = await _serve(serve, tmp_path, broken(kind, times=1))
    review = await service.review(subject())

    assert verdicts([review]) == ["APPROVE"]
    assert sorted(call.purpose for call in review.model_calls) == ["critique"] * GROUPS + ["repair"]


@pytest.mark.parametrize("kind", ["unknown_criteria", "duplicate_findings"])
async def test_what_one_group_says_counts(serve: Serve, tmp_path: Path, kind: str) -> None:
    """An answer that nobody asked for is dropped, and one given twice is doubted, as in a single call."""
    service = await _serve(serve, tmp_path, broken(kind, times=1))
    review = await service.review(subject())

    assert (verdicts([review]) == ["APPROVE"]) is (kind == "unknown_criteria")
    assert causes(review) <= {"criterion"}


async def test_a_reviewer_that_fails_in_one_group_is_replaced_in_all(serve: Serve, tmp_path: Path) -> None:
    """No critique is put together from two models: in an outage the next one answers every question."""
    service = await _serve(serve, tmp_path, broken("unauthorized", provider=ANTHROPIC, times=1))
    review = await service.review(subject(drafter=GEMINI))

    assert verdicts([review]) == ["APPROVE"]
    assert [call.provider for call in review.model_calls] == [ANTHROPIC] * GROUPS + [OPENAI] * GROUPS
    assert {f.judge for f in review.findings if f.judge.startswith(("claude", "gpt"))} == {"gpt-5.5-2026-04-23"}


async def test_a_panel_can_be_split_too(serve: Serve, tmp_path: Path) -> None:
    """Each member of a panel answers in groups; its groups are its own."""
    service = await _serve(serve, tmp_path, **panel_of(2, 2))
    review = await service.review(subject(drafter=GEMINI))

    assert verdicts([review]) == ["APPROVE"]
    assert sorted(call.provider for call in review.model_calls) == [ANTHROPIC] * GROUPS + [OPENAI] * GROUPS


async def test_groups_share_what_a_provider_can_cache(serve: Serve, tmp_path: Path) -> None:
    """The calls of one review send the same instructions and the same draft under the same boundary."""
    service = await _serve(serve, tmp_path)
    await service.review(subject(drafter=GPT))
    starts = {body[: body.index(b"Two statements to check first")] for body in service.provider.bodies}

    assert (len(service.provider.bodies), len(starts)) == (GROUPS, 1)


async def test_a_caller_who_leaves_takes_all_groups_along(serve: Serve, tmp_path: Path) -> None:
    """When the client cancels, the calls of all groups end, and there is no verdict."""
    service = await _serve(serve, tmp_path)
    service.provider.gate.clear()
    call = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), timeout=30)
    async with asyncio.timeout(10):
        await service.provider.arrived(GROUPS)
        call.cancel()
        await service.provider.left(GROUPS)

    assert await call.code() is grpc.StatusCode.CANCELLED
    assert await service.entries() == ()
