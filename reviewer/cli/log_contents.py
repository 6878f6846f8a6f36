"""`reviewer log erase`, `retain`, `hold` and `rewrap`: what happens to contents and keys, each told in the log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from reviewer.cli.console import ConfigOption, Exit, LogPathOption, err, errors_end_the_command, fail, out
from reviewer.cli.log_files import owner_of, settings_for
from reviewer.cli.render import holds_table
from reviewer.config import Settings
from reviewer.core.errors import HoldError
from reviewer.core.events import (
    MAX_BY_CHARS,
    MAX_REASON_CHARS,
    MAX_SUBJECTS,
    Action,
    Event,
    EventKind,
    review_name,
    tenant_name,
)
from reviewer.core.ids import uuid7
from reviewer.ledger.custody import Erased
from reviewer.ledger.retention import REASON, due
from reviewer.ledger.sealed import SealedLedger
from reviewer.log_home import open_ledger

T = TypeVar("T")

By = Annotated[str, typer.Option(help="Who asks for it; stays in the log.")]
Reason = Annotated[str, typer.Option(help="Why; stays in the log for good, so repeat nothing of what is erased.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Tenant = Annotated[str, typer.Option(help="Whose.", show_default=False)]
OneReview = Annotated[str, typer.Option("--review", help="This review alone; default: the whole tenant.")]

hold = typer.Typer(help="Keep contents from being erased, for a court say.", no_args_is_help=True)


def erase(
    by: By,
    reason: Reason,
    names: Annotated[list[str] | None, typer.Argument(help="reviews/{id}; none: everything of --tenant.")] = None,
    tenant: Tenant = "",
    yes: Yes = False,
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Erase contents for good: those of reviews, or all of a tenant with its keys. Records stay, and still verify."""
    if not names and not tenant:
        fail("name reviews, or a --tenant of which everything is to be erased", Exit.USAGE)
    settings = settings_for(path, config)
    owner = tenant or _owner(settings, names or [])
    subjects = _reviews(names) if names else (tenant_name(owner),)
    if len(subjects) > MAX_SUBJECTS:
        fail(f"{len(subjects)} reviews, at most {MAX_SUBJECTS} at once", Exit.USAGE)
    event = _event(EventKind.ERASURE, Action.ERASE, owner, by, reason, subjects)
    what = f"{len(subjects)} review(s) of {owner}" if names else f"EVERYTHING of tenant {owner}, with its keys"
    if not yes and not typer.confirm(f"Erase the content of {what}? This cannot be undone."):
        fail("nothing was erased")
    _tell(_on_log(settings, lambda ledger: ledger.erase(event)), settings)


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Yes = False,
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Erase the contents that are older than the settings allow; what is under a legal hold stays."""
    if dry_run is yes:
        fail("say either --dry-run or --yes", Exit.USAGE)
    settings = settings_for(path, config)
    count = _on_log(settings, lambda ledger: _retain(ledger, settings, dry_run=dry_run))
    out.print(f"{count} contents {'are due' if dry_run else 'erased'}", markup=False)


@hold.command("add")
def hold_add(
    tenant: Tenant,
    by: By,
    reason: Reason,
    review: OneReview = "",
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a tenant, or one review of it, under a legal hold."""
    _change_hold(settings_for(path, config), _hold_event(Action.ADD, tenant, review, by, reason))


