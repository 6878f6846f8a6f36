"""Calls that end without a review: each situation has its status, its reason and its details, and none has text."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import grpc
import pytest
from grpc_health.v1 import health_pb2

import reviewer
from reviewer.core.check import CheckOutcome, Subject
from reviewer.core.errors import ReviewerError
from reviewer.core.record import Entry
from reviewer.ledger import sqlite
from reviewer.ledger.interface import Appended
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.serving.errors import TABLE
from reviewer.v1 import review_service_pb2 as pb
from tests.e2e.conftest import Serve
from tests.support.assembled import assembled, shipped_rulebook
from tests.support.service import Service, broken, deciding, refusal_of, rules, verdicts, write_lock
from tests.support.subjects import ANSWER, subject

METHOD = "/reviewer.v1.ReviewService/ReviewDraft"
CODE = grpc.StatusCode
UNKNOWN: Any = 77
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_revision_must_follow_a_review(serve: Serve) -> None:
    """A revision of a review that is not there, that did not ask for one, or of a wrong count is refused."""
    rude = {"outcome": "NOT_MET", "why": "Rude.", "quotes": [{"text": "lie down in a dark room for a while"}]}
    rule = {"match": {"contains": "dark room"}, "critique": {"answer_quality/courteous_tone": rude}}
    service = await serve(rules(rule))
    revised = await service.review(subject())
    approved = await service.review(subject(ANSWER.replace("dark room", "quiet place")))
    assert verdicts([revised, approved]) == ["REVISE", "APPROVE"]
    claims = {
        (f"reviews/{'0' * 8}-0000-7000-8000-{'0' * 12}", 1): "subject.revision.previous_review",
        (approved.name, 1): "subject.revision.previous_review",
        (revised.name, 2): "subject.revision.attempt",
    }
    for (name, attempt), field in claims.items():
        asked = subject()
        asked.revision.previous_review, asked.revision.attempt = name, attempt
        refusal = await service.refusal(asked)
        assert (refusal.code, refusal.paths) == (CODE.INVALID_ARGUMENT, [field])
    assert len(await service.entries()) == 2


async def test_an_unknown_review_is_not_found(service: Service) -> None:
    """A well-formed name of no review is NOT_FOUND, a malformed one INVALID_ARGUMENT."""
    missing = pb.GetReviewRequest(name=f"reviews/{'0' * 8}-0000-7000-8000-{'0' * 12}")
    refusal = await refusal_of(service.stub.GetReview(missing, timeout=10))
    assert (refusal.code, refusal.reason) == (CODE.NOT_FOUND, "REVIEW_NOT_FOUND")
    malformed = pb.GetReviewRequest(name="reviews/../secrets")
    refusal = await refusal_of(service.stub.GetReview(malformed, timeout=10))
    assert (refusal.code, refusal.paths) == (CODE.INVALID_ARGUMENT, ["name"])


async def test_too_many_at_once_are_turned_away(serve: Serve) -> None:
    """With all places taken a call is refused at once, unread, with a time to come back; the others are answered."""
    service = await serve(limits={"max_in_flight": 2, "retry_after_s": 1.5})
    service.provider.gate.clear()
    held = [service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), timeout=30) for _ in range(2)]
    await service.provider.arrived(2)
    refusal = await service.refusal(subject())
    assert (refusal.code, refusal.reason, refusal.retry_s) == (CODE.RESOURCE_EXHAUSTED, "TOO_MANY_REVIEWS", 1.5)
    assert (await service.raw(b"\xff\xff\xff")).code is CODE.RESOURCE_EXHAUSTED
    service.provider.gate.set()
    assert verdicts([(await call).review for call in held]) == ["APPROVE"] * 2
    assert verdicts([await service.review(subject())]) == ["APPROVE"]
    assert len(await service.entries()) == 3


async def test_without_the_log_there_is_no_verdict(serve: Serve) -> None:
    """While the log cannot be written calls are UNAVAILABLE and health says so; afterwards all is as before."""
    service = await serve(ledger={"busy_timeout_s": 0.05}, server={"probe_interval_s": 0.05})
    with write_lock(service.settings.ledger.path):
        refusal = await service.refusal(subject(request_id="r-1"))
        assert (refusal.code, refusal.reason) == (CODE.UNAVAILABLE, "AUDIT_LOG_UNAVAILABLE")
        await service.health_turns(NOT_SERVING)
        await service.health_turns(NOT_SERVING, "")
    assert await service.entries() == ()
    await service.health_turns(SERVING)
    assert verdicts([await service.review(subject(request_id="r-1"))]) == ["APPROVE"]
    assert len(await service.entries()) == 1


async def test_the_client_waits_out_a_short_lock(serve: Serve) -> None:
    """The client's own retries carry one call over a moment in which the log cannot be written: one review, once."""
    service = await serve(ledger={"busy_timeout_s": 0.02})
    asked = subject()
    with write_lock(service.settings.ledger.path):
        review = asyncio.create_task(service.client.review(asked))
        await service.provider.arrived(2)
    assert verdicts([await review]) == ["APPROVE"]
    assert len(await service.entries()) == 1


