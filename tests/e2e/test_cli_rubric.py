"""`reviewer rubric` as an author meets it: what is printed, what is written, and the exit status."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from tests.support.subjects import RUBRICS

Run = Callable[..., Result]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Copy the shipped rules."""
    return Path(shutil.copytree(RUBRICS, tmp_path / "rules"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on rubrics, from the folder that holds the copy."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["rubric", *arguments])


def change(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence of a text."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_rules_give_no_warning(run: Run, rules: Path) -> None:
    """What comes with the product is clean, warnings included."""
    result = run("lint", str(rules), "--strict")

    assert (result.exit_code, result.stdout) == (0, "0 errors, 0 warnings\n")


def test_fix_mends_and_looks_again(run: Run, rules: Path) -> None:
    """Quotes and misspelt keys are mended, in as many rounds as it takes, and the set is clean again."""
    path = rules / "health" / "rubric.yaml"
    original = path.read_text(encoding="utf-8")
    change(path, "owner: Clinical", "ownr: Clinical")
    change(path, 'id: health\nversion: "1.0.0"', 'id: health\nversion: "1.0.0"\nschema_: on')
    change(path, "schema_: on\n", "")
    change(path, "        kinds: [cpf", "        knds: [cpf")
    assert run("lint", str(rules)).exit_code == 1

    assert run("lint", str(rules), "--fix").exit_code == 0
    assert path.read_text(encoding="utf-8") == original


def test_select_and_ignore(run: Run, rules: Path) -> None:
    """Warnings can be chosen and left out by code; errors cannot be left out, and unknown codes are refused."""
    change(rules / "health" / "rubric.yaml", '    source: "HRSA Poison Help, poisonhelp.hrsa.gov"\n', "")

    assert "RUB304" in run("lint", str(rules), "--select", "RUB3").stdout
    assert "RUB304" not in run("lint", str(rules), "--select", "RUB4,RUB302").stdout
    assert run("lint", str(rules), "--ignore", "RUB304", "--strict").exit_code == 0
    assert run("lint", str(rules), "--ignore", "RUB312").exit_code == 2
    assert run("lint", str(rules), "--select", "RUB9").exit_code == 2


def test_formats_name_files_from_here(run: Run, rules: Path) -> None:
    """Scripts get paths that they can open from where they stand."""
    change(rules / "health" / "rubric.yaml", "owner: Clinical", "ownr: Clinical")
    result = run("lint", str(rules), "--format", "json")

    assert result.exit_code == 1
    assert {row["file"] for row in json.loads(result.stdout)} == {"rules/health/rubric.yaml"}
    assert "::error file=rules/health/rubric.yaml,line=7," in run("lint", str(rules), "--format", "github").stdout


def test_explain(run: Run) -> None:
    """A code is explained without looking at any file; one that is not there is wrong usage."""
    assert "Critics" in run("lint", "--explain", "rub307").stdout
    assert run("lint", "--explain", "RUB999").exit_code == 2


def test_schema(run: Run, tmp_path: Path) -> None:
    """The schemas are written one a file, or all at once to the terminal."""
    assert run("schema", "--out", "made").exit_code == 0

    written = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "made").iterdir()}
    assert written == json.loads(run("schema").stdout)
    assert "rubric.json" in written


def test_show(run: Run, rules: Path) -> None:
    """A rubric is shown as it stands, in force, with a route, and as a prompt; what is not there is wrong usage."""
    at = ("--directory", str(rules))
    assert "# default" not in run("show", "health", *at).stdout
    assert "# default" in run("show", "health", "--resolved", *at).stdout
    assert "# id: health_crisis" in run("show", "health", "--route", "health_crisis", *at).stdout
    assert run("show", "health", "--prompt", *at).stdout.startswith("You examine one draft")
    assert "## c1 health/" in run("show", "health", "--prompt", *at).stdout
    assert run("show", "wealth", *at).exit_code == 2
    assert run("show", "health", "--route", "finance", *at).exit_code == 2
    change(rules / "health" / "rubric.yaml", "owner: Clinical", "ownr: Clinical")
    assert run("show", "health", *at).exit_code == 2


def test_new(run: Run, rules: Path) -> None:
    """A new domain is written with its route and is clean; a second one of that name is refused."""
    at = ("--directory", str(rules))
    result = run("new", "tenancy", *at)
    assert result.exit_code == 0
    assert "tenancy/cases/known_benign.yaml" in result.stderr

    assert run("lint", str(rules), "--strict").exit_code == 0
    assert run("new", "tenancy", *at).exit_code == 2
    assert "- id: travel" in run("new", "travel", "--no-route", *at).stdout
