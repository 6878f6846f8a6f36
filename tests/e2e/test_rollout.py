"""Releases in stages: in the shadow, on a canary share, in force, and back again without anybody's doing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from reviewer import moments
from reviewer.cli.main import app as command
from reviewer.client import RubricClient
from reviewer.core.release_event import ReleaseAction, ReleaseEvent
from reviewer.core.shadowing import SHADOW_KIND, SHADOW_TENANT
from reviewer.ledger.interface import Stored
from reviewer.ledger.releases import ReleaseLog
from reviewer.log_home import create_log, open_records
from reviewer.rubrics.release_files import read_folder
from reviewer.simulate.script import Script
from reviewer.v1 import review_pb2
from reviewer.v1 import rubric_service_pb2 as rpb
from reviewer.v1.review_pb2 import Review, Verdict
from tests.e2e.conftest import stored_in
from tests.e2e.test_releases import Office
from tests.e2e.test_reload import revise, until
from tests.support.releases import ANA, BO, released
from tests.support.service import Service, rules, running, verdicts
from tests.support.subjects import ANSWER, subject

NEWER = "claude-opus-4-5-20251101"
OLDER = "claude-opus-4-6"
GATES = """
rollout:
  min_n: 10
  gates:
    - {measure: blocked, tolerance: 0.02, effect: 0.5}
    - {measure: handoff, tolerance: 0.02, effect: 0.5}
