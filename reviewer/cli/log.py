"""`reviewer log`: create, search, export and show the verdict log, straight from its file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from reviewer.admission import recall
from reviewer.app import create_log, upgrade_log
from reviewer.cli import log_tree
from reviewer.cli.console import ConfigOption, LogPathOption, errors_end_the_command, fail, out, settings_or_exit
from reviewer.cli.costs import costs
from reviewer.cli.export import export
from reviewer.cli.render import review_panel
from reviewer.cli.search import search
from reviewer.client import review_json
from reviewer.config import Settings
from reviewer.core.merkle import leaf_hash
from reviewer.core.review import CANARY_TENANT
from reviewer.ledger.interface import Stored
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.ledger.verification import contradiction
from reviewer.serving.replies import review_message
from reviewer.serving.requests import DEFAULT_TENANT

app = typer.Typer(help="Create and read the verdict log.", no_args_is_help=True)
app.command("costs")(costs)
app.command("list")(search)
app.command("search")(search)
app.command("export")(export)
app.command("checkpoint")(log_tree.checkpoint)
app.command("keys")(log_tree.keys)
app.command("verify")(log_tree.verify_log)
app.command("prove")(log_tree.prove_entry)


@app.command("init")
def init(path: LogPathOption = None, config: ConfigOption = None) -> None:
    """Create an empty log; refuses where a file exists already."""
    target = path or settings_or_exit(config).ledger.path
    with errors_end_the_command():
        create_log(_settings_for(target, config))
    out.print(f"created {target}", markup=False)


@app.command("upgrade")
def upgrade(path: LogPathOption = None, config: ConfigOption = None) -> None:
    """Bring a log of an older version up to date; entries stay as they are. Stop every service on it first."""
    target = path or settings_or_exit(config).ledger.path
    with errors_end_the_command():
        steps = upgrade_log(_settings_for(target, config))
    out.print(f"upgraded {target}" if steps else f"{target} is up to date", markup=False)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="reviews/{id}, or the id alone.")],
    path: LogPathOption = None,
    tenant: Annotated[str, typer.Option(help="Whose review it is.")] = DEFAULT_TENANT,
    json_: Annotated[bool, typer.Option("--json", help="The whole review as JSON.")] = False,
    record: Annotated[bool, typer.Option("--record", help="The canonical record, byte for byte.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show one entry, after checking its leaf hash and the commitment to its content."""
    target = path or settings_or_exit(config).ledger.path
    with errors_end_the_command():
        stored = asyncio.run(_find(target, tenant, name.removeprefix("reviews/")))
        if stored is None:
            fail(f"no review {name} in {target.name}")
        if problem := _problem(stored):
            fail(f"{name}: {problem}")
        if record:
            typer.echo(stored.record.decode())
            return
        recorded = recall(stored)
        message = review_message(recorded)
    if json_:
        typer.echo(review_json(message))
    else:
        if canary := recorded.review.canary:
            out.print(f"canary {canary}: shown by the service itself, answered to nobody", markup=False)
        out.print(review_panel(message))


def _settings_for(path: Path, config: Path | None) -> Settings:
    settings = settings_or_exit(config)
    return settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"path": path})})


def _problem(stored: Stored) -> str:
    """Say how an entry contradicts itself; empty where it does not."""
    if leaf_hash(stored.record) != stored.position.leaf_hash:
        return "the record does not have the leaf hash that the log holds"
    return contradiction(stored)


async def _find(path: Path, tenant: str, review_id: str) -> Stored | None:
    async with SqliteLedger(path) as ledger:
        own = await ledger.find_review(tenant, review_id)
        return own or await ledger.find_review(CANARY_TENANT, review_id)
