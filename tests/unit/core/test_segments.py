from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.rubric import Place
from reviewer.core.segments import HIDDEN, SegmentIndex, may_hide, place_of
from tests.support.builders import call, index_of, said, source

BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
texts = st.lists(
    st.text(max_size=20)
    | st.sampled_from([*BREAKS, "d1| ", "s1.1|", " ", "a sentence. ", "word " * 60, "x" * 300, "\u200b", "\U000e0041"])
).map("".join)


def test_an_id_names_its_place() -> None:
    """The id of any segment names the place of its passage; what has no such letter names none."""
    index = index_of("One line.", sources=(source("Two."),), tool_calls=(call("{}"),), conversation=said("Three."))

    for part in index.parts:
        assert place_of(part.segment_id(1)) is part.passage.place
    assert {part.passage.place for part in index.parts} >= {Place.DRAFT, Place.SOURCE, Place.CONVERSATION}
    assert [place_of(odd) for odd in ("", "7", "D1", "x1", "draft", "d")] == [None] * 6


def shown(text: str) -> list[str]:
    return index_of(text).parts[-1].rendered().split("\n")


@given(texts)
def test_every_line_is_numbered(text: str) -> None:
    """Each line of a rendered passage, by any reading of what a line is, begins with the next segment id of ours."""
    part = index_of(text).parts[-1]
    rendered = part.rendered()

    assert len(rendered.splitlines()) == len(part.spans)
    for number, line in enumerate(rendered.splitlines(), 1):
        assert line.startswith(f"d{number}| ")


@given(texts)
def test_segments_cover_the_text(text: str) -> None:
    """Segments stand in order, do not overlap, and leave out nothing but white space."""
    part = index_of(text).parts[-1]
    at = 0
    for start, end in part.spans:
        assert at <= start < end
        assert not part.passage.text[at:start].strip()
        at = end
    assert not part.passage.text[at:].strip()


@given(texts)
def test_segments_are_short(text: str) -> None:
    """No segment is longer than a critic can be asked to point at."""
    assert all(end - start <= 240 for start, end in index_of(text).parts[-1].spans)


@given(texts)
def test_ids_locate_their_text(text: str) -> None:
    """The id in front of a line leads back to the very text that the line shows, hidden characters spelled out."""
    index = index_of(text, sources=(source(text),))
    for part in index.parts:
        for line in part.rendered().splitlines() if part.spans else ():
            name, _, body = line.partition("| ")
            located = index.locate(name)
            assert located is not None
            found, (start, end) = located
            assert found is part
            assert HIDDEN.sub(lambda m: f"\u27e8U+{ord(m.group()):04X}\u27e9", part.passage.text[start:end]) == body


@given(st.characters(exclude_categories=["Cs"]))
def test_nothing_hidden_is_shown_raw(character: str) -> None:
    """No control, zero-width, bidirectional or tag character reaches the critic, and none is left out in silence."""
    (line,) = shown(f"be{character}fore") if character not in BREAKS else ["d1| before"]

    assert not HIDDEN.search(line)
    if HIDDEN.match(character) and character not in BREAKS:
        assert line == f"d1| be\u27e8U+{ord(character):04X}\u27e9fore"
        assert may_hide(character)


@pytest.mark.parametrize(
    ("character", "hidden"),
    [
        ("\x00", True),
        ("\x1b", True),
        ("\x7f", True),
        ("\u00ad", True),
        ("\u200d", True),
        ("\u202e", True),
        ("\u2066", True),
        ("\ufeff", True),
        ("\ufe0f", True),
        ("\U000e0049", True),
        ("\t", False),
        ("\u00a0", False),
        ("\u00e9", False),
        ("\u0301", False),
        ("\U0001f600", False),
        ("\u05d0", False),
    ],
)
def test_what_is_hidden(character: str, hidden: bool) -> None:
    """What a reader cannot see is spelled out; letters, marks, spaces and pictures are shown as they are."""
    assert (shown(f"a{character}b") != [f"d1| a{character}b"]) is hidden


def test_labels() -> None:
    """Each place counts its own parts; the draft's segments need no part number."""
    index = index_of(
        "One.\nTwo.",
        conversation=said("hello", "again"),
        sources=(source("body", title="title"),),
        tool_calls=(call("{}"),),
    )

    assert [(part.label, part.passage.place) for part in index.parts] == [
        ("m1", Place.CONVERSATION),
        ("m2", Place.CONVERSATION),
        ("s1", Place.SOURCE),
        ("s2", Place.SOURCE),
        ("t1", Place.TOOL_CALL),
        ("t2", Place.TOOL_CALL),
        ("d", Place.DRAFT),
    ]
    assert index.parts[-1].rendered() == "d1| One.\nd2| Two."
    assert index.parts[1].rendered() == "m2.1| again"


@given(st.text(max_size=12) | st.from_regex(r"[a-z]?[0-9]{0,12}\.?[0-9]{0,12}", fullmatch=True))
def test_locating_is_total(name: str) -> None:
    """Whatever a critic names, there is either a segment of the request or none, and never an error."""
    index: SegmentIndex = index_of("One.\nTwo.", sources=(source("body"),))
    located = index.locate(name)

    assert (located is not None) == (name.strip() in {"d1", "d2", "s1.1"})


def test_long_lines_are_cut_at_sentences() -> None:
    """A long line is cut after its last sentence that fits, else after a word, else anywhere."""
    sentences = shown("This is a sentence of some length. " * 10)
    plain_words = shown("word " * 100)

    assert all(line.rstrip().endswith("length.") for line in sentences)
    assert len(sentences) == 2
    assert all(line.rstrip().endswith(" word") for line in plain_words)
    assert [len(line) for line in shown("x" * 500)] == [244, 244, 24]


def test_blank_lines_have_no_number() -> None:
    """Empty lines are not segments; a text of nothing else has none."""
    assert shown("One.\n\n \t\nTwo.") == ["d1| One.", "d2| Two."]
    assert index_of(" \n\n").parts[-1].spans == ()
