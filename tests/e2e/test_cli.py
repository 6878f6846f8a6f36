"""The command line as a person or a script meets it: output, exit status, and what it never shows."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from google.protobuf import json_format
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.client import ReviewSubject, read_review
from reviewer.core.review import CANARY_TENANT
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.v1.review_pb2 import Verdict
from tests.support.builders import entry
from tests.support.service import Service, verdicts
from tests.support.subjects import APPROVED, HANDED_OFF, REVISED, RUBRICS, case_subject, subject

Run = Callable[..., Result]
KEY = "sk-ant-not-a-real-key-0123456789"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin)

    return invoke


def _written(folder: Path, asked: ReviewSubject) -> str:
    path = folder / "subject.json"
    path.write_text(json_format.MessageToJson(asked), encoding="utf-8")
    return str(path)


def test_the_demo_shows_every_verdict_and_the_log(run: Run) -> None:
    """Without a key the demo reviews its samples with the simulated model, marks each, and lists the log."""
    result = run("demo")
    assert result.exit_code == 0, result.output
    panels, log = result.stdout.split("The verdict log")
    shown = re.findall(r"(APPROVE|REVISE|HUMAN HANDOFF)\s+SIMULATED", panels)
    assert set(shown) == {"APPROVE", "REVISE", "HUMAN HANDOFF"}
    rows = re.findall(r"^(\d+) +\S+Z +([0-9a-f-]{36}) .*(APPROVE|REVISE|HUMAN HANDOFF)", log, re.MULTILINE)
    assert [int(index) for index, _, _ in rows] == list(range(len(shown)))
    assert [verdict for _, _, verdict in rows] == shown
    assert all(f"reviews/{review}" in panels for _, review, _ in rows)


async def test_canaries_are_marked_in_the_log(run: Run, tmp_path: Path) -> None:
    """An auditor sees which entries are canaries, and can show one like any other entry."""
    await asyncio.to_thread(run, "log", "init", "--path", "own.db")
    marked = entry(1, tenant=CANARY_TENANT, canary="health/egfr_22")
    async with SqliteLedger(tmp_path / "own.db") as ledger:
        await ledger.append(marked)
        await ledger.append(entry(2, tenant="default"))
    listed = await asyncio.to_thread(run, "log", "list", "--path", "own.db")
    assert [row.count("(canary)") for row in listed.stdout.splitlines()[1:]] == [1, 0]
    shown = await asyncio.to_thread(run, "log", "show", marked.review_id, "--path", "own.db")
    assert shown.exit_code == 0
    assert "canary health/egfr_22" in shown.stdout


def test_the_demo_can_keep_its_log(run: Run) -> None:
    """A kept log can be listed and each of its entries shown; an existing file is not overwritten."""
    assert run("demo", "--keep-log", "demo.db").exit_code == 0
    listed = run("log", "list", "--path", "demo.db").stdout
    names = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", listed)
    assert len(names) == 10
    assert run("log", "show", names[0], "--path", "demo.db").exit_code == 0
    assert run("demo", "--keep-log", "demo.db").exit_code == 1


@pytest.mark.parametrize(
    ("name", "status", "verdict"),
    [(APPROVED, 0, "APPROVE"), (REVISED, 10, "REVISE"), (HANDED_OFF, 20, "HUMAN HANDOFF")],
)
def test_the_exit_status_is_the_verdict(run: Run, tmp_path: Path, name: str, status: int, verdict: str) -> None:
    """A script can act on the exit status alone; a person reads verdict, reasons and the simulated mark."""
    result = run("review", _written(tmp_path, case_subject(name)), "--simulate")
    assert result.exit_code == status, result.output
    assert re.search(rf"{verdict}\s+SIMULATED", result.stdout)


def test_standard_input_and_json(run: Run) -> None:
    """A subject can come from a pipe, and the review can go into one."""
    result = run("review", "-", "--simulate", "--json", stdin=json_format.MessageToJson(case_subject(REVISED)))
    assert result.exit_code == 10, result.output
    review = read_review(result.stdout)
    assert (review.verdict, review.simulated) == (Verdict.VERDICT_REVISE, True)
    assert review.reasons


@pytest.mark.parametrize(
    "text", ["not json", '{"draft": {"texts": "x"}}', '{"intent": "a.b"}', '{"tier": 77, "draft": {}}']
)
def test_a_bad_subject_is_wrong_usage(run: Run, text: str) -> None:
    """What is no subject, or is refused as one, ends with status 2 and no review."""
    result = run("review", "-", "--simulate", stdin=text)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""


def test_a_refused_subject_names_its_fields(run: Run) -> None:
    """The fields that the service refused are listed."""
    result = run("review", "-", "--simulate", stdin='{"tier": 77, "locale": "?"}')
    assert {"subject.tier", "subject.locale", "subject.draft"} <= set(re.findall(r"subject\.\w+", result.stderr))


def test_a_missing_file_is_wrong_usage(run: Run) -> None:
    """A file that is not there ends with status 2."""
    assert run("review", "nowhere.json", "--simulate").exit_code == 2


def test_an_own_service_and_an_address_exclude_each_other(run: Run, tmp_path: Path) -> None:
    """The simulated provider cannot be put into a service that runs elsewhere."""
    path = _written(tmp_path, subject())
    assert run("review", path, "--simulate", "--address", "127.0.0.1:1").exit_code == 2


def test_no_service_is_no_answer(run: Run, tmp_path: Path) -> None:
    """Where nobody listens the status is 4: no verdict, so nothing may be sent."""
    result = run("review", _written(tmp_path, subject()), "--address", "127.0.0.1:1", "--timeout-s", "0.5")
    assert result.exit_code == 4, result.output


def test_no_log_is_no_service(run: Run, tmp_path: Path) -> None:
    """Without a log no service starts, and none is created on the way."""
    result = run("review", _written(tmp_path, subject()))
    assert result.exit_code == 1, result.output
    assert not list(tmp_path.glob("*.db"))
    assert run("serve").exit_code == 1


async def test_a_running_service_is_called(run: Run, service: Service, tmp_path: Path) -> None:
    """With an address the review is made there, for the tenant named, and health is asked there."""
    address = service.app.server.address
    path = _written(tmp_path, subject())
    result = await asyncio.to_thread(run, "review", path, "--address", address, "--tenant", "globex", "--json")
    assert result.exit_code == 0, result.output
    made = read_review(result.stdout)
    assert verdicts([made]) == ["APPROVE"]
    (logged,) = await service.entries()
    assert (f"reviews/{logged.review_id}", logged.tenant) == (made.name, "globex")
    healthy = await asyncio.to_thread(run, "health", "--address", address)
    assert (healthy.exit_code, healthy.stdout.strip()) == (0, "SERVING")


def test_health_of_nobody(run: Run) -> None:
    """Where nobody listens health is not serving, status 1."""
    result = run("health", "--address", "127.0.0.1:1", "--timeout-s", "0.5")
    assert (result.exit_code, result.stdout.strip()) == (1, "NOT SERVING")


def test_a_log_is_made_once(run: Run, tmp_path: Path) -> None:
    """A log is created explicitly, is empty, and is never overwritten."""
    assert run("log", "init", "--path", "own.db").exit_code == 0
    before = (tmp_path / "own.db").read_bytes()
    assert run("log", "init", "--path", "own.db").exit_code == 1
    assert (tmp_path / "own.db").read_bytes() == before
    assert run("log", "list", "--path", "own.db").exit_code == 0
    assert run("log", "list", "--path", "other.db").exit_code == 1
    assert not (tmp_path / "other.db").exists()


def test_a_log_has_a_key(run: Run, tmp_path: Path) -> None:
    """With the log comes a key; a key that is there already is kept, since older signatures need it."""
    assert run("log", "init", "--path", "own.db").exit_code == 0
    before = (tmp_path / "own.db.key").read_bytes()
    (tmp_path / "own.db").unlink()
    assert run("log", "init", "--path", "own.db").exit_code == 0
    assert (tmp_path / "own.db.key").read_bytes() == before


async def test_an_entry_is_shown_as_it_is_stored(run: Run, service: Service) -> None:
    """A log entry is shown for people, as JSON, and as the canonical record byte for byte."""
    review = await service.review(subject())
    path = str(service.settings.ledger.path)
    record = await asyncio.to_thread(run, "log", "show", review.name, "--path", path, "--record")
    assert record.stdout.rstrip("\n").encode() == (await service.entries())[0].record
    as_json = await asyncio.to_thread(run, "log", "show", review.name, "--path", path, "--json")
    told = await service.client.get(review.name)
    # An auditor reads the file without the log's private key: only the service issues receipts.
    told.ClearField("receipt")
    assert read_review(as_json.stdout) == told
    shown = await asyncio.to_thread(run, "log", "show", review.name.removeprefix("reviews/"), "--path", path)
    assert review.name in shown.stdout
    missing = await asyncio.to_thread(run, "log", "show", "reviews/none", "--path", path)
    assert missing.exit_code == 1


async def test_an_altered_entry_is_not_shown(run: Run, service: Service) -> None:
    """Content that is not what the record commits to is reported, not shown."""
    review = await service.review(subject())
    path = service.settings.ledger.path
    connection = apsw.Connection(str(path))
    content = (await service.entries())[0].content or b""
    connection.execute("UPDATE contents SET content = ?", (content.replace(b'"MET"', b'"NOT_MET"'),))
    connection.close()
    result = await asyncio.to_thread(run, "log", "show", review.name, "--path", str(path))
    assert result.exit_code == 1
    assert "commits to" in result.stderr
    assert result.stdout == ""


def test_shipped_rubrics_are_clean(run: Run) -> None:
    """The rubrics that come with the product have no errors."""
    result = run("rubric", "lint")
    assert result.exit_code == 0, result.output
    assert "0 errors" in result.stdout


def test_lint_names_file_and_line(run: Run, tmp_path: Path) -> None:
    """A broken rubric is reported with its file and line, every fault at once, and status 1."""
    directory = tmp_path / "rubrics"
    shutil.copytree(RUBRICS, directory)
    expected = []
    for domain in ("health", "finance"):
        path = directory / domain / "rubric.yaml"
        lines = path.read_text(encoding="utf-8").splitlines()
        number = next(n for n, line in enumerate(lines, 1) if line.strip().startswith("severity:"))
        lines[number - 1] = lines[number - 1].partition(":")[0] + ": dreadful"
        path.write_text("\n".join(lines), encoding="utf-8")
        expected.append(f"{domain}/rubric.yaml:{number}")
    result = run("rubric", "lint", str(directory))
    assert result.exit_code == 1
    assert [where for where in expected if where not in result.stdout] == []
    assert run("rubric", "lint", str(tmp_path)).exit_code == 1


def test_settings_hide_keys(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys are masked, whether they come from the vendor's variable, from ours or from the file."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("REVIEWER_PROVIDERS__OPENAI__API_KEY", KEY)
    (tmp_path / "reviewer.toml").write_text(f'[providers.openai_compatible]\napi_key = "{KEY}"\n', encoding="utf-8")
    result = run("config", "show", "--config", "reviewer.toml")
    assert result.exit_code == 0, result.output
    assert KEY not in result.output
    providers = json.loads(result.stdout)["providers"]
    assert {name for name in providers if providers[name]["api_key"]} == {*providers} - {"openai_decisions"}
    assert run("config", "check", "--config", "reviewer.toml").exit_code == 0


def test_bad_settings_are_all_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every fault is listed with its place and the nearest known name, status 2, and no key is repeated."""
    monkeypatch.setenv("REVIEWER_LIMITS__MAX_TEXT_BITES", "1")
    monkeypatch.setenv("REVIEWER_PROVIDERS__OPENAI__BASE_URL", "ftp://nowhere")
    text = f'[providers.anthropic]\napi_keys = "{KEY}"\n\n[deadline]\nreserve_s = 0\n'
    (tmp_path / "reviewer.toml").write_text(text, encoding="utf-8")
    for command in (("config", "check"), ("config", "show"), ("serve",)):
        result = run(*command, "--config", "reviewer.toml")
        assert result.exit_code == 2
        assert KEY not in result.output
        assert "REVIEWER_LIMITS__MAX_TEXT_BITES" in result.stderr
        assert "max_text_bytes" in result.stderr
        assert "REVIEWER_PROVIDERS__OPENAI__BASE_URL" in result.stderr
        assert "reviewer.toml:5" in result.stderr
        assert "did you mean api_key" in result.stderr


def test_every_command_is_listed_and_a_typo_is_told(run: Run) -> None:
    """The help names each command with what it is for, and who mistypes one is told which is like it."""
    listed = re.findall(r"^. ([a-z-]+) {2,}[A-Z]", run("--help").stdout, re.MULTILINE)
    assert listed[:3] == ["serve", "review", "review-batch"]
    assert listed[-2:] == ["rubric", "config"]
    mistyped = run("serv")
    assert mistyped.exit_code == 2
    assert "Did you mean 'serve'?" in mistyped.stderr


def test_a_command_imports_what_it_needs() -> None:
    """A command that needs no service does not wait for the import of one."""
    code = "import sys; from reviewer.cli.main import app; app(['receipt', '--help'], standalone_mode=False)"
    imported = f"{code}; print('reviewer.receipts' in sys.modules, 'reviewer.pipeline' in sys.modules)"
    done = subprocess.run((sys.executable, "-c", imported), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["True", "False"]
