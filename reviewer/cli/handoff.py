"""`reviewer handoff` and `reviewer outcome`: people's decisions and reports, through a running service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from reviewer.cli.console import ConfigOption, Exit, err, fail, out, settings_or_exit
from reviewer.cli.render import ticket_panel, tickets_table
from reviewer.client import (
    AnswerOutcome,
    CallFailedError,
    CriterionLabel,
    HandoffClient,
    HandoffDecision,
    Outcome,
    OutcomeClient,
    Ticket,
    TicketState,
    ticket_json,
)

T = TypeVar("T")
_TIMEOUT_S = 10.0

app = typer.Typer(help="List, claim and decide handoffs, through a running service.", no_args_is_help=True)
outcome = typer.Typer(help="Report what became of answers, to a running service.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="handoffs/{id}, or the id alone.")]
Address = Annotated[
    str | None, typer.Option(help="Service to call; default: the one the settings name.", show_default=False)
]
Tenant = Annotated[str, typer.Option(help="Whose; default: the service's default tenant.", show_default=False)]
By = Annotated[str, typer.Option(help="Who does it; stays in the log.")]
Token = Annotated[int, typer.Option(help="Of the claim, as `reviewer handoff claim` printed it.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


class StateOption(StrEnum):
    """Which tickets to list."""

    OPEN = "open"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    EXPIRED = "expired"
    ALL = "all"


class DecisionOption(StrEnum):
    """What to decide."""

    APPROVE_AS_IS = "approve-as-is"
    APPROVE_WITH_EDIT = "approve-with-edit"
    REJECT = "reject"


class OutcomeOption(StrEnum):
    """What became of an answer."""

    SENT_UNCHANGED = "sent-unchanged"
    SENT_EDITED = "sent-edited"
    NOT_SENT = "not-sent"
    COMPLAINT = "complaint"
    CONFIRMED_WRONG = "confirmed-wrong"


@app.command("list")
def list_(
    state: Annotated[StateOption, typer.Option(help="In this state.")] = StateOption.OPEN,
    route: Annotated[str, typer.Option(help="Of this route.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=10_000)] = 50,
    json_: Json = False,
    tenant: Tenant = "",
    address: Address = None,
    config: ConfigOption = None,
) -> None:
    """List tickets, the oldest first."""
    number = TicketState.Value(f"TICKET_STATE_{'UNSPECIFIED' if state is StateOption.ALL else state.name}")

    async def some(client: HandoffClient) -> list[Ticket]:
        found: list[Ticket] = []
        async for ticket in client.tickets(number, route, min(limit, 500)):
            found.append(ticket)
            if len(found) == limit:
                break
        return found

    found = _on_service(some, address, tenant, config)
    if json_:
        for ticket in found:
            typer.echo(ticket_json(ticket))
    else:
        out.print(tickets_table(found))


@app.command("show")
def show(
    name: Name, json_: Json = False, tenant: Tenant = "", address: Address = None, config: ConfigOption = None
) -> None:
    """Show one ticket with its resolution."""
    _tell(_on_service(lambda client: client.get(_named(name)), address, tenant, config), as_json=json_)


@app.command("claim")
def claim(
    name: Name,
    by: By,
    lease_s: Annotated[int, typer.Option(help="For so many seconds; 0 for the service's own.", min=0)] = 0,
    token: Annotated[int, typer.Option(help="To renew a claim: its token.", min=0)] = 0,
    tenant: Tenant = "",
    address: Address = None,
    config: ConfigOption = None,
) -> None:
    """Take a ticket for a while, and print the token that the decision needs."""
    claimed = _on_service(lambda client: client.claim(_named(name), by, lease_s, token), address, tenant, config)
    _tell(claimed.ticket)
    out.print(f"token {claimed.token}", markup=False)


@app.command("release")
def release(
    name: Name, token: Token, tenant: Tenant = "", address: Address = None, config: ConfigOption = None
) -> None:
    """Give a ticket back before its lease ends."""
    _tell(_on_service(lambda client: client.release(_named(name), token), address, tenant, config))


@app.command("resolve")
def resolve(
    name: Name,
    decision: Annotated[DecisionOption, typer.Argument(help="What is decided.")],
    token: Token,
    comment: Annotated[str, typer.Option(help="Why; encrypted in the log, and can be erased.")] = "",
    edited: Annotated[Path | None, typer.Option(help="File with the text that may be sent.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="rubric/criterion=MET, NOT_MET or UNCERTAIN.")] = None,
    tenant: Tenant = "",
    address: Address = None,
    config: ConfigOption = None,
) -> None:
    """Decide a ticket for good."""
    try:
        text = edited.read_text(encoding="utf-8") if edited is not None else ""
        labels = [_label(one) for one in label or ()]
    except (OSError, ValueError) as exc:
        fail(str(exc), Exit.USAGE)
    number = HandoffDecision.Value(f"HANDOFF_DECISION_{decision.name}")
    resolved = _on_service(
        lambda client: client.resolve(_named(name), token, number, labels, comment, text), address, tenant, config
    )
    _tell(resolved)


@outcome.command("record")
def record(
    review: Annotated[str, typer.Argument(help="reviews/{id}, or the id alone.")],
    what: Annotated[OutcomeOption, typer.Argument(help="What became of the answer.")],
    by: By,
    comment: Annotated[str, typer.Option(help="What happened; encrypted in the log, and can be erased.")] = "",
    request_id: Annotated[str, typer.Option(help="The same again records it once.", show_default=False)] = "",
    tenant: Tenant = "",
    address: Address = None,
    config: ConfigOption = None,
) -> None:
    """Report what became of an answer."""
    number = AnswerOutcome.Value(f"ANSWER_OUTCOME_{what.name}")
    name = f"reviews/{review.removeprefix('reviews/')}"

    async def work() -> str:
        async with OutcomeClient(_address(address, config), _TIMEOUT_S, tenant) as client:
            return await client.record(name, number, by, comment, request_id)

    out.print(_done(work), markup=False)


def _on_service(
    act: Callable[[HandoffClient], Awaitable[T]], address: str | None, tenant: str, config: Path | None
) -> T:
    async def work() -> T:
        async with HandoffClient(_address(address, config), _TIMEOUT_S, tenant) as client:
            return await act(client)

    return _done(work)


def _done(work: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        return await work()

    try:
        return asyncio.run(run())
    except CallFailedError as exc:
        for field, description in exc.faults:
            err.print(f"{field}: {description}", markup=False)
        if exc.code == "INVALID_ARGUMENT":
            fail(str(exc).split("\n", 1)[0], Exit.USAGE)
        fail(str(exc), Exit.NO_ANSWER if exc.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED") else Exit.FAILED)


def _address(address: str | None, config: Path | None) -> str:
    return address or settings_or_exit(config).server.address


def _named(name: str) -> str:
    return f"handoffs/{name.removeprefix('handoffs/')}"


def _label(text: str) -> CriterionLabel:
    criterion, _, word = text.partition("=")
    if f"OUTCOME_{word}" not in Outcome.keys():  # noqa: SIM118 - an enum of protobuf is no mapping
        raise ValueError(f"--label {text[:80]!r}: expected rubric/criterion=MET, NOT_MET or UNCERTAIN")
    return CriterionLabel(criterion=criterion, outcome=Outcome.Value(f"OUTCOME_{word}"))


def _tell(ticket: Ticket, *, as_json: bool = False) -> None:
    if as_json:
        typer.echo(ticket_json(ticket))
    else:
        out.print(ticket_panel(ticket))
