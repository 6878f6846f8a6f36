from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.providers import sse
from reviewer.providers.sse import Event, EventDecoder, LineTooLongError

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=20)
lines = st.one_of(
    texts.map("data: {}".format),
    texts.map("data:{}".format),
    texts.map("event: {}".format),
    texts.map(": {}".format),
    texts.map("id: {}".format),
    st.sampled_from(["", "", "data", "event", "retry: 10", "nonsense"]),
)
ends = st.sampled_from(["\n", "\r", "\r\n"])


def decoded(*chunks: bytes) -> list[Event]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event("", "a")]),
        (b"event: ping\ndata: {}\n\n", [Event("ping", "{}")]),
        (b"data: one\ndata: two\n\n", [Event("", "one\ntwo")]),
        (b"data:no space\n\ndata:  two spaces\n\n", [Event("", "no space"), Event("", " two spaces")]),
        (b": a comment\n\ndata: a\n\n", [Event("", "a")]),
        (b"data\n\ndata\ndata\n\n", [Event("", ""), Event("", "\n")]),
        (b"event: lost\n\ndata: a\n\n", [Event("", "a")]),
        (b"data: a:b\n\n", [Event("", "a:b")]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [Event("", "a")]),
        (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [Event("", "a"), Event("", "b"), Event("", "c")]),
        (b"data: \xff\n\n", [Event("", "\ufffd")]),
        (b"data: a\xe2\x80\xa8b\x0b\n\n", [Event("", "a\u2028b\x0b")]),
        (b"data: unfinished\n", []),
        (b"data: unfinished", []),
        (b"id: 7\nretry: 10\nother: x\ndata: a\n\n", [Event("", "a")]),
    ],
)
def test_the_standard_is_kept(stream: bytes, events: list[Event]) -> None:
    """Fields, comments, line ends, the byte order mark and unfinished events are read as the standard says."""
    assert decoded(stream) == events


@given(st.lists(st.tuples(lines, ends), max_size=20), st.lists(st.integers(0, 400), max_size=12))
def test_chunks_do_not_matter(rows: list[tuple[str, str]], cuts: list[int]) -> None:
    """A stream gives the same events wherever it is cut, within characters and line ends too."""
    stream = "".join(line + end for line, end in rows).encode()
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]

    assert decoded(*chunks, b"") == decoded(stream)
    assert decoded(*(stream[at : at + 1] for at in range(len(stream)))) == decoded(stream)


def test_an_event_is_there_with_its_last_byte() -> None:
    """A carriage return ends a line at once: no event waits for the byte behind it, and none is told twice."""
    decoder = EventDecoder()

    assert decoder.feed(b"data: a\r\n\r") == [Event("", "a")]
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: b\n\n") == [Event("", "b")]


def test_a_line_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that never ends is given up, however small its pieces."""
    monkeypatch.setattr(sse, "MAX_LINE_BYTES", 100)
    decoder = EventDecoder()
    decoder.feed(b"data: " + b"x" * 94 + b"\n\n")
    for _ in range(100):
        decoder.feed(b"x")
    with pytest.raises(LineTooLongError):
        decoder.feed(b"x")
