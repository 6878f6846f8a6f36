from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.core.errors import Edit as Change
from reviewer.core.errors import Fault
from reviewer.rubrics.fixes import mend
from reviewer.rubrics.lint import lint

if TYPE_CHECKING:
    from tests.unit.rubrics.conftest import Edit

TODAY = date(2026, 11, 21)
RUBRIC = "health/rubric.yaml"


def mended(rules: Path) -> int:
    return mend(rules, lint(rules, TODAY).errors)


def test_ambiguous_words_get_quotes(rules: Path, edit: Edit) -> None:
    """Keys and values that YAML versions read differently are put into quotes; nothing else in the file changes."""
    edit(RUBRIC, "severity: blocker", "severity: blocker\n    evidence: {on: on_met}  # stays")
    edit(RUBRIC, "owner: tests", "owner: 010")
    before = (rules / RUBRIC).read_text()

    assert mended(rules) == 2
    assert (rules / RUBRIC).read_text() == before.replace("{on:", '{"on":').replace("owner: 010", 'owner: "010"')
    assert lint(rules, TODAY).errors == ()


def test_a_misspelt_key_gets_its_name(rules: Path, edit: Edit) -> None:
    """A key that is very like one known name is renamed, in a rubric, a case and the arguments of a check."""
    originals = {name: (rules / name).read_text() for name in (RUBRIC, "health/cases/known_sensitive.yaml")}
    edit(RUBRIC, "not_met_when:", "not_met_whn:")
    edit(RUBRIC, "min_words:", '"min_wrds":')
    edit("health/cases/known_sensitive.yaml", "conversation:", "conversatoin:")

    assert mended(rules) == 2
    assert mended(rules) == 1
    assert lint(rules, TODAY).errors == ()
    assert (rules / RUBRIC).read_text().replace('"min_words"', "min_words") == originals[RUBRIC]


def test_what_is_not_sure_is_left(rules: Path, edit: Edit) -> None:
    """A key that is only somewhat like a known one, or whose name is taken, is left to its author."""
    edit(RUBRIC, "owner: tests", "owner: tests\nowners: others\nfacts: []")
    before = (rules / RUBRIC).read_text()

    assert mended(rules) == 0
    assert (rules / RUBRIC).read_text() == before


def test_a_stale_edit_is_left_out(rules: Path) -> None:
    """An edit whose text no longer stands where it was seen changes nothing."""
    before = (rules / RUBRIC).read_text()

    assert mend(rules, [Fault(f"{RUBRIC}:2:1", "", "", "RUB005", Change(2, 1, "name", "id"))]) == 0
    assert (rules / RUBRIC).read_text() == before


def test_line_ends_are_kept(rules: Path, edit: Edit) -> None:
    """A file with the line ends of another system keeps them, and letters outside ASCII do not move an edit."""
    edit(RUBRIC, "owner: tests", "owner: no  # até já")
    path = rules / RUBRIC
    path.write_bytes(path.read_text().replace("\n", "\r\n").encode())
    before = path.read_bytes()

    assert mended(rules) == 1
    assert path.read_bytes() == before.replace(b"owner: no ", b'owner: "no" ')
