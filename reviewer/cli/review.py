"""`reviewer review` and `reviewer health`: one call to a service, running elsewhere or started for this call."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reviewer import telemetry
from reviewer.cli.console import ConfigOption, Exit, err, errors_end_the_command, fail, out, settings_or_exit
from reviewer.cli.render import review_panel
from reviewer.client import (
    CallFailedError,
    Review,
    ReviewClient,
    ReviewSubject,
    Stage,
    Verdict,
    read_subject,
    review_json,
)
from reviewer.config import Settings

_STATUS = {
    Verdict.VERDICT_APPROVE: Exit.DONE,
    Verdict.VERDICT_REVISE: Exit.REVISE,
    Verdict.VERDICT_HUMAN_HANDOFF: Exit.HANDOFF,
}


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who asks for which review.

    Attributes:
        tenant: empty for the service's default tenant.
        timeout_s: deadline of the call.
    """

    subject: ReviewSubject
    tenant: str
    timeout_s: float

    async def call(self, address: str) -> Review:
        """Call with the stream, so that somebody who waits sees the stages go by.

        Raises:
            CallFailedError: there is no review.
        """
        result: Review | None = None
        async with ReviewClient(address, self.timeout_s, self.tenant) as client:
            with err.status("review") as status:
                async for event in client.stream(self.subject):
                    kind = event.WhichOneof("event")
                    if kind == "stage_started":
                        status.update(Stage.Name(event.stage_started).removeprefix("STAGE_").lower())
                    elif kind == "review":
                        result = event.review
        if result is None:
            raise CallFailedError("UNKNOWN", "the stream ended without a review")
        return result


def review(
    file: Annotated[str, typer.Argument(help="A ReviewSubject in protobuf's JSON form; - reads standard input.")],
    address: Annotated[
        str | None,
        typer.Option(help="Service to call; without it, one is started for this review.", show_default=False),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Write the review as JSON.")] = False,
    simulate: Annotated[bool, typer.Option("--simulate", help="Start it with the simulated provider.")] = False,
    tenant: Annotated[
        str, typer.Option(help="Made for; default: the service's default tenant.", show_default=False)
    ] = "",
    timeout_s: Annotated[float, typer.Option(help="Deadline in seconds.", min=0.1, max=600)] = 60.0,
    config: ConfigOption = None,
) -> None:
    """Have one draft reviewed. Exit status: 0 approve, 10 revise, 20 human handoff, 4 no answer."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        subject = read_subject(text)
    except (OSError, ValueError) as exc:
        fail(f"{file}: {exc}", Exit.USAGE)
    caller = _Caller(subject, tenant, timeout_s)
    if address is not None and simulate:
        fail("--simulate starts a service of its own: leave out --address", Exit.USAGE)
    try:
        if address is not None:
            result = asyncio.run(caller.call(address))
        else:
            result = _call_own(settings_or_exit(config), caller, simulate=simulate)
    except CallFailedError as exc:
        for field, description in exc.faults:
            err.print(f"{field}: {description}", markup=False)
        fail(str(exc).split("\n", 1)[0], Exit.USAGE if exc.code == "INVALID_ARGUMENT" else Exit.NO_ANSWER)
    if json_:
        typer.echo(review_json(result))
    else:
        out.print(review_panel(result, draft=subject.draft.text))
    raise typer.Exit(_STATUS.get(result.verdict, Exit.HANDOFF))


def health(
    address: Annotated[str | None, typer.Option(help="Service to ask; default: the one the settings name.")] = None,
    timeout_s: Annotated[float, typer.Option(help="Seconds to wait.", min=0.1, max=60)] = 3.0,
    config: ConfigOption = None,
) -> None:
    """Ask a running service whether it is serving. Exit status: 0 serving, 1 not."""
    target = address or settings_or_exit(config).server.address
    serving = asyncio.run(_healthy(target, timeout_s))
    out.print("SERVING" if serving else "NOT SERVING")
    raise typer.Exit(Exit.DONE if serving else Exit.FAILED)


async def _healthy(address: str, timeout_s: float) -> bool:
    async with ReviewClient(address, timeout_s) as client:
        return await client.healthy()


def _call_own(settings: Settings, caller: _Caller, *, simulate: bool) -> Review:
    """Start a service on a free port for one review. A simulated one gets a log of its own, thrown away afterwards."""
    from reviewer.cli.service import running
    from reviewer.log_home import create_log

    telemetry.configure("error", settings.log.format)

    async def work(local: Settings) -> Review:
        async with running(local, simulate=simulate) as app:
            return await caller.call(app.server.address)

    with tempfile.TemporaryDirectory() as folder, errors_end_the_command():
        server = settings.server.model_copy(update={"address": "127.0.0.1:0"})
        # A service for one review has no time to show canaries.
        canary = settings.canary.model_copy(update={"percent": 0})
        local = settings.model_copy(update={"server": server, "canary": canary})
        if simulate:
            ledger = settings.ledger.model_copy(update={"store": "sqlite", "path": Path(folder) / "log.db"})
            local = local.model_copy(update={"ledger": ledger})
            create_log(local)
        return asyncio.run(work(local))
