"""`reviewer log checkpoint | verify | prove | keys`: what an auditor asks of the log, straight from its store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, Exit, LogPathOption, err, errors_end_the_command, fail, out
from reviewer.cli.console import settings_or_exit as settings_of
from reviewer.cli.log_files import opened_log, owner_of, read_log_keys, read_witnesses, settings_for, write_whole
from reviewer.cli.log_monitor import QuorumOption, WitnessKeyOption
from reviewer.config import Settings
from reviewer.core.audit import Problem
from reviewer.core.checkpoint import Checkpoint, read_signed
from reviewer.core.note import VerifierKey
from reviewer.ledger.evidence import Evidence, prove
from reviewer.ledger.publication import Cosigned, proven, with_cosignatures
from reviewer.ledger.verification import Progress, Report, verify
from reviewer.log_home import open_identity, open_records
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
    """Print a signed checkpoint, with the cosignatures that it has: what the log says it is.

    Remember it elsewhere, and `verify --since` it later.
    """
    settings = settings_for(path, config)
    with errors_end_the_command():
        found = asyncio.run(_head(settings, size))
    if found is None:
        fail("the log has no such checkpoint" if size else "no checkpoint was signed yet; a running service does it")
    typer.echo(found, nl=False)


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
    begin: Annotated[
        Path | None,
        typer.Option("--from", help="A remembered checkpoint to begin at: what lies before it is not walked again."),
    ] = None,
    key: KeyOption = None,
    witness_key: WitnessKeyOption = None,
    quorum: QuorumOption = None,
    config: ConfigOption = None,
) -> None:
    """Walk the log and check all that can be checked. Exit status: 0 all is well, 1 something is not.

    Without --from everything is walked. With it, the tiles must lead to that checkpoint, and only what follows is
    walked: whether earlier records and contents still are those under it is not looked at again.
    """
    settings = settings_for(path, config)
    with errors_end_the_command():
        known = _keys(key, settings)
    witnesses, wanted = _witnesses(witness_key, quorum, settings)
    remembered = [_remembered(file, known, "--since") for file in since or ()]
    start = _remembered(begin, known, "--from") if begin is not None else None
    task = _Task(known, remembered, start, witnesses, wanted)
    with errors_end_the_command(), _progress() as progress:
        report, cosigned = asyncio.run(_verified(settings, task, progress))
    if report.count:
        _tell_problems(report)
        raise typer.Exit(Exit.FAILED)
    if wanted and cosigned is None:
        fail(f"no checkpoint of the log is cosigned by {wanted} of {len(witnesses)} witnesses")
    out.print(_summary(report, len(remembered), cosigned), markup=False, soft_wrap=True)
    if remember is not None:
        if report.newest is None:
            fail("there is no checkpoint to remember yet")
        write_whole(remember, report.newest.note.encode())


def prove_entry(
    name: Annotated[str, typer.Argument(help="reviews/{id}, or the id alone.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files; made where it is missing.")],
    path: LogPathOption = None,
    tenant: Annotated[str, typer.Option(help="Whose review it has to be.", show_default=False)] = "",
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
    write_whole(proof, evidence.proof.encode())
    write_whole(record, evidence.record)
    write_whole(public, f"{evidence.key}\n".encode())
    out.print(f"entry {evidence.index} of a log of {evidence.size} entries; check it with", markup=False)
    typer.echo(f"python3 verify_proof.py --key '{evidence.key}' {proof} {record}")


def _keys(given: Sequence[str] | None, settings: Settings) -> tuple[VerifierKey, ...]:
    """Return the keys given, or those of the settings, whose default file lies beside the log."""
    if not given:
        return open_identity(settings).verifier_keys()
    return read_log_keys(given)


def _witnesses(
    given: Sequence[str] | None, quorum: int | None, settings: Settings
) -> tuple[tuple[VerifierKey, ...], int]:
    """Return the witnesses that count and how many must have cosigned: as given, or as the settings say."""
    if given:
        return read_witnesses(given, quorum)
    own = settings.witness
    return read_witnesses([witness.key for witness in own.witnesses], own.quorum if quorum is None else quorum)


def _remembered(file: Path, known: Sequence[VerifierKey], option: str) -> Checkpoint:
    try:
        return read_signed(file.read_text(encoding="utf-8"), known, verifies)
    except OSError as exc:
        fail(f"{option}: {file.name} cannot be read: {type(exc).__name__}", Exit.USAGE)
    except ValueError as exc:
        fail(f"{option}: {file.name}: {exc}", Exit.USAGE)


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


def _summary(report: Report, remembered: int, cosigned: Cosigned | None) -> str:
    signed = report.newest.size if report.newest else 0
    parts = [f"all is well: {report.size} entries, root {report.root.hex()}", f"{report.heads} signed heads"]
    parts += [f"{remembered} remembered checkpoints"] * (remembered > 0)
    parts += [f"{report.erased} contents erased"] * (report.erased > 0)
    parts += [f"{report.size - signed} not under a signed head yet"] * (report.size > signed)
    parts += [f"records before {report.begin} not walked again"] * (report.begin > 0)
    if cosigned is not None:
        head, names = cosigned
        parts.append(f"the first {head.size} entries cosigned by {', '.join(names)}")
    return "; ".join(parts)


async def _head(settings: Settings, size: int | None) -> str | None:
    async with open_records(settings) as ledger:
        head = await ledger.tree.head()
        if size is not None:
            head = next(iter(await ledger.tree.heads(size - 1, 1)), None)
        if head is None or size not in (None, head.size):
            return None
        return (await with_cosignatures(ledger.tree, head)).checkpoint


@dataclass(frozen=True, slots=True)
class _Task:
    """What a verification is to hold the log against."""

    keys: Sequence[VerifierKey]
    remembered: Sequence[Checkpoint]
    begin: Checkpoint | None
    witnesses: Sequence[VerifierKey]
    quorum: int


async def _verified(settings: Settings, task: _Task, progress: Progress) -> tuple[Report, Cosigned | None]:
    async with opened_log(settings) as (ledger, readable):
        if not readable:
            err.print("the key-encryption key is not here: contents are not held against their commitments")
        # Before the walk, which then walks over whatever head this is.
        cosigned = await proven(ledger.tree, task.witnesses, task.quorum) if task.quorum else None
        report = await verify(ledger, task.keys, task.remembered, progress, readable=readable, begin=task.begin)
        return report, cosigned


async def _proved(settings: Settings, tenant: str, review: str, known: Sequence[VerifierKey]) -> Evidence:
    async with open_records(settings) as ledger:
        return await prove(ledger, tenant or await owner_of(ledger, review), review, known)
