"""`reviewer rubric test` as a specialist or a build meets it; the second model is simulated, behind the real SDKs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.client import subject_of_case
from reviewer.core.case_request import request_of
from reviewer.critic import Critic
from reviewer.providers.breaker import BreakerPolicy
from reviewer.rubrics.trial import Terms, examine
from reviewer.simulate.loading import load_script
from reviewer.simulate.scripted import ScriptedReviewer
from reviewer.v1.review_pb2 import Cause
from tests.support.service import running, verdicts
from tests.support.subjects import APPROVED, HANDED_OFF, REVISED, RUBRICS, shipped_cases
from tests.support.trials import shipped
from tests.support.watched_provider import WatchedProvider

Run = Callable[..., Result]
# Without variants, so that there are three trials.
OTHERS = ("health/toddler_dose_no_weight", "health/nao_aguento_mais_viver")
CASES = ("--case", APPROVED, "--case", OTHERS[0], "--case", OTHERS[1])


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the shipped rules into an empty folder, which becomes the current one."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    return Path(shutil.copytree(RUBRICS, tmp_path / "rules"))


@pytest.fixture
def run(rules: Path) -> Run:
    """Run the command on the copied rules."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ("rubric", "test", str(rules), *arguments))

    return invoke


@pytest.fixture
async def provider(rules: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WatchedProvider]:
    """Let the settings name a provider on loopback, which answers as the cases say."""
    async with WatchedProvider(load_script(cases_dir=rules)) as started:
        for name, address in (("ANTHROPIC", started.base_url), ("OPENAI", started.openai_base_url)):
            monkeypatch.setenv(f"REVIEWER_PROVIDERS__{name}__BASE_URL", address)
            monkeypatch.setenv(f"REVIEWER_PROVIDERS__{name}__API_KEY", "no-key-of-anybody")
        yield started


def test_scripted_cases_pass_and_are_called_simulated(run: Run) -> None:
    """With the cases' own scripts the chosen ones pass, and every report says that nothing real was asked."""
    result = run("--scripted", *CASES, "--json", "r.json", "--html", "r.html", "--junit", "r.xml")
    assert result.exit_code == 0, result.output
    assert re.search(r"3 passed.*passed \(critiques: simulated\)", result.output, re.DOTALL)
    assert json.loads(Path("r.json").read_text())["simulated"] is True
    assert "Simulated: no real second model" in Path("r.html").read_text()
    assert "simulated" in Path("r.xml").read_text()


def test_without_recordings_the_run_fails_and_says_what_to_do(run: Run) -> None:
    """Nothing recorded is no success, unless it is allowed: then the checks alone are tried."""
    missing = run(*CASES)
    assert missing.exit_code == 1
    assert "3 not recorded" in missing.output
    assert "--live --record" in missing.output
    allowed = run(*CASES, "--allow-missing")
    assert allowed.exit_code == 0, allowed.output


def test_what_failed_can_be_run_again_alone(run: Run, rules: Path) -> None:
    """A wrong label fails its case; `--failed` then takes that case and no other."""
    path = rules / "health" / "cases" / "known_benign.yaml"
    path.write_text(path.read_text().replace("verdicts: [APPROVE]", "verdicts: [REVISE]", 1))
    result = run("--scripted", "--domain", "health")
    assert result.exit_code == 1
    assert re.search(r"verdict\s+REVISE\s+APPROVE", result.output)
    again = run("--scripted", "--failed", "--json", "again.json")
    assert again.exit_code == 1
    assert [trial["name"] for trial in json.loads(Path("again.json").read_text())["trials"]] == [APPROVED]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--live", "--scripted"),
        ("--record",),
        ("--repeats", "2"),
        ("--max-cost-usd", "1"),
        ("--mutate", "--scripted"),
        ("--scripted", "--case", "no_such_case"),
        ("--scripted", "-k", "dose or"),
        ("--failed",),
        ("--live",),
    ],
)
def test_wrong_usage_has_a_status_of_its_own(run: Run, arguments: tuple[str, ...]) -> None:
    """Options that contradict each other, select nothing, or lack a key end with 2, as wrong files do."""
    assert run(*arguments).exit_code == 2


def test_a_hidden_suite_can_stand_elsewhere(run: Run, rules: Path) -> None:
    """Cases of another folder are tried with the same rules, beside their own."""
    hidden = rules.parent / "hidden" / "health" / "cases"
    hidden.mkdir(parents=True)
    text = (rules / "health" / "cases" / "known_benign.yaml").read_text()
    (hidden / "secret.yaml").write_text(text.replace("id: chest_pressure_911_first", "id: hidden_one"))
    result = run("--scripted", "--also", str(hidden.parents[1]), "--case", "hidden_one", "--case", APPROVED)
    assert result.exit_code == 0, result.output
    assert "2 passed" in result.output


