"""`reviewer rubric diff`: two folders of rules, compared by meaning."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from tests.support.subjects import RUBRICS


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """Return a copy of the shipped rules."""
    return Path(shutil.copytree(RUBRICS, tmp_path / "candidate"))


def _diff(*more: str) -> Result:
    return CliRunner().invoke(app, ["rubric", "diff", *more])


def test_equal_folders_do_not_differ(candidate: Path) -> None:
    """A copy differs in nothing: exit status 0."""
    result = _diff(str(RUBRICS), str(candidate))
    assert (result.exit_code, result.stdout.strip()) == (0, "nothing differs")


def test_a_changed_effect_is_told_with_its_meaning(candidate: Path) -> None:
    """An edited file gives exit status 1, and both forms name criterion, change, meaning and what a replay must do."""
    path = candidate / "answer_quality" / "rubric.yaml"
    text = path.read_text("utf-8")
    assert "severity: major" in text
    path.write_text(text.replace("severity: major", "severity: major\n    on_fail: handoff", 1), "utf-8")
    result = _diff(str(RUBRICS), str(candidate))
    assert result.exit_code == 1
    assert "on_fail revise -> handoff" in result.stdout
    assert "stricter" in result.stdout
    told = json.loads(_diff(str(RUBRICS), str(candidate), "--json").stdout)
    assert told["same"] is False
    assert told["needs_model"] == []
    assert [change["meaning"] for change in told["changes"]] == ["stricter"]
    assert told["code_only"] == [told["changes"][0]["criterion"]]


def test_a_faulty_candidate_is_not_compared(candidate: Path) -> None:
    """Rules that cannot be loaded end the command with their faults: exit status 2."""
    (candidate / "routing.yaml").write_text("schema: 1\n", "utf-8")
    assert _diff(str(RUBRICS), str(candidate)).exit_code == 2
