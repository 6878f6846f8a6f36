"""Erasure, retention and legal hold as an operator meets them, with the service running on the same log."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import grpc
import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.merkle import leaf_hash
from reviewer.v1 import review_service_pb2 as pb
from tests.support.builders import entry
from tests.support.service import Refusal, Service, refusal_of, rules, running, verdicts
from tests.support.subjects import subject

PHRASE = "take two tablets of ibuprofen with plenty of water"
ASKED = ("--by", "dpo@example.com", "--reason", "Art. 17 request")


async def run(service: Service, *arguments: str, stdin: str | None = None) -> Result:
    """Run `reviewer log` on the service's log."""
    path = str(service.settings.ledger.path)
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["log", *arguments, "--path", path], input=stdin, catch_exceptions=False
    )


async def read(service: Service, name: str) -> Refusal:
    return await refusal_of(service.stub.GetReview(pb.GetReviewRequest(name=name), timeout=10))


def on_disk(path: Path) -> bytes:
    """Return the bytes of the log and of its write-ahead file."""
    return b"".join(file.read_bytes() for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())


async def test_quotes_are_not_in_the_file(tmp_path: Path) -> None:
    """What the critic quotes from a draft is in the review, and in no file of the log."""
    quote = {"place": "draft", "text": PHRASE}
    said = {"outcome": "NOT_MET", "why": "No dose stands in a source.", "quotes": [quote]}
    async with running(tmp_path, rules({"critique": {"health/doses_grounded": said}})) as service:
        review = await service.review(subject(f"You may {PHRASE}, twice a day if the pain goes on."))
        assert PHRASE in str(review)
        written = on_disk(service.settings.ledger.path)
        assert review.name.removeprefix("reviews/").encode() in written
        assert PHRASE.encode() not in written
        assert b"No dose stands" not in written
        assert (await service.client.get(review.name)).reasons == review.reasons


async def test_an_erased_review(service: Service) -> None:
    """Reading and replaying an erased review say so, no second review is made, and the log tells who erased it."""
    review = await service.review(subject(request_id="r-1"))
    record = (await service.entries())[0].record
    erased = await run(service, "erase", review.name, *ASKED, "--yes")
    assert (erased.exit_code, erased.stdout) == (0, "1 contents erased: record 1\n")

    for refusal in (await read(service, review.name), await service.refusal(subject(request_id="r-1"))):
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONTENT_ERASED")
    assert len(service.provider.bodies) == 1
    other = await service.refusal(subject("Another text altogether.", request_id="r-1"))
    assert other.reason == "REQUEST_ID_REUSED"

    shown = await run(service, "show", review.name)
    assert (shown.exit_code, shown.stdout.rstrip("\n").encode()) == (0, record)
    said = " ".join(shown.stderr.split())
    assert ("was erased on 20" in said, "by dpo@example.com: Art. 17 request" in said) == (True, True)
    entries = await service.entries()
    assert entries[0].record == record
    assert entries[0].position.leaf_hash == leaf_hash(record)
    told = json.loads(entries[1].record)
    assert (told["schema"], told["by"], told["subjects"]) == ("erasure/1", "dpo@example.com", [review.name])
    listed = await run(service, "list")
    assert [word in listed.stdout for word in ("APPROVE", "erasure")] == [True, True]


async def test_an_erased_tenant(service: Service) -> None:
    """A tenant's contents go at once, other tenants' stay, and the tenant goes on to be served."""
    mine = await service.review(subject(request_id="r-1"))
    metadata = (("x-reviewer-tenant", "globex"),)
    call = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), metadata=metadata, timeout=30)
    theirs = (await call).review
    erased = await run(service, "erase", "--tenant", "default", *ASKED, "--yes")
    assert erased.stdout == "1 contents erased: record 2\n"
    assert (await read(service, mine.name)).reason == "CONTENT_ERASED"
    kept = service.stub.GetReview(pb.GetReviewRequest(name=theirs.name), metadata=metadata, timeout=10)
    assert (await kept).review.name == theirs.name
    again = await service.review(subject(request_id="r-2"))
    assert verdicts([again]) == ["APPROVE"]
    assert (await service.client.get(again.name)).name == again.name


