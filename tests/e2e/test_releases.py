"""Releases from building to rolling back: approved by enough people, put in force by the log, followed by all."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from typer.testing import CliRunner, Result

from reviewer import moments
from reviewer.cli.main import app as command
from reviewer.config import Settings
from reviewer.core.errors import ConfigError, ReleaseError
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, ReleaseSource, read_release_event
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.log_home import create_log, open_records
from tests.e2e.test_reload import revise, until
from tests.support.releases import ANA, BO, CY, Person, approvers_file
from tests.support.server_process import ServerProcess, serving
from tests.support.service import Service, running, settings_for
from tests.support.subjects import RUBRICS, subject


class Office:
    """A rule folder, a folder of releases, three people who may approve, and a log: a file, unless settings say so."""

    def __init__(self, folder: Path, ledger: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.rules = Path(shutil.copytree(RUBRICS, folder / "rules"))
        self.releases = folder / "releases"
        self.section: dict[str, Any] = {
            "releases": self.releases,
            "approvers": approvers_file(folder, ANA, BO, CY),
            "poll_interval_s": 0.05,
        }
        self.sections: dict[str, dict[str, Any]] = {
            "rubrics": {"directory": self.rules},
            "rules": self.section,
            "ledger": dict(ledger or {}),
        }
        self.settings: Settings = settings_for(folder, **self.sections)
        self.environment = {
            "REVIEWER_LEDGER__PATH": str(self.settings.ledger.path),
            "REVIEWER_RUBRICS__DIRECTORY": str(self.rules),
            **{f"REVIEWER_RULES__{name.upper()}": str(value) for name, value in self.section.items()},
            **{f"REVIEWER_LEDGER__{name.upper()}": value for name, value in (ledger or {}).items()},
        }

    def run(self, *arguments: str) -> Result:
        """Run a command of `reviewer release`."""
        return CliRunner().invoke(command, ["release", *arguments], env={**self.environment, "REVIEWER_CONFIG": ""})

    def build(self, version: int = 0, by: str = "dee") -> str:
        """Build a release of the rules with a version of their own, and return its digest."""
        if version:
            revise(self.rules, version)
        done = self.run("build", "--by", by)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    def sign(self, digest: str, *people: Person) -> None:
        for one in people:
            done = self.run("sign", digest, "--key", str(one.write_key(self.folder)))
            assert done.exit_code == 0, done.output

    def activate(self, digest: str) -> Result:
        return self.run("activate", digest, "--by", "dee", "--reason", "tried")

    def put_in_force(self, version: int) -> str:
        digest = self.build(version)
        self.sign(digest, ANA, BO)
        assert self.activate(digest).exit_code == 0
        return digest

    async def in_force(self, version: int) -> str:
        """Put a release in force from within a loop, which a command brings for itself."""
        return await asyncio.to_thread(self.put_in_force, version)

    async def told(self) -> list[ReleaseEvent]:
        async with open_records(self.settings) as ledger:
            return [one.event for one in await events_since(ledger, 0)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    create_log(made.settings)
    return made


async def version_of(service: Service) -> tuple[str, str]:
    """Review, and return the rubric's version and the release that the review names."""
    review = await service.review(subject())
    return next(pin.version for pin in review.rubrics if pin.id == "health"), review.release


async def test_the_story_of_a_release(office: Office) -> None:
    """What two people approved of is activated, followed, replaced and rolled back to; the log tells all of it."""
    async with running(office.folder, **office.sections) as service:
        standing = service.app.standing
        first = await office.in_force(1)
        await until(lambda: standing.status.release == first and standing.status.approvals == ("ana", "bo"))
        second = await office.in_force(2)
        await until(lambda: standing.status.release == second)
        assert await version_of(service) == ("9.0.2", f"releases/{second}")
        revise(office.rules, 7)
        back = await asyncio.to_thread(office.activate, first)
        await until(lambda: standing.status.release == first)
        assert await version_of(service) == ("9.0.1", f"releases/{first}")

    assert "rollback" in back.output
    checked = await asyncio.to_thread(CliRunner().invoke, command, ["log", "verify"], env=office.environment)
    assert checked.exit_code == 0, checked.output
    events = [event for event in await office.told() if event.by == "dee"]
    assert [(event.action.value, event.digest) for event in events] == [
        ("activate", first),
        ("activate", second),
        ("rollback", first),
    ]
    assert [event.previous for event in events[1:]] == [first, second]
    assert {event.approvals for event in events} == {("ana", "bo")}


async def test_a_folder_that_changes_takes_nothing_back(office: Office) -> None:
    """What a service says of its folder in the moment in which a release is activated takes effect nowhere."""
    digest = await office.in_force(1)
    late = ReleaseEvent(
        ReleaseAction.ACTIVATE, "late", moments.now(), "0" * 64, "", "service", "changed", ReleaseSource.DIRECTORY
    )
    async with open_records(office.settings) as ledger:
        await ReleaseLog(ledger).tell(late)
    async with running(office.folder, **office.sections) as service:
        assert service.app.standing.status.release == digest
        revise(office.rules, 2)
        await service.app.standing.reload()
        assert (await version_of(service))[1] == f"releases/{digest}"


