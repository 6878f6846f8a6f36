from __future__ import annotations

import time
from pathlib import Path

from bench.lint import TODAY, rule_set
from reviewer.rubrics.composition import compose
from reviewer.rubrics.lint import lint
from reviewer.rubrics.yaml_file import read

TRIES = 5
BOUND = 12.0
"""Four times the input takes quadratic work sixteen times as long in every try, and linear work in hardly any."""


def lint_seconds(directory: Path) -> float:
    began = time.thread_time()
    report = lint(directory, TODAY)
    assert (report.errors, report.warnings) == ((), ())
    return time.thread_time() - began


def test_lint_is_linear_in_files(tmp_path: Path) -> None:
    """Four times the domains take about four times as long to lint."""
    few, many = rule_set(tmp_path / "few", 8), rule_set(tmp_path / "many", 32)

    assert any(lint_seconds(many) < BOUND * lint_seconds(few) for _ in range(TRIES))


def chain_seconds(length: int) -> float:
    documents = {"r0": read("r0", "schema: 1\nid: r0\n")}
    for n in range(1, length):
        documents[f"r{n}"] = read(f"r{n}", f"schema: 1\nid: r{n}\nextends: r{n - 1}\n")
    names = dict(reversed(documents.items()))
    began = time.thread_time()
    composed, faults = compose(names, frozenset())
    assert (len(composed), faults) == (length, ())
    return time.thread_time() - began


def test_a_long_chain_is_put_together_in_linear_time() -> None:
    """A chain of bases is followed without recursion, and four times as many take about four times as long."""
    assert any(chain_seconds(2_000) < BOUND * chain_seconds(500) for _ in range(TRIES))
