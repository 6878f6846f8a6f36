"""A calibration as people read it in a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reviewer.core.answering import Answering
from reviewer.core.calibration import DOUBLE_RATED, ENOUGH, EVERY_CRITERION, Hygiene, Measured, Report
from reviewer.core.calibration_probability import LET_THROUGH, Reliability
from reviewer.core.gates import Checked, Status
from reviewer.core.labels import outcomes_of
from reviewer.core.statistics.agreement import Between
from reviewer.core.statistics.proportions import Share, exact_upper, wilson

_STYLES = {Status.PASSED: "green", Status.FAILED: "bold red", Status.TOO_FEW: "yellow"}
_MOST_DOUBTS = 20
_MOST_NAMES = 3


def calibration_tables(
    report: Report, gates: Iterable[Checked], answering: Answering, *, segments: bool
) -> RenderableType:
    """Show figures, agreement, confusion, segments where asked for, labels to look at, and gates."""
    parts: list[RenderableType] = [_rates_table("Errors", report.subjects), _agreement_table(report.subjects)]
    parts.append(_matrices(report.subjects))
    if segments:
        parts.append(_rates_table("Segments", report.segments))
    if report.probabilities:
        parts.append(_reliability_table(report.probabilities))
    if answering.reviews:
        parts.extend(_answering(answering))
    parts.extend(_hygiene(report.hygiene))
    if checked := tuple(gates):
        parts.append(_gates_table(checked))
    return Group(*parts)


def share_told(share: Share) -> str:
    """Return a rate with interval and n; next to a zero what it bounds, and "too few" where it is."""
    if share.n == 0:
        return "-"
    interval = wilson(share)
    told = f"{share.hits / share.n:.1%} [{interval.low:.1%}, {interval.high:.1%}] {share.hits}/{share.n}"
    if share.hits == 0:
        told += f", at most {exact_upper(share):.1%}"
    return told + (" too few" if share.n < ENOUGH else "")


def subject_told(subject: str) -> str:
    """Return the subject's name as people read it."""
    return "all criteria" if subject == EVERY_CRITERION else subject


