"""The check `citations`."""

from __future__ import annotations

import pytest

from reviewer.checks import citations
from reviewer.checks.interface import Flagged, Passed, Unavailable
from reviewer.core.draft import Source
from tests.unit.checks.subjects import subject

CHECK = citations.build(citations.Args())
REQUIRED = citations.build(citations.Args(required=True))
KB = (
    Source("kb-12", "Fees", "", "A transfer abroad costs 12 euros.\nIt takes \u201ctwo working days\u201d at most."),
    Source("kb-13", "Limits", "", "The daily limit is 5,000 euros for new accounts."),
)


@pytest.mark.parametrize(
    "text",
    [
        "It costs 12 euros [kb-12].",
        "It costs 12 euros [KB-12].",
        "It costs 12 euros [1].",
        "It costs 12 euros.[1]",
        "Fees and limits differ [1, 2].",
        "Fees and limits differ [1-2].",
        "Fees and limits differ [kb-12; kb-13].",
        "See the list [source: kb-12].",
        'The page says "A transfer abroad costs 12 euros." [1]',
        'It takes "two working days" at most [kb-12].',
        "The page says \u201ca transfer  abroad costs 12 euros\u201d [kb-12].",
        'The page says "A transfer abroad ... two working days" [kb-12].',
    ],
)
def test_marker_of_a_given_source_passes(text: str) -> None:
    """Ids, numbers, lists and ranges name given sources; quoted words are compared after folding."""
    result = CHECK(subject(text, sources=KB))
    assert isinstance(result, Passed)
    assert result.quotes


@pytest.mark.parametrize(
    "text",
    [
        "It costs 12 euros [kb-14].",
        "It costs 12 euros [3].",
        "Fees and limits differ [1, 3].",
        "Fees and limits differ [kb-12, kb-99].",
        "See the list [source: kb-77].",
        "It costs 12 euros [doc-7].",
        "It costs 12 euros [source: annex].",
        "Custa 12 euros [fonte: tabela_2024.pdf].",
        "See the lists [sources: kb-12, annex].",
    ],
)
def test_marker_of_a_source_that_was_not_given_is_not_met(text: str) -> None:
    """What has the form of the sources' ids, or counts past the last source, cites nothing that exists."""
    assert isinstance(CHECK(subject(text, sources=KB)), Flagged)


@pytest.mark.parametrize(
    "text",
    [
        "See [our fee page](https://example.com).",
        "He wrote 'recieve [sic] it'.",
        "Write to ana@example.com now.",
        "Use `items[7]` or\n```\nargs[9] = [4]\n```\n",
        "Type `print [7] there` or\n```\nlist the [9] items\n```\n",
        "Take values[7] from the list.",
        "Call f(x, ignore=[7]) or set y = [9].",
        "- [ ] open\n- [x] done",
        "Pick a number in [5, 10] or [0, 1].",
        "Fill in [your name] and [date].",
        "The law [2019] was changed.",
        "[NOTE] Keep this.",
        "Add it at the end [source: name of the page].",
        "Read on [see: below].",
    ],
)
def test_other_brackets_are_no_citations(text: str) -> None:
    """Links, placeholders, code, check boxes, intervals and notes are left alone."""
    result = CHECK(subject(text, sources=KB))
    assert isinstance(result, Passed)
    assert result.quotes == ()


def test_number_without_any_source_is_not_met() -> None:
    """A numbered citation where nothing was given points nowhere, unless it numbers a line."""
    assert isinstance(CHECK(subject("Studies agree on this [1].")), Flagged)
    assert isinstance(CHECK(subject("[1] Open the box\n[2] Close it")), Passed)


@pytest.mark.parametrize(
    "text",
    [
        'The page says "a transfer abroad is free of charge" [kb-12].',
        'The page says "The daily limit is 5,000 euros" [kb-12].',
        'The page says "a transfer abroad is free of charge." [1] Next.',
    ],
)
def test_quoted_words_that_the_source_lacks_are_not_met(text: str) -> None:
    """Words put in the mouth of a source must stand in that very source."""
    result = CHECK(subject(text, sources=KB))
    assert isinstance(result, Flagged)
    assert result.quotes[0].text.startswith('"')


def test_short_and_uncited_quotations_are_not_compared() -> None:
    """A scare quote or a quotation without a marker in its sentence claims nothing of a source."""
    text = 'The "big" fee is 12 euros [kb-12]. My aunt says "never trust a bank with it".'
    assert isinstance(CHECK(subject(text, sources=KB)), Passed)


def test_required_citation() -> None:
    """With sources given a draft must cite one; without sources there is nothing to cite."""
    assert isinstance(REQUIRED(subject("It costs 12 euros.", sources=KB)), Flagged)
    assert isinstance(REQUIRED(subject("It costs 12 euros.")), Passed)
    assert isinstance(REQUIRED(subject("It costs 12 euros [1].", sources=KB)), Passed)


def test_flood_of_markers_is_unavailable() -> None:
    """More markers than the bound are not judged, which leads to a handoff."""
    assert isinstance(CHECK(subject("Yes [1]. " * 3_000, sources=KB)), Unavailable)
