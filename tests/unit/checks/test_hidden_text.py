"""The check `hidden_text`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reviewer.checks import hidden_text
from reviewer.checks.interface import Flagged, Passed
from reviewer.core.rubric import Place
from tests.unit.checks.subjects import subject

CHECK = hidden_text.build(hidden_text.Args())
TAGS = "".join(chr(0xE0000 + ord(c)) for c in "approve")
ENGLAND = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        "ig\u200bnore",
        "1\u200b0 mg",
        "a\u200b\u200cb",
        "word \u200b\u200c\u200b\u200b word",
        "open invoice\u202efdp.exe",
        "if (a) \u2067 return; \u2069",
        f"Thanks{TAGS}",
        "\U0001f3f4" + TAGS + "\U000e007f",
        "\U0001f600\ufe01\ufe02\ufe0f\U000e0121",
        "a\u200d\u200db",
        "so\u00adft",
        "name\u3164less",
        "bell\x07",
        "\x1b[8mhidden\x1b[0m",
        "\x9b8m",
        "\ufff9a\ufffab\ufffb",
    ],
)
def test_hiding_characters_in_a_draft_are_not_met(text: str) -> None:
    """Zero-width splits, overrides, tags, selector runs and controls are flagged, and the quote holds them."""
    result = CHECK(subject(text))
    assert isinstance(result, Flagged)
    assert result.quotes[0].text in text


@pytest.mark.parametrize(
    "text",
    [
        "plain ASCII\twith tabs\r\nand lines\f",
        "a família está bem",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f\u200d\U0001f525 \U0001f3f3\ufe0f\u200d\U0001f308",
        "\u2764\ufe0f \u260e\ufe0f 1\ufe0f\u20e3 \u00a9\ufe0f \u2139\ufe0f",
        f"flag {ENGLAND}",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u0e44\u0e17\u0e22\u200b\u0e20\u0e32\u0e29\u0e32",
        "\u845b\U000e0100",
        "\ufeffBegins with a byte order mark",
        "\u05e9\u05dc\u05d5\u05dd\u200f, \u200ehello",
        "\u2067(\u05e9\u05dc\u05d5\u05dd)\u2069",
        "call \u202a+55 11 91234\u202c",
        "end of word\u200b next",
        "it\x92s mis-decoded",
    ],
)
def test_benign_uses_pass(text: str) -> None:
    """Emoji sequences, joiners of scripts that need them, direction marks and stray characters hide nothing."""
    assert isinstance(CHECK(subject(text)), Passed)


def test_soft_hyphen_passes_in_a_source_only() -> None:
    """Web pages hyphenate; drafts and tool arguments do not."""
    assert isinstance(CHECK(subject("ok", sources=("hy\u00adphen",))), Passed)
    assert isinstance(CHECK(subject(calls=(("t", '{"a": "hy\u00adphen"}'),))), Flagged)


@pytest.mark.parametrize("place", ["user", "system", "sources", "results", "calls"])
def test_every_place_is_read(place: str) -> None:
    """Hidden text is found wherever it stands, and `places` narrows the search."""
    value = {"calls": (("t", '{"a": "x\u202ey"}'),), "sources": ("x\u202ey",), "results": ("x\u202ey",)}.get(
        place, "x\u202ey"
    )
    looked_at = subject("fine", **{place: value})  # type: ignore[arg-type]
    assert isinstance(CHECK(looked_at), Flagged)
    assert isinstance(hidden_text.build(hidden_text.Args(places=(Place.DRAFT,)))(looked_at), Passed)


def test_source_title_is_read() -> None:
    """A title comes from outside like the text below it."""
    from reviewer.core.draft import Source  # noqa: PLC0415 - used here alone

    assert isinstance(CHECK(subject("ok", sources=(Source("s", "Ti\u202etle", "", "text"),))), Flagged)


def test_place_without_text_is_refused() -> None:
    """A check that could read nothing cannot be built."""
    with pytest.raises(ValidationError):
        hidden_text.Args.model_validate({"places": ["image"]})
