"""`reviewer review-batch`: many drafts at once, through the providers' batches, into the one log."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from typer.testing import CliRunner, Result

from reviewer.app import rubric_directory
from reviewer.cli.main import app
from reviewer.client import Review, ReviewSubject, read_review
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.log_home import create_log
from reviewer.simulate.loading import load_script
from reviewer.simulate.script import BatchConduct, Script
from tests.support.server_process import COMMAND, environment
from tests.support.service import broken, causes, deciding, rules, settings_for, verdicts
from tests.support.subjects import ANSWER, case_subject, shipped_cases, subject
from tests.support.watched_provider import WatchedProvider

GEMINI = ("google", "gemini-2.5-pro")
FAST = ("--settle-s", "0.2", "--poll-s", "0.001")
Start = Callable[[Script], Awaitable[WatchedProvider]]


@pytest.fixture
async def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Start a simulated provider, and let the settings in the environment name it and a log."""
    async with AsyncExitStack() as stack:

        async def run(script: Script) -> WatchedProvider:
            provider = await stack.enter_async_context(WatchedProvider(script))
            for name, value in _environment(tmp_path, provider).items():
                monkeypatch.setenv(name, value)
            return provider

        create_log(settings_for(tmp_path))
        monkeypatch.chdir(tmp_path)
        yield run


def _environment(folder: Path, provider: WatchedProvider) -> dict[str, str]:
    settings = {
        "PROVIDERS__ANTHROPIC__BASE_URL": provider.base_url,
        "PROVIDERS__ANTHROPIC__API_KEY": "k",
        "PROVIDERS__OPENAI__BASE_URL": provider.openai_base_url,
        "PROVIDERS__OPENAI__API_KEY": "k",
    }
    return {name: value for name, value in environment(folder, **settings).items() if name.startswith("REVIEWER_")}


def _write(path: Path, subjects: Iterable[ReviewSubject | str]) -> str:
    lines = [one if isinstance(one, str) else json_format.MessageToJson(one, indent=None) for one in subjects]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


async def _run(requests: str, out: str, *more: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["review-batch", requests, "--out", out, *FAST, *more])


def _read(path: Path) -> tuple[dict[int, Review], dict[int, dict[str, Any]]]:
    """Return reviews and errors by line."""
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    reviews = {row["line"]: read_review(json.dumps(row["review"])) for row in rows if "review" in row}
    return reviews, {row["line"]: row["error"] for row in rows if "error" in row}


async def _records(folder: Path) -> list[dict[str, Any]]:
    """Return every record of the log."""
    async with SqliteLedger(folder / "log.db", 2.0) as ledger:
        return [json.loads(entry.record) for entry in await ledger.page(0, 10_000)]


async def test_cases_go_the_same_way_in_batches(start: Start, tmp_path: Path) -> None:
    """Dozens of cases get the verdicts of their labels, in few batches; each is in the log, marked as batched."""
    provider = await start(load_script(cases_dir=rubric_directory(settings_for(tmp_path))))
    names = list(shipped_cases())[:40]
    requests = _write(tmp_path / "r.jsonl", [case_subject(name, f"case-{n}") for n, name in enumerate(names, 1)])
    result = await _run(requests, "o.jsonl")
    assert result.exit_code == 0, result.output
    reviews, errors = _read(tmp_path / "o.jsonl")
    labels = {n: shipped_cases()[name].expect.verdicts for n, name in enumerate(names, 1)}
    assert (sorted(reviews), errors) == (sorted(labels), {})
    assert [n for n, review in reviews.items() if verdicts([review])[0] not in labels[n]] == []
    batches = provider.batches.made.values()
    assert sum(len(batch.calls) for batch in batches) == sum(len(review.model_calls) for review in reviews.values())
    assert len(batches) < 10
    records = await _records(tmp_path)
    assert len(records) == 40
    assert all(call["batched"] for record in records for call in record["calls"])
    assert re.search(r"cost +\d+\.\d{4} USD", result.stdout)
    assert all(batch.id in result.stdout for batch in batches)


async def test_a_second_run_finds_the_reviews_in_the_log(start: Start, tmp_path: Path) -> None:
    """Lines with a request id are not reviewed again, make no call and cost nothing; an output is never overwritten."""
    provider = await start(rules())
    requests = _write(tmp_path / "r.jsonl", [subject(f"{ANSWER} {n}", request_id=f"r-{n}") for n in range(5)])
    assert (await _run(requests, "o.jsonl")).exit_code == 0
    made = len(provider.batches.made)
    before = (tmp_path / "o.jsonl").read_bytes()
    assert (await _run(requests, "o.jsonl")).exit_code == 2
    assert (tmp_path / "o.jsonl").read_bytes() == before
    again = await _run(requests, "again.jsonl")
    assert len(provider.batches.made) == made
    names = [{n: r.name for n, r in _read(tmp_path / name)[0].items()} for name in ("o.jsonl", "again.jsonl")]
    assert names[0] == names[1]
    assert re.search(r"found in the log +5", again.stdout)
    assert re.search(r"cost +0\.0000 USD", again.stdout)


async def test_bad_lines_stop_nobody(start: Start, tmp_path: Path) -> None:
    """Lines that are no request, or are refused as one, are told by number, field and code; the others are reviewed."""
    await start(rules())
    lines: list[ReviewSubject | str] = [subject(), "not json", "", '{"tier": 77, "draft": {"text": "x"}}', subject()]
    result = await _run(_write(tmp_path / "r.jsonl", lines), "o.jsonl")
    assert result.exit_code == 1, result.output
    reviews, errors = _read(tmp_path / "o.jsonl")
    assert sorted(reviews) == [1, 5]
    assert {n: error["code"] for n, error in errors.items()} == {2: "INVALID_ARGUMENT", 4: "INVALID_ARGUMENT"}
    assert [fault["field"] for fault in errors[4]["faults"]] == ["subject.tier"]
    assert "line 2" in result.stderr
    assert "subject.tier" in result.stderr