async def test_a_review_is_found_whosever_it_is(service: Service, tmp_path: Path) -> None:
    """A command on the log finds a review by its name alone, and erases those of one tenant at a time."""
    mine = await service.review(subject(request_id="r-1"))
    metadata = (("x-reviewer-tenant", "globex"),)
    call = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), metadata=metadata, timeout=30)
    theirs = (await call).review
    assert (await run(service, "show", theirs.name)).exit_code == 0
    assert (await run(service, "show", theirs.name, "--tenant", "default")).exit_code == 1
    both = await run(service, "erase", mine.name, theirs.name, *ASKED, "--yes")
    assert (both.exit_code, "several tenants: default, globex" in " ".join(both.stderr.split())) == (2, True)
    assert (await run(service, "verify")).stdout.count("erased") == 0
    assert (await run(service, "erase", theirs.name, *ASKED, "--yes")).exit_code == 0
    assert "; 1 contents erased" in " ".join((await run(service, "verify")).stdout.split())
    async with asyncio.timeout(20):
        # Until a checkpoint covers it.
        while (await run(service, "prove", theirs.name, "--out", str(tmp_path / "proof"))).exit_code:
            pass
    assert len([*(tmp_path / "proof").iterdir()]) == 3


async def test_an_event_is_no_review(service: Service) -> None:
    """The record of an erasure cannot be read as a review."""
    review = await service.review(subject())
    await run(service, "erase", review.name, *ASKED, "--yes")
    name = f"reviews/{(await service.entries())[1].review_id}"
    assert (await read(service, name)).reason == "REVIEW_NOT_FOUND"
    assert (await run(service, "show", name)).exit_code == 1


async def test_nothing_is_erased_by_mistake(service: Service) -> None:
    """Without a yes, a name, a reason or an author nothing happens, and neither does it for reviews of others."""
    review = await service.review(subject())
    assert (await run(service, "erase", review.name, *ASKED, stdin="n\n")).exit_code == 1
    assert (await run(service, "erase", *ASKED, "--yes")).exit_code == 2
    assert (await run(service, "erase", review.name, "--by", "x", "--reason", " ", "--yes")).exit_code == 2
    assert (await run(service, "erase", review.name, "--by", "x", "--yes")).exit_code == 2
    for more in (("reviews/unknown",), ("--tenant", "globex")):
        refused = await run(service, "erase", review.name, *more, *ASKED, "--yes")
        assert (refused.exit_code, "no review" in refused.stderr) == (1, True)
    assert [found.content is None for found in await service.entries()] == [False]


async def test_a_content_that_is_merely_gone(service: Service) -> None:
    """A content that is missing without a record of its erasure is a fault, not an erasure."""
    review = await service.review(subject())
    connection = apsw.Connection(str(service.settings.ledger.path))
    connection.execute("UPDATE contents SET content = NULL, content_key = NULL")
    connection.close()
    shown = await run(service, "show", review.name)
    assert (shown.exit_code, "no record of an erasure" in shown.stderr) == (1, True)


async def test_without_the_key_there_are_records(service: Service) -> None:
    """An auditor without the key-encryption key lists entries and reads records, and no content."""
    review = await service.review(subject())
    path = service.settings.ledger.path
    key = path.with_name(f"{path.name}.kek")
    key.rename(key.with_name("elsewhere"))
    assert review.name.removeprefix("reviews/") in (await run(service, "list")).stdout
    assert (await run(service, "show", review.name, "--record")).exit_code == 0
    shown = await run(service, "show", review.name)
    assert (shown.exit_code, "key-encryption key is not here" in shown.stderr) == (1, True)
    assert json.loads(shown.stdout)["review"] == review.name.removeprefix("reviews/")
    assert (await run(service, "costs")).exit_code == 0


