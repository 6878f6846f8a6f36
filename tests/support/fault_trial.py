"""Trials: one fault in one column of one mode, through the whole service, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from typer.testing import CliRunner

from reviewer.app import open_app
from reviewer.cli.main import app
from reviewer.client import ReviewClient, read_review
from reviewer.log_home import create_log
from reviewer.simulate.reading import ReadPrompt
from reviewer.simulate.script import FaultKind, ProviderName, Script
from reviewer.simulate.selection import Scene, Selector
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.finding_pb2 import FINDING_ORIGIN_CRITIC
from reviewer.v1.review_pb2 import ModelCall, Review
from tests.support.fault_modes import Column, Mode, rubrics_for
from tests.support.modes import GEMINI
from tests.support.server_process import environment
from tests.support.service import Service, causes, deciding, rules, running, settings_for, verdicts
from tests.support.subjects import subject
from tests.support.watched_provider import WatchedProvider
from tests.support.wired import KEY

LATE = frozenset({FaultKind.HANG, FaultKind.SLOW_DRIP})
"""Faults that use up the deadline."""
_WARM = "warm up"
_WARM_MS = 500
_WARMING = 40
"""Calls at each model before hedges: enough for its usual durations to be known, and to earn the hedges of a table.
They are slow, so that no trial is late by chance."""
_AT_ONCE = 6
"""Trials under way together: more would be slow for want of a processor, which looks like a slow model."""
_DEADLINE_S = 30.0
_RESERVE_S = 0.5
"""Of deadlines: many trials end at the same moment, on processors that others use too."""
_SETTINGS: dict[FaultKind, dict[str, Any]] = {FaultKind.RATE_LIMITED: {"retry_after_s": 0}}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a fault comes to.

    Attributes:
        verdict: by name.
        causes: of the reasons that ask for that verdict; sorted.
        notes: causes of the reasons that ask for less; sorted.
        calls: purpose, and failure if any, of each call at a faulty provider; sorted.
        others: the same of calls at sound providers.
    """

    verdict: str
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ("critique",)
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One fault in one column."""

    mode: Mode
    column: Column
    kind: FaultKind

    @property
    def marker(self) -> str:
        """The word in the question by which the second model knows its fault."""
        return f"case({self.mode.name}/{self.mode.columns.index(self.column)}/{self.kind.value})"

    @property
    def late(self) -> bool:
        """Whether the fault, or the mode's answer to it, takes long."""
        return self.kind in LATE or (self.mode.warmed and self.kind is FaultKind.DELAY)

    def asked(self) -> pb.ReviewSubject:
        """Build the request that meets the fault."""
        return _subject(self.mode, self.column, self.marker)

    def rules(self) -> list[dict[str, Any]]:
        """Build the rules that inject it."""
        own = {FaultKind.DELAY: {"delay_ms": self.mode.delay_ms}, **_SETTINGS}.get(self.kind, {})
        match = {"contains": self.marker, **({"times": 1} if self.mode.once else {})}
        fault = {"kind": self.kind.value, **own}
        return [{"match": {**match, "provider": provider}, "fault": fault} for provider in self.column.faulty]


def trials(mode: Mode) -> list[Trial]:
    """Return every cell of a mode, column by column."""
    return [Trial(mode, column, kind) for column in mode.columns for kind in FaultKind]


def script_of(made: Iterable[Trial]) -> Script:
    """Build the script of a provider that meets each trial with its fault."""
    warm = {"match": {"contains": _WARM}, "fault": {"kind": "delay", "delay_ms": _WARM_MS}}
    return rules(*[rule for trial in made for rule in trial.rules()], warm)


class _OneGroupFails(WatchedProvider):
    """A simulated provider whose faults only meet requests that ask one question."""

    def __init__(self, script: Script, group: str) -> None:
        super().__init__(script)
        self._selector = _OneGroup(script, group)


class _OneGroup(Selector):
    """Picks scenes without a fault for requests that do not ask one question."""

    def __init__(self, script: Script, group: str) -> None:
        super().__init__(script)
        self._group = group

    def select(self, prompt: ReadPrompt, provider: ProviderName, model: str) -> Scene:
        """Take the scene of the script, without its fault where the question is not asked."""
        scene = super().select(prompt, provider, model)
        asks = any(question.key == self._group for question in prompt.questions)
        return scene if asks else replace(scene, fault=None)


@asynccontextmanager
async def serving(mode: Mode, folder: Path) -> AsyncIterator[dict[str, Service]]:
    """Run the service for a mode: one for all columns, or one each where they are set up differently.

    Yields:
        The service of each column, by the column's name.
    """
    critic = {"breaker_failures": 10_000, **mode.critic}
    sections = {"rubrics": rubrics_for(mode, folder), "critic": critic, "deadline": {"reserve_s": _RESERVE_S}}
    made = script_of(trials(mode))
    async with AsyncExitStack() as stack:
        if not any(column.platforms for column in mode.columns):
            provider = partial(_OneGroupFails, group=mode.group) if mode.group else WatchedProvider
            service = await stack.enter_async_context(running(folder, made, provider, **sections))
            yield {column.name: service for column in mode.columns}
            return
        services = {}
        for number, column in enumerate(mode.columns):
            own = folder / str(number)
            own.mkdir()
            services[column.name] = await stack.enter_async_context(_on_platforms(own, column, made, sections))
        yield services


