"""What a route's prompt and its shortest critique are in tokens: the part that is cached, and what is paid anew."""

from __future__ import annotations

from datetime import date

from bench.bed import RUBRICS, Bed
from bench.report import Table
from reviewer.rubrics.load import load_rulebook
from tests.support.compact import ENCODINGS, of_route, tokens


def measure(bed: Bed) -> Table:
    """Render every shipped route's prompt, and find everything met; nothing is timed and nothing is called."""
    del bed
    rulebook, _ = load_rulebook(RUBRICS, today=date(2026, 11, 21))
    rows = []
    for route in rulebook.routing.all_routes:
        met = of_route(rulebook, route.id)
        prefix = met.prompt.questionnaire.prefix
        asked, verdict = len(met.prompt.asked), met.verdict.name
        rest = sum(map(tokens, met.prompt.blocks))
        paid = (met.quoted, tokens(met.text), tokens(met.spaced), verdict)
        rows.append((route.id, asked, len(prefix.encode()), tokens(prefix), rest, *paid))
    return Table(
        "Tokens",
        f"Of {ENCODINGS[0]}. Prefix: the same bytes for every request of a route, cached by the provider. All met: the "
        "reply that finds everything met with the quotes that are due, without spaces and with them.",
        ("route", "criteria", "prefix bytes", "prefix", "a request", "quoted", "all met", "with spaces", "verdict"),
        tuple(rows),
    )