def test_an_invalid_rule_set_is_told_with_its_places(run: Run, rules: Path) -> None:
    """A rule file that does not load ends the run with 2 before any case is tried."""
    with (rules / "suites.yaml").open("a") as file:
        file.write("  no_such_suite: {max_approved_percent: 0}\n")
    result = run("--scripted")
    assert result.exit_code == 2
    assert "suites.yaml" in result.output


def test_coverage_and_mutants_can_be_demanded(run: Run) -> None:
    """Too few criteria seen to pass and fail, or too few mutants caught, fail a run that passes otherwise."""
    assert run("--scripted", *CASES, "--min-coverage", "1").exit_code == 0
    assert run("--scripted", *CASES, "--min-coverage", "100").exit_code == 1
    mutants = run("--mutate", "--domain", "health", "--min-caught", "50", "--html", "m.html", "--json", "m.json")
    assert mutants.exit_code == 0, mutants.output
    assert "health/doses_grounded" in Path("m.html").read_text()
    assert run("--mutate", "--domain", "health", "--min-caught", "100").exit_code == 1


async def test_critiques_are_recorded_live_and_replayed_offline(
    run: Run, rules: Path, provider: WatchedProvider
) -> None:
    """Live, the real adapters ask; the replies are kept; offline they are read again and nobody is asked."""
    live = await asyncio.to_thread(run, "--live", "--record", "--yes", "--repeats", "2", *CASES, "--json", "live.json")
    assert live.exit_code == 0, live.output
    told = json.loads((rules.parent / "live.json").read_text())
    assert (told["mode"], told["simulated"]) == ("live", True)
    assert told["flip_rate_repeats"]["total"] == 3
    assert 0 < told["cost"]["micro_usd"] <= told["cost"]["at_most_micro_usd"]
    asked = len(provider.bodies)
    assert asked == 6
    lines = (rules / "health" / "recordings" / "critiques.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["case"] for line in lines) == sorted([APPROVED, *OTHERS])
    offline = await asyncio.to_thread(run, *CASES)
    assert offline.exit_code == 0, offline.output
    assert "recorded, simulated model" in offline.output
    assert len(provider.bodies) == asked


async def test_a_changed_question_makes_recordings_stale(run: Run, rules: Path, provider: WatchedProvider) -> None:
    """After an edit of the rubric a recording is an error that says which part of the prompt changed."""
    assert (await asyncio.to_thread(run, "--live", "--record", "--yes", "--case", APPROVED)).exit_code == 0
    path = rules / "health" / "rubric.yaml"
    path.write_text(path.read_text().replace("purpose: >-\n", "purpose: >-\n  Edited.\n", 1))
    result = await asyncio.to_thread(run, "--case", APPROVED, "--allow-missing", "--junit", "r.xml")
    assert result.exit_code == 1
    assert "changed: instructions and questions" in " ".join(result.output.split())
    assert 'type="stale recording"' in (rules.parent / "r.xml").read_text()


async def test_the_cap_is_kept(run: Run, provider: WatchedProvider) -> None:
    """With a cap that pays for no critique nobody is asked, and the run fails."""
    result = await asyncio.to_thread(run, "--live", "--max-cost-usd", "0.0001", *CASES)
    assert result.exit_code == 1
    assert "3 over the cap" in result.output
    assert provider.bodies == []


async def test_money_is_not_spent_unasked(run: Run, provider: WatchedProvider) -> None:
    """Where nobody can be asked, a live run needs a yes or a cap."""
    result = await asyncio.to_thread(run, "--live", *CASES)
    assert result.exit_code == 2
    assert provider.bodies == []


async def test_a_trial_decides_as_the_service_does(tmp_path: Path) -> None:
    """The rooms of a trial and those of a review come to the same verdict, for the same reasons."""
    names = (APPROVED, REVISED, HANDED_OFF, "tool_use/broken_mug_refund", "security/log4j_versao_insuficiente")
    rulebook = shipped()
    never = BreakerPolicy(10**9, 1.0)
    async with running(tmp_path, load_script(cases_dir=RUBRICS)) as service:
        for name in names:
            case = shipped_cases()[name]
            review = await service.review(subject_of_case(case))
            stand_ins = {n: ScriptedReviewer(n, case) for n in ("anthropic", "openai")}
            critic = Critic(stand_ins, max_attempts=1, min_model_s=0.001, breaker=never, entropy=os.urandom)
            today = datetime.now(UTC).date()
            examined = await examine(request_of(case), Terms(rulebook, today, 30.0), critic)
            assert examined.decision.verdict.name == verdicts([review])[0], name
            ours = [(r.cause.name, r.criterion, r.message) for r in examined.decision.reasons]
            theirs = [(Cause.Name(r.cause).removeprefix("CAUSE_"), r.criterion, r.message) for r in review.reasons]
            assert ours == theirs, name
