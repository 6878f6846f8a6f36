"""`reviewer log monitor`: watch a log over HTTP, with its public key and no access to where it is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import Exit, fail, out
from reviewer.cli.log_files import read_log_keys, read_witnesses, write_whole
from reviewer.client.monitor import Trust, look
from reviewer.core.errors import ContradictionError, FetchError
from reviewer.fetching import open_session

QuorumOption = Annotated[
    int | None,
    typer.Option("--quorum", help="How many of them must have cosigned.", min=0, show_default=False),
]
WitnessKeyOption = Annotated[
    list[str] | None, typer.Option("--witness-key", help="Public key of a witness, as name+id+key. Repeatable.")
]


def monitor(
    url: Annotated[str, typer.Argument(help="Where the log is served, such as https://example.com/log.")],
    key: Annotated[list[str], typer.Option("--key", help="Public key of the log, as name+id+key. Repeatable.")],
    state: Annotated[Path, typer.Option(help="File with the checkpoint seen last; made at the first look.")],
    witness_key: WitnessKeyOption = None,
    quorum: QuorumOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds for each request.", min=0.1)] = 10.0,
) -> None:
    """See whether a log has only grown since the last look. Exit status: 0 it has, 1 it has not, 4 no answer.

    The checkpoint that shows a contradiction is kept beside the state, which stays as it is: two notes with the log's
    signature under them that cannot both be true.
    """
    trust = Trust(read_log_keys(key), *read_witnesses(witness_key or (), quorum))
    remembered = _remembered(state)
    try:
        told, note = asyncio.run(_look(url, trust, remembered, timeout_s))
    except FetchError as exc:
        fail(str(exc), Exit.NO_ANSWER)
    except ContradictionError as exc:
        if exc.checkpoint:
            beside = state.with_name(f"{state.name}.contradiction")
            write_whole(beside, exc.checkpoint.encode())
            fail(f"{exc}; what it signed is kept in {beside}")
        fail(str(exc))
    except ValueError as exc:
        fail(f"--state: {state.name}: {exc}", Exit.USAGE)
    write_whole(state, note.encode())
    out.print(told, markup=False, soft_wrap=True)


def _remembered(state: Path) -> str:
    try:
        return state.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as exc:
        fail(f"--state: {state.name} cannot be read: {type(exc).__name__}", Exit.USAGE)


async def _look(url: str, trust: Trust, remembered: str, timeout_s: float) -> tuple[str, str]:
    async with open_session(timeout_s) as session:
        seen = await look(session, url, trust, remembered)
    told = f"all is well: {seen.head.size} entries, root {seen.head.root.hex()}"
    told += f"; it begins with the {seen.before} seen before" if seen.before else "; seen for the first time"
    told += f"; cosigned by {', '.join(seen.witnesses)}" if seen.witnesses else ""
    return told, seen.checkpoint