def test_a_log_has_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Init and upgrade make the key where it is missing and keep one that is there; serving without it is refused."""
    monkeypatch.chdir(tmp_path)
    command = CliRunner()
    assert command.invoke(app, ["log", "init"]).exit_code == 0
    key = tmp_path / "reviewer-log.db.kek"
    before = key.read_bytes()
    assert command.invoke(app, ["log", "upgrade"]).exit_code == 0
    assert key.read_bytes() == before
    key.unlink()
    refused = command.invoke(app, ["serve", "--simulate"])
    assert (refused.exit_code, "key-encryption key cannot be read" in refused.stderr) == (2, True)
    assert command.invoke(app, ["log", "upgrade"]).exit_code == 0
    assert key.read_bytes() != before


def test_a_key_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key in the environment no file is made, and a bad one is refused without being shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVIEWER_ENCRYPTION__KEY", "c2VjcmV0")
    command = CliRunner()
    assert command.invoke(app, ["log", "init"]).exit_code == 0
    assert not (tmp_path / "reviewer-log.db.kek").exists()
    refused = command.invoke(app, ["serve", "--simulate"])
    assert (refused.exit_code, "encryption.key" in refused.stderr) == (2, True)
    assert "c2VjcmV0" not in refused.output + command.invoke(app, ["config", "show"]).output


async def test_a_legal_hold(service: Service) -> None:
    """What is held can be neither erased nor fall to retention, until the hold is lifted; holds are listed."""
    review = await service.review(subject())
    hold = ("--tenant", "default", "--review", review.name, "--by", "counsel", "--reason", "case 12/2026")
    assert (await run(service, "hold", "add", *hold)).exit_code == 0
    listed = (await run(service, "hold", "list")).stdout
    assert [word in listed for word in (review.name, "counsel", "case 12/2026")] == [True] * 3
    refused = await run(service, "erase", review.name, *ASKED, "--yes")
    assert refused.exit_code == 1
    said = " ".join(refused.stderr.split())
    assert [word in said for word in (review.name, "counsel", "case 12/2026")] == [True] * 3
    assert (await run(service, "hold", "add", *hold)).exit_code == 1
    assert (await service.client.get(review.name)).name == review.name
    assert (await run(service, "hold", "remove", *hold)).exit_code == 0
    assert (await run(service, "erase", review.name, *ASKED, "--yes")).exit_code == 0


async def test_retention(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention says what is due, erases it only when told to, on record, and leaves what is young enough."""
    monkeypatch.setenv("REVIEWER_RETENTION__DAYS", "30")
    old = entry(1, tenant="default", created_at=datetime.now(UTC) - timedelta(days=31))
    await service.app.ledger.append(old)
    young = await service.review(subject())
    assert (await run(service, "retain")).exit_code == 2
    assert (await run(service, "retain", "--dry-run")).stdout == "1 contents are due\n"
    assert len(await service.entries()) == 2
    assert (await run(service, "retain", "--yes")).stdout == "1 contents erased\n"
    assert (await run(service, "retain", "--yes")).stdout == "0 contents erased\n"
    entries = await service.entries()
    assert [found.content is None for found in entries] == [True, False, True]
    told = json.loads(entries[2].record)
    assert (told["reason"], told["subjects"]) == ("retention", [f"reviews/{old.review_id}"])
    assert (await service.client.get(young.name)).name == young.name


async def test_the_wrapping_key_is_changed(service: Service, tmp_path: Path) -> None:
    """With a new key and the former one, `rewrap` leaves a log that the new key alone reads."""
    review = await service.review(subject())
    path = service.settings.ledger.path
    key = path.with_name(f"{path.name}.kek")
    former = key.rename(key.with_name("former.kek"))
    await asyncio.to_thread(CliRunner().invoke, app, ["log", "upgrade", "--path", str(path)])
    config = tmp_path / "reviewer.toml"
    config.write_text(f'[encryption]\nformer_key_files = ["{former}"]\n', encoding="utf-8")
    assert (await run(service, "show", review.name)).exit_code == 1
    done = await run(service, "rewrap", "--by", "ops", "--config", str(config))
    assert (done.exit_code, done.stdout) == (0, "1 data keys wrapped anew\n")
    assert (await run(service, "show", review.name)).exit_code == 0
    assert "key change" in (await run(service, "list")).stdout