def coefficient_told(value: float | None, interval: Between | None = None) -> str:
    """Return a coefficient of agreement; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.2f}" + (f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else "")


def corrected_told(one: Measured) -> str:
    """Return the share that fails as counted, and corrected for the errors of the judge."""
    found = one.corrected_fail_rate
    if found.rate is None:
        corrected = "undefined"
    else:
        corrected = f"{found.rate:.1%}" + (" clipped" if found.clipped else "")
        corrected += f" [{found.interval.low:.1%}, {found.interval.high:.1%}]" if found.interval else ""
    return f"{one.fail_rate.rate or 0:.1%} / {corrected}"


def _rates_table(title: str, measured: Iterable[Measured]) -> Table:
    table = _table(title)
    for column in (
        "",
        "labels",
        "false approve",
        "false block",
        "uncertain",
        "precision",
        "recall",
        "fails / corrected",
    ):
        table.add_column(column, no_wrap=not column)
    for one in measured:
        segment = f" {one.dimension}={one.value}" if one.dimension else ""
        rates = one.rates
        shares = (rates.false_approve, rates.false_block, rates.unsettled, rates.precision, rates.recall)
        name = f"{subject_told(one.subject)}{segment}"
        table.add_row(escape(name), str(rates.n), *map(escape, map(share_told, shares)), escape(corrected_told(one)))
    return table


def _agreement_table(measured: Iterable[Measured]) -> Table:
    table = _table("Agreement")
    for column in ("", "kappa", "PABAK", "alpha", "people: alpha", "people: pairs", "with people on the same"):
        table.add_column(column, no_wrap=not column)
    for one in measured:
        if (found := one.agreement) is not None:
            table.add_row(
                escape(subject_told(one.subject)),
                escape(coefficient_told(found.kappa, found.kappa_interval)),
                coefficient_told(found.pabak),
                coefficient_told(found.alpha),
                coefficient_told(found.human_alpha),
                escape(share_told(found.human_pairs)),
                escape(share_told(found.judge_pairs)),
            )
    return table


def _reliability_table(probabilities: Iterable[Reliability]) -> Table:
    table = _table(f"Probabilities (on one half; threshold for at most {LET_THROUGH:.0%} let through, from the other)")
    for column in ("", "labels", "calibration error", "after a fit", "threshold", "let through there"):
        table.add_column(column, no_wrap=not column)
    for one in probabilities:
        errors = [coefficient_told(error) for error in (one.error, one.fitted_error)]
        threshold = "none is shown" if one.threshold is None else f"{one.threshold:.3f}"
        told = escape(share_told(one.let_through)) if one.threshold is not None else "-"
        table.add_row(escape(one.reviewer or "-"), str(one.n), *errors, threshold, told)
    return table


def _answering(counted: Answering) -> Iterator[RenderableType]:
    models = _table(f"Second models, in {counted.reviews:,} reviews")
    for column in ("", "calls", "without a reply", "median", "USD a call"):
        models.add_column(column, no_wrap=not column)
    for name, calls in sorted(counted.models.items()):
        price = f"{calls.cost_micro_usd / calls.priced / 1e6:.6f}" if calls.priced else "unknown"
        seconds = f"{calls.median_us / 1e6:.2f} s"
        models.add_row(escape(name), f"{calls.n:,}", escape(share_told(calls.failed)), seconds, price)
    yield models
    evidence = _table("Evidence")
    for column in ("", "answers", "quotes that stand", "answers without one left", "not as claimed"):
        evidence.add_column(column, no_wrap=not column)
    for name, one in sorted(counted.criteria.items()):
        quotes = Share(one.quotes_verified, one.quotes_verified + one.quotes_failed)
        rest = (quotes, Share(one.unverified, one.answers), Share(one.overruled, one.answers))
        evidence.add_row(escape(name), f"{one.answers:,}", *map(escape, map(share_told, rest)))
    yield evidence
    yield Text("causes: " + (", ".join(f"{name} {count:,}" for name, count in counted.causes.most_common()) or "none"))


def _matrices(measured: Iterable[Measured]) -> RenderableType:
    """Show what people say against what was answered; verdicts and criteria have answers of their own."""
    verdicts = [one for one in measured if one.subject == "verdict"]
    criteria = [one for one in measured if one.subject != "verdict"]
    return Group(*(_matrix(part) for part in (verdicts, criteria) if part))


def _matrix(measured: list[Measured]) -> Table:
    answers = outcomes_of(measured[0].subject)
    table = _table("Answered")
    for column in ("", "people say", *answers):
        table.add_column(column, justify="left" if column in ("", "people say") else "right")
    for one in measured:
        for at, said in enumerate(row for row in answers if any(human == row for human, _ in one.matrix)):
            counts = [str(one.matrix.get((said, answer), 0)) for answer in answers]
            table.add_row(escape(subject_told(one.subject)) if at == 0 else "", said, *counts)
    return table


def _hygiene(hygiene: Hygiene) -> Iterator[RenderableType]:
    twice = hygiene.double_rated
    short = bool(twice.n) and twice.hits < DOUBLE_RATED * twice.n
    advice = f"; at least {DOUBLE_RATED:.0%} should be" if short else ""
    yield Text(f"labels: {twice.n} things labelled, {twice.hits} by two people or more{advice}")
    if hygiene.unmatched:
        yield Text(f"labels: {hygiene.unmatched} about what was never judged", style="yellow")
    if hygiene.disputed:
        yield Text(f"labels: {len(hygiene.disputed)} on which people do not agree", style="yellow")
    if hygiene.doubtful:
        yield Text(f"labels: {len(hygiene.doubtful)} that two families of models speak against", style="yellow")
    for doubt in hygiene.doubtful[:_MOST_DOUBTS]:
        answers = ", ".join(f"{model} {said}" for model, said in doubt.against.items())
        yield Text(f"  {doubt.item} {doubt.subject}: people {doubt.label}, {answers}")


def _gates_table(gates: Iterable[Checked]) -> Table:
    """Show what each gate came to; subjects of which the same is to be told share a row."""
    table = _table("Gates")
    for column in ("gate", "status", "of", "why"):
        table.add_column(column)
    grouped: defaultdict[tuple[str, str, Status, str], list[str]] = defaultdict(list)
    for one in gates:
        status = one.status.value + (", let pass" if one.status is Status.TOO_FEW and one.passed else "")
        what = " ".join(piece for piece in (one.subject, one.segment) if piece)
        grouped[one.gate, status, one.status, one.reason].append(what)
    for (gate, status, kind, reason), names in grouped.items():
        told = names[0] if len(names) == 1 else f"{len(names)}: {', '.join(names[:_MOST_NAMES])}"
        told += ", \u2026" if len(names) > _MOST_NAMES else ""
        table.add_row(gate, f"[{_STYLES[kind]}]{status}[/]", escape(told), escape(reason))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False)
