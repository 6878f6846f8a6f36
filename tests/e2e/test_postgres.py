"""The service and its commands with the log in a PostgreSQL database."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reviewer.cli.main import app
from reviewer.sealing import create_key
from reviewer.v1.review_pb2 import Verdict
from tests.support.postgres_server import PostgresServer
from tests.support.service import running
from tests.support.subjects import APPROVED, case_subject

VERIFIER = Path(__file__).resolve().parents[2] / "deploy" / "verify_proof.py"


async def test_a_review_and_the_commands_that_read_it(
    tmp_path: Path, running_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review is answered from the database's log, found again by its request id, and shown by every command."""
    monkeypatch.chdir(tmp_path)
    dsn = running_server.new_dsn()
    monkeypatch.setenv("REVIEWER_LEDGER__STORE", "postgres")
    monkeypatch.setenv("REVIEWER_LEDGER__DSN", dsn)
    monkeypatch.setenv("REVIEWER_LEDGER__PATH", "log.db")

    async def command(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ("log", *arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    assert await command("init") == "created database postgres\n"
    async with running(tmp_path, ledger={"store": "postgres", "dsn": dsn}) as service:
        review = await service.review(case_subject(APPROVED, "r-1"))
        assert review.verdict == Verdict.VERDICT_APPROVE
        assert (await service.review(case_subject(APPROVED, "r-1"))).name == review.name
        assert len(await service.entries()) == 1
        shown = json.loads(await command("show", review.name, "--json"))
        assert shown["name"] == review.name
        assert review.name.removeprefix("reviews/") in await command("list")
        assert json.loads(await command("costs", "--json"))["tenants"][0]["calls"] == 1
    assert await command("upgrade") == "database postgres is up to date\n"
    again = await asyncio.to_thread(CliRunner().invoke, app, ("log", "init"))
    assert again.exit_code == 1
    assert "holds a log already" in again.output


ASKED = ("--by", "dpo", "--reason", "asked for")


async def test_every_command_works_on_it(
    tmp_path: Path, running_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor's and an operator's commands do on a database what they do on a file; at the end it verifies."""
    monkeypatch.chdir(tmp_path)
    ledger = {"store": "postgres", "dsn": running_server.new_dsn(), "path": "log.db"}
    for name, value in ledger.items():
        monkeypatch.setenv(f"REVIEWER_LEDGER__{name.upper()}", value)

    async def command(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ("log", *arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    await command("init")
    async with running(tmp_path, ledger=ledger) as service:
        names = [(await service.review(case_subject(APPROVED, f"r-{number}"))).name for number in range(3)]
    assert "signed heads" in await command("verify", "--remember", "seen")
    assert (tmp_path / "seen").read_text() == await command("checkpoint")
    told = await command("prove", names[1], "--out", "proof")
    proved = [sys.executable, str(VERIFIER), *shlex.split(told.splitlines()[-1])[2:]]
    assert (await asyncio.to_thread(subprocess.run, proved, check=False)).returncode == 0
    found = await command("search", "--verdict", "approve", "--first", "1", "--json")
    assert [json.loads(line)["index"] for line in found.splitlines()] == [1, 2]
    assert "exported 3 records" in await command("export", "--out", "all.jsonl")
    await command("hold", "add", "--tenant", "default", "--review", names[0], *ASKED)
    held = await asyncio.to_thread(CliRunner().invoke, app, ("log", "erase", names[0], *ASKED, "--yes"))
    assert (held.exit_code, "legal hold" in held.output) == (1, True)
    assert names[0].removeprefix("reviews/") in await command("hold", "list")
    await command("hold", "remove", "--tenant", "default", "--review", names[0], *ASKED)
    assert await command("erase", names[0], *ASKED, "--yes") == "1 contents erased: record 5\n"
    assert "erasure/1" in await command("search", "--filter", "kind = erasure", "--json")
    monkeypatch.setenv("REVIEWER_RETENTION__DAYS", "1")
    assert await command("retain", "--dry-run") == "0 contents are due\n"
    (tmp_path / "log.db.kek").rename("former.kek")
    create_key(tmp_path / "log.db.kek")
    (tmp_path / "former.toml").write_text('[encryption]\nformer_key_files = ["former.kek"]\n')
    assert await command("rewrap", "--by", "ops", "--config", "former.toml") == "1 data keys wrapped anew\n"
    assert json.loads(await command("show", names[1], "--json"))["name"] == names[1]
    async with running(tmp_path, ledger=ledger):
        pass
    assert "all is well: 7 entries" in await command("verify", "--since", "seen")


async def test_a_log_file_on_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is given a file works on that file, whatever store the settings name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVIEWER_LEDGER__STORE", "postgres")
    monkeypatch.setenv("REVIEWER_LEDGER__DSN", "postgresql://127.0.0.1:1/log")
    for arguments in (("init",), ("list",), ("costs",)):
        result = await asyncio.to_thread(CliRunner().invoke, app, ("log", *arguments, "--path", "own.db"))
        assert result.exit_code == 0, result.output
