"""Handoffs and outcomes at the terminal, and what the log's commands show of them, of later versions too."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.facets import facets_of
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import Entry
from reviewer.core.spending import NOTHING
from reviewer.signing import create_key
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.builders import MOMENT, entry
from tests.support.service import Service, broken, rules
from tests.support.subjects import subject


@pytest.fixture
async def service(serve: Serve) -> Service:
    """A service that hands every review off."""
    return await serve(rules(broken("refusal")))


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, catch_exceptions=False)


async def at_desk(service: Service, *arguments: str) -> Result:
    return await run(*arguments, "--address", service.app.server.address)


async def on_log(service: Service, *arguments: str) -> Result:
    return await run("log", *arguments, "--path", str(service.settings.ledger.path))


async def handed(service: Service) -> Review:
    return await service.review(subject())


async def test_a_ticket_at_the_terminal(service: Service, tmp_path: Path) -> None:
    """A ticket is listed, claimed, given back, claimed again, decided and shown, with its token printed on the way."""
    review = await handed(service)
    name = review.handoff.name
    assert name in (await at_desk(service, "handoff", "list")).stdout
    claimed = await at_desk(service, "handoff", "claim", name, "--by", "ann")
    assert "held by ann until" in claimed.stdout
    assert claimed.stdout.splitlines()[-1] == "token 1"
    held = await at_desk(service, "handoff", "claim", name, "--by", "bob")
    assert (held.exit_code, "held by ann" in held.stderr) == (1, True)
    assert (await at_desk(service, "handoff", "release", name, "--token", "1")).exit_code == 0
    await at_desk(service, "handoff", "claim", name, "--by", "bob")
    edited = tmp_path / "edited.txt"
    edited.write_text("Rest, and see a doctor.")
    asked = ("--token", "2", "--comment", "Too bold.", "--edited", str(edited))
    label = ("--label", f"{review.findings[0].criterion}=NOT_MET")
    done = await at_desk(service, "handoff", "resolve", name, "approve-with-edit", *asked, *label)
    assert done.exit_code == 0, done.output
    shown = (await at_desk(service, "handoff", "show", name)).stdout
    for text in ("approve with edit", "bob", "Too bold.", "see a doctor", "NOT_MET"):
        assert text in shown
    (line,) = (await at_desk(service, "handoff", "list", "--state", "all", "--json")).stdout.splitlines()
    assert json.loads(line)["state"] == "TICKET_STATE_RESOLVED"


async def test_the_log_tells_the_course(service: Service) -> None:
    """`log show` goes on with the ticket's moves and the outcomes; `log search` finds them by kind and by review."""
    review = await handed(service)
    await at_desk(service, "handoff", "claim", review.handoff.name, "--by", "ann")
    await at_desk(service, "handoff", "resolve", review.handoff.name, "reject", "--token", "1")
    said = await at_desk(service, "outcome", "record", review.name, "complaint", "--by", "support", "--comment", "ill")
    assert said.stdout.strip() == "records/3"

    shown = (await on_log(service, "show", review.name)).stdout
    assert re.findall(r"^#(\d) .*Z  (.*)$", shown, re.MULTILINE) == [
        ("1", "handoff claim  ann"),
        ("2", "handoff resolve reject  ann"),
        ("3", "outcome report complaint  support"),
    ]
    found = (await on_log(service, "search", "--filter", "kind = handoff")).stdout
    assert ("handoff (claim)" in found, "handoff (resolve)" in found, "outcome" in found) == (True, True, False)
    about = await on_log(service, "search", "--filter", f"about:{review.name}", "--json")
    assert len(about.stdout.splitlines()) == 3
    assert (await on_log(service, "verify")).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("handoff", "show", "nothing"),
        ("handoff", "resolve", "x", "reject", "--token", "1", "--label", "a/b=MAYBE"),
        ("handoff", "resolve", "x", "approve-with-edit", "--token", "1", "--edited", "no-such-file"),
        ("outcome", "record", "x", "complaint", "--by", "ann"),
    ],
)
async def test_wrong_usage(service: Service, arguments: tuple[str, ...]) -> None:
    """Names, labels and files that are none end the command with status 2 and a word on why."""
    result = await at_desk(service, *arguments)
    assert result.exit_code == 2
    assert result.stderr


async def test_nobody_answers() -> None:
    """Without a service the command says so with status 4."""
    assert (await run("handoff", "list", "--address", "127.0.0.1:1")).exit_code == 4


def later(number: int, kind: str, content: bytes = b"") -> Entry:
    """Return a record of version 99, as a later program might write it."""
    told = {"schema": f"{kind}/99", "id": "x", "time": "2026-11-21T09:30:15.250000Z", "tenant": "default", "who": [1]}
    record = json.dumps(told, separators=(",", ":"), sort_keys=True).encode()
    base = replace(entry(number, tenant="default", created_at=MOMENT), record=record, leaf_hash=leaf_hash(record))
    return replace(base, content=content, content_key=b"", spent=NOTHING, kind=kind, facets=facets_of(record))


async def test_records_of_version_99(service: Service, tmp_path: Path) -> None:
    """List, show, search, export and verify take records of a later version for what they call themselves."""
    kinds = ("review", "handoff", "outcome", "release", "key_change", "erasure", "novelty")
    entries = [later(number, kind) for number, kind in enumerate(kinds)]
    for one in entries:
        await service.app.ledger.append(one)
    review = await handed(service)

    listed = (await on_log(service, "list")).stdout
    for kind in kinds:
        assert f"{kind.replace('_', ' ')}/99" in listed
    shown = await on_log(service, "show", entries[0].review_id)
    assert (shown.exit_code, shown.stdout.strip().encode()) == (0, entries[0].record)
    assert len((await on_log(service, "search", "--filter", "kind = novelty", "--json")).stdout.splitlines()) == 1
    for form in ("jsonl", "csv"):
        out = tmp_path / f"export.{form}"
        assert (await on_log(service, "export", "--format", form, "--out", str(out))).exit_code == 0
        assert len(out.read_text().splitlines()) >= len(kinds) + 1
    verified = await on_log(service, "verify")
    assert verified.exit_code == 0, verified.output
    assert review.name in (await on_log(service, "show", review.name)).stdout


async def test_a_new_signing_key_is_told(serve: Serve, tmp_path: Path) -> None:
    """The first start with another signing key leaves one record of the change; later ones leave none."""
    await serve()
    key = tmp_path / "new.key"
    create_key(key)
    signing = {"key_file": str(key)}
    service = await serve(signing=signing)
    await serve(signing=signing)
    (row,) = await service.entries()
    told = json.loads(row.record)
    assert (row.kind, told["action"]) == ("key_change", "sign")
    assert told["details"]["old"] != told["details"]["new"]
