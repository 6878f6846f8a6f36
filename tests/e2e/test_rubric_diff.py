"""`reviewer rubric diff`: two folders of rules, compared by meaning."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.rubric import Effect
from reviewer.rubrics.release_files import read_folder, write_bundle
from tests.support.assembled import shipped_rulebook
from tests.support.candidates import candidate
from tests.support.subjects import RUBRICS


def _diff(*more: str) -> Result:
    return CliRunner().invoke(app, ["rubric", "diff", *more])


def test_equal_folders_do_not_differ(tmp_path: Path) -> None:
    """A copy differs in nothing: exit status 0."""
    result = _diff(str(RUBRICS), str(candidate(tmp_path)))
    assert (result.exit_code, result.stdout.strip()) == (0, "nothing differs")


def test_a_changed_effect_is_told_with_its_meaning(tmp_path: Path) -> None:
    """An edited file gives exit status 1, and both forms name criterion, change, meaning and what a replay must do."""
    row = next(row for row in shipped_rulebook().rubrics["answer_quality"].criteria if row.fail_effect is Effect.REVISE)
    key = f"answer_quality/{row.id}"
    after = str(candidate(tmp_path, {key: {"on_fail": "handoff"}}))
    result = _diff(str(RUBRICS), after)
    assert result.exit_code == 1
    assert "on_fail revise -> handoff" in result.stdout
    assert "stricter" in result.stdout
    told = json.loads(_diff(str(RUBRICS), after, "--json").stdout)
    assert (told["same"], told["needs_model"], told["code_only"]) == (False, [], [key])
    assert [(change["where"], change["meaning"]) for change in told["changes"]] == [(key, "stricter")]


def test_a_faulty_candidate_is_not_compared(tmp_path: Path) -> None:
    """Rules that cannot be loaded end the command with their faults: exit status 2."""
    after = candidate(tmp_path)
    (after / "routing.yaml").write_text("schema: 1\n", "utf-8")
    assert _diff(str(RUBRICS), str(after)).exit_code == 2


def test_a_release_is_compared_as_its_folder_is(tmp_path: Path) -> None:
    """A bundle takes the place of a folder on either side; one that was altered is not compared."""
    release = read_folder(candidate(tmp_path))
    bundle = write_bundle(tmp_path, release)
    assert _diff(str(RUBRICS), str(bundle)).exit_code == 0
    assert _diff(str(bundle), str(RUBRICS)).exit_code == 0
    bundle.write_bytes(bundle.read_bytes().replace(b"schema: 1", b"schema: 2", 1))
    assert _diff(str(bundle), str(RUBRICS)).exit_code == 2
