from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reviewer.rubrics.lint import lint

if TYPE_CHECKING:
    from tests.unit.rubrics.conftest import Edit

TODAY = date(2026, 11, 21)
RUBRIC = "health/rubric.yaml"


def warnings(rules: Path) -> list[str]:
    return [f"{fault.code} {fault.message}" for fault in lint(rules, TODAY).warnings]


@pytest.mark.parametrize(
    "line",
    [
        "  - text: water is wet  # lint: ignore RUB304 everybody knows\n",
        "  # lint: ignore RUB304 everybody knows\n  - text: water is wet\n",
    ],
)
def test_a_remark_silences_a_warning(rules: Path, edit: Edit, line: str) -> None:
    """On the line of a warning, or alone above it, a remark with a reason silences it."""
    edit(RUBRIC, "  - text: water is wet\n    source: everybody\n", line)

    assert warnings(rules) == []


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("RUB304", "RUB501 say why RUB304 is ignored"),
        ("RUB999 because", "RUB501 no such code: RUB999"),
        ("", "RUB501 no such code: none given"),
        ("RUB302 because", "RUB501 no RUB302 is found here"),
        ("RUB005 because", "RUB501 RUB005 is an error, which no remark silences"),
    ],
)
def test_a_remark_without_effect(rules: Path, edit: Edit, remark: str, expected: str) -> None:
    """A remark without reason, of no code, of an error or of nothing found silences nothing and is named."""
    edit(RUBRIC, "water is wet\n    source: everybody\n", f"water is wet  # lint: ignore {remark}\n")

    assert sorted(warnings(rules)) == ["RUB304 policy fact without a source", expected]


def test_a_remark_silences_no_error(rules: Path, edit: Edit) -> None:
    """A code that is an error here and a warning there is silenced as a warning only."""
    edit("models.yaml", "pinned: true", "pinned: false")
    edit("routing.yaml", "model: claude-opus-4-6", "model: claude-opus-4-6  # lint: ignore RUB202 it has not moved yet")

    assert [fault.code for fault in lint(rules, TODAY).errors] == ["RUB202"]
