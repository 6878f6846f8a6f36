"""Finding records from the command line: filters, listings and exports as an auditor types them."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.facets import facets_of
from reviewer.core.record import Entry
from reviewer.core.search import FIELDS, read_filter
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.contract.ledger.test_search import varied
from tests.support.builders import entry
from tests.support.filters import lets_through

Run = Callable[..., Result]
DIGEST = "ab" * 32
ENTRIES = [varied(number) for number in range(40)]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of the log, in a folder with one."""
    monkeypatch.chdir(tmp_path)
    _log(tmp_path / "own.db", ENTRIES)

    def invoke(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["log", command, "--path", "own.db", *arguments])

    return invoke


def _log(path: Path, entries: list[Entry]) -> None:
    create(path)

    async def fill() -> None:
        async with SqliteLedger(path) as ledger:
            for one in entries:
                await ledger.append(one)

    asyncio.run(fill())


def _indexes(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["index"] for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ([], ""),
        (["--filter", "simulated = true AND verdict = REVISE"], "simulated = true AND verdict = REVISE"),
        (["--tenant", "acme"], "tenant = acme"),
        (["--intent", "health.*"], "intent = health.*"),
        (["--domain", "finance"], "domain = finance"),
        (["--locale", "pt-BR"], "locale = pt-BR"),
        (["--verdict", "human_handoff"], "verdict = HUMAN_HANDOFF"),
        (["--cause", "deadline"], "cause:deadline"),
        (["--model", "critic-*"], "model:critic-*"),
        (["--rubric", "health"], "rubric:health@2.0.0"),
        (["--rubric", "law@2.0.0", "--tenant", "a"], "rubric:law@2.0.0 AND tenant = a"),
        (["--release", f"releases/{DIGEST}"], f"release = {DIGEST}"),
        (["--release", "ab*"], "release = ab*"),
        (["--release", DIGEST, "--stage", "canary"], f"release = {DIGEST} AND stage = canary"),
        (["--since", "2026-11-21T09:30:17Z"], 'create_time >= "2026-11-21T09:30:17Z"'),
        (["--since", "2026-11-21", "--until", "2026-11-21T09:30:17"], 'create_time < "2026-11-21T09:30:17Z"'),
        (["--until", "2026-11-21T11:30:17+02:00"], 'create_time < "2026-11-21T09:30:17Z"'),
        (["--tenant", "acme", "--filter", "cause:criterion"], "tenant = acme AND cause:criterion"),
    ],
)
def test_options_are_filters(run: Run, options: list[str], same: str) -> None:
    """Each option asks for what its filter says, both names of the command list the same, and all must hold."""
    asked = read_filter(same)
    expected = {index for index, one in enumerate(ENTRIES) if lets_through(asked, index, one.facets)}
    for command in ("list", "search"):
        assert set(_indexes(run(command, "--json", "--limit", "100", *options))) == expected
    assert expected


def test_the_newest_are_listed_in_the_order_of_time(run: Run) -> None:
    """Without more the newest are shown, the last one last; otherwise as asked, or from an index on."""
    times = sorted((one.facets.create_time, index) for index, one in enumerate(ENTRIES))
    order = [index for _, index in times]
    assert _indexes(run("list", "--json", "--limit", "5")) == order[-5:]
    assert _indexes(run("list", "--json", "--limit", "5", "--order", "newest")) == order[:-6:-1]
    assert _indexes(run("list", "--json", "--limit", "5", "--order", "oldest")) == order[:5]
    assert _indexes(run("list", "--json", "--limit", "100", "--first", "30")) == [i for i in order if i >= 30]


