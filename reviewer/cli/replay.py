"""`reviewer replay`: which logged reviews would get another verdict under other rules, and why."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from reviewer import telemetry
from reviewer.app import rubric_directory
from reviewer.cli.console import ConfigOption, Exit, LogPathOption, err, errors_end_the_command, fail, out
from reviewer.cli.log_files import settings_for
from reviewer.cli.replay_past import released_rules
from reviewer.cli.replay_report import estimate_told, page, row_json, summary_json, tables
from reviewer.cli.rubric_diff import load_rules
from reviewer.cli.search import FilterOption, between, read_filter_or_exit
from reviewer.config import Settings
from reviewer.consultation import Consultant
from reviewer.core.rulebook import Rulebook
from reviewer.core.search import All, Filter
from reviewer.ledger.interface import Ledger
from reviewer.log_home import open_ledger
from reviewer.providers.adapter import Adapter
from reviewer.providers.batch import BatchedProvider, BatchPolicy
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import ReviewerProvider
from reviewer.providers.line import LinePolicy
from reviewer.replay.asking import Asker, Estimate, Purse, Stationery
from reviewer.replay.comparison import Rules
from reviewer.replay.tally import Fate, Row, Tally
from reviewer.replay.walk import Walk
from reviewer.vendors import open_configured

_MICRO = 1_000_000
_NEVER = 10**9
# As `review-batch` waits: both vendors end a batch after 24 hours.
_BATCH_PATIENCE_S = 25 * 3600.0
_PATIENCE_S = 120.0


def replay(
    candidate: Annotated[Path, typer.Option(help="Rules to try: a folder, or a .release file.")],
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder with rules that reviews were made under, besides releases of the log; may be given again.",
            show_default=False,
        ),
    ] = None,
    filter_: FilterOption = "",
    since: Annotated[str, typer.Option(help="From this UTC day or time on.", show_default=False)] = "",
    limit: Annotated[int | None, typer.Option(help="How many, the newest first.", min=1, show_default=False)] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the second model what only it can say.")] = False,
    batch: Annotated[bool, typer.Option("--batch", help="In the providers' batches; with --live.")] = False,
    max_cost_usd: Annotated[
        float | None, typer.Option(help="Stop asking before this is exceeded.", min=0, show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before calls are made.")] = False,
    at_once: Annotated[int, typer.Option(help="Calls under way, and in a batch.", min=1, max=50_000)] = 16,
    settle_s: Annotated[float, typer.Option(help="Hand a batch in when no call joined it for so long.", min=0)] = 2.0,
    poll_s: Annotated[float, typer.Option(help="Seconds before the first look at a batch.", min=0.001)] = 10.0,
    json_: Annotated[bool, typer.Option("--json", help="JSON Lines: what did not stay, then the counts.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write one HTML page too.", show_default=False)] = None,
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Try other rules on logged reviews; nothing is written to the log. Exit status: 0 done, 1 not."""
    if batch and not live:
        fail("--batch is for calls: it goes with --live", Exit.USAGE)
    settings = settings_for(path, config)
    telemetry.configure("error", settings.log.format)
    with errors_end_the_command():
        past = tuple(load_rules(folder) for folder in baseline or [rubric_directory(settings)])
        rules = load_rules(candidate)
    bounds = (read_filter_or_exit(filter_), *between(since, ""))
    cap = None if max_cost_usd is None else int(max_cost_usd * _MICRO)
    policy = BatchPolicy(max_calls=at_once, settle_s=settle_s, poll_s=poll_s)
    work = _Work(rules, past, All(bounds), limit, Purse(cap), policy if batch else None, at_once, json_)
    with errors_end_the_command():
        try:
            asyncio.run(work.run(settings, live=live, yes=yes))
        except (KeyboardInterrupt, asyncio.CancelledError):
            err.print("interrupted; batches that were under way were cancelled at their providers")
            raise typer.Exit(Exit.FAILED) from None
    work.show(live=live, html=html)


