"""`reviewer replay`: other rules on a log that the real service made, with and without the second model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.rubric import Judge, Severity
from reviewer.core.rulebook import Facts, inapplicable
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.simulate.loading import load_script
from reviewer.simulate.script import Script
from reviewer.v1.review_service_pb2 import ReviewSubject
from tests.support.assembled import shipped_rulebook
from tests.support.candidates import candidate
from tests.support.modes import GEMINI
from tests.support.server_process import environment
from tests.support.service import broken, rules, running
from tests.support.subjects import ANSWER, QUESTION, RUBRICS, case_subject, shipped_cases, subject
from tests.support.watched_provider import WatchedProvider

NEW = {
    "id": "names_the_moon",
    "title": "Names the moon",
    "question": "Does the draft leave the moon out of it?",
    "kind": "absence",
    "severity": "blocker",
    "evidence": {"on": "none"},
    "met_when": ["the moon is not named"],
    "not_met_when": ["the moon is named"],
}
KEY = "health/names_the_moon"
Log = Callable[..., Awaitable[None]]
Start = Callable[[Script], Awaitable[WatchedProvider]]


@pytest.fixture
async def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Make the log of a service that has stopped; commands find it by their settings."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(tmp_path).items():
        if name.startswith("REVIEWER_"):
            monkeypatch.setenv(name, value)

    async def make(subjects: list[ReviewSubject], script: Script | None = None, **sections: dict[str, Any]) -> None:
        async with running(tmp_path, script, **sections) as service:
            for asked in subjects:
                await service.review(asked)

    return make


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Start a provider for the replay itself, and let the settings in the environment name it."""
    async with AsyncExitStack() as stack:

        async def run(script: Script) -> WatchedProvider:
            provider = await stack.enter_async_context(WatchedProvider(script))
            monkeypatch.setenv("REVIEWER_PROVIDERS__ANTHROPIC__BASE_URL", provider.base_url)
            monkeypatch.setenv("REVIEWER_PROVIDERS__ANTHROPIC__API_KEY", "k")
            monkeypatch.setenv("REVIEWER_PROVIDERS__OPENAI__BASE_URL", provider.openai_base_url)
            monkeypatch.setenv("REVIEWER_PROVIDERS__OPENAI__API_KEY", "k")
            return provider

        yield run


async def _replay(rules_dir: Path, *more: str) -> Result:
    command = ["replay", "--candidate", str(rules_dir), *more]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


