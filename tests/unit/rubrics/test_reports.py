from __future__ import annotations

import json
import re
from xml.dom.minidom import Document, parseString

from reviewer.rubrics.mutation import MutantResult, MutationResult
from reviewer.rubrics.report_files import mutation_json, run_json, run_junit
from reviewer.rubrics.report_html import mutation_html, run_html
from reviewer.rubrics.results import Mode, RunResult
from tests.support.trials import CRITERION, placed, run, sensitive, suite, written

HOSTILE = '<script>alert("x")</script>'


async def _result() -> RunResult:
    wrong = sensitive()
    wrong["critique"][CRITERION]["why"] = f"It promises. {HOSTILE}"
    wrong["expect"] = {"verdicts": ["APPROVE"]}
    return await run(suite(Mode.SIMULATED), placed(written()), placed(wrong))


async def test_reports_are_the_same_for_the_same_result() -> None:
    """Two runs of the same cases give the same bytes in every form."""
    one, two = await _result(), await _result()
    assert [write(one) for write in (run_json, run_junit, run_html)] == [
        write(two) for write in (run_json, run_junit, run_html)
    ]


async def test_the_page_stands_alone_and_is_escaped() -> None:
    """The page fetches nothing, runs nothing, and shows what a model said as text."""
    page = run_html(await _result())
    assert not re.search(r"<(?:script|link|img|iframe|object)\b|\bsrc=|\bhref=|url\(|@import", page)
    assert "&lt;script&gt;" in page
    assert "Simulated: no real second model gave these answers" in page
    assert "health/benign" in page


def _parsed(result: RunResult) -> Document:
    return parseString(run_junit(result))  # noqa: S318 - it was written a line above


async def test_junit_tells_failures_apart_from_errors() -> None:
    """A mismatch is a failure, a missing recording an error, one that may be missing is skipped."""
    failed = _parsed(await _result())
    assert [suite_.getAttribute("failures") for suite_ in failed.getElementsByTagName("testsuite")] == ["1", "1"]
    assert "simulated" in failed.getElementsByTagName("testsuites")[0].getAttribute("name")
    assert "It promises." in run_junit(await _result())
    missing = await run(suite(Mode.RECORDED), placed(written()))
    assert len(_parsed(missing).getElementsByTagName("error")) == 1
    allowed = await run(suite(Mode.RECORDED, allow_missing=True), placed(written()))
    assert len(_parsed(allowed).getElementsByTagName("skipped")) == 1


async def test_junit_can_be_read_whatever_a_draft_holds() -> None:
    """Characters that XML cannot hold do not make a report unreadable."""
    fields = written(draft={"text": "Fine\x00 \x1b[31mtext\ufffe " + written()["draft"]["text"]})
    result = await run(suite(Mode.SIMULATED), placed(fields))
    assert "\x1b" not in run_junit(result)
    assert _parsed(result).getElementsByTagName("testcase")


async def test_json_says_what_was_expected_and_what_came() -> None:
    """Each mismatch stands there with both sides, and the run says where its critiques came from."""
    read = json.loads(run_json(await _result()))
    assert (read["mode"], read["simulated"], read["passed"]) == ("simulated", True, False)
    (wrong,) = [trial for trial in read["trials"] if trial["status"] == "failed"]
    assert wrong["mismatches"][0]["expected"] == "APPROVE"
    assert {row["says"] for row in read["coverage"]} >= {"not exercised"}


def test_mutation_reports_name_survivors() -> None:
    """Both forms name the mutants that nothing caught, escaped where that is needed."""
    result = MutationResult(live=False, mutants=(MutantResult("a/<b>", "x", ("a/one",), (), ()),))
    assert "a/&lt;b&gt;" in mutation_html(result)
    assert json.loads(mutation_json(result))["mutants"][0]["caught"] is False