@dataclass(slots=True)
class _Work:
    """One run of the command."""

    candidate: Rulebook
    past: tuple[Rulebook, ...]
    asked: Filter
    limit: int | None
    purse: Purse
    batch: BatchPolicy | None
    at_once: int
    json: bool
    tally: Tally = field(default_factory=Tally)
    estimate: Estimate = field(default_factory=Estimate)

    async def run(self, settings: Settings, *, live: bool, yes: bool) -> None:
        """Replay without a model first, to know what asking takes; then, where it is wanted, with it."""
        task = asyncio.current_task()
        if task is not None:
            with suppress(RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        async with open_ledger(settings) as ledger:
            self.past += await released_rules(settings.rules, ledger)
            await self._walk(ledger, None, last=not live)
            if not live:
                return
            told = estimate_told(self.estimate, batch=self.batch is not None)
            err.print(f"to be asked: {told}", markup=False)
            if self.purse.cap is not None and self.estimate.unpriced:
                fail("a model has no price in models.yaml, so that --max-cost-usd cannot be kept", Exit.USAGE)
            if self.estimate.calls and not yes and not typer.confirm("ask?", err=True):
                raise typer.Exit(Exit.FAILED)
            self.tally, self.estimate = Tally(), Estimate()
            async with self._asker(settings) as asker:
                await self._walk(ledger, asker, last=True)

    async def _walk(self, ledger: Ledger, asker: Asker | None, *, last: bool) -> None:
        rules = Rules(self.candidate, self.past)
        stationery = Stationery(rules, os.urandom, batch=self.batch is not None)
        with _progress() as tick:

            def tell(row: Row) -> None:
                self.tally.add(row)
                tick(self.tally.total)
                if self.json and last and row.fate is not Fate.UNCHANGED:
                    typer.echo(json.dumps(row_json(row), ensure_ascii=False))

            walk = Walk(
                ledger, rules, self.asked, self.limit, tell, stationery, self.estimate, asker, at_once=self.at_once
            )
            await walk.run()

    @asynccontextmanager
    async def _asker(self, settings: Settings) -> AsyncIterator[Asker]:
        stationery = Stationery(Rules(self.candidate, self.past), os.urandom, batch=self.batch is not None)
        async with open_configured(settings, self.candidate.catalogue, self._wrap) as providers:
            consultant = Consultant(
                providers,
                max_attempts=1 if self.batch else settings.critic.max_attempts,
                min_model_s=settings.deadline.min_model_s,
                breaker=BreakerPolicy(_NEVER, settings.critic.breaker_open_s),
                lines=LinePolicy(max(self.at_once, 1), {}, 0.0),
                rng=Random(int.from_bytes(os.urandom(8))),  # noqa: S311 - it spreads retries in time and guards nothing
            )
            patience_s = _BATCH_PATIENCE_S if self.batch else _PATIENCE_S
            yield Asker(consultant, frozenset(providers), stationery, self.purse, patience_s)

    def _wrap(self, provider: ReviewerProvider) -> ReviewerProvider:
        if self.batch is None or not isinstance(provider, Adapter) or provider.batch is None:
            return provider
        return BatchedProvider(provider, provider.batch, self.batch)

    def show(self, *, live: bool, html: Path | None) -> None:
        """Show what came of it."""
        spent = self.purse.spent if live else None
        if live:
            cost = f"spent {self.purse.spent / _MICRO:.4f} USD on {self.purse.calls} calls"
            cost += (
                f", of which {self.purse.unpriced} count at the most they may have cost" if self.purse.unpriced else ""
            )
        elif self.estimate.calls:
            cost = f"with --live: {estimate_told(self.estimate, batch=False)}"
        else:
            cost = "no call is needed"
        if self.json:
            typer.echo(json.dumps({"summary": summary_json(self.tally, self.estimate, spent)}, ensure_ascii=False))
        else:
            out.print(f"{self.tally.total} reviews", markup=False)
            for part in tables(self.tally):
                out.print(part)
            out.print(cost, markup=False)
        if html is not None:
            try:
                html.write_text(page(self.tally, "Replay", cost), encoding="utf-8")
            except OSError as exc:
                fail(f"{html}: {exc.strerror}")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Show how many reviews were replayed, where somebody looks on."""
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("")

        def tick(count: int) -> None:
            bar.update(task, description=f"{count} reviews")

        yield tick
