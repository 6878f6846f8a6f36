"""The check `numbers`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.checks import numbers
from reviewer.checks.figures import FIGURE_KINDS, FigureKind, find_figures
from reviewer.checks.interface import Flagged, Passed, Unavailable
from tests.unit.checks.subjects import subject

CHECK = numbers.build(numbers.Args(kinds=FIGURE_KINDS))
SOURCE = (
    "Take 500 mg to 1 g every 8 hours, at most 4.000 mg a day, for two weeks. Costs R$ 1.234,56 or US$ 250. "
    "Since 21/11/2025. Affects OpenSSL 3.0.0 to 3.0.6, fixed in 3.0.7. Rate 10,5%. See CVE-2024-1234. "
    "Range 70\u201399 mg/dL. Ship in 5 dias \u00fateis. | mg | 42 |"
)


@pytest.mark.parametrize(
    "text",
    [
        "1000 mg",
        "0.5 g",
        "500,000 \u00b5g",
        "4,000 mg",
        "42 mg",
        "R$ 1234.56",
        "BRL 1,234.56",
        "$250",
        "250 d\u00f3lares",
        "November 21, 2025",
        "21 de novembro de 2025",
        "2025-11-21",
        "in November 2025",
        "today, 21 Nov 2026",
        "OpenSSL v3.0.7",
        "the version 3.0 series",
        "10.5 percent",
        "10,5 por cento",
        "2 weeks",
        "cve-2024-1234",
        "8h",
        "70 to 99 mg/dL",
        "5 business days",
        "no figures at all",
        "Section 4.2.1 says so",
        "the host 192.168.10.20",
        "5G phones",
    ],
)
def test_supported_figure_passes_in_any_spelling(text: str) -> None:
    """Separators, units of one dimension, date forms and languages do not matter; value and unit do."""
    assert isinstance(CHECK(subject(text, sources=(SOURCE,))), Passed)


@pytest.mark.parametrize(
    "text",
    [
        "500 mL",
        "750 mg",
        "500 \u00b5g",
        "R$ 1.234,57",
        "\u20ac 250",
        "22/11/2025",
        "Dec 1, 2025",
        "update to 3.0.8",
        "version 3.1",
        "11%",
        "3 weeks",
        "5 horas",
        "5 dias",
        "CVE-2024-1235",
        "70 to 110 mg/dL",
    ],
)
def test_unsupported_figure_is_not_met(text: str) -> None:
    """A figure whose value or unit stands nowhere is flagged and quoted."""
    result = CHECK(subject(f"It is {text} here.", sources=(SOURCE,)))
    assert isinstance(result, Flagged)
    assert result.quotes


@pytest.mark.parametrize("place", ["user", "results", "sources"])
def test_every_kind_of_material_vouches(place: str) -> None:
    """Conversation, tool results and sources count alike."""
    text = "The refund is $59.90."
    given = {"user": "i paid 59.90", "results": ('{"amount": 59.9}',), "sources": ("Paid: $59.90",)}[place]
    assert isinstance(CHECK(subject(text)), Flagged)
    assert isinstance(CHECK(subject(text, **{place: given})), Passed)  # type: ignore[arg-type]


def test_bare_number_of_something_else_does_not_vouch() -> None:
    """Five hundred patients are no five hundred milligrams, unless the user wrote the number."""
    assert isinstance(CHECK(subject("Take 500 mg.", sources=("The trial had 500 patients.",))), Flagged)
    assert isinstance(CHECK(subject("Tome 500 mg.", user="eu tomo 500 de manh\u00e3")), Passed)


def test_numbers_of_a_date_do_not_vouch() -> None:
    """The parts of a date are no bare numbers."""
    assert isinstance(CHECK(subject("Add 11%.", sources=("Since 21/11/2025.",))), Flagged)


def test_only_listed_kinds_are_asked() -> None:
    """A rubric that asks for doses says nothing of percentages."""
    check = numbers.build(numbers.Args(kinds=("dose",)))
    assert isinstance(check(subject("In 87% of cases it works within 3 weeks, below 99 mg/dL.")), Passed)


def test_ambiguous_date_has_both_readings() -> None:
    """Day and month may be swapped between locales; both readings count."""
    assert isinstance(CHECK(subject("04/03/2026", sources=("March 4, 2026",))), Passed)
    assert isinstance(CHECK(subject("04/03/2026", sources=("4 de mar\u00e7o de 2026",))), Passed)


def test_flood_of_figures_is_unavailable() -> None:
    """More figures than the bound are not judged, which leads to a handoff."""
    assert isinstance(CHECK(subject("5 mg " * 3_000)), Unavailable)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("R$ 2,5 milh\u00f5es", "money", {"2500000.0", "2500000"}),
        ("$5k", "money", {"5000"}),
        ("10 mil reais", "money", {"10000"}),
        ("1.500 mg", "dose", {"1.500", "1500"}),
        ("1,000.50 mg", "dose", {"1000.50"}),
    ],
)
def test_numbers_are_read_exactly(text: str, kind: FigureKind, expected: set[str]) -> None:
    """Multipliers and separators give exact decimals; an ambiguous separator gives both readings."""
    values = {value for figure in find_figures(text, (kind,)) for value in figure.values}
    assert {str(value) for value in values} <= expected
    assert values


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("5 dias", "em 5 dias \u00fateis"),
        ("5 d\u00edas", "en 5 d\u00edas h\u00e1biles"),
        ("$5", "a fund of $5 million"),
        ("$5", "it cost $5.50"),
        ("R$ 5", "s\u00e3o R$ 5 mil"),
        ("5%", "about 1.5% of it"),
        ("5%", "about 15% of it"),
        ("70 mg", "at 70 mg/dL of it"),
        ("5 mg", "about 5 mg/kg of it"),
        ("5 days", "in 1.5 days"),
        ("CVE-2024-1234", "see CVE-2024-12345"),
        ("29 February", "on 29 February 2025"),
    ],
)
def test_part_of_another_figure_does_not_vouch(text: str, source: str) -> None:
    """The same characters inside a longer figure are another figure."""
    assert isinstance(CHECK(subject(f"It is {text}.", sources=(source,))), Flagged)


@pytest.mark.parametrize(
    "text", ["0.07%", "5 dias", "$5.50", "R$ 5 mil", "750 mg", "CVE-2024-1234", "5.6.1", "3 March"]
)
@pytest.mark.parametrize("around", ["{}", "It is {} there.", "({}) and", "part of 1{}; then {}.", "x{0}, {0}"])
def test_figure_as_written_vouches(text: str, around: str) -> None:
    """A figure copied from a source is supported, also where an earlier place holds it as part of another."""
    assert isinstance(CHECK(subject(f"It is {text}.", sources=(around.format(text, text),))), Passed)


def test_many_figures_are_compared_by_value() -> None:
    """Past the number that is looked up as written, all of them are read, with the same outcome."""
    text = "; ".join(f"{n} mg" for n in range(100, 150))
    assert isinstance(CHECK(subject(text, sources=(text,))), Passed)
    assert isinstance(CHECK(subject(f"{text}; 99 mg", sources=(text,))), Flagged)


FACTS = (
    "The highest labelled amount is 4,000 mg in 24 hours; call 988 or 911.",
    "Em at\u00e9 80 dias. Fixed in OpenSSL 3.0.7.",
)


@pytest.mark.parametrize("text", ["4 g a day", "4.000 mg por dia", "within 80 days", "OpenSSL 3.0.7"])
def test_policy_facts_vouch(text: str) -> None:
    """A figure of a policy fact is supported in any spelling, and in nothing but for that fact."""
    looked_at = subject(f"It is {text}.")
    assert isinstance(CHECK(looked_at), Flagged)
    assert isinstance(CHECK(replace(looked_at, policy_facts=FACTS)), Passed)


@pytest.mark.parametrize("text", ["911 mg", "$988", "24 mg", "12 hours", "80%"])
def test_policy_facts_vouch_for_no_other_unit(text: str) -> None:
    """The bare numbers of a policy fact (a helpline, an article) support no figure, nor does another unit's."""
    assert isinstance(CHECK(replace(subject(f"It is {text}."), policy_facts=FACTS)), Flagged)


def test_policy_facts_and_sources_vouch_together() -> None:
    """Each figure needs one place that holds it, not all of them the same one."""
    looked_at = replace(subject("At most 4 g, each time 500 mg.", sources=("Take 0.5 g.",)), policy_facts=FACTS)
    assert isinstance(CHECK(looked_at), Passed)
    assert isinstance(CHECK(replace(looked_at, policy_facts=())), Flagged)