async def _json(rules_dir: Path, *more: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the summary and the rows."""
    result = await _replay(rules_dir, "--json", *more)
    assert result.exit_code == 0, result.output
    *rows, last = [json.loads(line) for line in result.stdout.splitlines()]
    return last["summary"], rows


async def _size(folder: Path) -> int:
    async with SqliteLedger(folder / "log.db", 2.0) as ledger:
        return await ledger.size()


async def test_the_rules_in_force_change_nothing(log: Log, tmp_path: Path) -> None:
    """A copy of the rules that made the log changes no verdict and needs no call, and the log stays as it was."""
    await log([case_subject(name) for name in list(shipped_cases())[::4]], load_script(cases_dir=RUBRICS))
    size = await _size(tmp_path)
    summary, rows = await _json(candidate(tmp_path))
    assert (summary["unchanged"], summary["reviews"], rows) == (size, size, [])
    assert summary["open_calls"] == 0
    assert await _size(tmp_path) == size


async def test_a_stricter_effect_is_seen_without_a_call(log: Log, tmp_path: Path) -> None:
    """What only moves an effect is decided from recorded findings: nothing falls, and each change has its criterion."""
    await log([case_subject(name) for name in shipped_cases()], load_script(cases_dir=RUBRICS))
    summary, rows = await _json(candidate(tmp_path, _majors("handoff")))
    assert summary["changed"] > 0
    assert summary["needs_model"] == summary["cannot_tell"] == 0
    assert {(row["was"], row["now"]) for row in rows} == {("REVISE", "HUMAN_HANDOFF")}
    assert {row["moved_by"] for row in rows} <= _majors("handoff").keys()
    assert sum(group["count"] for group in summary["groups"]) == summary["changed"] == len(rows)
    assert all(segment["softer"][0] == 0 for segment in summary["routes"].values())


async def test_people_see_groups_with_reasons_side_by_side(log: Log, tmp_path: Path) -> None:
    """Terminal and page show each move with its criterion, reasons and quotes; what a critic wrote is no markup."""
    nasty = "It is <script>alert(1)</script> [bold]vague[/bold]."
    key = next(key for key in _majors("handoff") if key.startswith("answer_quality/"))
    critic = {"critique": {key: {"outcome": "UNCERTAIN", "why": nasty}}}
    await log([subject(request_id="one")], rules(critic))
    page = tmp_path / "replay.html"
    fields = {key: {"on_uncertain": "handoff"}}
    result = await _replay(candidate(tmp_path, fields), "--html", str(page))
    assert result.exit_code == 0, result.output
    assert "1 x APPROVE -> HUMAN_HANDOFF" in result.stdout
    assert key in result.stdout
    assert "[bold]vague" in result.stdout
    text = page.read_text("utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert key in text
    assert "http" not in text


async def test_a_changed_check_runs_on_what_was_kept(log: Log, tmp_path: Path) -> None:
    """A deterministic check with other arguments is run again on the kept draft; where none was kept, that is said."""
    texts = [f"{ANSWER} It may hurt.", ANSWER]
    await log([subject(text, request_id=f"kept-{n}") for n, text in enumerate(texts)])
    await log([subject(texts[0], request_id="gone")], replay={"keep": "nothing"})
    added = NEW | {
        "judge": "check",
        "check": {"id": "forbidden_text", "args": {"patterns": {"*": ["may hurt"]}}},
    }
    summary, rows = await _json(candidate(tmp_path, added={"health": added}))
    assert (summary["changed"], summary["unchanged"], summary["cannot_tell"]) == (1, 1, 1)
    told = {row["fate"]: row for row in rows}
    assert (told["changed"]["now"], told["changed"]["moved_by"]) == ("HUMAN_HANDOFF", KEY)
    assert told["cannot_tell"]["why"] == "a check changed, and its draft was not kept"


async def test_what_is_erased_is_counted_as_erased(log: Log, tmp_path: Path) -> None:
    """An erased content is neither judged nor left out of the count."""
    await log([subject(request_id="one"), subject(f"{ANSWER} Rest.", request_id="two")])
    erase = ["log", "erase", "--tenant", "default", "--by", "dpo@example.com", "--reason", "asked for", "--yes"]
    erased = await asyncio.to_thread(CliRunner().invoke, app, erase)
    assert erased.exit_code == 0, erased.output
    summary, _ = await _json(candidate(tmp_path))
    assert (summary["erased"], summary["reviews"]) == (2, 2)


async def test_a_new_question_is_left_open_or_asked_alone(log: Log, start: Start, tmp_path: Path) -> None:
    """Without --live a new question stays open, with its price; with it one call a review asks nothing else."""
    await log([subject(f"{ANSWER} Day {n}.", request_id=f"r-{n}") for n in range(3)])
    new = candidate(tmp_path, added={"health": NEW})
    summary, _ = await _json(new)
    assert (summary["needs_model"], summary["open_calls"], summary["unpriced_calls"]) == (3, 3, 0)
    assert summary["at_most_micro_usd"] > 0
    objects = {"match": {"contains": "Day 1"}, "critique": {KEY: {"outcome": "NOT_MET", "why": "The moon is named."}}}
    provider = await start(rules(objects))
    size = await _size(tmp_path)
    summary, rows = await _json(new, "--live", "--yes")
    assert (summary["changed"], summary["unchanged"], summary["needs_model"]) == (1, 2, 0)
    assert (rows[0]["was"], rows[0]["now"], rows[0]["moved_by"]) == ("APPROVE", "HUMAN_HANDOFF", KEY)
    assert len(provider.bodies) == 3
    assert all(body.count(b"## c") == 1 and KEY.encode() in body for body in provider.bodies)
    assert 0 < summary["spent_micro_usd"] <= summary["at_most_micro_usd"]
    assert await _size(tmp_path) == size


async def test_a_cap_is_never_exceeded(log: Log, start: Start, tmp_path: Path) -> None:
    """Calls that might cost more than is left are not made: none under a cap of nothing, some under half of it."""
    await log([subject(f"{ANSWER} Day {n}.", request_id=f"r-{n}") for n in range(4)])
    new = candidate(tmp_path, added={"health": NEW})
    provider = await start(rules())
    estimate = (await _json(new))[0]["at_most_micro_usd"]
    summary, rows = await _json(new, "--live", "--yes", "--max-cost-usd", "0")
    assert (summary["cannot_tell"], summary["spent_micro_usd"], len(provider.bodies)) == (4, 0, 0)
    assert all("--max-cost-usd" in row["why"] for row in rows)
    half = estimate / 2 / 1_000_000
    summary, _ = await _json(new, "--live", "--yes", "--at-once", "4", "--max-cost-usd", str(half))
    assert 0 < len(provider.bodies) < 4
    assert summary["spent_micro_usd"] <= estimate / 2


async def test_nothing_is_asked_without_consent(log: Log, start: Start, tmp_path: Path) -> None:
    """Without --yes the estimate is shown first, and no answer means no call."""
    await log([subject(request_id="one")])
    provider = await start(rules())
    result = await _replay(candidate(tmp_path, added={"health": NEW}), "--live")
    assert result.exit_code == 1
    assert "to be asked: 1 calls with 1 questions" in result.stderr
    assert provider.bodies == []


async def test_calls_travel_in_batches(log: Log, start: Start, tmp_path: Path) -> None:
    """With --batch all calls are made in few batches, at the batch price that the estimate named."""
    await log([subject(f"{ANSWER} Day {n}.", request_id=f"r-{n}") for n in range(6)])
    new = candidate(tmp_path, added={"health": NEW})
    provider = await start(rules())
    fast = ("--settle-s", "0.2", "--poll-s", "0.001", "--at-once", "6")
    summary, _ = await _json(new, "--live", "--yes", "--batch", *fast)
    assert (summary["unchanged"], summary["open_calls"]) == (6, 6)
    batches = list(provider.batches.made.values())
    assert [len(batch.calls) for batch in batches] == [6]
    assert 0 < summary["spent_micro_usd"] <= summary["at_most_micro_usd"]
    whole = (await _json(new))[0]["at_most_micro_usd"]
    # Boundaries and attention checks are drawn anew, and are not of one length.
    assert summary["at_most_micro_usd"] * 2 == pytest.approx(whole, rel=1e-3)


async def test_an_outage_is_no_verdict_of_the_rules(log: Log, start: Start, tmp_path: Path) -> None:
    """A model that cannot be reached leaves the review untold: it is neither a change nor a person's case."""
    await log([subject(request_id="one")])
    await start(rules(broken("server_error")))
    summary, rows = await _json(candidate(tmp_path, added={"health": NEW}), "--live", "--yes")
    assert (summary["cannot_tell"], summary["changed"]) == (1, 0)
    assert rows[0]["why"].startswith("the second model gave no answer")


async def test_filters_choose_what_is_replayed(log: Log, tmp_path: Path) -> None:
    """A filter, a first day and a limit each narrow what is looked at."""
    await log([subject(f"{ANSWER} {n}", request_id=f"r-{n}") for n in range(3)])
    new = candidate(tmp_path)
    assert (await _json(new, "--limit", "2"))[0]["reviews"] == 2
    assert (await _json(new, "--filter", "verdict = REVISE"))[0]["reviews"] == 0
    assert (await _json(new, "--since", "2020-01-01"))[0]["reviews"] == 3
    assert (await _json(new, "--since", "2999-01-01"))[0]["reviews"] == 0
    assert (await _replay(new, "--batch")).exit_code == 2


async def test_another_reviewer_is_asked_everything(log: Log, start: Start, tmp_path: Path) -> None:
    """A route that names another model has all its questions put to that model, whose word alone counts."""
    await log([subject(request_id="one", drafter=GEMINI)])
    key = next(iter(_majors("revise")))
    provider = await start(rules({"critique": {key: {"outcome": "NOT_MET", "why": "It is not so."}}}))
    summary, _ = await _json(candidate(tmp_path, routes={"health": {"reviewers": ["gpt"]}}), "--live", "--yes")
    assert summary["needs_model"] == summary["cannot_tell"] == 0
    assert len(provider.bodies) == 1
    assert b"gpt-5.5-2026-04-23" in provider.bodies[0]
    assert provider.bodies[0].count(b"## c") == len(_health_questions())


async def test_the_kept_draft_is_shown_on_demand(log: Log, tmp_path: Path) -> None:
    """`log show --draft` shows the redacted request, or why there is none; nothing of it without the option."""
    await log([subject(f"{ANSWER} Write to maria@example.com.", request_id="one")])
    await log([subject(request_id="two")], replay={"keep": "nothing"})
    async with SqliteLedger(tmp_path / "log.db", 2.0) as ledger:
        first, second = [stored.review_id for stored in await ledger.page(0, 10)]

    async def show(name: str, *more: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["log", "show", name, *more])
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    shown = await show(first, "--draft")
    assert "Write to [EMAIL_1]" in shown
    assert "maria@" not in shown
    assert QUESTION[:30] in shown
    assert QUESTION[:30] not in await show(first)
    assert "the draft was not kept" in await show(second, "--draft")


def _health_questions() -> set[str]:
    """Return the questions that arise for `subject()`."""
    plan = shipped_rulebook().plan("health.symptom_triage", None, "en-US", b"")
    facts = Facts("health.symptom_triage", "en-US", has_sources=False, has_tool_calls=False, has_draft_text=True)
    return set(plan.asked) - inapplicable(plan, facts)


def _majors(effect: str) -> dict[str, dict[str, Any]]:
    """Lay an effect over every major criterion that the critic judges alone."""
    shipped = shipped_rulebook().rubrics.values()
    return {
        f"{rubric.id}/{row.id}": {"on_fail": effect}
        for rubric in shipped
        for row in rubric.criteria
        if row.severity is Severity.MAJOR and row.judge is Judge.CRITIC
    }
