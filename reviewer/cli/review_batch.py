"""`reviewer review-batch`: many drafts offline, their second-model calls in the providers' batches at the batch price.

Each line goes the same way as any review: over the service's own port, through every check, into the verdict log. What
differs is the time a reply may take and how calls travel; what batches are is `reviewer.providers.batch`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer
from rich.table import Table

from reviewer import telemetry
from reviewer.cli.console import ConfigOption, Exit, err, errors_end_the_command, fail, out, settings_or_exit
from reviewer.client import CallFailedError, Review, ReviewClient, Verdict, read_subject, review_json
from reviewer.config import Settings
from reviewer.log_home import create_log
from reviewer.providers.adapter import Adapter
from reviewer.providers.batch import BatchedProvider, BatchPolicy, BatchRun, BatchState
from reviewer.providers.interface import ReviewerProvider

# Of hours, what decision, record and reply keep back: a thousand reviews may end in the same second.
_RESERVE_S = 30.0
_NEVER = 10**9
# Both vendors end a batch after 24 hours with what they have by then: a little later it can be read, not given up.
_WAIT_HOURS = 25.0
_MICRO = 1_000_000


def review_batch(
    requests: Annotated[Path, typer.Argument(help="JSON Lines: one ReviewSubject a line, as `review` takes it.")],
    out_: Annotated[Path, typer.Option("--out", help="JSON Lines to write, a line a request; must not exist.")],
    wait_hours: Annotated[
        float, typer.Option(help="Hours that a line may take; then it is handed off.", min=0.0001)
    ] = _WAIT_HOURS,
    max_calls: Annotated[int, typer.Option(help="Lines under way, and calls in a batch.", min=1, max=50_000)] = 1_000,
    settle_s: Annotated[float, typer.Option(help="Hand a batch in when no call joined it for so long.", min=0)] = 2.0,
    poll_s: Annotated[float, typer.Option(help="Seconds before the first look at a batch.", min=0.001)] = 10.0,
    simulate: Annotated[bool, typer.Option("--simulate", help="Ask the simulated provider; the log is lost.")] = False,
    config: ConfigOption = None,
) -> None:
    """Have many drafts reviewed at the batch price. Exit status: 0 every line has its review, 1 not."""
    settings = settings_or_exit(config)
    telemetry.configure("error", settings.log.format)
    policy = BatchPolicy(max_calls=max_calls, settle_s=settle_s, poll_s=poll_s, on_change=_tell)
    work = _Work(policy, wait_hours * 3600, datetime.now(UTC))
    with tempfile.TemporaryDirectory() as folder, errors_end_the_command():
        local = work.settings(settings)
        if simulate:
            local = local.model_copy(
                update={"ledger": settings.ledger.model_copy(update={"store": "sqlite", "path": Path(folder) / "log"})}
            )
            create_log(local)
        try:
            with _opened(requests, out_) as (source, sink):
                asyncio.run(work.run(_lines(source), sink, local, simulate=simulate))
        except (KeyboardInterrupt, asyncio.CancelledError):
            _tell_interrupted(work)
            raise typer.Exit(Exit.FAILED) from None
    out.print(_summary(work))
    raise typer.Exit(Exit.FAILED if work.failed else Exit.DONE)


@dataclass(slots=True)
class _Work:
    """One run of the command, and what has come of it.

    Attributes:
        replayed: lines whose review the log had already: it was paid for then.
        failed: lines without a review.
        cost: micro-USD of the calls whose cost is known.
        unpriced: calls whose cost is not known.
    """

    policy: BatchPolicy
    wait_s: float
    began: datetime
    batched: list[BatchedProvider] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    failed: int = 0
    calls: int = 0
    cost: int = 0
    unpriced: int = 0

    @property
    def runs(self) -> list[BatchRun]:
        """Every batch so far."""
        return [run for provider in self.batched for run in provider.runs]

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of a service for this work alone.

        A call is made once, and no breaker opens: what a batch came to says nothing of the next one a day later.
        """
        server = settings.server.model_copy(update={"address": "127.0.0.1:0", "reflection": False})
        limits = settings.limits.model_copy(update={"max_in_flight": self.policy.max_calls})
        reserve_s = min(_RESERVE_S, self.wait_s / 10)
        budget = {"default_s": self.wait_s, "max_s": self.wait_s, "reserve_s": reserve_s}
        deadline = settings.deadline.model_copy(update=budget)
        critic = settings.critic.model_copy(update={"max_attempts": 1, "breaker_failures": _NEVER})
        sections = {"server": server, "limits": limits, "deadline": deadline, "critic": critic}
        return settings.model_copy(update=sections)

    def wrap(self, provider: ReviewerProvider) -> ReviewerProvider:
        """Put a provider's calls into batches, where its vendor takes them."""
        if not isinstance(provider, Adapter) or provider.batch is None:
            return provider
        made = BatchedProvider(provider, provider.batch, self.policy)
        self.batched.append(made)
        return made

    async def run(
        self, lines: Iterator[tuple[int, bytes]], sink: TextIO, settings: Settings, *, simulate: bool
    ) -> None:
        """Review every line; cancelled, it leaves no batch behind that it could cancel."""
        from reviewer.cli.service import running

        task = asyncio.current_task()
        if task is not None:
            # As Ctrl-C does: whoever stops the command must not leave batches behind that cost money.
            with suppress(RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        async with (
            running(settings, simulate=simulate, wrap=self.wrap) as app,
            ReviewClient(app.server.address, self.wait_s) as client,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(self.policy.max_calls):
                workers.create_task(self._serve(lines, sink, client))

    async def _serve(self, lines: Iterator[tuple[int, bytes]], sink: TextIO, client: ReviewClient) -> None:
        """Take line after line, until none is left."""
        for number, line in lines:
            try:
                review = await client.review(read_subject(line.decode("utf-8")))
            except CallFailedError as exc:
                self._report(
                    sink, number, exc.code, str(exc).split("\n", 1)[0].removeprefix(f"{exc.code}: "), exc.faults
                )
            except ValueError as exc:
                what = "is not UTF-8" if isinstance(exc, UnicodeDecodeError) else str(exc)
                self._report(sink, number, "INVALID_ARGUMENT", what, ())
            else:
                self._count(review)
                sink.write(f'{{"line": {number}, "review": {review_json(review, one_line=True)}}}\n')
            # A crash must not take along what is paid for.
            sink.flush()

    def _report(self, sink: TextIO, number: int, code: str, message: str, faults: tuple[tuple[str, str], ...]) -> None:
        self.failed += 1
        error = {"code": code, "message": message, "faults": [{"field": f, "description": d} for f, d in faults]}
        sink.write(json.dumps({"line": number, "error": error}, ensure_ascii=False) + "\n")
        told = "; ".join([f"{field}: {description}" for field, description in faults]) or message
        err.print(f"line {number}: {code}: {told}", markup=False)

    def _count(self, review: Review) -> None:
        self.verdicts[Verdict.Name(review.verdict).removeprefix("VERDICT_")] += 1
        if review.create_time.ToDatetime(tzinfo=UTC) < self.began:
            self.replayed += 1
            return
        for call in review.model_calls:
            self.calls += 1
            known = call.HasField("cost_micro_usd")
            self.cost += call.cost_micro_usd if known else 0
            self.unpriced += not known and not call.failure


@contextmanager
def _opened(requests: Path, out_: Path) -> Iterator[tuple[BinaryIO, TextIO]]:
    """Open both files; one that nothing was written to is not left in the way of the next run."""
    with ExitStack() as stack:
        try:
            source = stack.enter_context(requests.open("rb"))
            sink = stack.enter_context(out_.open("x", encoding="utf-8"))
        except OSError as exc:
            fail(f"{exc.filename}: {exc.strerror}", Exit.USAGE)
        try:
            yield source, sink
        finally:
            sink.flush()
            if not out_.stat().st_size:
                out_.unlink()


def _lines(source: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number the lines from 1, and leave out empty ones."""
    return ((number, line) for number, line in enumerate(source, 1) if line.strip())


def _name(run: BatchRun) -> str:
    return f"{run.provider} {run.id or '(no id)'}"


def _tell(run: BatchRun) -> None:
    why = f" ({run.why})" if run.why else ""
    err.print(f"batch {_name(run)}, {run.calls} calls: {run.state.value}{why}", markup=False)


def _tell_interrupted(work: _Work) -> None:
    """Say what has become of the batches: those adrift cost money until somebody stops them."""
    cancelled = [run for run in work.runs if run.state is BatchState.CANCELLED]
    err.print(f"[bold]interrupted[/]; {len(cancelled)} batches were cancelled at their providers")
    for run in work.runs:
        if run.state is BatchState.ADRIFT:
            err.print(f"batch {_name(run)} could not be cancelled and may still be running", markup=False)


def _summary(work: _Work) -> Table:
    table = Table(box=None, show_header=False)
    for name, count in sorted(work.verdicts.items()):
        table.add_row(name, str(count))
    if work.replayed:
        table.add_row("found in the log", str(work.replayed))
    if work.failed:
        table.add_row("no review", str(work.failed))
    table.add_row("model calls", str(work.calls))
    unpriced = f" and {work.unpriced} calls of unknown price" if work.unpriced else ""
    table.add_row("cost", f"{work.cost / _MICRO:.4f} USD{unpriced}")
    for run in work.runs:
        table.add_row("batch", f"{_name(run)}  {run.model}  {run.calls} calls  {run.state.value}")
    return table
