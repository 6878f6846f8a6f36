"""`reviewer rubric status` and `reload`: the rules of a running service."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToJson

from reviewer.cli.console import Exit, fail, out
from reviewer.client import CallFailedError, RubricClient, RulesStatus

Address = Annotated[str, typer.Option(help="Host and port of the service.")]
Tenant = Annotated[str, typer.Option(help="One that the service's settings name in rules.admin_tenants.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Timeout = Annotated[float, typer.Option(help="Deadline in seconds.", min=0.1, max=600)]


def status(address: Address, tenant: Tenant = "", timeout_s: Timeout = 30.0, json_: Json = False) -> None:
    """Say which rules are in force. Exit status: 0 nothing is wrong, 1 others should be and cannot, 4 no answer."""
    _tell(_ask(address, tenant, timeout_s, reload=False), json_=json_)


def reload(address: Address, tenant: Tenant = "", timeout_s: Timeout = 30.0, json_: Json = False) -> None:
    """Have log and rule folder read now. Exit status: 0 what should be in force is, 1 it cannot be, 4 no answer."""
    _tell(_ask(address, tenant, timeout_s, reload=True), json_=json_)


def _ask(address: str, tenant: str, timeout_s: float, *, reload: bool) -> RulesStatus:
    async def ask() -> RulesStatus:
        async with RubricClient(address, timeout_s, tenant) as client:
            return await (client.reload() if reload else client.status())

    try:
        return asyncio.run(ask())
    except CallFailedError as exc:
        fail(str(exc).split("\n", 1)[0], Exit.NO_ANSWER)


def _tell(told: RulesStatus, *, json_: bool) -> None:
    if json_:
        typer.echo(MessageToJson(told, preserving_proto_field_name=True))
    else:
        source = "a rule folder" if not told.approvals else f"approved by {', '.join(told.approvals)}"
        out.print(f"{told.release} since {told.effective_time.ToJsonString()}, {source}", markup=False)
        loaded = told.load_duration.ToMilliseconds()
        counts = f"{told.reloads_ok} reloads, {told.reloads_failed} failed"
        out.print(f"rulebook {told.rulebook_digest}, loaded in {loaded} ms; {counts}", markup=False)
        if told.faults:
            since = told.failing_since.ToJsonString()
            out.print(f"{told.pending or 'what is in the rule folder'} cannot be used, since {since}:", markup=False)
        for fault in told.faults:
            pieces = (fault.where, fault.field, fault.message)
            out.print("  " + ": ".join(piece for piece in pieces if piece), markup=False)
    raise typer.Exit(Exit.FAILED if told.faults else Exit.DONE)