def test_a_listing_for_people(run: Run) -> None:
    """A row names index, review, verdict and causes, and what is simulated or a canary."""
    canary, simulated = (run("search", "--filter", f"index = {index}").stdout for index in (5, 6))
    assert ENTRIES[5].review_id in canary
    assert "HUMAN HANDOFF" in canary
    assert "deadline" in canary
    assert [("(canary)" in shown, "(simulated)" in shown) for shown in (canary, simulated)] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--filter", "verdict = MAYBE"], "--filter: character 11: verdict is one of"),
        (["--verdict", "maybe"], "--verdict: verdict is one of"),
        (["--cause", "weather"], "--cause: cause is one of"),
        (["--release", "releases/*"], "--release: expected releases/{digest}"),
        (["--since", "yesterday"], "--since: got 'yesterday', expected a UTC day or time"),
    ],
)
def test_what_is_no_filter(run: Run, options: list[str], message: str) -> None:
    """A filter that cannot be read ends the command with status 2, says which option and where."""
    result = run("search", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_an_export_in_lines_holds_the_records(run: Run, tmp_path: Path) -> None:
    """Every record is in the file with its position, byte for byte, and nothing else lies beside it."""
    before = set(tmp_path.iterdir())
    assert run("export", "--out", "all.jsonl").exit_code == 0
    lines = (tmp_path / "all.jsonl").read_bytes().splitlines()
    assert len(lines) == len(ENTRIES)
    for line in lines:
        told = json.loads(line)
        sealed = ENTRIES[told["index"]]
        assert sealed.record in line
        assert told["leaf_hash"] == sealed.leaf_hash.hex()
        assert datetime.fromisoformat(told["create_time"]) == sealed.facets.create_time
        assert told.get("review", "") == (f"reviews/{sealed.review_id}" if sealed.facets.kind == "review" else "")
    assert {path.name for path in {*tmp_path.iterdir()} - before} == {"all.jsonl"}


def test_an_export_as_a_table(run: Run, tmp_path: Path) -> None:
    """CSV has a column for each field of a filter, and holds what the filter lets through, oldest first."""
    result = run("export", "--format", "csv", "--out", "some.csv", "--filter", "tenant = acme")
    assert result.exit_code == 0, result.output
    with (tmp_path / "some.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == [*FIELDS, "review", "leaf_hash"]
    expected = [index for index, one in enumerate(ENTRIES) if one.tenant == "acme"]
    assert sorted(int(row["index"]) for row in rows) == expected
    assert [row["create_time"] for row in rows] == sorted(row["create_time"] for row in rows)
    for row in rows:
        facets = ENTRIES[int(row["index"])].facets
        assert (row["verdict"], row["cause"].split()) == (facets.verdict, [*facets.cause])
        assert (row["release"], row["stage"]) == (facets.release, facets.stage)
        assert row["simulated"] == str(facets.simulated).lower()


def test_no_cell_is_a_formula(run: Run, tmp_path: Path) -> None:
    """What a caller chose as a text cannot become a formula in a spreadsheet."""
    _log(tmp_path / "other.db", [entry(1, intent="=HYPERLINK(1)"), entry(2, locale="-1+1"), entry(3, intent="a=b")])
    assert run("export", "--path", "other.db", "--format", "csv", "--out", "x.csv").exit_code == 0
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["intent"] for row in rows] == ["'=HYPERLINK(1)", "probe.ask", "a=b"]
    assert rows[1]["locale"] == "'-1+1"


def test_an_export_as_parquet(run: Run, tmp_path: Path) -> None:
    """Parquet has the same columns with their types, and the record itself."""
    pq = pytest.importorskip("pyarrow.parquet")
    assert run("export", "--format", "parquet", "--out", "all.parquet").exit_code == 0
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column_names == [*FIELDS, "review", "leaf_hash", "record"]
    rows = table.to_pylist()
    assert {row["index"] for row in rows} == set(range(len(ENTRIES)))
    for row in rows:
        sealed = ENTRIES[row["index"]]
        assert row["record"].encode() == sealed.record
        assert row["create_time"] == sealed.facets.create_time
        assert (tuple(row["cause"]), row["canary"]) == (sealed.facets.cause, sealed.facets.canary)
        assert (row["release"], row["stage"]) == (sealed.facets.release, sealed.facets.stage)


def test_parquet_without_its_package(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed the command says what to install, and leaves no file."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    result = run("export", "--format", "parquet", "--out", "all.parquet")
    assert result.exit_code == 1
    assert "oversight-reviewer[parquet]" in result.stderr
    assert not list(tmp_path.glob("*parquet*"))


def test_an_export_that_fails_leaves_what_was_there(run: Run, tmp_path: Path) -> None:
    """A file that is there stays as it is until a whole new one takes its place."""
    (tmp_path / "kept.jsonl").write_text("precious", encoding="utf-8")
    (tmp_path / "broken.db").write_bytes(b"not a database " * 100)
    assert run("export", "--path", "broken.db", "--out", "kept.jsonl").exit_code == 1
    assert run("export", "--out", "nowhere/kept.jsonl").exit_code == 1
    assert (tmp_path / "kept.jsonl").read_text(encoding="utf-8") == "precious"
    assert run("export", "--out", "kept.jsonl", "--filter", "index = 3").exit_code == 0
    (line,) = (tmp_path / "kept.jsonl").read_bytes().splitlines()
    assert facets_of(json.dumps(json.loads(line)["record"]).encode()) == ENTRIES[3].facets
    assert not list(tmp_path.glob(".kept*"))


def test_an_export_of_nothing(run: Run, tmp_path: Path) -> None:
    """Where nothing is found the file is there and empty, a table with its head alone."""
    for format_, lines in (("jsonl", 0), ("csv", 1)):
        result = run("export", "--format", format_, "--out", "none", "--filter", "tenant = nobody")
        assert result.stdout.strip() == "exported 0 records to none"
        assert len((tmp_path / "none").read_text(encoding="utf-8").splitlines()) == lines
