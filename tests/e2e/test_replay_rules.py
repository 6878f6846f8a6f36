"""Rejudging reviews that the real service made, with the simulated second model behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reviewer.replay.comparison import Rules
from reviewer.replay.rejudge import Told, rejudge
from reviewer.simulate.loading import load_script
from tests.e2e.conftest import Serve
from tests.support.candidates import reviewed, rules_of
from tests.support.modes import panel_of, rubrics_with
from tests.support.subjects import RUBRICS, case_subject, shipped_cases

CASES = list(shipped_cases())
MODES: dict[str, dict[str, Any]] = {
    "single": {},
    "panel": {"high": panel_of(3, 2)},
    "cascade": {"high": {"mode": "cascade", "cascade": {"screen": "llama"}}},
    "early_exit": {"high": {"early_exit": True, "fan_out": 2}},
}


@pytest.mark.parametrize("mode", MODES)
async def test_the_same_rules_change_nothing(serve: Serve, tmp_path: Path, mode: str) -> None:
    """For every shipped case, in each mode, the rules of the time give the same verdict again, for the same reasons."""
    section = rubrics_with(tmp_path, **MODES[mode])
    service = await serve(load_script(cases_dir=RUBRICS), rubrics=section)
    reviews = await reviewed(service, [case_subject(name) for name in CASES[:: 1 if mode == "single" else 3]])
    rules = Rules(rules_of(section["directory"]), ())
    for review in reviews:
        answer = rejudge(review, rules)
        assert isinstance(answer, Told), (review.intent, answer)
        assert answer.decision.verdict is review.verdict
        assert {(r.cause, r.effect, r.criterion) for r in answer.decision.reasons} == {
            (r.cause, r.effect, r.criterion) for r in review.reasons
        }
        assert answer.open_questions == ()
