"""Rules are exchanged while reviews run: each is judged by one set, none fails, and what is broken changes nothing."""

from __future__ import annotations

import asyncio
import gc
import shutil
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from reviewer.core.release_event import ReleaseAction, ReleaseEvent, ReleaseSource, read_release_event
from reviewer.core.rubric import Rubric
from reviewer.ledger.interface import Stored
from reviewer.ledger.releases import ReleaseLog
from reviewer.rubrics.release_files import read_folder
from tests.support.service import running
from tests.support.subjects import RUBRICS, subject

RULES = {"poll_interval_s": 0.05}
DEADLINE_S = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the shipped rules to where they can be changed."""
    return Path(shutil.copytree(RUBRICS, tmp_path / "rules"))


def revise(folder: Path, number: int) -> None:
    """Write another version of a rubric: what changes is its version, and the title of the criteria that say so."""
    path = folder / "health" / "rubric.yaml"
    lines = path.read_text().splitlines()
    lines = [f'version: "9.0.{number}"' if line.startswith("version:") else line for line in lines]
    path.write_text("\n".join([*lines, ""]))


def spoil(folder: Path) -> None:
    """Make the rules such as cannot be loaded."""
    path = folder / "health" / "rubric.yaml"
    path.write_text(path.read_text() + "surprise: 1\n")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; a service tells nobody when it has looked at its folder."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def releases(entries: tuple[Stored, ...]) -> list[Stored]:
    return [entry for entry in entries if entry.kind == "release"]


async def test_a_changed_folder_takes_effect_and_is_told(folder: Path, tmp_path: Path) -> None:
    """Reviews go by a changed rubric and name its release; the log says what took whose place."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
        first = await service.review(subject())
        revise(folder, 1)
        await until(lambda: service.app.standing.status.reloads_ok == 1)
        second = await service.review(subject())
        (told,) = releases(await service.entries())

    assert first.release != second.release
    assert [pin.version for pin in second.rubrics if pin.id == "health"] == ["9.0.1"]
    event = read_release_event(told.record)
    assert event is not None
    assert (event.source, event.approvals) == (ReleaseSource.DIRECTORY, ())
    assert [f"releases/{digest}" for digest in (event.previous, event.digest)] == [first.release, second.release]


async def test_a_rewritten_file_with_the_same_bytes_changes_nothing(folder: Path, tmp_path: Path) -> None:
    """What counts is what files say, not when they were written."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
        before = service.app.standing.status
        path = folder / "health" / "rubric.yaml"
        path.write_bytes(path.read_bytes())
        status = await service.app.standing.reload()
        assert status == before
        assert releases(await service.entries()) == []


async def test_broken_rules_change_nothing(folder: Path, tmp_path: Path) -> None:
    """The last good set stays in force and the status says why, until the files are good again."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
        standing = service.app.standing
        before = await service.review(subject())
        good = (folder / "health" / "rubric.yaml").read_bytes()
        spoil(folder)
        await until(lambda: bool(standing.status.error))
        during = await service.review(subject())
        failed = standing.status
        (folder / "health" / "rubric.yaml").write_bytes(good)
        await until(lambda: not standing.status.error)
        assert releases(await service.entries()) == []

    assert before.release == during.release == f"releases/{failed.release}"
    assert failed.error[0].field == "surprise"
    assert failed.error[0].where.startswith("health/rubric.yaml:")
    assert (failed.reloads_ok, failed.reloads_failed, failed.failing_since is not None) == (0, 1, True)


async def test_rules_that_do_not_fit_the_service_are_refused(folder: Path, tmp_path: Path) -> None:
    """A set whose models have no price is not taken where a budget is kept."""
    budget = {"tenant_daily_micro_usd": 1_000_000_000}
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES, budget=budget) as service:
        path = folder / "models.yaml"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(line for line in lines if not line.lstrip().startswith("price:")))
        status = await service.app.standing.reload()
        assert status.reloads_failed == 1
        assert {fault.where for fault in status.error}