@asynccontextmanager
async def _on_platforms(
    folder: Path, column: Column, script: Script, sections: dict[str, dict[str, Any]]
) -> AsyncIterator[Service]:
    """Run a service whose providers are platforms, where the simulated provider listens."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(WatchedProvider(script))
        providers = {}
        for name, platform in column.platforms.items():
            given = dict(platform)
            key = {} if given["platform"] == "bedrock" else {"api_key": KEY}
            address = provider.base_url + given.pop("root", "")
            # Said here too: a connection that broke cannot say it.
            providers[name] = {"base_url": address, "simulated": True, **key, **given}
        settings = settings_for(folder, providers=providers, **sections)
        create_log(settings)
        opened = await stack.enter_async_context(open_app(settings))
        client = await stack.enter_async_context(ReviewClient(opened.server.address, _DEADLINE_S))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(opened.server.address))
        yield Service(opened, provider, client, channel, pb_grpc.ReviewServiceStub(channel), settings)


async def run(mode: Mode, services: dict[str, Service]) -> dict[Trial, Review]:
    """Run all trials of a mode: the quick ones a few at a time, those that wait for their deadline together.

    Raises:
        AssertionError: an answer came after its deadline.
    """
    if mode.warmed:
        await _warm_up(mode, services)
    made = trials(mode)
    places = asyncio.Semaphore(_AT_ONCE)

    async def quickly(trial: Trial) -> Review:
        async with places:
            return await _review(services[trial.column.name], mode, trial.asked(), _DEADLINE_S)

    quick = [trial for trial in made if not trial.late]
    late = [trial for trial in made if trial.late]
    reviews = dict(zip(quick, await asyncio.gather(*map(quickly, quick)), strict=True))
    waiting = [_review(services[trial.column.name], mode, trial.asked(), mode.late_s) for trial in late]
    return reviews | dict(zip(late, await asyncio.gather(*waiting), strict=True))


async def unbroken(mode: Mode, services: dict[str, Service]) -> dict[str, Review]:
    """Review a draft in each column of a mode while nothing is broken."""
    return {
        column.name: await _review(services[column.name], mode, _subject(mode, column, "no case"), _DEADLINE_S)
        for column in mode.columns
    }


async def _review(service: Service, mode: Mode, asked: pb.ReviewSubject, deadline_s: float) -> Review:
    """Ask once, without retries, and hold the answer against its deadline."""
    began = asyncio.get_running_loop().time()
    if mode.streamed:
        call = service.stub.StreamReview(pb.StreamReviewRequest(subject=asked), timeout=deadline_s)
        review = [event async for event in call][-1].review
    else:
        review = await service.review(asked, deadline_s)
    assert asyncio.get_running_loop().time() - began < deadline_s
    return review


async def _warm_up(mode: Mode, services: dict[str, Service]) -> None:
    asked = [(services[column.name], _subject(mode, column, _WARM)) for column in mode.columns]
    await asyncio.gather(*[_review(service, mode, each, _DEADLINE_S) for service, each in asked * _WARMING])


def _subject(mode: Mode, column: Column, marker: str) -> pb.ReviewSubject:
    return subject(asked=f"is this right? {marker}", intent=mode.intent(column), drafter=GEMINI)


def cell_of(trial: Trial, review: Review) -> Cell:
    """Say in short what came of a trial."""
    (verdict,) = verdicts([review])
    decided = deciding(review) if verdict != "APPROVE" else set()
    calls = [(call.provider in trial.column.faulty, _told(call)) for call in review.model_calls]
    return Cell(
        verdict,
        tuple(sorted(decided)),
        tuple(sorted(causes(review) - decided)),
        tuple(sorted(told for faulty, told in calls if faulty)),
        tuple(sorted(told for faulty, told in calls if not faulty)),
    )


def _told(call: ModelCall) -> str:
    """Name a call by purpose and failure; which clock ended a late one is no matter."""
    failure = "late" if call.failure in {"timeout", "deadline"} else call.failure
    return f"{call.purpose} {failure}".rstrip()


def answered_by(review: Review) -> dict[str, set[str]]:
    """Return the criteria that each second model answered, by its id."""
    said: dict[str, set[str]] = {}
    for finding in review.findings:
        if finding.origin == FINDING_ORIGIN_CRITIC:
            said.setdefault(finding.judge, set()).add(finding.criterion)
    return said


async def run_batched(mode: Mode, folder: Path) -> tuple[dict[Trial, Review], int]:
    """Run all trials of a mode by one `reviewer review-batch`.

    Returns:
        What came of them, and how many calls the provider had in batches.
    """
    made = trials(mode)
    source, sink = folder / "requests.jsonl", folder / "reviews.jsonl"
    source.write_text(
        "\n".join([json_format.MessageToJson(trial.asked(), indent=None) for trial in made]), encoding="utf-8"
    )
    create_log(settings_for(folder))
    async with WatchedProvider(script_of(made)) as provider:
        given = {
            "RUBRICS__DIRECTORY": str(rubrics_for(mode, folder)["directory"]),
            "PROVIDERS__ANTHROPIC__BASE_URL": provider.base_url,
            "PROVIDERS__ANTHROPIC__API_KEY": KEY,
            "PROVIDERS__OPENAI__BASE_URL": provider.openai_base_url,
            "PROVIDERS__OPENAI__API_KEY": KEY,
        }
        env = {name: value for name, value in environment(folder, **given).items() if name.startswith("REVIEWER_")}
        command = ["review-batch", str(source), "--out", str(sink), "--settle-s", "0.2", "--poll-s", "0.001"]
        done = await asyncio.to_thread(CliRunner().invoke, app, command, env=env)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in sink.read_text(encoding="utf-8").splitlines()]
    reviews = {row["line"]: read_review(json.dumps(row["review"])) for row in rows}
    calls = sum(len(batch.calls) for batch in provider.batches.made.values())
    return {trial: reviews[number] for number, trial in enumerate(made, 1)}, calls