@hold.command("remove")
def hold_remove(
    tenant: Tenant,
    by: By,
    reason: Reason,
    review: OneReview = "",
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Lift a legal hold."""
    _change_hold(settings_for(path, config), _hold_event(Action.REMOVE, tenant, review, by, reason))


@hold.command("list")
def hold_list(tenant: Tenant = "", path: LogPathOption = None, config: ConfigOption = None) -> None:
    """List the legal holds in force."""
    out.print(holds_table(_on_log(settings_for(path, config), lambda ledger: ledger.holds(tenant or None))))


def rewrap(
    by: By,
    reason: Reason = "key rotation",
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Wrap all data keys by the present key-encryption key, so that former ones can go; contents stay as they are."""
    count = _on_log(settings_for(path, config), lambda ledger: _rewrap(ledger, by, reason))
    out.print(f"{count} data keys wrapped anew", markup=False)


def _owner(settings: Settings, names: list[str]) -> str:
    """Return whose these reviews are; those of several tenants are not erased in one go."""

    async def owners(ledger: SealedLedger) -> set[str]:
        return {await owner_of(ledger, name.removeprefix("reviews/")) for name in names}

    found = sorted(_on_log(settings, owners))
    if len(found) > 1:
        fail(f"the reviews are of several tenants: {', '.join(found)}; erase one --tenant at a time", Exit.USAGE)
    return found[0]


def _on_log(settings: Settings, act: Callable[[SealedLedger], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with open_ledger(settings) as ledger:
            return await act(ledger)

    with errors_end_the_command():
        return asyncio.run(opened())


async def _retain(ledger: SealedLedger, settings: Settings, *, dry_run: bool) -> int:
    count = 0
    async for batch in due(ledger.kept, settings.retention, datetime.now(UTC)):
        if dry_run:
            count += len(batch.reviews)
            continue
        subjects = tuple(map(review_name, batch.reviews))
        event = _event(EventKind.ERASURE, Action.ERASE, batch.tenant, "reviewer log retain", REASON, subjects)
        try:
            count += (await ledger.erase(event)).contents
        except HoldError as exc:
            # A hold came in between: the batch waits for the next run.
            err.print(str(exc), markup=False)
    return count


async def _rewrap(ledger: SealedLedger, by: str, reason: str) -> int:
    stale = await ledger.stale_keys()
    for start in range(0, len(stale), MAX_SUBJECTS):
        keys = stale[start : start + MAX_SUBJECTS]
        names = tuple(f"data-keys/{key.id}" for key in keys)
        await ledger.rewrap(keys, _event(EventKind.KEY_CHANGE, Action.REWRAP, "", by, reason, names))
    return len(stale)


def _change_hold(settings: Settings, event: Event) -> None:
    position = _on_log(settings, lambda ledger: ledger.change_hold(event))
    done = "is under a legal hold" if event.action is Action.ADD else "is no longer under a legal hold"
    out.print(f"{', '.join(event.subjects)} {done}: record {position.index}", markup=False)


def _hold_event(action: Action, tenant: str, review: str, by: str, reason: str) -> Event:
    subjects = _reviews([review]) if review else (tenant_name(tenant),)
    return _event(EventKind.HOLD, action, tenant, by, reason, subjects)


def _reviews(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(review_name(name.removeprefix("reviews/")) for name in names))


def _event(kind: EventKind, action: Action, tenant: str, by: str, reason: str, subjects: tuple[str, ...]) -> Event:
    for name, text, bound in (("--by", by, MAX_BY_CHARS), ("--reason", reason, MAX_REASON_CHARS)):
        if not 1 <= len(text.strip()) <= bound:
            fail(f"{name} has {len(text)} characters, expected 1 to {bound}", Exit.USAGE)
    now = datetime.now(UTC)
    return Event(kind, action, str(uuid7(now, os.urandom(10))), now, tenant, by, reason, subjects)


def _tell(erased: Erased, settings: Settings) -> None:
    if erased.position is None:
        out.print("nothing was left to erase", markup=False)
    else:
        out.print(f"{erased.contents} contents erased: record {erased.position.index}", markup=False)
    if erased.wiped:
        return
    if settings.ledger.store == "postgres":
        err.print(
            "the server's own files give the erased bytes up by and by: VACUUM contents, then wait until its "
            "write-ahead log has moved on; standbys and backups likewise",
            markup=False,
        )
    else:
        err.print(
            "the log is in use: some erased bytes stay in its write-ahead file until it is written on; "
            "run the same command again to empty it",
            markup=False,
        )