async def test_single_calls_fail_by_themselves(start: Start, tmp_path: Path) -> None:
    """A call that fails, expires or is lost within a batch hands its own draft off; the others are approved."""
    script = rules(broken("server_error", contains="one fails"), broken("hang", contains="one expires"))
    await start(script)
    texts = ["one fails", "one expires", "one is fine", "another is fine"]
    requests = _write(tmp_path / "r.jsonl", [subject(f"{ANSWER} {text}.") for text in texts])
    assert (await _run(requests, "o.jsonl")).exit_code == 0
    reviews, _ = _read(tmp_path / "o.jsonl")
    assert verdicts(reviews[n] for n in sorted(reviews)) == ["HUMAN_HANDOFF", "HUMAN_HANDOFF", "APPROVE", "APPROVE"]
    assert deciding(reviews[1]) == deciding(reviews[2]) == {"reviewer_unavailable"}
    assert [call.failure for n in (1, 2) for call in reviews[n].model_calls] == ["server_error", "timeout"]


async def test_an_expired_batch_goes_to_the_next_reviewer(start: Start, tmp_path: Path) -> None:
    """Where one provider's batch expires, the route's next reviewer is asked, in a batch of its own provider."""
    provider = await start(Script(always_met=True, batches=BatchConduct(expire=1)))
    requests = _write(tmp_path / "r.jsonl", [subject(f"{ANSWER} {n}", drafter=GEMINI) for n in range(3)])
    assert (await _run(requests, "o.jsonl")).exit_code == 0
    reviews, _ = _read(tmp_path / "o.jsonl")
    assert verdicts(reviews.values()) == ["APPROVE"] * 3
    told = {(call.provider, call.failure) for review in reviews.values() for call in review.model_calls}
    assert told == {("anthropic", "timeout"), ("openai", "")}
    assert [len(batch.calls) for batch in provider.batches.made.values()] == [3, 3]


async def test_more_lines_than_a_batch_holds(start: Start, tmp_path: Path) -> None:
    """No more lines are under way than a batch holds, and none is left out."""
    provider = await start(rules())
    requests = _write(tmp_path / "r.jsonl", [subject(f"{ANSWER} {n}") for n in range(10)])
    assert (await _run(requests, "o.jsonl", "--max-calls", "4")).exit_code == 0
    assert len(_read(tmp_path / "o.jsonl")[0]) == 10
    assert max(len(batch.calls) for batch in provider.batches.made.values()) == 4


async def test_a_call_outlasts_neither_its_wait_nor_its_batch(start: Start, tmp_path: Path) -> None:
    """What has no answer in the hours given is handed off for its deadline, and its batch is cancelled."""
    provider = await start(Script(always_met=True, batches=BatchConduct(polls=10**6)))
    requests = _write(tmp_path / "r.jsonl", [subject(request_id=f"r-{n}") for n in range(2)])
    assert (await _run(requests, "o.jsonl", "--wait-hours", "0.0005")).exit_code == 0
    reviews, _ = _read(tmp_path / "o.jsonl")
    assert [causes(review) for review in reviews.values()] == [{"deadline"}] * 2
    assert [batch.cancelled for batch in provider.batches.made.values()] == [True]


async def test_a_provider_that_dies_half_way(tmp_path: Path, start: Start) -> None:
    """A provider that goes away while a batch runs is a handoff for each of its drafts, not an error and not a hang."""
    provider = await start(Script(always_met=True, batches=BatchConduct(polls=10**6)))
    requests = _write(tmp_path / "r.jsonl", [subject(), subject()])
    run = asyncio.create_task(_run(requests, "o.jsonl", "--wait-hours", "0.01"))
    await provider.arrived(3)
    await provider.__aexit__(None, None, None)
    result = await run
    assert result.exit_code == 0, result.output
    reviews, _ = _read(tmp_path / "o.jsonl")
    assert [deciding(review) for review in reviews.values()] == [{"reviewer_unavailable"}] * 2
    assert "adrift" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupting_cancels_the_batches(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C cancels every batch at its provider and says so; nothing is recorded for what has no answer."""
    provider = await start(Script(always_met=True, batches=BatchConduct(polls=10**6)))
    requests = _write(tmp_path / "r.jsonl", [subject() for _ in range(3)])
    command = (*COMMAND, "review-batch", requests, "--out", "o.jsonl", *FAST)
    env = environment(tmp_path) | _environment(tmp_path, provider)
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=env, stdout=PIPE, stderr=PIPE)
    try:
        await provider.arrived(3)
        process.send_signal(number)
        _, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 1, stderr.decode()
    assert b"interrupted; 1 batches were cancelled" in stderr
    assert [batch.cancelled for batch in provider.batches.made.values()] == [True]
    assert not (tmp_path / "o.jsonl").exists()
    assert await _records(tmp_path) == []


def test_files_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing input is wrong usage, a missing log an error; neither leaves an output behind."""
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    assert run.invoke(app, ["review-batch", "nowhere.jsonl", "--out", "o.jsonl"]).exit_code == 2
    requests = _write(tmp_path / "r.jsonl", [subject()])
    assert run.invoke(app, ["review-batch", requests, "--out", "o.jsonl"]).exit_code == 1
    assert not (tmp_path / "o.jsonl").exists()
    assert run.invoke(app, ["review-batch", requests, "--out", "o.jsonl", "--simulate", *FAST]).exit_code == 0
