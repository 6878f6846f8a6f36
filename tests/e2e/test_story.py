"""The story of docs/story.md, played against a service of its own: what the page shows is what happens."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from reviewer.client import ReviewClient, ReviewSubject
from reviewer.config import Settings
from reviewer.core.release_event import ReleaseAction, ReleaseEvent
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.log_home import create_log, open_records
from reviewer.rubrics.release_files import read_folder
from reviewer.simulate.loading import load_script
from reviewer.simulate.server import SimulatedProvider
from reviewer.v1 import review_pb2
from reviewer.v1.review_pb2 import Review
from tests.support.releases import ANA, BO, CY, approvers_file, released
from tests.support.server_process import COMMAND, ROOT, ServerProcess, serving
from tests.support.service import settings_for, verdicts
from tests.support.story import Command, Edit, File, Meanwhile, Shell, Story, shell, updating
from tests.support.subjects import RUBRICS, case_subject, shipped_cases, subject

PAGE = ROOT / "docs" / "story.md"
WEEK = 1_000
PROMISES = 25
AT_ONCE = 32
TURNS = 200
TIMEOUT_S = 60.0
QUICK = {"RULES__POLL_INTERVAL_S": "0.1", "ROLLOUT__CHECK_INTERVAL_S": "0.1", "LOG__LEVEL": "info"}

_PROMISED = (
    "Change the admin password and install the newest firmware. Rest assured that your router is completely secure.",
    "Remove the rule and sign out all sessions. After that your mailbox is fully protected.",
    "Rotate the key and look through the audit log. From now on your bucket is totally safe.",
    "Turn on the second factor for everybody. Rest assured you are fully protected.",
    "Update the plugin and restart the site. After this your shop is 100% secure.",
)
_TAUGHT = (
    "Use a password manager and turn on the second factor. No setting makes you completely safe, so keep backup codes.",
    "Hover over the link before you click it. A padlock in the address bar does not make a site totally safe.",
    "Install updates within a week. No laptop is ever fully protected, so back up what you cannot lose.",
)
_SECURITY = [
    (name, case)
    for name, case in sorted(shipped_cases().items())
    if name.startswith("security/") and case.locale == "en-US"
]
_FINE = [name for name, case in _SECURITY if case.expect.verdicts == ("APPROVE",)]
# One language, so that no segment of the gates can be worse than the whole, which is what the page names.
_USUAL = [*_FINE, next(name for name, _ in _SECURITY if name not in _FINE)]


@dataclass
class Office:
    """A folder with rules, releases, keys and a log; a service on it; and the backends that call it.

    Attributes:
        settings: that find the log.
        asked: how many requests were made, which numbers them.
        acts: what others do, by the names that the page gives it.
    """

    folder: Path
    settings: Settings
    server: ServerProcess
    client: ReviewClient
    asked: int = 0
    acts: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name what the page says that others do."""
        self.acts = {
            "a week": self.week,
            "shadow": self.shadow,
            "the course begins": self.course,
            "the second shadow": partial(self.shadow, taught=True),
            "the second canary": self.canary,
            "the promise is stopped": self.stopped,
        }

    async def week(self) -> None:
        """Have a thousand drafts reviewed: the shipped cases in turn, and promises that nothing stops."""
        names = sorted(shipped_cases())
        await self.ask(case_subject(names[at % len(names)]) for at in range(WEEK - PROMISES))
        for at in range(PROMISES):
            (review,) = await self.ask([_security(_PROMISED[at % len(_PROMISED)])])
            assert verdicts([review]) == ["APPROVE"]

    async def shadow(self, *, taught: bool = False) -> None:
        """Have drafts reviewed, each once the shadow of the one before it is written, until the candidate is ready."""
        began = await self._began("shadow")
        for _ in self._until("trial_ready", began):
            (review,) = await self.ask(self._taught(1) if taught and self.asked % 2 else self._usual(1))
            assert review.stage == review_pb2.RELEASE_STAGE_FULL
            shadow = partial(self._seen, "shadow", began, review=review.name.removeprefix("reviews/"))
            await self.server.until(shadow)

    async def course(self) -> None:
        """Have the course's answers reviewed among the usual ones, until the candidate is taken back."""
        began = await self._began("canary")
        for _ in self._until("trial_rolled_back", began):
            await self.ask([*self._usual(10), *self._taught(10)])
        await self.server.until(lambda: self._seen("trial_ended", began))
        later = await self.ask(self._taught(20))
        assert set(verdicts(later)) == {"APPROVE"}
        assert {review.stage for review in later} == {review_pb2.RELEASE_STAGE_FULL}

    async def canary(self) -> None:
        """Have the same reviewed on a canary that stops none of it, until it is ready."""
        began = await self._began("canary")
        sides: set[int] = set()
        for _ in self._until("trial_ready", began):
            reviews = await self.ask(self._taught(20))
            assert set(verdicts(reviews)) == {"APPROVE"}
            sides |= {review.stage for review in reviews}
        assert sides == {review_pb2.RELEASE_STAGE_FULL, review_pb2.RELEASE_STAGE_CANARY}

    async def stopped(self) -> None:
        """Have both reviewed by the release that is in force now."""
        digest = await self._in_force()
        promised = await self.ask([_security(text) for text in _PROMISED])
        assert set(verdicts(promised)) == {"REVISE"}
        taught = await self.ask(self._taught(len(_TAUGHT)))
        assert set(verdicts(taught)) == {"APPROVE"}
        assert {review.release for review in (*promised, *taught)} == {f"releases/{digest}"}

    async def ask(self, subjects: Iterable[ReviewSubject]) -> list[Review]:
        """Have drafts reviewed, some at once."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(asked: ReviewSubject) -> Review:
            async with places:
                return await self.client.review(asked)

        made = []
        for asked in subjects:
            self.asked += 1
            asked.request_id = f"request-{self.asked}"
            made.append(one(asked))
        return await asyncio.gather(*made)

    def _usual(self, count: int) -> list[ReviewSubject]:
        return [case_subject(_USUAL[(self.asked + at) % len(_USUAL)]) for at in range(count)]

    def _taught(self, count: int) -> list[ReviewSubject]:
        # Shares are drawn by content: the same answer again would fall to the same side again.
        return [_security(f"Lesson {self.asked + at}. {_TAUGHT[at % len(_TAUGHT)]}") for at in range(count)]

    def _seen(self, event: str, since: int, **fields: object) -> bool:
        return any(one["event"] == event and fields.items() <= one.items() for one in self.server.events[since:])

    def _until(self, event: str, since: int) -> Iterator[int]:
        """Count turns until an event was seen; after too many of them it never will be."""
        for turn in range(TURNS):
            if self._seen(event, since):
                return
            yield turn
        raise AssertionError(f"no {event} after {TURNS} turns: {self.server.events[since:]}")

    async def _began(self, stage: str) -> int:
        """Wait until the service goes by the trial that the last command began; return where its events begin."""
        digest = (await self._told())[-1].digest

        def places() -> list[int]:
            told = {"event": "trial_began", "release": digest, "stage": stage}.items()
            return [at for at, event in enumerate(self.server.events) if told <= event.items()]

        await self.server.until(lambda: bool(places()))
        return places()[-1]

    async def _in_force(self) -> str:
        """Wait until the service goes by the release that the last command put in force; return its digest."""
        digest = (await self._told())[-1].digest
        await self.server.until(lambda: self._seen("trial_ended", 0, release=digest, stage="canary"))
        return digest

    async def _told(self) -> list[ReleaseEvent]:
        async with open_records(self.settings) as ledger:
            return [told.event for told in await events_since(ledger, 0)]


def _security(text: str) -> ReviewSubject:
    return subject(text, asked="is that enough now?", intent="security.configuration")


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    """Prepare a folder in which a release is in force, and run a service on it with a simulated second model."""
    rubrics = Path(shutil.copytree(RUBRICS, folder / "rubrics"))
    approvers_file(folder, ANA, BO, CY)
    keys = folder / "keys"
    keys.mkdir()
    for one in (ANA, BO, CY):
        one.write_key(keys).rename(keys / one.name)
    settings = settings_for(folder, ledger={"path": folder / "reviewer-log.db"})
    await asyncio.to_thread(create_log, settings)
    await _put_in_force(settings, released(folder / "releases", read_folder(rubrics, "cy"), ANA, BO))
    script = load_script(None, rubrics, always_met=True)
    async with SimulatedProvider(script) as provider:
        own = {
            **QUICK,
            "CONFIG": "reviewer.toml",
            "LEDGER__PATH": "reviewer-log.db",
            "PROVIDERS__ANTHROPIC__BASE_URL": provider.base_url,
            "PROVIDERS__ANTHROPIC__API_KEY": "simulated",
            "PROVIDERS__OPENAI__BASE_URL": provider.openai_base_url,
            "PROVIDERS__OPENAI__API_KEY": "simulated",
        }
        async with serving(folder, **own) as server, ReviewClient(server.address, TIMEOUT_S) as client:
            yield Office(folder, settings, server, client)


async def _put_in_force(settings: Settings, digest: str) -> None:
    now = datetime.now(UTC)
    event = ReleaseEvent(
        ReleaseAction.ACTIVATE, str(uuid4()), now, digest, "", "cy", "the rules of October", approvals=("ana", "bo")
    )
    async with open_records(settings) as ledger:
        await ReleaseLog(ledger).tell(event)


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of somebody at a terminal, in which `reviewer` is this tree's."""
    own = folder / "bin"
    own.mkdir()
    program = own / "reviewer"
    program.write_text(f"#!/bin/sh\nexec {COMMAND[0]} {COMMAND[1]} '{COMMAND[2]}' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    return {
        "PATH": f"{own}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "REVIEWER_CONFIG": "reviewer.toml",
    }