def test_too_few_approvals_activate_nothing(office: Office) -> None:
    """A release that one person approved of, or that its builder did, is neither verified nor activated."""
    digest = office.build(by="bo")
    assert "0 of 2" in office.run("verify", digest).output
    office.sign(digest, ANA, ANA, BO)
    refused = office.activate(digest)
    assert refused.exit_code == 2
    assert "bo built the release" in refused.output
    assert "approved by ana: 1 of 2" in refused.output
    assert asyncio.run(office.told()) == []
    office.sign(digest, CY)
    assert json.loads(office.run("verify", digest, "--json").stdout)["approvals"] == ["ana", "cy"]


def test_commands_tell_what_there_is(office: Office) -> None:
    """A bundle is shown with its files and signers, and the course of releases is listed."""
    digest = office.build()
    pem = CY.write_key(office.folder, PrivateFormat.PKCS8)
    assert office.run("sign", str(office.releases / f"{digest}.release"), "--key", str(pem)).exit_code == 0
    office.sign(digest, ANA)
    shown = office.run("show", digest).output
    assert "health/rubric.yaml" in shown
    assert shown.count("SHA256:") == 2
    assert json.loads(office.run("show", digest, "--json").stdout)["built_by"] == "dee"
    assert office.activate(digest).exit_code == 0
    assert "in force already" in office.activate(digest).output
    assert json.loads(office.run("log", "--json").stdout)["release"] == digest
    assert office.run("activate", digest, "--by", "", "--reason", "x").exit_code == 2
    assert office.run("show", "nothing").exit_code == 2
    assert office.run("show", "0" * 64).exit_code == 2


async def test_an_altered_release_is_refused_and_the_last_good_one_stays(office: Office) -> None:
    """A bundle or signature that was altered after activation is refused, with the reason, until it is whole again."""
    first, second = await office.in_force(1), office.build(2)
    office.sign(second, ANA, BO)
    async with running(office.folder, **office.sections) as service:
        standing = service.app.standing
        bundle = office.releases / f"{second}.release"
        assert (await asyncio.to_thread(office.activate, second)).exit_code == 0
        await until(lambda: standing.status.release == second)
        assert (await asyncio.to_thread(office.activate, first)).exit_code == 0
        await until(lambda: standing.status.release == first)
        whole = bundle.read_bytes()
        event = (await office.told())[1]
        bundle.write_bytes(whole[:-1] + b"#")
        async with open_records(office.settings) as ledger:
            await ReleaseLog(ledger).tell(replace(event, id=str(uuid4())))
        await until(lambda: bool(standing.status.error))
        assert (standing.status.release, standing.status.pending) == (first, second)
        assert await version_of(service) == ("9.0.1", f"releases/{first}")
        bundle.write_bytes(whole)
        await until(lambda: standing.status.release == second)
        assert not standing.status.error


async def test_no_service_starts_on_a_release_that_it_cannot_trust(office: Office) -> None:
    """A service whose log names a release that is gone, undersigned or unknown to it does not start."""
    digest = await office.in_force(1)
    async with running(office.folder, **office.sections) as service:
        assert service.app.standing.status.release == digest
    with pytest.raises(ConfigError, match="no folder is set"):
        async with running(office.folder, rubrics={"directory": office.rules}):
            pass
    shutil.rmtree(office.releases / f"{digest}.sigs")
    with pytest.raises(ReleaseError, match="0 of 2"):
        async with running(office.folder, **office.sections):
            pass
    (office.releases / f"{digest}.release").unlink()
    with pytest.raises(ReleaseError, match="cannot be read"):
        async with running(office.folder, **office.sections):
            pass


async def test_a_release_can_be_demanded(office: Office) -> None:
    """Where a release is required, a service does not start on a folder."""
    sections = {**office.sections, "rules": {**office.section, "require_release": True}}
    with pytest.raises(ConfigError, match="the log names none"):
        async with running(office.folder, **sections):
            pass
    digest = await office.in_force(1)
    async with running(office.folder, **sections) as service:
        assert service.app.standing.status.release == digest


def _environment(office: Office) -> dict[str, str]:
    return {name.removeprefix("REVIEWER_"): value for name, value in office.environment.items()}


async def _followed(server: ServerProcess, digest: str) -> None:
    event = await server.logged("reload_ok")
    assert event["release"] == digest


async def test_two_processes_follow_one_log_and_one_that_was_killed_comes_back_to_it(office: Office) -> None:
    """Every service on the log follows an activation; one that died before it starts with what is in force by then."""
    first = await office.in_force(1)
    own = _environment(office)
    async with serving(office.folder, "--simulate", **own) as one, serving(office.folder, "--simulate", **own) as two:
        assert [server.events[-1]["release"] for server in (one, two)] == [first, first]
        two.kill()
        second = await office.in_force(2)
        await _followed(one, second)
        async with serving(office.folder, "--simulate", **own) as again:
            assert next(event["release"] for event in again.events if event["event"] == "serving") == second
            third = await asyncio.to_thread(office.activate, first)
            assert third.exit_code == 0
            await _followed(again, first)


async def test_sighup_reads_the_folder_again(office: Office) -> None:
    """A service that waits for a signal reads its rules on SIGHUP, and goes on serving."""
    own = {**_environment(office), "RULES__RELOAD": "signal"}
    del own["RULES__RELEASES"]
    async with serving(office.folder, "--simulate", **own) as server:
        revise(office.rules, 1)
        os.kill(server.process.pid, signal.SIGHUP)
        event = await server.logged("reload_ok")
        assert event["previous"] == server.events[0].get("release", event["previous"])
    async with open_records(office.settings) as ledger:
        assert len([one for one in await ledger.page(0, 100) if read_release_event(one.record)]) == 1