"""
OBJECTION = {"outcome": "NOT_MET", "why": "It could hurt.", "quotes": [{"place": "draft", "text": ANSWER[:40]}]}
STRICT = rules({"match": {"model": NEWER}, "critique": {"health/safe_for_person": OBJECTION}})
QUICK = {"check_interval_s": 0.05, "shadow_concurrency": 20, "shadow_queue": 100}
on_both_stores = pytest.mark.parametrize("office", ["sqlite", "postgres"], indirect=True)


class Stages(Office):
    """An office whose candidates ask another reviewer model, with gates that few reviews decide."""

    def __init__(self, folder: Path, ledger: Mapping[str, str]) -> None:
        super().__init__(folder, ledger)
        gates = self.rules / "gates.yaml"
        gates.write_text(gates.read_text() + GATES)
        self.sections = {**self.sections, "rollout": QUICK}

    def signed(self, version: int) -> str:
        """Write a release of the rules with a version of their own, which two people signed; return its digest."""
        revise(self.rules, version)
        return released(self.releases, read_folder(self.rules), ANA, BO)

    def candidate(self, version: int) -> str:
        """Do so with a release that asks the other model."""
        routing = self.rules / "routing.yaml"
        before = routing.read_text()
        routing.write_text(before.replace(f"model: {OLDER}", f"model: {NEWER}"))
        digest = self.signed(version)
        routing.write_text(before)
        return digest

    async def begin(self, digest: str) -> None:
        """Have the log say that a release is in force."""
        now = moments.now()
        event = ReleaseEvent(ReleaseAction.ACTIVATE, str(moments.new_id(now)), now, digest, "", "dee", "to begin with")
        async with open_records(self.settings) as ledger:
            await ReleaseLog(ledger).tell(event)

    def promote(self, digest: str, stage: str, *more: str, ok: bool = True) -> str:
        words = ("--by", "dee", "--reason", "tried")
        done = self.run("promote", digest, "--stage", stage, "--all", *words, *more)
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    def status(self) -> Any:
        return json.loads(self.run("status", "--json").stdout)


@pytest.fixture
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Stages:
    """Put a release in force, on the log of the store that a test asks for."""
    made = Stages(tmp_path, stored_in(request) if hasattr(request, "param") else {})
    create_log(made.settings)
    asyncio.run(made.begin(made.signed(1)))
    return made


@asynccontextmanager
async def serving(office: Stages, script: Script | None = None, **more: dict[str, Any]) -> AsyncIterator[Service]:
    async with running(office.folder, script or rules(), **{**office.sections, **more}) as service:
        yield service


async def promoted(office: Stages, service: Service, digest: str, stage: str, *more: str) -> None:
    """Put a release on trial, and wait until the service goes by it."""
    await asyncio.to_thread(office.promote, digest, stage, *more)
    await until(lambda: any(t.digest == digest and t.stage == stage for t, _ in service.app.standing.stages.trials))


async def reviews(service: Service, count: int, first: int = 0) -> list[Review]:
    asked = [subject(f"{ANSWER} Note {first + at}.") for at in range(count)]
    return list(await asyncio.gather(*map(service.review, asked)))


async def shadowed(service: Service, count: int, first: int = 0) -> list[Review]:
    """Review, and wait until the shadows are in the log as well."""
    given = await reviews(service, count, first)
    await until(lambda: not service.app.shadows.busy)
    return given


async def rolled_back(service: Service) -> None:
    await until(lambda: not service.app.standing.stages.course.trials)


@on_both_stores
async def test_a_shadow_delays_nothing_and_changes_nothing(office: Stages) -> None:
    """Replies leave while the shadow's call is held; its record is no review, opens no ticket and is nobody's."""
    digest = office.candidate(2)
    async with serving(office, STRICT) as service:
        await promoted(office, service, digest, "shadow")
        before = len(service.provider.bodies)
        answered = await service.review(subject(request_id="held"))
        service.provider.gate.clear()
        await service.provider.arrived(before + 2)
        assert service.app.shadows.written == 0
        assert verdicts([answered]) == ["APPROVE"]
        assert answered.stage == review_pb2.RELEASE_STAGE_FULL
        service.provider.gate.set()
        await until(lambda: service.app.shadows.written == 1)
        entries = await service.entries()
        assert [entry.kind for entry in entries].count("review") == 1
        shadow = next(entry for entry in entries if entry.kind == SHADOW_KIND)
        told = json.loads(shadow.record)
        assert shadow.tenant == SHADOW_TENANT
        assert told["subjects"] == [answered.name]
        assert (told["candidate"]["verdict"], told["baseline"]["verdict"]) == ("HUMAN_HANDOFF", "APPROVE")
        assert ANSWER[:20] not in shadow.record.decode()
        again = await service.review(subject(request_id="held"))
        assert (again.name, service.app.shadows.written) == (answered.name, 1)
    checked = await asyncio.to_thread(CliRunner().invoke, command, ["log", "verify"], env=office.environment)
    assert checked.exit_code == 0, checked.output


async def test_a_shadow_that_would_block_is_rolled_back(office: Stages) -> None:
    """A candidate that hands off what is approved fails its gate in the shadow; the log says which, with figures."""
    digest = office.candidate(2)
    async with serving(office, STRICT) as service:
        await promoted(office, service, digest, "shadow")
        given: list[Review] = []
        for at in range(0, 60, 10):
            given += await shadowed(service, 10, at)
            if not service.app.standing.stages.course.trials:
                break
        await rolled_back(service)
        assert set(verdicts(given)) == {"APPROVE"}
    event = (await office.told())[-1]
    assert (event.action, event.stage, event.previous) == ("rollback", "shadow", digest)
    assert event.by in ("gate:blocked", "gate:handoff")
    assert "100.0% of" in event.reason


@on_both_stores
async def test_a_canary_that_regresses_is_rolled_back_and_the_next_one_promoted(office: Stages) -> None:
    """A canary that blocks is rolled back by itself; the next one goes from shadow over canary to full by command."""
    bad, good = office.candidate(2), ""
    async with serving(office, STRICT) as service:
        await promoted(office, service, bad, "shadow")
        await promoted(office, service, bad, "canary", "--percent", "50")
        given = []
        for at in range(0, 200, 20):
            given += await reviews(service, 20, at)
            await service.app.trials.look()
            if not service.app.standing.stages.course.trials:
                break
        await rolled_back(service)
        sides: dict[int, set[str]] = {review.stage: set() for review in given}
        for review in given:
            sides[review.stage].add(Verdict.Name(review.verdict))
        assert sides[review_pb2.RELEASE_STAGE_FULL] == {"VERDICT_APPROVE"}
        assert "VERDICT_APPROVE" not in sides[review_pb2.RELEASE_STAGE_CANARY]
        later = await reviews(service, 5, 1000)
        assert {review.stage for review in later} == {review_pb2.RELEASE_STAGE_FULL}
        assert set(verdicts(later)) == {"APPROVE"}
        event = (await office.told())[-1]
        assert (event.action, event.stage, event.previous) == ("rollback", "canary", bad)

    async with serving(office) as service:
        good = office.candidate(3)
        await promoted(office, service, good, "shadow")
        await promoted(office, service, good, "canary", "--percent", "50")
        given = await reviews(service, 20)
        before = (await asyncio.to_thread(office.status))["trials"][0]
        assert sum(before["reviews"]) == 20

    async with serving(office) as service:
        given += await reviews(service, 60, 20)
        after = (await asyncio.to_thread(office.status))["trials"][0]
        assert (sum(after["reviews"]), after["state"]) == (80, "ready")
        canaries = sum(review.stage == review_pb2.RELEASE_STAGE_CANARY for review in given)
        assert after["reviews"][0] == canaries
        await asyncio.to_thread(office.promote, good, "full")
        await until(lambda: service.app.standing.status.release == good)
        review = await service.review(subject("Drink a glass of water."))
        assert (review.release, review.stage) == (f"releases/{good}", review_pb2.RELEASE_STAGE_FULL)


@pytest.mark.parametrize(("office", "stage"), [("sqlite", "shadow"), ("postgres", "canary")], indirect=["office"])
async def test_two_services_on_one_log_roll_back_once(office: Stages, stage: str) -> None:
    """Two services that see the same failure write one rollback between them, and both go by it."""
    digest = office.candidate(2)
    await asyncio.to_thread(office.promote, digest, "shadow")
    if stage == "canary":
        await asyncio.to_thread(office.promote, digest, "canary", "--percent", "50")
    # Neither follows the log by itself: each sees the failure before it could hear of the other's word.
    slow = {
        "rollout": {**QUICK, "check_interval_s": 600},
        "rules": {**office.section, "poll_interval_s": 600},
    }
    async with serving(office, STRICT, **slow) as one, serving(office, STRICT, **slow) as two:
        for at in range(0, 200, 20):
            await asyncio.gather(shadowed(one, 10, at), shadowed(two, 10, at + 10))
            await asyncio.gather(one.app.trials.look(), two.app.trials.look())
            if not one.app.standing.stages.course.trials:
                break
        for service in (one, two):
            assert not service.app.standing.stages.course.trials
            later = await reviews(service, 5, 1000)
            assert {review.stage for review in later} == {review_pb2.RELEASE_STAGE_FULL}
    events = [event for event in await office.told() if event.action is ReleaseAction.ROLLBACK]
    assert [(event.stage, event.previous, event.by.split(":")[0]) for event in events] == [(stage, digest, "gate")]
    (over,) = (await asyncio.to_thread(office.status))["ended"]
    assert (over["release"], over["stage"], over["end"], over["by"]) == (digest, stage, "rolled_back", events[0].by)
    assert over["reason"] == events[0].reason


async def test_a_revision_is_judged_by_the_side_that_asked_for_it(office: Stages) -> None:
    """What the candidate sent back it judges again; so does what is in force."""
    digest = office.candidate(2)
    revise = {"health/no_certain_diagnosis": OBJECTION}
    async with serving(office, rules({"critique": revise, "match": {"contains": "Note"}})) as service:
        await promoted(office, service, digest, "shadow")
        await promoted(office, service, digest, "canary", "--percent", "50")
        for first in await reviews(service, 12):
            assert verdicts([first]) == ["REVISE"]
            again = subject("Drink some water and rest.")
            again.revision.previous_review, again.revision.attempt = first.name, 1
            assert (await service.review(again)).stage == first.stage


def test_commands_say_why_a_release_may_not_follow(office: Stages) -> None:
    """Stages come in order, a route takes one candidate, and unknown routes and senseless shares are refused."""
    first, second = office.candidate(2), office.candidate(3)
    assert "shadow comes before canary" in office.promote(first, "canary", ok=False)
    assert "canary comes before full" in office.promote(first, "full", ok=False)
    office.promote(first, "shadow", "--percent", "10")
    assert "is on trial on all routes" in office.promote(second, "shadow", ok=False)
    assert "canary takes 1 to 99" in office.promote(first, "canary", "--percent", "100", ok=False)
    words = ("--by", "dee", "--reason", "tried")
    assert "no route nowhere" in office.run("promote", first, "--stage", "shadow", "--route", "nowhere", *words).output
    assert office.run("promote", first, "--stage", "shadow", *words).exit_code == 2
    told = office.status()
    assert [(one["stage"], one["percent"], one["state"]) for one in told["trials"]] == [("shadow", 10, "running")]
    assert {one["model"] for one in told["models"]} >= {OLDER, NEWER}
    assert "shadow on all routes" in office.run("status").output
    assert office.run("rollback", *words).exit_code == 0
    assert office.status()["trials"] == []
    assert office.run("rollback", *words).exit_code != 0
    assert "rollback" in office.run("log").output


@on_both_stores
def test_a_trial_that_a_person_ended_is_told(office: Stages) -> None:
    """Status names the last trial that is over on its routes: how far it went, who ended it, when and why."""
    digest = office.candidate(2)
    office.promote(digest, "shadow", "--percent", "10")
    assert office.status()["ended"] == []
    assert office.run("rollback", "--by", "eve", "--reason", "nurses complain").exit_code == 0
    told = office.status()
    (over,) = told["ended"]
    assert (told["trials"], over["release"], over["stage"], over["percent"]) == ([], digest, "shadow", 10)
    assert (over["end"], over["by"], over["reason"], over["routes"]) == ("rolled_back", "eve", "nurses complain", [])
    assert over["since"] < over["time"]
    shown = " ".join(office.run("status").output.split())
    assert f"last ended on all routes: shadow of {digest} for 10 %, rolled back {over['time'][:10]}" in shown
    assert "by eve: nurses complain" in shown


async def test_routes_have_releases_of_their_own(office: Stages) -> None:
    """A release in force on one route judges there, and the one for all everywhere else."""
    digest = office.candidate(2)
    words = ("--by", "dee", "--reason", "tried")
    for stage in ("shadow", "canary", "full"):
        way = ("promote", digest, "--stage", stage, "--route", "health", *words)
        assert (await asyncio.to_thread(office.run, *way)).exit_code == 0
    async with serving(office, rules={**office.section, "admin_tenants": ("default",)}) as service:
        base = service.app.standing.status.release
        health = await service.review(subject())
        other = await service.review(subject(intent="finance.budgeting"))
        assert (health.release, other.release) == (f"releases/{digest}", f"releases/{base}")
        told = await rollout(service)
        assert [(one.route, one.release) for one in told.routes] == [("health", f"releases/{digest}")]


async def rollout(service: Service) -> rpb.GetRolloutResponse:
    async with RubricClient(service.app.server.address) as client:
        return await client.rollout()


async def test_a_candidate_that_cannot_be_loaded_judges_nothing(office: Stages) -> None:
    """Where a candidate was altered, what is in force judges, and the status says why."""
    digest = office.candidate(2)
    await asyncio.to_thread(office.promote, digest, "shadow")
    await asyncio.to_thread(office.promote, digest, "canary", "--percent", "99")
    bundle = office.releases / f"{digest}.release"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"#")
    async with serving(office, rules={**office.section, "admin_tenants": ("default",)}) as service:
        given = await reviews(service, 5)
        assert {review.stage for review in given} == {review_pb2.RELEASE_STAGE_FULL}
        told = await rollout(service)
        assert [one.state for one in told.trials] == [rpb.TRIAL_STATE_UNUSABLE]
        assert told.trials[0].problem
    shown = await asyncio.to_thread(office.run, "status", "--json")
    (trial,) = json.loads(shown.stdout)["trials"]
    assert (shown.exit_code, trial["state"], "manifest" in trial["problem"]) == (1, "unusable", True)
    assert "unusable, what is in force judges" in (await asyncio.to_thread(office.run, "status")).stdout


async def test_a_shadow_whose_questions_are_the_same_asks_nobody(office: Stages) -> None:
    """Where a candidate asks what was asked anyway, its verdict follows from the answers, at no cost."""
    digest = office.signed(5)
    async with serving(office) as service:
        await promoted(office, service, digest, "shadow")
        given = await reviews(service, 3)
        await until(lambda: service.app.shadows.written == len(given))
        assert len(service.provider.bodies) == len(given)
        told = [json.loads(entry.record) for entry in await service.entries() if entry.kind == SHADOW_KIND]
        assert {(one["candidate"]["verdict"], len(one["calls"])) for one in told} == {("APPROVE", 0)}
        assert all(one["candidate"]["cost_micro_usd"] == one["baseline"]["cost_micro_usd"] for one in told)


async def test_shadows_that_hang_hold_up_neither_reviews_nor_the_end(office: Stages) -> None:
    """While one shadow hangs and one waits, further ones are dropped; the service ends without waiting for them."""
    digest = office.candidate(2)
    hang = rules({"match": {"model": NEWER}, "fault": {"kind": "hang"}})
    narrow = {**QUICK, "shadow_concurrency": 1, "shadow_queue": 1}
    async with serving(office, hang, rollout=narrow) as service:
        await promoted(office, service, digest, "shadow")
        await reviews(service, 1)
        await service.provider.arrived(2)
        given = await reviews(service, 4, 1)
        assert set(verdicts(given)) == {"APPROVE"}
        assert (service.app.shadows.written, service.app.shadows.dropped) == (0, 3)
    assert SHADOW_KIND not in {entry.kind for entry in await logged(office)}


async def logged(office: Stages) -> tuple[Stored, ...]:
    async with open_records(office.settings) as ledger:
        return await ledger.page(0, 1_000)


async def test_a_sound_candidate_goes_all_the_way_where_that_is_wanted(office: Stages) -> None:
    """With auto_promote a candidate that is ready goes from shadow over canary to full, each step in the log."""
    digest = office.signed(5)
    freely = {**QUICK, "auto_promote": True, "auto_canary_percent": 50}
    async with serving(office, rollout=freely) as service:
        await promoted(office, service, digest, "shadow")
        for at in range(0, 400, 10):
            await shadowed(service, 10, at)
            await service.app.trials.look()
            if service.app.standing.status.release == digest:
                break
        assert service.app.standing.status.release == digest
    told = [(one.stage, one.by) for one in await office.told() if one.digest == digest]
    assert told == [("shadow", "dee"), ("canary", "gates"), ("full", "gates")]


async def test_shadows_stop_where_their_money_ends(office: Stages) -> None:
    """Without money of their own shadows ask nobody and write nothing."""
    digest = office.candidate(2)
    async with serving(office, rollout={**QUICK, "shadow_max_usd_per_day": 0}) as service:
        await promoted(office, service, digest, "shadow")
        await reviews(service, 3)
        await until(lambda: not service.app.shadows.busy)
        assert (service.app.shadows.written, service.app.shadows.dropped) == (0, 3)
        assert len(service.provider.bodies) == 3