async def test_no_review_fails_or_mixes_while_rules_change(folder: Path, tmp_path: Path) -> None:
    """Under load and many exchanges each review is whole, and rubric, rulebook and release of each belong together."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
        standing = service.app.standing
        known: dict[str, tuple[str, str]] = {}

        def note() -> None:
            rules = standing.rules
            version = rules.rulebook.rubrics["health"].version
            known[f"releases/{rules.release}"] = (rules.rulebook.digest, version)

        done = asyncio.Event()

        async def caller() -> list[tuple[str, str, str]]:
            seen = []
            while not done.is_set():
                review = await service.review(subject())
                (version,) = [pin.version for pin in review.rubrics if pin.id == "health"]
                seen.append((review.release, review.route.rulebook_digest, version))
            return seen

        note()
        callers = [asyncio.create_task(caller()) for _ in range(8)]
        for number in range(1, 5):
            revise(folder, number)
            await until(lambda n=number: standing.status.reloads_ok == n)  # type: ignore[misc] # bound now
            note()
        done.set()
        seen = [one for part in await asyncio.gather(*callers) for one in part]

    assert len({release for release, _, _ in seen}) > 2
    assert all(known[release] == (rulebook, version) for release, rulebook, version in seen)


async def test_the_former_rules_are_let_go(folder: Path, tmp_path: Path) -> None:
    """Nothing holds a rule set that is not in force any more."""
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
        await service.review(subject())
        former = weakref.ref(service.app.rulebook.rubrics["health"])
        assert isinstance(former(), Rubric)
        revise(folder, 1)
        await service.app.standing.reload()
        await service.review(subject())
        gc.collect()
        assert former() is None


async def test_a_review_under_way_ends_as_it_began(folder: Path, tmp_path: Path) -> None:
    """A review that waits for its second model while rules are exchanged is judged by those that it began with."""
    async with running(tmp_path, rubrics={"directory": folder}, rules={"reload": "signal"}) as service:
        before = service.app.standing.status.release
        waiting = asyncio.create_task(service.review(subject()))
        while not service.app.server._admission.in_flight:  # noqa: ASYNC110 - nobody is told of an arrival
            await asyncio.sleep(0)
        revise(folder, 1)
        await service.app.standing.reload()
        review = await waiting
        after = await service.review(subject())

    assert review.release == f"releases/{before}" != after.release


@pytest.mark.parametrize(("mode", "follows"), [("signal", True), ("off", False)])
async def test_what_is_not_watched_waits_to_be_told(folder: Path, tmp_path: Path, mode: str, follows: bool) -> None:
    """By `signal` a folder is read when that is asked for, by `off` never."""
    async with running(tmp_path, rubrics={"directory": folder}, rules={**RULES, "reload": mode}) as service:
        revise(folder, 1)
        status = await service.app.standing.reload()
        assert (status.reloads_ok == 1) is follows


async def test_a_folder_changed_between_two_runs_is_told(folder: Path, tmp_path: Path) -> None:
    """A service that starts with other rules than the log last told of says so before it serves."""
    for number in (1, 2):
        async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
            if number == 1:
                revise(folder, 1)
                await service.app.standing.reload()
            told = [read_release_event(entry.record) for entry in releases(await service.entries())]
            assert [event.digest for event in told if event][-1] == service.app.standing.status.release
        revise(folder, 2)
    assert len(told) == 2


async def test_a_service_that_died_after_telling_does_not_tell_again(folder: Path, tmp_path: Path) -> None:
    """What is in the log already when a folder takes effect is not told a second time."""
    async with running(tmp_path, rubrics={"directory": folder}, rules={"reload": "off"}) as service:
        before = service.app.standing.status.release
        revise(folder, 1)
        digest, now = read_folder(folder).digest, datetime.now(UTC)
        source = ReleaseSource.DIRECTORY
        event = ReleaseEvent(ReleaseAction.ACTIVATE, str(uuid4()), now, digest, before, "service", "changed", source)
        await ReleaseLog(service.app.ledger).tell(event)
    async with running(tmp_path, rubrics={"directory": folder}, rules=RULES) as service:
        assert service.app.standing.status.release == digest
        assert len(releases(await service.entries())) == 1
