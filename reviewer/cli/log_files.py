"""What the commands on a log share: its file, its keys, and how they write files of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from reviewer.cli.console import Exit, fail, settings_or_exit
from reviewer.config import Settings
from reviewer.core.cosignature import read_witness_keys
from reviewer.core.errors import ConfigError
from reviewer.core.note import ED25519, VerifierKey, read_key
from reviewer.ledger import stores
from reviewer.ledger.interface import Ledger
from reviewer.ledger.tree import TreeLedger
from reviewer.log_home import open_ledger, open_records
from reviewer.serving.requests import DEFAULT_TENANT


def settings_for(path: Path | None, config: Path | None) -> Settings:
    """Return the settings with the log file that a command names, if it names one, whatever store they name."""
    settings = settings_or_exit(config)
    if path is None:
        return settings
    return settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"store": "sqlite", "path": path})})


def where(settings: Settings) -> str:
    """Name the log to somebody at the terminal: a file by its whole path."""
    return str(settings.ledger.path) if settings.ledger.store == "sqlite" else stores.name_of(settings.ledger)


@asynccontextmanager
async def opened_log(settings: Settings) -> AsyncIterator[tuple[TreeLedger, bool]]:
    """Open a log, with its contents readable where its keys are there; say whether they are.

    Raises:
        LedgerUnavailableError: there is no log.
    """
    async with AsyncExitStack() as stack:
        try:
            sealed = await stack.enter_async_context(open_ledger(settings))
        except ConfigError:
            records = await stack.enter_async_context(open_records(settings))
            yield records, False
        else:
            yield sealed, True


async def owner_of(ledger: Ledger, review_id: str) -> str:
    """Return whose review it is; whose it would be by default where there is none.

    Raises:
        LedgerUnavailableError: the log cannot be read.
    """
    found = await ledger.find_record(review_id)
    return DEFAULT_TENANT if found is None else found.tenant


def read_log_keys(lines: Sequence[str]) -> tuple[VerifierKey, ...]:
    """Read the keys of a log as they were given; what is none ends the command."""
    try:
        known = tuple([read_key(line) for line in lines])
    except ValueError as exc:
        fail(f"--key: {exc}", Exit.USAGE)
    if any(key.type != ED25519 for key in known):
        fail("--key: expected the key of a log, got that of a witness", Exit.USAGE)
    return known


def read_witnesses(lines: Sequence[str], quorum: int | None) -> tuple[tuple[VerifierKey, ...], int]:
    """Read the keys of witnesses, and how many of them must have cosigned: all, where no number is given."""
    try:
        known = read_witness_keys(lines)
    except ValueError as exc:
        fail(f"--witness-key: {exc}", Exit.USAGE)
    wanted = len(known) if quorum is None else quorum
    if wanted > len(known):
        fail(f"--quorum: {wanted} is over the number of witnesses, {len(known)}", Exit.USAGE)
    return known, wanted


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; where that fails the command ends."""
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as exc:
        fail(f"{path} cannot be written: {type(exc).__name__}")
