"""`reviewer log`: create, search, export and show the verdict log, straight from its store; records need no key."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import Annotated, NamedTuple

import typer

from reviewer.admission import recall
from reviewer.cli import log_contents, log_monitor, log_tree
from reviewer.cli.console import ConfigOption, Exit, LogPathOption, err, errors_end_the_command, fail, out
from reviewer.cli.costs import costs
from reviewer.cli.export import export
from reviewer.cli.log_files import opened_log, owner_of, settings_for, where
from reviewer.cli.render import course, erasure_told, kept_panel, review_panel
from reviewer.cli.search import search
from reviewer.client import review_json
from reviewer.config import Settings
from reviewer.core.events import Event, read_event, review_name
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import REVIEW
from reviewer.core.review import RecordedReview
from reviewer.core.search import Match, Operator, Order
from reviewer.core.summary import summary_of
from reviewer.ledger import stores
from reviewer.ledger.erasure import Erasures, has_content
from reviewer.ledger.interface import Stored
from reviewer.ledger.migration import script
from reviewer.ledger.verification import contradiction
from reviewer.log_home import create_log, upgrade_log
from reviewer.serving.replies import review_message

MAX_COURSE = 1_000
"""Records about one review that are shown with it."""


class _Sought(NamedTuple):
    """An entry, the erasure of its content if there is one, whether contents can be read, and events about it."""

    stored: Stored | None
    erasure: Event | None
    readable: bool
    later: list[tuple[int, Event]]


app = typer.Typer(help="Create and read the verdict log.", no_args_is_help=True)
app.command("costs")(costs)
app.command("list")(search)
app.command("search")(search)
app.command("export")(export)
app.command("erase")(log_contents.erase)
app.command("retain")(log_contents.retain)
app.command("rewrap")(log_contents.rewrap)
app.add_typer(log_contents.hold, name="hold")
app.command("checkpoint")(log_tree.checkpoint)
app.command("keys")(log_tree.keys)
app.command("verify")(log_tree.verify_log)
app.command("prove")(log_tree.prove_entry)
app.command("monitor")(log_monitor.monitor)


@app.command("init")
def init(path: LogPathOption = None, config: ConfigOption = None) -> None:
    """Create an empty log; refuses where there is something already."""
    settings = settings_for(path, config)
    with errors_end_the_command():
        create_log(settings)
    out.print(f"created {where(settings)}", markup=False)


@app.command("upgrade")
def upgrade(
    path: LogPathOption = None,
    sql: Annotated[int | None, typer.Option(help="Print the SQL from this step on, 0 for all, and do nothing.")] = None,
    config: ConfigOption = None,
) -> None:
    """Bring a log of an older version up to date; entries stay as they are. Stop every service on it first."""
    settings = settings_for(path, config)
    if sql is not None:
        sys.stdout.write(script(settings.ledger.store, sql))
        return
    with errors_end_the_command():
        steps = upgrade_log(settings)
    out.print(f"upgraded {where(settings)}" if steps else f"{where(settings)} is up to date", markup=False)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="reviews/{id}, or the id alone.")],
    path: LogPathOption = None,
    tenant: Annotated[str, typer.Option(help="Whose review it has to be.", show_default=False)] = "",
    json_: Annotated[bool, typer.Option("--json", help="The whole review as JSON.")] = False,
    record: Annotated[bool, typer.Option("--record", help="The canonical record, byte for byte.")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="The redacted request too, where it was kept.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show one entry, after checking its leaf hash and the commitment to its content, or the record of its erasure."""
    if json_ and draft:
        fail("--draft is for people to read: leave out --json", Exit.USAGE)
    settings = settings_for(path, config)
    with errors_end_the_command():
        stored, erasure, readable, later = asyncio.run(_find(settings, tenant, name.removeprefix("reviews/")))
        if stored is None:
            fail(f"no review {name} in {stores.name_of(settings.ledger)}")
        if problem := _problem(stored, erasure, readable=readable):
            fail(f"{name}: {problem}")
        unknown = summary_of(stored.record).kind.startswith(f"{REVIEW}/")
        if record or erasure is not None or unknown or not readable:
            typer.echo(stored.record.decode())
            if unknown:
                err.print(f"{name}: of a later version, whose content cannot be shown here", markup=False)
            if erasure is not None:
                err.print(f"{name}: {erasure_told(erasure)}", markup=False)
            elif not (record or unknown):
                fail(f"{name}: its content is encrypted, and the key-encryption key is not here")
            return
        recorded = recall(stored)
    if json_:
        typer.echo(review_json(review_message(recorded)))
        return
    _print(recorded, later, draft=draft)


def _print(recorded: RecordedReview, later: Iterable[tuple[int, Event]], *, draft: bool) -> None:
    if canary := recorded.review.canary:
        out.print(f"canary {canary}: shown by the service itself, answered to nobody", markup=False)
    out.print(review_panel(review_message(recorded)))
    for told in (*([kept_panel(recorded.review)] if draft else []), *course(later)):
        out.print(told)


def _problem(stored: Stored, erasure: Event | None, *, readable: bool) -> str:
    """Say how an entry contradicts itself; empty where it does not."""
    if leaf_hash(stored.record) != stored.position.leaf_hash:
        return "the record does not have the leaf hash that the log holds"
    if stored.content is None and erasure is None and has_content(stored):
        return "its content is missing, and no record of an erasure covers it"
    return contradiction(stored, readable=readable)


async def _find(settings: Settings, tenant: str, review_id: str) -> _Sought:
    """Look an entry up, with what came after it; at most `MAX_COURSE` records of that."""
    async with opened_log(settings) as (ledger, readable):
        stored = await ledger.find_review(tenant or await owner_of(ledger, review_id), review_id)
        erasure = await Erasures(ledger).of(stored) if stored is not None else None
        about = Match("about", Operator.HAS, review_name(review_id))
        found = await ledger.search(about, Order.OLDEST, None, MAX_COURSE)
        events = [(one.position.index, event) for one in found if (event := read_event(one.record)) is not None]
        return _Sought(stored, erasure, readable, events)
