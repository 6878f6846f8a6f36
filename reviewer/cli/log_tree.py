"""`reviewer log checkpoint | verify | prove | keys`: what an auditor asks of the log, straight from its store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from reviewer.app import open_identity, open_records
from reviewer.cli.console import ConfigOption, Exit, LogPathOption, err, errors_end_the_command, fail, out
from reviewer.cli.console import settings_or_exit as settings_of
from reviewer.cli.log_files import opened_log, settings_for
from reviewer.config import Settings
from reviewer.core.audit import Problem
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.note import ED25519, VerifierKey, read_key
from reviewer.ledger.evidence import Evidence, prove
from reviewer.ledger.tree import SignedHead
from reviewer.ledger.verification import Progress, Report, verify
from reviewer.serving.requests import DEFAULT_TENANT
from reviewer.signing import verifies

KeyOption = Annotated[
    list[str] | None,
    typer.Option("--key", help="Public key of the log, as name+id+key; default: those of the settings. Repeatable."),
]


def checkpoint(
    path: LogPathOption = None,
    size: Annotated[int | None, typer.Option(help="The one over so many entries; default: the newest.", min=1)] = None,
    config: ConfigOption = None,
) -> None:
    """Print a signed checkpoint: what the log says it is. Remember it elsewhere, and `verify --since` it later."""
    settings = settings_for(path, config)
    with errors_end_the_command():
        head = asyncio.run(_head(settings, size))
    if head is None:
        fail("the log has no such checkpoint" if size else "no checkpoint was signed yet; a running service does it")
    typer.echo(head.note, nl=False)


def keys(config: ConfigOption = None) -> None:
    """Print the public keys that the log's checkpoints are checked with, the one in use first."""
    with errors_end_the_command():
        identity = open_identity(settings_of(config))
    for key in identity.verifier_keys():
        typer.echo(str(key))


def verify_log(
    path: LogPathOption = None,
    since: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that was remembered outside the log. Repeatable.")
    ] = None,
    remember: Annotated[
        Path | None, typer.Option(help="Where all is well, write the newest checkpoint to this file.")
    ] = None,
    key: KeyOption = None,
    config: ConfigOption = None,
) -> None:
    """Walk the whole log and check all that can be checked. Exit status: 0 all is well, 1 something is not."""
    settings = settings_for(path, config)
    with errors_end_the_command():
        known = _keys(key, settings)
    remembered = [_remembered(file, known) for file in since or ()]
    with errors_end_the_command(), _progress() as progress:
        report = asyncio.run(_verified(settings, known, remembered, progress))
    if report.count:
        _tell_problems(report)
        raise typer.Exit(Exit.FAILED)
    out.print(_summary(report, len(remembered)), markup=False, soft_wrap=True)
    if remember is not None:
        if report.newest is None:
            fail("there is no checkpoint to remember yet")
        _write(remember, report.newest.note.encode())


def prove_entry(
    name: Annotated[str, typer.Argument(help="reviews/{id}, or the id alone.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files; made where it is missing.")],
    path: LogPathOption = None,
    tenant: Annotated[str, typer.Option(help="Whose review it is.")] = DEFAULT_TENANT,
    key: KeyOption = None,
    config: ConfigOption = None,
) -> None:
    """Write what anybody needs to check offline, with the public key alone, that a review stands in the log."""
    settings = settings_for(path, config)
    review = name.removeprefix("reviews/")
    with errors_end_the_command():
        known = _keys(key, settings)
        evidence = asyncio.run(_proved(settings, tenant, review, known))
    proof, record, public = (folder / file for file in (f"{review}.tlog-proof", f"{review}.record.json", "log.vkey"))
    _write(proof, evidence.proof.encode())
    _write(record, evidence.record)
    _write(public, f"{evidence.key}\n".encode())
    out.print(f"entry {evidence.index} of a log of {evidence.size} entries; check it with", markup=False)
    typer.echo(f"python3 verify_proof.py --key '{evidence.key}' {proof} {record}")


def _keys(given: Sequence[str] | None, settings: Settings) -> tuple[VerifierKey, ...]:
    """Return the keys given, or those of the settings, whose default file lies beside the log."""
    if not given:
        return open_identity(settings).verifier_keys()
    try:
        known = tuple([read_key(line) for line in given])
    except ValueError as exc:
        fail(f"--key: {exc}", Exit.USAGE)
    if any(key.type != ED25519 for key in known):
        fail("--key: expected the key of a log, got that of a witness", Exit.USAGE)
    return known


def _remembered(file: Path, known: Sequence[VerifierKey]) -> Checkpoint:
    try:
        return read_signed(file.read_text(encoding="utf-8"), known, verifies)
    except OSError as exc:
        fail(f"--since: {file.name} cannot be read: {type(exc).__name__}", Exit.USAGE)
    except ValueError as exc:
        fail(f"--since: {file.name}: {exc}", Exit.USAGE)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show on standard error how far a walk has come; where that is no terminal, nothing moves."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("entries")
        yield lambda walked, size: bar.update(task, completed=walked, total=size)


def _tell_problems(report: Report) -> None:
    """List what is wrong in the order of the walk, the first bad record before all."""
    named = [problem.index for problem in report.problems if problem.index is not None]
    first = f"; the first concerns record {named[0]}" if named else ""
    err.print(f"[bold red]{report.count} problem{'s' if report.count != 1 else ''}[/]{first}")
    for problem in report.problems:
        err.print(_told(problem), markup=False, soft_wrap=True)
    if report.count > len(report.problems):
        err.print(f"and {report.count - len(report.problems)} more", markup=False)


def _told(problem: Problem) -> str:
    return f"record {problem.index}: {problem.what}" if problem.index is not None else problem.what


def _summary(report: Report, remembered: int) -> str:
    signed = report.newest.size if report.newest else 0
    parts = [f"all is well: {report.size} entries, root {report.root.hex()}", f"{report.heads} signed heads"]
    parts += [f"{remembered} remembered checkpoints"] * (remembered > 0)
    parts += [f"{report.erased} without content"] * (report.erased > 0)
    parts += [f"{report.size - signed} not under a signed head yet"] * (report.size > signed)
    return "; ".join(parts)


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as exc:
        fail(f"{path} cannot be written: {type(exc).__name__}")


async def _head(settings: Settings, size: int | None) -> SignedHead | None:
    async with open_records(settings) as ledger:
        if size is None:
            return await ledger.tree.head()
        found = await ledger.tree.heads(size - 1, 1)
        return found[0] if found and found[0].size == size else None


async def _verified(
    settings: Settings, known: Sequence[VerifierKey], remembered: Sequence[Checkpoint], progress: Progress
) -> Report:
    async with opened_log(settings) as (ledger, readable):
        if not readable:
            err.print("the key-encryption key is not here: contents are not held against their commitments")
        return await verify(ledger, known, remembered, progress, readable=readable)


async def _proved(settings: Settings, tenant: str, review: str, known: Sequence[VerifierKey]) -> Evidence:
    async with open_records(settings) as ledger:
        return await prove(ledger, tenant, review, known)
