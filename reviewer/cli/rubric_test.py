"""`reviewer rubric test`: a rule set's cases, with recorded critiques, the real second model, or their own scripts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from reviewer import telemetry
from reviewer.app import rubric_directory
from reviewer.cli.console import ConfigOption, Exit, err, errors_end_the_command, fail, out, settings_or_exit
from reviewer.cli.rubric_test_render import Progress, mutation_summary, run_summary
from reviewer.config import Settings
from reviewer.core.case import Case
from reviewer.core.rulebook import Rulebook
from reviewer.providers.interface import ReviewerProvider
from reviewer.rubrics.bounds import load_bounds
from reviewer.rubrics.last_failed import read_failed, write_failed
from reviewer.rubrics.load import load_cases, load_rulebook
from reviewer.rubrics.recordings import Library, load_recordings, save_recordings
from reviewer.rubrics.report_files import mutation_json, run_json, run_junit
from reviewer.rubrics.results import Mode, RunResult, Status
from reviewer.rubrics.selection import ExpressionError, Placed, Selector
from reviewer.rubrics.suite import Plot, Providers, Suite, Trial
from reviewer.vendors import open_configured

Directory = Annotated[
    Path | None,
    typer.Argument(help="Folder with routing.yaml, models.yaml and one folder a domain.", show_default=False),
]
MaxCost = Annotated[
    float | None, typer.Option(help="With --live: stop before more is spent.", min=0, show_default=False)
]
Also = Annotated[
    list[Path] | None,
    typer.Option("--also", help="Another folder with <domain>/cases/*.yaml, a hidden suite.", show_default=False),
]
Domains = Annotated[list[str] | None, typer.Option("--domain", help="Only these domains.", show_default=False)]
Suites = Annotated[list[str] | None, typer.Option("--suite", help="Only these suites.", show_default=False)]
Cases = Annotated[list[str] | None, typer.Option("--case", help="Only these: id or domain/id, with *.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only cases with such a tag.", show_default=False)]
Locales = Annotated[list[str] | None, typer.Option("--locale", help="Only these; pt covers pt-BR.")]
Criteria = Annotated[list[str] | None, typer.Option("--criterion", help="Only cases about these, with *.")]
JunitFile = Annotated[Path | None, typer.Option("--junit", help="JUnit XML to write.", show_default=False)]
JsonFile = Annotated[Path | None, typer.Option("--json", help="JSON to write.", show_default=False)]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="One self-contained page to write.")]
MinCoverage = Annotated[
    float | None,
    typer.Option(help="Percent of criteria to be seen both to pass and to fail.", min=0, max=100, show_default=False),
]
MinCaught = Annotated[
    float | None,
    typer.Option(help="With --mutate: percent of mutants to be caught.", min=0, max=100, show_default=False),
]
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class _Reports:
    """Files to write, None for those that nobody wants."""

    junit: Path | None
    json: Path | None
    html: Path | None

    def write(self, junit: str | None, json_: str, html: str) -> None:
        for path, text in ((self.junit, junit), (self.json, json_), (self.html, html)):
            if path is not None and text is not None:
                path.write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Extent:
    """How much is tried; see `Plot`."""

    repeats: int
    derived: int
    seed: int
    jobs: int
    timeout_s: float
    cap_micro_usd: int | None
    allow_missing: bool


@dataclass(frozen=True, slots=True)
class _Spend:
    """What live trials may do.

    Attributes:
        agreed: nobody need be asked whether to spend it.
    """

    record: bool
    agreed: bool


@dataclass(frozen=True, slots=True)
class _Least:
    """Percent that must be reached; None where anything will do."""

    coverage: float | None
    caught: float | None


@dataclass(frozen=True, slots=True)
class _Work:
    """One run of the command."""

    directory: Path
    settings: Settings
    plot: Plot
    cases: tuple[Placed, ...]
    reports: _Reports
    spend: _Spend
    least: _Least
    state: Path


def run_cases(
    directory: Directory = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the real second model of the settings.")] = False,
    scripted: Annotated[bool, typer.Option("--scripted", help="Simulated: answers come from the cases.")] = False,
    record: Annotated[bool, typer.Option("--record", help="With --live: keep the critiques as recordings.")] = False,
    repeats: Annotated[int, typer.Option(help="With --live: trials of each case.", min=1, max=1_000)] = 1,
    max_cost_usd: MaxCost = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --live: spend without asking.")] = False,
    allow_missing: Annotated[bool, typer.Option(help="Judge what is not recorded by the checks alone.")] = False,
    vary: Annotated[int, typer.Option(help="Derived variants of each case.", min=0, max=100)] = 0,
    seed: Annotated[int, typer.Option(help="Of the derived variants.", min=0)] = 0,
    mutate: Annotated[bool, typer.Option("--mutate", help="Spoil passing drafts; see what notices.")] = False,
    also: Also = None,
    domain: Domains = None,
    suite: Suites = None,
    case: Cases = None,
    tag: Tags = None,
    locale: Locales = None,
    criterion: Criteria = None,
    expression: Annotated[str, typer.Option("-k", help="Words with and, or, not, parentheses.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed the last time.")] = False,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Trials at once.", min=1, max=256)] = 4,
    timeout_s: Annotated[float, typer.Option(help="For the critiques of one trial.", min=0.1, max=3600)] = 120.0,
    junit: JunitFile = None,
    json_: JsonFile = None,
    html: HtmlFile = None,
    min_coverage: MinCoverage = None,
    min_caught: MinCaught = None,
    state: Annotated[Path, typer.Option(help="Where --failed finds what failed.")] = Path(".rubric-test.json"),
    config: ConfigOption = None,
) -> None:
    """Try a rule set on its labelled cases. Exit status: 0 all as expected, 1 not, 2 wrong usage or an invalid file."""
    _refuse_contradictions(
        live=live, scripted=scripted, record=record, repeats=repeats, cap=max_cost_usd, mutate=mutate
    )
    settings = settings_or_exit(config)
    telemetry.configure("error", settings.log.format)
    with errors_end_the_command():
        d, s, c, t, lo, cr = [tuple(listed or ()) for listed in (domain, suite, case, tag, locale, criterion)]
        selector = Selector(d, s, c, t, lo, cr, expression, read_failed(state) if failed else None)
        target = directory or rubric_directory(settings)
        mode = Mode.LIVE if live else Mode.SIMULATED if scripted else Mode.RECORDED
        cap = None if max_cost_usd is None else round(max_cost_usd * _MICRO)
        extent = _Extent(repeats, vary, seed, jobs, timeout_s, cap, allow_missing=allow_missing)
        cases = _selected((target, *(also or ())), selector)
        spend, least = _Spend(record=record, agreed=yes or cap is not None), _Least(min_coverage, min_caught)
        plot, reports = _plot(target, settings, mode, extent), _Reports(junit, json_, html)
        work = _Work(target, settings, plot, cases, reports, spend, least, state)
        raise typer.Exit(asyncio.run(_mutate(work) if mutate else _run(work)))


def _plot(directory: Path, settings: Settings, mode: Mode, extent: _Extent) -> Plot:
    today = datetime.now(UTC).date()
    rulebook, _ = load_rulebook(directory, today=today)
    return Plot(
        mode=mode,
        rulebook=rulebook,
        today=today,
        bounds=load_bounds(directory),
        repeats=extent.repeats,
        derived=extent.derived,
        seed=extent.seed,
        jobs=extent.jobs,
        timeout_s=extent.timeout_s,
        max_attempts=settings.critic.max_attempts if mode is Mode.LIVE else 1,
        allow_missing=extent.allow_missing,
        cap_micro_usd=extent.cap_micro_usd,
    )


def _refuse_contradictions(
    *, live: bool, scripted: bool, record: bool, repeats: int, cap: float | None, mutate: bool
) -> None:
    """End the command where options do not go together."""
    if live and scripted:
        fail("--live asks a real model, --scripted asks none: choose one", Exit.USAGE)
    if not live and (record or repeats > 1 or cap is not None):
        fail("--record, --repeats and --max-cost-usd need --live", Exit.USAGE)
    if mutate and (scripted or record):
        fail("a mutant has no script and is not recorded: --mutate goes with --live or alone", Exit.USAGE)


def _selected(directories: tuple[Path, ...], selector: Selector) -> tuple[Placed, ...]:
    try:
        cases = selector.select([file for directory in directories for _, file in load_cases(directory)])
    except ExpressionError as exc:
        fail(f"-k: {exc}", Exit.USAGE)
    if not cases:
        fail("no case fits what was asked for", Exit.USAGE)
    return cases


async def _run(work: _Work) -> Exit:
    live = work.plot.mode is Mode.LIVE
    async with _providers(work) as providers:
        library = load_recordings(work.directory) if work.plot.mode is Mode.RECORDED else Library()
        suite = Suite(work.plot, providers, library, lambda: datetime.now(UTC))
        trials = suite.trials(work.cases)
        at_most = await _agreed(work, suite, trials) if live else None
        with Progress(err, len(trials)) as progress:
            result = await suite.run(trials, lambda trial: progress.tell(good=trial.status.good))
    if work.spend.record:
        for path in save_recordings(work.directory, suite.made):
            out.print(f"recorded: {path.relative_to(work.directory)}", markup=False)
    return _finish(work, replace(result, at_most_micro_usd=at_most))


def _finish(work: _Work, result: RunResult) -> Exit:
    from reviewer.rubrics.report_html import run_html

    work.reports.write(run_junit(result), run_json(result), run_html(result))
    write_failed(work.state, result)
    for part in run_summary(result):
        out.print(part)
    if any(trial.status is Status.NOT_RECORDED for trial in result.trials):
        out.print(
            "Nothing is recorded yet for some cases: --live --record asks the second model and keeps its replies,"
        )
        out.print("--allow-missing judges them by the checks alone, --scripted lets the cases answer (simulated).")
    least = work.least.coverage
    uncovered = least is not None and result.covered.percent < least
    if uncovered:
        out.print(f"[bold red]coverage[/] {result.covered} is below {least:g} %")
    return Exit.DONE if result.passed and not uncovered else Exit.FAILED


async def _mutate(work: _Work) -> Exit:
    from reviewer.rubrics.report_html import mutation_html

    async with _providers(work) as providers:
        suite = Suite(work.plot, providers, Library(), lambda: datetime.now(UTC))
        if work.plot.mode is Mode.LIVE:
            await _agreed(work, suite, suite.trials(work.cases), " for the drafts, and about as much for each mutant")
        with Progress(err, None) as progress:
            result = await suite.mutate(work.cases, lambda mutant: progress.tell(good=mutant.caught))
    work.reports.write(None, mutation_json(result), mutation_html(result))
    for part in mutation_summary(result):
        out.print(part)
    dull = work.least.caught is not None and result.score.percent < work.least.caught
    return Exit.FAILED if dull or not result.judged or len(result.judged) < len(result.mutants) else Exit.DONE


async def _agreed(work: _Work, suite: Suite, trials: Iterable[Trial], more: str = "") -> int | None:
    """Tell what the critiques cost at most, and end the command where that is more than somebody agrees to spend."""
    estimate = await suite.estimate(trials)
    if estimate.micro_usd is None:
        told = "a model has no price, so that their cost is not known"
        if work.plot.cap_micro_usd is not None:
            fail(f"{told}: no cap can be kept", Exit.USAGE)
    else:
        told = f"at most ${estimate.micro_usd / _MICRO:.4f}"
    out.print(f"{estimate.critiques} critiques, {told}{more}")
    if not work.spend.agreed:
        if not sys.stdin.isatty():
            fail("say --yes, or set --max-cost-usd", Exit.USAGE)
        typer.confirm("Go ahead?", abort=True)
    return estimate.micro_usd


@asynccontextmanager
async def _providers(work: _Work) -> AsyncIterator[Providers]:
    """Open whom a run asks: real providers where live, the script's stand-in where simulated, else nobody."""
    if work.plot.mode is Mode.LIVE:
        async with open_configured(work.settings, work.plot.rulebook.catalogue) as opened:
            if not opened:
                fail("no provider is configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY", Exit.USAGE)
            yield lambda _case: opened
    elif work.plot.mode is Mode.SIMULATED:
        yield _scripted(work.plot.rulebook)
    else:
        yield lambda _case: {}


def _scripted(rulebook: Rulebook) -> Providers:
    from reviewer.simulate.scripted import ScriptedReviewer

    names = sorted({reviewer.provider for reviewer in rulebook.routing.reviewers})

    def providers(case: Case) -> Mapping[str, ReviewerProvider]:
        return {name: ScriptedReviewer(name, case) for name in names}

    return providers
