"""Calibration from the command line, as a domain team runs it before a release."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.canonical import Json
from reviewer.core.events import Action, Event, EventKind, entry_of
from reviewer.core.finding import Outcome
from reviewer.core.record import Entry, seal
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.support.builders import CONTENT_KEY, MOMENT, finding, review
from tests.support.builders import review_id as id_of

Run = Callable[..., Result]
CRITERION = "health/emergency_number"
GATES = """schema: 1
gates:
  - id: lets_nothing_through
    of: criteria
    criteria: [health/emergency_number]
    rate: false_approve
    at_most: 0.05
  - id: no_worse
    of: criteria
    criteria: [health/emergency_number]
    rate: false_approve
    no_worse: 0.05
    too_few: pass
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder with labels and a gate file."""
    monkeypatch.chdir(tmp_path)
    write(
        "labels.csv",
        ["item", "criterion", "rater", "label"],
        [[f"i{at}", CRITERION, "ana", "NOT_MET"] for at in range(80)],
    )
    Path("gates.yaml").write_text(GATES, encoding="utf-8")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["rubric", "calibrate", *arguments])

    return invoke


def write(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def judge(name: str, misses: int) -> None:
    """Write answers to what people fail, so many of them wrong."""
    rows = [[f"i{at}", CRITERION, "MET" if at < misses else "NOT_MET", "pt-BR"] for at in range(80)]
    write(name, ["item", "criterion", "outcome", "locale"], rows)


def test_gates_decide_the_exit_status(run: Run) -> None:
    """With no miss in 80 the command ends with 0; with nine it ends with 1 and says which gate failed and why."""
    judge("good.csv", 0)
    judge("bad.csv", 9)
    good = run("labels.csv", "--judged", "good.csv", "--gates", "gates.yaml")
    bad = run("labels.csv", "--judged", "bad.csv", "--gates", "gates.yaml")
    assert good.exit_code == 0, good.output
    assert "at most 3.7%" in good.output
    assert bad.exit_code == 1
    assert "9 of 80" in bad.output


def test_worse_than_in_force_is_seen(run: Run) -> None:
    """A candidate that lets more through than the release in force fails the comparison."""
    judge("now.csv", 20)
    judge("was.csv", 4)
    told = run("labels.csv", "--judged", "now.csv", "--in-force", "was.csv", "--gates", "gates.yaml", "--json")
    gates = {gate["gate"]: gate for gate in json.loads(told.output)["gates"]}
    assert told.exit_code == 1
    assert gates["no_worse"]["status"] == "failed"
    assert gates["no_worse"]["reason"].startswith("20 of 80 (25.0%), in force 4 of 80")


def test_json_tells_every_count(run: Run) -> None:
    """The JSON form holds matrix, rates with intervals, agreement, segments and what the figures come from."""
    judge("judged.csv", 3)
    told = json.loads(run("labels.csv", "--judged", "judged.csv", "--gates", "gates.yaml", "--json").output)
    subject = next(one for one in told["subjects"] if one["subject"] == CRITERION)
    assert (told["schema"], told["labels"], told["judged"]) == ("calibration/1", "labels.csv", "judged.csv")
    assert subject["matrix"] == {"NOT_MET": {"MET": 3, "NOT_MET": 77}}
    assert subject["rates"]["false_approve"]["hits"] == 3
    assert subject["rates"]["false_approve"]["interval"] == pytest.approx([0.0128, 0.1046], abs=1e-3)
    assert subject["rates"]["false_block"]["too_few"] is True
    assert subject["agreement"]["kappa"] == 0
    assert {(one["dimension"], one["value"]) for one in told["segments"]} == {("locale", "pt-BR")}


def test_the_same_seed_gives_the_same_figures(run: Run) -> None:
    """Two runs over the same files write the same bytes."""
    judge("judged.csv", 3)
    first, second = (run("labels.csv", "--judged", "judged.csv", "--json").output for _ in range(2))
    assert first == second


def test_the_page_stands_alone_and_is_escaped(run: Run) -> None:
    """The page fetches nothing, runs nothing, and shows what stands in a file as text, doubts and probabilities too."""
    header = ["item", "criterion", "outcome", "reviewer", "locale", "probability"]
    models = ("claude-opus-4-6", "gpt-5.2", "<script>alert(1)</script>")
    rows = [[f"i{at}", CRITERION, "MET", model, "<b>pt</b>", "0.9"] for at in range(80) for model in models]
    write("judged.csv", header, rows)
    told = run("labels.csv", "--judged", "judged.csv", "--gates", "gates.yaml", "--html", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    assert told.exit_code == 1
    assert "speak against" in told.output
    assert "lets_nothing_through" in page
    assert "80 that two families of models speak against" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for raw in ("<script", "<b>pt", "http:", "https:", "src=", "@import"):
        assert raw not in page


def test_a_page_that_cannot_be_written_is_told(run: Run) -> None:
    """A folder that is not there ends the command with 1 and a message."""
    judge("judged.csv", 0)
    told = run("labels.csv", "--judged", "judged.csv", "--gates", "gates.yaml", "--html", "gone/page.html")
    assert told.exit_code == 1
    assert "cannot be written" in told.stderr


def test_without_a_gate_file_of_ones_own_the_shipped_gates_hold(run: Run) -> None:
    """The gates of the rule set ask for every blocker, so labels about one criterion alone do not pass."""
    judge("judged.csv", 0)
    told = run("labels.csv", "--judged", "judged.csv")
    assert told.exit_code == 1
    assert "blockers_let_nothing_through" in told.output
    assert "too few" in told.output


def test_answers_come_from_the_log(run: Run, tmp_path: Path) -> None:
    """With --log, what reviews in the log answered is held against labels of those reviews; canaries are left out."""
    create(Path("log.db"))
    reviews = [
        review(at, findings=(finding(CRITERION, Outcome.MET),), canary="x/y" if at == 5 else "") for at in range(6)
    ]
    asyncio.run(_append(Path("log.db"), [seal(one, CONTENT_KEY) for one in reviews]))
    labels = [[one.name, CRITERION, "ana", "NOT_MET"] for one in reviews]
    write("log_labels.csv", ["item", "criterion", "rater", "label"], labels)

    told = run("log_labels.csv", "--log", "--path", "log.db", "--gates", "gates.yaml", "--json")
    assert told.exit_code == 1, told.output
    found = json.loads(told.output)
    subject = next(one for one in found["subjects"] if one["subject"] == CRITERION)
    assert subject["matrix"] == {"NOT_MET": {"MET": 5}}
    assert found["hygiene"]["unmatched"] == 1
    assert found["answering"]["reviews"] == 5
    assert found["answering"]["criteria"][CRITERION]["answers"] == 5
    shown = run("log_labels.csv", "--log", "--path", "log.db", "--gates", "gates.yaml", "--html", "page.html")
    assert "Second models, in 5 reviews" in shown.output
    assert "How second models answered" in Path("page.html").read_text(encoding="utf-8")


async def _append(path: Path, entries: Sequence[Entry]) -> None:
    async with SqliteLedger(path) as ledger:
        for one in entries:
            await ledger.append(one)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["labels.csv"], "either --judged FILE or --log"),
        (["--judged", "labels.csv"], "give labels, or --log"),
        (["labels.csv", "--judged", "labels.csv", "--log"], "either --judged FILE or --log"),
        (["labels.csv", "--judged", "labels.csv"], "unknown column"),
        (["none.csv", "--judged", "labels.csv"], "none.csv:1: cannot be read"),
        (["labels.csv", "--judged", "labels.csv", "--gates", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_wrong_files_are_told_and_end_with_2(run: Run, arguments: list[str], says: str) -> None:
    """What cannot be read ends the command with 2 and every fault with its place."""
    told = run(*arguments)
    assert told.exit_code == 2
    assert says in told.stderr


def test_labels_come_from_resolved_handoffs(run: Run) -> None:
    """Without a file, what people resolved is right: their answers to criteria, and what the verdict should be."""
    create(Path("log.db"))
    reviews = [review(at, findings=(finding(CRITERION, Outcome.MET),)) for at in range(4)]
    events = [
        resolution(reviews[0].id, 10, {"decision": "reject", "labels": {CRITERION: "NOT_MET"}}),
        resolution(reviews[1].id, 11, {"decision": "approve_as_is", "labels": {CRITERION: "MET"}}),
        resolution(reviews[2].id, 12, {"decision": "approve_with_edit", "labels": {CRITERION: "guess"}}),
        resolution(reviews[3].id, 13, {"outcome": "confirmed_wrong"}, EventKind.OUTCOME, Action.REPORT),
        resolution(reviews[3].id, 14, {"outcome": "sent_unchanged"}, EventKind.OUTCOME, Action.REPORT),
    ]
    entries = [*(seal(one, CONTENT_KEY) for one in reviews), *(entry_of(event) for event in events)]
    asyncio.run(_append(Path("log.db"), entries))

    told = run("--log", "--path", "log.db", "--gates", "gates.yaml", "--json")
    found = json.loads(told.output)
    subjects = {one["subject"]: one["matrix"] for one in found["subjects"]}
    assert subjects[CRITERION] == {"NOT_MET": {"MET": 1}, "MET": {"MET": 1}}
    said = {human: sum(row.values()) for human, row in subjects["verdict"].items()}
    assert said == {"HUMAN_HANDOFF": 2, "APPROVE": 1, "REVISE": 1}
    assert (found["labels"], found["hygiene"]["unmatched"]) == ("log", 0)


def resolution(
    review_id: str,
    number: int,
    details: dict[str, Json],
    kind: EventKind = EventKind.HANDOFF,
    action: Action = Action.RESOLVE,
) -> Event:
    """Build what a person told of a review."""
    subjects = (f"reviews/{review_id}",)
    return Event(kind, action, str(id_of(number)), MOMENT, "acme", "ana", "", subjects, details)