async def _play(story: Story, crew: Office, terminal: Shell) -> None:
    """Do what the page says; outputs that differ are a failure, or written into the page where it is updated."""
    written: dict[Command, list[str]] = {}
    try:
        for step in story.steps:
            match step:
                case Command():
                    status, lines = await terminal.run(step.text)
                    told = "\n".join(lines)
                    assert status == step.status, f"{step.text}: exit status {status}, expected {step.status}\n{told}"
                    if not step.fits(lines):
                        shown = "\n".join(step.shown)
                        assert updating(), f"{step.text} printed\n{told}\nand the page shows\n{shown}"
                        written[step] = lines
                case Edit():
                    step.apply(crew.folder)
                case File():
                    pass
                case Meanwhile():
                    await crew.acts[step.name]()
    finally:
        story.rewrite(written)


@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen here")
async def test_the_story_goes_as_the_page_says(tmp_path: Path) -> None:
    """Every command of docs/story.md does and prints what the page shows, and the service does the rest by itself."""
    story = Story.read(PAGE)
    for file in [step for step in story.steps if isinstance(step, File)]:
        file.write(tmp_path)
    async with office(tmp_path) as crew, shell(tmp_path, _environment(tmp_path)) as terminal:
        await _play(story, crew, terminal)
        assert {step.name for step in story.steps if isinstance(step, Meanwhile)} == set(crew.acts)


SHOWN = ("25 would get another verdict, since 2026-11-21 15:27", "...", "no call is needed")


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (["25  would get another verdict, since 2027-01-01 09:00", "a", "b", "no call is needed"], True),
        (["25 would get another verdict, since 2026-11-21 15:27", "no call is needed"], True),
        (["26 would get another verdict, since 2026-11-21 15:27", "no call is needed"], False),
        (["25 would get another verdict, since 2026-11-21 15:27", "3 calls"], False),
        (["no call is needed"], False),
    ],
)
def test_a_page_that_shows_something_else_is_noticed(lines: list[str], fits: bool) -> None:
    """Times and widths may differ, and lines left out; any other difference is one."""
    assert Command("replay", SHOWN, 0, 0, figures_vary=False).fits(lines) is fits


def test_figures_vary_only_where_the_page_says_so() -> None:
    """A block whose figures vary takes any number and no other word."""
    command = Command("replay", SHOWN, 0, 0, figures_vary=True)
    assert command.fits(["7 would get another verdict, since 2026-11-21 15:27", "no call is needed"])
    assert not command.fits(["7 would get the same verdict, since 2026-11-21 15:27", "no call is needed"])
