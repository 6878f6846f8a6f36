"""RubricService over a real port: what is in force, what is wrong with other rules, and who may ask."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app as command
from reviewer.client import CallFailedError, RubricClient
from reviewer.rubrics.release_files import read_folder
from tests.e2e.test_reload import folder, revise, spoil
from tests.support.service import Service, running

__all__ = ["folder"]
ADMIN = "tuners"
SECTION: dict[str, Any] = {"reload": "signal", "admin_tenants": [ADMIN]}


def client_of(service: Service, tenant: str = ADMIN) -> RubricClient:
    return RubricClient(service.app.server.address, tenant=tenant)


async def test_what_is_in_force_can_be_read(folder: Path, tmp_path: Path) -> None:
    """Rubrics are listed, and each is given whole, as the bytes that its digest is of."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=SECTION) as service:
        async with client_of(service) as client:
            listed = await client.rubrics()
            whole = await client.rubric("rubrics/health")
            with pytest.raises(CallFailedError, match="no rubric") as caught:
                await client.rubric("health")
        pins = service.app.rulebook.pins
    assert caught.value.code == "NOT_FOUND"
    assert [(one.name, one.digest) for one in listed] == [(f"rubrics/{pin.id}", pin.digest) for pin in pins]
    assert hashlib.sha256(whole.data).hexdigest() == whole.summary.digest
    assert len(json.loads(whole.data)["criteria"]) == whole.summary.criteria > 0


async def test_only_administrators_may_ask(folder: Path, tmp_path: Path) -> None:
    """Any other tenant is refused by every method, and nothing is read again for it."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=SECTION) as service:
        revise(folder, 1)
        async with client_of(service, "acme") as client:
            for call in (
                client.rubrics(),
                client.rubric("rubrics/health"),
                client.validate({}),
                client.status(),
                client.reload(),
            ):
                with pytest.raises(CallFailedError) as caught:
                    await call
                assert caught.value.code == "PERMISSION_DENIED"
        assert service.app.standing.status.reloads_ok == 0


async def test_rules_are_checked_without_being_taken(folder: Path, tmp_path: Path) -> None:
    """Every fault of other rules is told with its place; good or bad, nothing of them is in force afterwards."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=SECTION) as service:
        before = service.app.standing.status
        async with client_of(service) as client:
            revise(folder, 1)
            good = await client.validate(dict(read_folder(folder).files))
            spoil(folder)
            bad = await client.validate(dict(read_folder(folder).files))
            with pytest.raises(CallFailedError) as caught:
                await client.validate({"../routing.yaml": b""})
        assert service.app.standing.status == before
    assert list(good.faults) == []
    assert bad.faults[0].field == "surprise"
    assert bad.faults[0].where.startswith("health/rubric.yaml:")
    assert caught.value.code == "INVALID_ARGUMENT"


def told(service: Service, name: str, tenant: str = ADMIN) -> Result:
    return CliRunner().invoke(
        command, ["rubric", name, "--address", service.app.server.address, "--tenant", tenant, "--json"]
    )


async def test_the_commands_say_how_things_stand(folder: Path, tmp_path: Path) -> None:
    """`status` and `reload` tell release and faults, and their exit status says whether anything is wrong."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=SECTION) as service:
        revise(folder, 1)
        done = await asyncio.to_thread(told, service, "reload")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["release"] == f"releases/{service.app.standing.status.release}"
        spoil(folder)
        failed = await asyncio.to_thread(told, service, "reload")
        assert failed.exit_code == 1
        status = await asyncio.to_thread(told, service, "status")
        assert (status.exit_code, status.stdout) == (1, failed.stdout)
        assert json.loads(status.stdout)["faults"][0]["field"] == "surprise"
        assert json.loads(status.stdout)["reloads_failed"] == "1"
        assert (await asyncio.to_thread(told, service, "status", "acme")).exit_code == 4
