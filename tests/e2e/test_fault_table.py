"""Every fault of the simulated provider, with every provider, in every way to ask: verdict, cause and calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reviewer.simulate.script import FaultKind
from reviewer.v1.review_pb2 import Review
from tests.support.fault_cells import expected
from tests.support.fault_modes import MODES, Mode
from tests.support.fault_report import assert_documented, tables
from tests.support.fault_trial import Cell, Trial, answered_by, cell_of, run, run_batched, serving, trials, unbroken
from tests.support.service import verdicts
from tests.support.wired import AWS

SERVED = [mode for mode in MODES if not mode.batched]
BATCHED = [mode for mode in MODES if mode.batched]
SOUND = (FaultKind.UNKNOWN_CRITERIA, FaultKind.DELAY, FaultKind.WRONG_MODEL)
"""Faults that leave a critique that can carry an approval; the last one only below tier high."""


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


def differences(reviews: Mapping[Trial, Review]) -> dict[str, tuple[Cell, Cell]]:
    """Return what came out otherwise than the table says, and what it says."""
    found = {}
    for trial, review in reviews.items():
        got, due = cell_of(trial, review), expected(trial.mode, trial.column)[trial.kind]
        if got != due:
            found[trial.marker] = (got, due)
    return found


def assert_recorded(review: Review) -> None:
    """Each call is on record as what it was: simulated, timed, and with a model if and only if one answered."""
    for call in review.model_calls:
        assert call.simulated
        assert call.latency_us > 0
        assert bool(call.served_model) is (call.failure == "")


def assert_carried(trial: Trial, review: Review, asked: set[str]) -> None:
    """An approval stands on enough whole critiques of reviewers that were not broken, and on no lost one."""
    screens = {call.requested_model for call in review.model_calls if call.purpose == "screen"}
    broken = {
        call.requested_model
        for call in review.model_calls
        if call.provider in trial.column.faulty and trial.kind not in SOUND and not trial.mode.once
    }
    cleared = trial.mode.name == "clearing_screen" and trial.kind in SOUND
    carrying = [
        judge
        for judge, answered in answered_by(review).items()
        if answered == asked and judge not in broken and (cleared or judge not in screens)
    ]
    assert len(carrying) >= trial.mode.quorum, trial.marker


@pytest.mark.parametrize("mode", SERVED, ids=lambda mode: mode.name)
async def test_every_fault_has_its_verdict(tmp_path: Path, mode: Mode) -> None:
    """Each fault in each column ends as the table says, in time, and is approved on sound critiques only."""
    async with serving(mode, tmp_path) as services:
        sound = await unbroken(mode, services)
        reviews = await run(mode, services)
        stored = {trial: await services[trial.column.name].client.get(reviews[trial].name) for trial in reviews}
    assert set(verdicts(sound.values())) == {"APPROVE"}
    asked = {name: set.union(*answered_by(review).values()) for name, review in sound.items()}
    assert differences(reviews) == {}
    for trial, review in reviews.items():
        assert_recorded(review)
        assert stored[trial].model_calls == review.model_calls
        assert stored[trial].verdict == review.verdict
        if verdicts([review]) == ["APPROVE"]:
            assert_carried(trial, review, asked[trial.column.name])


@pytest.mark.parametrize("mode", BATCHED, ids=lambda mode: mode.name)
async def test_every_fault_in_a_batch_has_its_verdict(tmp_path: Path, mode: Mode) -> None:
    """Each fault that a batched call can meet ends as the table says."""
    reviews, batched = await run_batched(mode, tmp_path)
    assert differences(reviews) == {}
    for review in reviews.values():
        assert_recorded(review)
    assert batched == sum(len(review.model_calls) for review in reviews.values())


def test_no_fault_is_left_out() -> None:
    """Each column of each mode says what every kind of fault comes to."""
    for mode in MODES:
        assert len(trials(mode)) == len(mode.columns) * len(FaultKind)
        for column in mode.columns:
            assert set(expected(mode, column)) == set(FaultKind), (mode.name, column.name)


def test_the_table_is_documented() -> None:
    """docs/faults.md shows the table that the trials are held against."""

    def columns(mode: Mode) -> dict[str, Mapping[FaultKind, Cell]]:
        return {column.name: expected(mode, column) for column in mode.columns}

    assert_documented(tables([(mode, columns(mode)) for mode in MODES]))