async def test_erased_content_cannot_be_read_back(service: Service) -> None:
    """A review whose content was erased is not invented anew: reading and replaying it fail."""
    review = await service.review(subject(request_id="r-1"))
    connection = apsw.Connection(str(service.settings.ledger.path))
    connection.execute("UPDATE contents SET content = NULL, content_key = NULL")
    connection.close()
    read = await refusal_of(service.stub.GetReview(pb.GetReviewRequest(name=review.name), timeout=10))
    again = await service.refusal(subject(request_id="r-1"))
    for refusal in (read, again):
        assert (refusal.code, refusal.reason) == (CODE.DATA_LOSS, "AUDIT_LOG_CORRUPT")
    assert len(service.provider.bodies) == 1


class BuggyLedger(SqliteLedger):
    """A log whose writing has a bug: its error is not of the port's kind, and repeats what it was given."""

    async def append(self, entry: Entry) -> Appended:
        """Fail."""
        raise RuntimeError(entry.content)


async def test_our_own_fault_says_nothing_but_its_number(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An unexpected error is INTERNAL with a correlation id that the log has too, and neither repeats its text."""
    sqlite.create(tmp_path / "log.db")
    ledger = BuggyLedger(tmp_path / "log.db")
    async with ledger, assembled(ledger, shipped_rulebook()) as stub:
        refusal = await refusal_of(stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), timeout=10))
    assert (refusal.code, refusal.reason) == (CODE.INTERNAL, "INTERNAL")
    assert refusal.message == f"internal error, correlation id {refusal.correlation_id}"
    captured = capfd.readouterr()
    said = captured.out + captured.err
    assert refusal.correlation_id in said
    assert "RuntimeError" in said
    assert ANSWER[:20] not in said + refusal.message


async def test_a_broken_check_costs_a_handoff(tmp_path: Path) -> None:
    """A check that raises is a check that could not judge: the draft goes to a person, with that cause alone."""

    def broken_check(subject: Subject, /) -> CheckOutcome:
        raise KeyError(subject.draft.text)

    rulebook = shipped_rulebook()
    checks = {**rulebook.checks, "health/no_personal_data": broken_check}
    sqlite.create(tmp_path / "log.db")
    ledger = SqliteLedger(tmp_path / "log.db")
    async with ledger, assembled(ledger, dataclasses.replace(rulebook, checks=checks)) as stub:
        review = (await stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), timeout=10)).review
    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"check_unavailable"})
    assert [reason.criterion for reason in review.reasons] == ["health/no_personal_data"]
    assert "KeyError" in review.reasons[0].message
    assert ANSWER[:20] not in review.reasons[0].message


async def test_outages_of_the_second_model_are_no_errors(serve: Serve) -> None:
    """With the second model down the call succeeds: the handoff is the answer."""
    service = await serve(rules(broken("unauthorized")))
    assert verdicts([await service.client.review(subject())]) == ["HUMAN_HANDOFF"]


def _tree(root: type[ReviewerError]) -> Iterator[type[ReviewerError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def test_every_error_has_an_answer() -> None:
    """The table from errors to statuses knows every class of the tree, and says nothing of what is our own fault."""
    for module in pkgutil.walk_packages(reviewer.__path__, "reviewer."):
        # Alembic alone can run what stands there, and it raises nothing of ours.
        if not module.name.startswith("reviewer.ledger.migrations."):
            importlib.import_module(module.name)
    ours = {error for error in _tree(ReviewerError) if error.__module__.startswith("reviewer.")}
    assert set(TABLE) == ours
    assert {error for error, answer in TABLE.items() if not answer.shown} == {
        error for error, answer in TABLE.items() if answer.code is CODE.INTERNAL
    }
