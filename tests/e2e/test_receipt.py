"""Receipts end to end: what a backend gets with an approval is what anybody can check, and for that draft alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from google.protobuf import json_format
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.client import ReviewSubject
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.modes import finds
from tests.support.service import Service, rules, verdicts
from tests.support.subjects import ANSWER, subject

Verify = Callable[..., Result]


@pytest.fixture
def verify(service: Service, tmp_path: Path) -> Verify:
    """Write receipt, keys and draft to files, and check them as a backend's script would."""

    def invoke(review: Review, *options: str, draft: str = ANSWER) -> Result:
        settings = tmp_path / "settings.toml"
        settings.write_text(f'[ledger]\npath = "{service.settings.ledger.path}"\n', encoding="utf-8")
        keys = CliRunner().invoke(app, ["receipt", "keys", "--config", str(settings)])
        assert keys.exit_code == 0, keys.output
        (tmp_path / "keys.json").write_text(keys.stdout, encoding="utf-8")
        (tmp_path / "draft.txt").write_bytes(draft.encode())
        (tmp_path / "receipt.jws").write_text(review.receipt, encoding="utf-8")
        files = ["--keys", str(tmp_path / "keys.json"), "--draft", str(tmp_path / "draft.txt")]
        return CliRunner().invoke(app, ["receipt", "verify", str(tmp_path / "receipt.jws"), *files, *options])

    return invoke


async def _check(verify: Verify, review: Review, *options: str, draft: str = ANSWER) -> Result:
    return await asyncio.to_thread(verify, review, *options, draft=draft)


async def test_an_approval_can_be_checked_by_anybody(service: Service, verify: Verify) -> None:
    """With nothing but receipt, public keys and draft the approval is good, and names the entry of the log."""
    review = await service.review(subject())
    result = await _check(verify, review, "--allow-simulated", "--origin", "localhost/reviewer", "--tenant", "default")

    assert result.exit_code == 0, result.output
    assert review.name in result.stdout
    assert review.log_position.leaf_hash.hex() in result.stdout


@pytest.mark.parametrize("draft", [ANSWER + "\n", ANSWER + " ", ANSWER[:-1], ANSWER.replace("water", "wAter")])
async def test_another_draft_is_not_covered(service: Service, verify: Verify, draft: str) -> None:
    """One byte of difference, a line end among them, and the receipt does not cover the draft."""
    result = await _check(verify, await service.review(subject()), "--allow-simulated", draft=draft)

    assert result.exit_code == 1
    assert "not the one that was approved" in result.output


async def test_a_simulated_approval_is_not_good(service: Service, verify: Verify) -> None:
    """Unless asked for, the approval of a simulated model covers nothing."""
    result = await _check(verify, await service.review(subject()))

    assert result.exit_code == 1
    assert "simulated" in result.output


async def test_a_whole_request_can_be_checked(service: Service, verify: Verify, tmp_path: Path) -> None:
    """Where a draft has sources or tool calls, the request itself is held against the receipt."""
    asked = subject()
    asked.draft.sources.add(id="s", title="Leaflet", text="Water helps against headaches.")
    review = await service.review(asked)
    await _check(verify, review)

    def against(request: ReviewSubject) -> int:
        path = tmp_path / "subject.json"
        path.write_text(json_format.MessageToJson(request), encoding="utf-8")
        files = ["--keys", str(tmp_path / "keys.json"), "--subject", str(path)]
        arguments = ["receipt", "verify", str(tmp_path / "receipt.jws"), *files, "--allow-simulated"]
        return CliRunner().invoke(app, arguments).exit_code

    assert await asyncio.to_thread(against, asked) == 0
    asked.draft.sources[0].text += "!"
    assert await asyncio.to_thread(against, asked) == 1


async def test_only_approvals_have_receipts(serve: Serve) -> None:
    """A draft that must not be sent comes without a receipt."""
    said = finds("anthropic", "health/no_certain_diagnosis", "NOT_MET", quoted=ANSWER[:30])
    service = await serve(rules(said))
    review = await service.review(subject())

    assert verdicts([review]) != ["APPROVE"]
    assert review.receipt == ""


async def test_a_review_read_back_has_its_receipt(service: Service) -> None:
    """The stored review, and the replay of its request id, carry the very same receipt."""
    review = await service.review(subject(request_id="once"))

    assert review.receipt
    assert (await service.client.get(review.name)).receipt == review.receipt
    assert (await service.review(subject(request_id="once"))).receipt == review.receipt


async def test_the_receipt_is_bound_to_the_record(service: Service) -> None:
    """Leaf, index, rubrics and models of the receipt are those of the log's entry."""
    review = await service.review(subject())
    claims = jwt.decode(review.receipt, options={"verify_signature": False})
    (entry,) = await service.entries()
    record = json.loads(entry.record)

    assert (claims["leaf"], claims["index"]) == (entry.position.leaf_hash.hex(), entry.position.index)
    assert claims["rubrics"] == {rubric["id"]: rubric["digest"] for rubric in record["rubrics"]}
    assert claims["models"] == [call["served"] for call in record["calls"]]
    assert (claims["sub"], claims["draft"]) == (review.name, record["draft_digest"])
