"""`reviewer log costs` and `log upgrade`: what a day cost, told from the log's file alone."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import apsw
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.client import ReviewClient
from tests.support.service import Service
from tests.support.subjects import subject


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


async def costs(service: Service, *arguments: str) -> Result:
    return await asyncio.to_thread(run, "log", "costs", "--path", str(service.settings.ledger.path), *arguments)


async def test_costs_of_a_day(service: Service) -> None:
    """Each tenant's calls, tokens and cost of the day are told, for people and as JSON: those of its reviews."""
    day = datetime.now(UTC).date().isoformat()
    made = [await service.review(subject()) for _ in range(2)]
    async with ReviewClient(service.app.server.address, tenant="globex") as client:
        made.append(await client.review(subject()))
    result = await costs(service, "--json", "--day", day)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["day"], [row["tenant"] for row in told["tenants"]]) == (day, ["default", "globex"])
    for row, reviews in zip(told["tenants"], (made[:2], made[2:]), strict=True):
        calls = [call for review in reviews for call in review.model_calls]
        assert row["calls"] == len(calls) == len(reviews)
        assert row["micro_usd"] == sum(call.cost_micro_usd for call in calls) > 0
        assert row["input_tokens"] == sum(call.usage.input_tokens for call in calls)
        assert row["unpriced_calls"] == 0
    table = (await costs(service)).stdout
    assert [line.split()[0] for line in table.splitlines()] == ["tenant", "default", "globex"]
    assert f"{told['tenants'][1]['micro_usd'] / 1_000_000:.6f}" in table


async def test_costs_of_one_tenant(service: Service) -> None:
    """One tenant can be asked for alone; one that spent nothing is told with nothing."""
    await service.review(subject())
    (row,) = json.loads((await costs(service, "--tenant", "default", "--json")).stdout)["tenants"]
    assert row["calls"] == 1
    (row,) = json.loads((await costs(service, "--tenant", "nobody", "--json")).stdout)["tenants"]
    assert (row["calls"], row["micro_usd"]) == (0, 0)
    assert json.loads((await costs(service, "--day", "2020-01-01", "--json")).stdout)["tenants"] == []


async def test_a_bad_day_is_wrong_usage(service: Service) -> None:
    """What is no day ends with status 2."""
    assert (await costs(service, "--day", "yesterday")).exit_code == 2


async def test_a_review_of_any_tenant_is_shown(service: Service) -> None:
    """Whoever has the file can see every tenant's reviews, and hold one against the tenant that it should be of."""
    async with ReviewClient(service.app.server.address, tenant="globex") as client:
        review = await client.review(subject())
    show = ("log", "show", review.name, "--path", str(service.settings.ledger.path))
    assert (await asyncio.to_thread(run, *show)).exit_code == 0
    assert (await asyncio.to_thread(run, *show, "--tenant", "globex")).exit_code == 0
    assert (await asyncio.to_thread(run, *show, "--tenant", "default")).exit_code == 1


def test_an_older_log_is_upgraded_by_command(tmp_path: Path) -> None:
    """A log of the first version is refused with the command that helps; after it, it opens and has a key."""
    path = tmp_path / "old.db"
    connection = apsw.Connection(str(path))
    connection.execute(resources.files("reviewer.ledger").joinpath("sql/sqlite_schema.sql").read_text("utf-8"))
    connection.close()
    refused = run("log", "list", "--path", str(path))
    assert refused.exit_code == 1
    assert "reviewer log upgrade" in " ".join(refused.stderr.split())
    assert run("log", "upgrade", "--path", str(path)).exit_code == 0
    key = path.with_name("old.db.key").read_bytes()
    assert run("log", "list", "--path", str(path)).exit_code == 0
    assert "up to date" in run("log", "upgrade", "--path", str(path)).stdout
    assert path.with_name("old.db.key").read_bytes() == key
    assert run("log", "upgrade", "--path", str(tmp_path / "typo.db")).exit_code == 1
    assert not list(tmp_path.glob("typo*"))
