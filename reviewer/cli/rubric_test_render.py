"""How a run of cases is shown in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reviewer.core.spending import Spent
from reviewer.rubrics.expectation import Mismatch
from reviewer.rubrics.mutation import MutationResult
from reviewer.rubrics.results import Flip, RunResult, TrialResult

_SHOWN_QUOTE = 240
_MICRO = 1_000_000


class Progress:
    """A bar on a terminal, and nothing where the output goes elsewhere.

    Args:
        total: None where it is not known beforehand.
    """

    def __init__(self, console: Console, total: int | None) -> None:
        """Prepare the bar."""
        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn())
        self._bar = progress.Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("trials", total=total)
        self._bad = 0

    def tell(self, *, good: bool) -> None:
        """Count one more."""
        self._bad += not good
        self._bar.update(self._task, advance=1, description=f"trials, {self._bad} bad" if self._bad else "trials")

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take it away."""
        self._bar.stop()


def run_summary(result: RunResult) -> Iterator[RenderableType]:
    """Yield what a person reads after a run: failures side by side, what changed, coverage, and the count."""
    for trial in result.failures:
        yield _failure(trial)
    if result.flips:
        yield _flips(result.flips)
    for breach in result.breaches:
        allowed = f"at most {breach.bound_percent:g} % is allowed"
        yield Text(f"suite {breach.suite}: {breach.rule}: {breach.share}; {allowed}", "bold red")
    gaps = [row for row in result.coverage if not row.whole]
    if gaps:
        table = Table("criterion", "", "seen to pass in", "to fail in", box=None, pad_edge=False)
        for row in gaps:
            table.add_row(row.criterion, row.word, ", ".join(row.passed), ", ".join(row.failed))
        yield table
    yield _totals(result)


def _totals(result: RunResult) -> RenderableType:
    counted = Counter(trial.status.value for trial in result.trials)
    lines = [Text(", ".join(f"{count} {status}" for status, count in sorted(counted.items())))]
    lines.append(Text(f"criteria seen to pass and to fail: {result.covered}"))
    if result.repeats:
        lines.append(Text(f"verdict changed between repeats: {result.repeats}"))
    if result.variants:
        lines.append(Text(f"verdict changed between wordings: {result.variants}"))
    if result.spent.calls and not result.simulated:
        lines.append(Text(_cost(result.spent)))
    lines.append(Text("passed" if result.passed else "failed", "bold green" if result.passed else "bold red"))
    lines[-1].append(f" (critiques: {result.title})", "default")
    return Group(*lines)


def _cost(spent: Spent) -> str:
    unknown = f", {spent.unpriced_calls} of them without a known cost" if spent.unpriced_calls else ""
    return f"cost: ${spent.micro_usd / _MICRO:.4f} for {spent.calls} calls{unknown}"


def _failure(trial: TrialResult) -> RenderableType:
    repeat = f" #{trial.repeat + 1}" if trial.repeat else ""
    head = Text(f"{trial.name}{repeat}", "bold")
    head.append(f"  {trial.suite}, {trial.locale}: ", "default")
    head.append(trial.status.value, "red")
    parts: list[RenderableType] = [head, *(Text(f"  {line}") for line in trial.detail)]
    if trial.mismatches:
        table = Table("about", "expected", "got", "reasons and quotes", box=None, padding=(0, 1, 0, 2))
        for wrong in trial.mismatches:
            table.add_row(Text(wrong.about), Text(wrong.expected), Text(wrong.got, "red"), Text(_said(wrong)))
        parts.append(table)
    return Group(*parts, Text())


def _said(wrong: Mismatch) -> str:
    quotes = [f"\u201c{quote[:_SHOWN_QUOTE]}\u201d" for quote in wrong.quotes]
    return "\n".join((*wrong.why, *quotes))


def _flips(flips: tuple[Flip, ...]) -> RenderableType:
    table = Table("verdict changed", "between", "verdicts", box=None, pad_edge=False)
    for flip in flips:
        table.add_row(flip.case, flip.between, "\n".join(f"{name}: {verdict}" for name, verdict in flip.verdicts))
    return table


def mutation_summary(result: MutationResult) -> Iterator[RenderableType]:
    """Yield what a person reads after a mutation run: survivors, shares by edit and criterion, and the score."""
    if result.survivors:
        table = Table("survived", "edit", "should have objected", "others that did", box=None, pad_edge=False)
        for mutant in result.survivors:
            table.add_row(mutant.case, mutant.edit, "\n".join(mutant.targets), "\n".join(mutant.noticed_by))
        yield table
    for title, shares in (("edit", result.by_edit), ("criterion", result.by_criterion)):
        table = Table(title, "caught", box=None, pad_edge=False)
        for name, share in shares.items():
            table.add_row(name, str(share))
        yield table
    lost = len(result.mutants) - len(result.judged)
    by = "critic and checks" if result.live else "checks alone"
    yield Text(
        f"mutants caught by the right criterion: {result.score} ({by}{', simulated' if result.simulated else ''})"
    )
    if lost:
        yield Text(f"{lost} mutants could not be judged: no critique", "red")
    if result.spent.calls:
        yield Text(_cost(result.spent))
