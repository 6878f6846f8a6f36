"""Files of labels and answers: every row is read, or is a fault with its line."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import RubricError
from reviewer.core.labels import Judged, Label
from reviewer.rubrics.labels import read_judged, read_labels

Write = Callable[[str, str], Path]
LABELS = "item,criterion,rater,label,adjudicated\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file."""

    def to(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return to


def faults(read: Callable[[Path], object], path: Path) -> list[str]:
    with pytest.raises(RubricError) as caught:
        read(path)
    return [str(fault) for fault in caught.value.faults]


def test_csv_and_json_lines_say_the_same(write: Write) -> None:
    """The same labels in either form are read alike; an empty cell, null and an absent key are one thing."""
    as_csv = write("l.csv", LABELS + "i1,health/dose,ana,MET,\r\ni1,verdict,ana,REVISE,true\r\n")
    rows = [
        {"item": "i1", "criterion": "health/dose", "rater": "ana", "label": "MET", "adjudicated": None},
        {"item": "i1", "criterion": "verdict", "rater": "ana", "label": "REVISE", "adjudicated": True},
    ]
    as_lines = write("l.jsonl", "\n".join(map(json.dumps, rows)))

    expected = (Label("i1", "health/dose", "ana", "MET"), Label("i1", "verdict", "ana", "REVISE", adjudicated=True))
    assert read_labels(as_csv).labels() == read_labels(as_lines).labels() == expected


def test_answers_keep_every_column(write: Write) -> None:
    """Every column of an answer arrives; those that are not there are empty."""
    path = write(
        "j.csv",
        "item,criterion,outcome,reviewer,drafter,locale,intent,suite,cluster,probability\n"
        "i1,health/dose,UNCERTAIN,m1,d1,pt-BR,health.dose,known_benign,c1,0.25\n"
        "i2,verdict,HUMAN_HANDOFF,,,,,,,\n",
    )
    assert read_judged(path) == (
        Judged("i1", "health/dose", "UNCERTAIN", "m1", "d1", "pt-BR", "health.dose", "known_benign", "c1", 0.25),
        Judged("i2", "verdict", "HUMAN_HANDOFF"),
    )


def test_every_fault_is_told_with_its_line(write: Write) -> None:
    """All that is wrong with a file is listed at once, by line, a cell over several lines counted as it stands."""
    text = LABELS + (
        '"i\n1",health/dose,ana,MET,\n'
        "i2,Health,ana,MET,\n"
        "i3,health/dose,ana,APPROVE,\n"
        "i4,health/dose,ana\n"
        ",health/dose,ana,MET,\n"
        "i5,verdict,ana,MET,perhaps\n"
        "i6,health/dose,ana,MET,\n"
        "i6,health/dose,ana,NOT_MET,\n"
    )
    found = faults(read_labels, write("l.csv", text))
    assert [line.split(": ")[0] for line in found] == [f"l.csv:{n}" for n in (4, 5, 6, 7, 8, 10)]
    assert "expected one of MET, NOT_MET, UNCERTAIN, NOT_APPLICABLE" in found[1]
    assert "row has 3 cells, the header 5" in found[2]
    assert "required column is missing or empty" in found[3]
    assert "stands twice, first in line 9" in found[5]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("l.csv", "", "holds no row"),
        ("l.csv", LABELS, "holds no row"),
        ("l.csv", "item,item\na,b\n", "column stands twice"),
        (
            "l.csv",
            LABELS.replace("rater", "reader") + "i,verdict,a,REVISE,\n",
            "unknown column; known: item, criterion",
        ),
        ("l.csv", LABELS + '"i,verdict,a,REVISE,\n', "not valid CSV"),
        ("l.jsonl", "{\n", "not valid JSON"),
        ("l.jsonl", "[1]\n", "expected a JSON object"),
        ("l.jsonl", '{"item":"a","item":"b"}\n', "key stands twice"),
        ("l.jsonl", '{"item":["a"],"criterion":"verdict","rater":"a","label":"REVISE"}\n', "valid string"),
        ("l.jsonl", "[" * 100_000 + "\n", "not valid JSON"),
    ],
)
def test_what_is_not_a_file_of_labels_is_refused(write: Write, name: str, text: str, says: str) -> None:
    """Broken files are faults with a line, never an empty result."""
    assert any(says in line for line in faults(read_labels, write(name, text)))


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    """A missing file and one that is not UTF-8 are told, the latter with its line."""
    assert "cannot be read" in faults(read_labels, tmp_path / "none.csv")[0]
    (tmp_path / "l.csv").write_bytes(LABELS.encode() + b"i1,verdict,a,REVISE,\n\xff")
    assert faults(read_labels, tmp_path / "l.csv") == ["l.csv:3: not valid UTF-8"]


def test_long_values_are_not_repeated(write: Write) -> None:
    """A draft that slipped into a label column is counted, not shown."""
    secret = "my card number is 4111 " * 5
    (line,) = faults(read_labels, write("l.csv", LABELS + f"i,verdict,a,{secret},\n"))
    assert "my card" not in line
    assert "a text of" in line


def test_a_byte_order_mark_is_no_part_of_a_column(write: Write) -> None:
    """A file as spreadsheets save it is read."""
    assert len(list(read_labels(write("l.csv", "\ufeff" + LABELS + "i,verdict,a,REVISE,\n")).labels())) == 1


cells = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(st.dictionaries(st.tuples(cells, cells), st.sampled_from(["MET", "NOT_MET", "UNCERTAIN"]), min_size=1))
def test_nothing_is_lost(labelled: dict[tuple[str, str], str]) -> None:
    """Whatever names items and raters have, as many labels come out as went in."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["item", "criterion", "rater", "label"])
    rows.writerows([item, "health/dose", rater, label] for (item, rater), label in labelled.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l.csv"
        path.write_text(written.getvalue(), encoding="utf-8", newline="")
        found = {(one.item, one.rater): one.outcome for one in read_labels(path).labels()}
    assert found == labelled
