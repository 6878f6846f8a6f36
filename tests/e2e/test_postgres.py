"""The service and its commands with the log in a PostgreSQL database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reviewer.cli.main import app
from reviewer.v1.review_pb2 import Verdict
from tests.support.postgres_server import PostgresServer
from tests.support.service import running
from tests.support.subjects import APPROVED, case_subject


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


async def test_a_log_file_on_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is given a file works on that file, whatever store the settings name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVIEWER_LEDGER__STORE", "postgres")
    monkeypatch.setenv("REVIEWER_LEDGER__DSN", "postgresql://127.0.0.1:1/log")
    for arguments in (("init",), ("list",), ("costs",)):
        result = await asyncio.to_thread(CliRunner().invoke, app, ("log", *arguments, "--path", "own.db"))
        assert result.exit_code == 0, result.output
