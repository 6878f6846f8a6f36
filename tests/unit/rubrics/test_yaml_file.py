from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import Fault, RubricError
from reviewer.rubrics.yaml_file import MAX_BYTES, dotted, read, read_file


def faults(text: str) -> list[str]:
    with pytest.raises(RubricError) as caught:
        read("f.yaml", text)
    return [str(fault) for fault in caught.value.faults]


def test_values_and_positions() -> None:
    """Plain YAML becomes plain values, each key and item with its line and column."""
    document = read("f.yaml", "a: 1\nb:\n  - x\n  - {c: null}\nd: [true, 1.5, '1']\ne: 2026-11-21\n")

    assert document.value == {"a": 1, "b": ["x", {"c": None}], "d": [True, 1.5, "1"], "e": "2026-11-21"}
    assert document.where(("b", 1, "c")) == "f.yaml:4:6"
    assert document.where(("b", 0)) == "f.yaml:3:5"
    assert document.where(("d",)) == "f.yaml:5:1"


def test_missing_field_is_placed_at_its_parent() -> None:
    """A field that the file lacks is placed at the nearest thing around it."""
    document = read("f.yaml", "x: 1\na:\n  b: {}\n")

    assert document.where(("a", "b", "c", 3, "d")) == "f.yaml:3:3"
    assert document.where(("nothing",)) == "f.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yaml:1:1: file is empty"),
        ("# only a comment\n", "f.yaml:1:1: file is empty"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: key stands twice, first in line 1"),
        ("x:\n  a: &anchor 1\n  b: *anchor\n", "f.yaml:3:3: x.b: alias: write the value out where it is used"),
        ("a: &a [*a]\n", "f.yaml:1:8: a[0]: alias: write the value out where it is used"),
        ("a: 1\n1: 2\n", "f.yaml:2:1: key '1' is not text in every YAML version: write it in quotes"),
        ("a: {on: 2}\n", "f.yaml:1:5: a: key 'on' is not text in every YAML version: write it in quotes"),
        ("a: 1\n? [b]\n: 2\n", "f.yaml:2:3: key is not text"),
        ("a: 1\n<<: {b: 1}\n", "f.yaml:2:1: key '<<' is not text in every YAML version: write it in quotes"),
        ("a: !!python/object:os.system x\n", "f.yaml:1:1: a: tag: only plain mappings, lists and values are read"),
        ("a: !mine {}\n", "f.yaml:1:1: a: tag: only plain mappings, lists and values are read"),
        ("a: !!set {x}\n", "f.yaml:1:1: a: tag: only plain mappings, lists and values are read"),
    ],
)
def test_fault(text: str, expected: str) -> None:
    """What YAML could surprise with is refused at its place."""
    assert faults(text) == [expected]


AMBIGUOUS = [
    "yes",
    "No",
    "on",
    "010",
    "0x1F",
    "0o17",
    "1_000",
    "1:30",
    "+1",
    ".5",
    "1.",
    "1.0e3",
    "1e+3",
    ".inf",
    "True",
]


@pytest.mark.parametrize("word", AMBIGUOUS)
def test_ambiguous_word(word: str) -> None:
    """A plain word that YAML 1.1 and 1.2 could read differently has to be put in quotes."""
    assert faults(f"a: {word}\n") == [
        f"f.yaml:1:1: a: {word!r} is read differently by YAML versions: write it in quotes"
    ]
    assert read("f.yaml", f"a: '{word}'\n").value == {"a": word}


@pytest.mark.parametrize("number", ["9" * 16, "-" + "9" * 15, "0." + "1" * 14])
def test_long_number(number: str) -> None:
    """A number that other languages could read differently has to be put in quotes."""
    assert faults(f"a: {number}\n") == [
        "f.yaml:1:1: a: number of more than 15 characters: write it in quotes",
    ]


def test_syntax_error_is_placed() -> None:
    """A syntax error names line and column."""
    (fault,) = faults("a: 1\nb: [1, 2\nc: 3\n")

    assert fault.startswith("f.yaml:3:2: not valid YAML: ")


def test_second_document() -> None:
    """A second document is refused where it begins."""
    assert faults("a: 1\n---\nb: 2\n") == ["f.yaml:2:1: second document: one file holds one"]


def test_control_character() -> None:
    """A character that YAML does not allow is refused where it stands."""
    (fault,) = faults("a: 1\nb: x\x00y\n")

    assert "not valid YAML" in fault


def test_every_tab_is_named() -> None:
    """All tabs of a file are reported at once."""
    assert faults("a:\t1\nb: 'x\ty'\n") == [
        "f.yaml:1:3: tab: use spaces, or \\t in double quotes",
        "f.yaml:2:6: tab: use spaces, or \\t in double quotes",
    ]


def test_all_faults_at_once() -> None:
    """Faults of one file are reported together, in the file's order."""
    assert [fault.split(": ", 1)[0] for fault in faults("a: yes\nb: 1\nb: 2\nc: [010]\n")] == [
        "f.yaml:1:1",
        "f.yaml:3:1",
        "f.yaml:4:5",
    ]


def test_alias_bomb_is_cheap() -> None:
    """Aliases of aliases are refused without being written out."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]

    assert len(faults("\n".join(lines))) == 39 * 9


def test_deep_nesting() -> None:
    """Nesting far deeper than any rule file is a fault, not a crash."""
    assert "nested deeper than 32 levels" in faults("[" * 200 + "]" * 200)[0]
    assert faults("[" * 500_000)


def test_file_too_large(tmp_path: Path) -> None:
    """A file over the limit is refused unread."""
    (tmp_path / "f.yaml").write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)

    with pytest.raises(RubricError, match=r"^f.yaml: file has more than 1,048,576 bytes$"):
        read_file(tmp_path, "f.yaml")


def test_file_not_utf8(tmp_path: Path) -> None:
    """A byte that is not UTF-8 is placed."""
    (tmp_path / "f.yaml").write_bytes("á: 1\nb: é".encode() + b"\xff")

    with pytest.raises(RubricError, match=r"^f.yaml:2:5: not valid UTF-8$"):
        read_file(tmp_path, "f.yaml")


def test_file_missing(tmp_path: Path) -> None:
    """A missing file is a fault that names it, without the folder's own path."""
    with pytest.raises(RubricError, match=r"^f.yaml: cannot be read: No such file or directory$"):
        read_file(tmp_path, "f.yaml")


@given(st.text(max_size=200))
def test_reading_is_total(text: str) -> None:
    """Any text is either read or refused with placed faults."""
    faults: tuple[Fault, ...] = ()
    try:
        read("f.yaml", text)
    except RubricError as error:
        faults = error.faults or (Fault("", "", "an error without a fault"),)

    assert all(fault.where.startswith("f.yaml:") for fault in faults)


def test_dotted() -> None:
    """Paths are written the way people write them."""
    assert dotted(("criteria", 3, "on_fail")) == "criteria[3].on_fail"
    assert dotted(()) == ""
