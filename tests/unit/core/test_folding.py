from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.folding import fold, fold_part
from tests.support.builders import index_of
from tests.support.strategies import Excerpt, excerpts


@pytest.mark.parametrize(
    ("written", "copied"),
    [
        ("\u201cdon\u2019t\u201d", '"don\'t"'),
        ("pages 3\u20135 \u2014 all", "pages 3-5 - all"),
        ("e\ufb03cient \ufb01ne", "efficient fine"),
        ("cafe\u0301", "caf\u00e9"),
        ("stra\u00dfe", "STRASSE"),
        ("soft\u00adhyphen", "softhyphen"),
        ("zero\u200bwidth\u2060", "zerowidth"),
        ("right\u202eleft\u202c", "rightleft"),
        ("tab\there\r\nnow\u00a0then\u2028end", "tab here now then end"),
        ("x\u00b2 and \u00bd", "x2 and 1\u20442"),
        ("\u0130zmir", "i\u0307zmir"),
        ("\uff11\uff12\uff13 mg", "123 mg"),
        ("3 \u2212 1", "3 - 1"),
        ("5 mg\u2026", "5 mg..."),
    ],
)
def test_variants_fold_together(written: str, copied: str) -> None:
    """Forms that a reader takes for the same text fold to the same text."""
    assert fold(written) == fold(copied)


@pytest.mark.parametrize(
    ("one", "other"),
    [("\u0131rmak", "irmak"), ("5 mg", "5mg"), ("caf\u00e9", "cafe"), ("1-2", "1 2"), ("10 mg", "1.0 mg")],
)
def test_differences_stay(one: str, other: str) -> None:
    """Accents, dotless letters, spaces between words and figures are not folded away."""
    assert fold(one) != fold(other)


@given(st.text(), st.text())
def test_case_and_edges_do_not_count(text: str, gap: str) -> None:
    """Upper case, white space at the edges, and how wide a gap is do not change the folded form."""
    ascii_text = text.encode("ascii", "ignore").decode()

    assert fold(ascii_text.upper()) == fold(ascii_text)
    assert fold(f" \n{text}\t ") == fold(text)
    assert fold(text) == fold(text).strip()


@given(st.text(st.characters(categories=["L", "M", "N", "P", "Zs", "Cf"])))
def test_normal_forms_fold_together(text: str) -> None:
    """All four Unicode normal forms of a text fold to one."""
    folded = {fold(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")}

    assert len(folded) == 1


def test_every_character_folds_as_its_normal_form() -> None:
    """No character folds to something else than its compatibility form does, but the accent for an apostrophe."""
    normal = ((chr(point), unicodedata.normalize("NFKC", chr(point))) for point in range(0x110000))
    changed = [(raw, form) for raw, form in normal if raw != form]

    assert [raw for raw, form in changed if fold(raw) != fold(form)] == ["\u00b4"]


@given(excerpts())
def test_passage_folds_as_a_whole(excerpt: Excerpt) -> None:
    """Folding a passage segment by segment gives what folding it in one go gives, though lines are cut."""
    (part,) = index_of(excerpt.text).parts

    assert fold_part(part).text == fold(excerpt.text)


@given(excerpts(), st.data())
def test_every_character_maps_back(excerpt: Excerpt, data: st.DataObject) -> None:
    """Each character of the folded text maps to a piece of the passage that folds to a text with it inside."""
    (part,) = index_of(excerpt.text).parts
    folded = fold_part(part)
    at = data.draw(st.integers(0, len(folded.text) - 1))
    if folded.text[at] == " ":
        return
    start, end = folded.original(at, at + 1)

    assert folded.text[at] in fold(part.passage.text[start:end])


HARD_LINES = {
    "word ending where the line is cut": "Read this " + "x" * 230 + " Take the Tablet after a meal",
    "tabs only": "\t".join(["ab" * 60, "cd" * 60, "Take", "the", "Tablet", "now", "ef" * 90]),
    "mark after the cut": "a" * 238 + "e\u0301e\u0301e\u0301 Take the Tablet after",
    "line of hidden characters": "Take the Tablet\n\u200b\u200b\nafter a Meal",
}


@pytest.mark.parametrize("text", HARD_LINES.values(), ids=HARD_LINES)
def test_cuts_leave_no_trace(text: str) -> None:
    """Where a passage is cut into segments cannot be seen in its folded form."""
    (part,) = index_of(text).parts

    assert fold_part(part).text == fold(text)


HARD_CHARACTERS = {
    "conjoining jamo": unicodedata.normalize("NFD", "\uc57d\uc744 \ub4dc\uc138\uc694 "),
    "spacing diacritic": "about \u02dc5 mg and \u00a8 ",
    "vowel of two signs": "\u0995\u09c7\u09be\u09a8 ",
    "unit separator": "caf\u00e9\x1f \x1f",
    "sharp s": "Stra\u00dfe gro\u00df ",
    "ligature": "\ufb03 \ufb01 ",
}


@pytest.mark.parametrize("before", HARD_CHARACTERS.values(), ids=HARD_CHARACTERS)
def test_offsets_survive_hard_characters(before: str) -> None:
    """Characters that change their number when folded do not shift what comes after them."""
    text = f"{before}Take the Tablet"
    (part,) = index_of(text).parts
    folded = fold_part(part)
    at = folded.text.index("take the tablet")
    start, end = folded.original(at, at + len("take the tablet"))

    assert text[start:end] == "Take the Tablet"
