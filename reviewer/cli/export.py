"""`reviewer log export`: records into a file, page by page in flat memory, complete or not there at all."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from reviewer.cli.console import ConfigOption, LogPathOption, err, errors_end_the_command, fail, out
from reviewer.cli.export_formats import Format, FormatUnavailableError, Writer, open_writer
from reviewer.cli.log_files import settings_for
from reviewer.cli.search import FilterOption, read_filter_or_exit
from reviewer.config import Settings
from reviewer.core.search import All, Filter, Match, Operator, Order
from reviewer.ledger.interface import Found, Ledger
from reviewer.log_home import open_records

_PAGE = 1_000


def export(
    to: Annotated[Path, typer.Option("--out", help="File to write; one that is there is replaced.")],
    path: LogPathOption = None,
    format_: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.JSONL,
    filter_: FilterOption = "",
    config: ConfigOption = None,
) -> None:
    """Write records into a file, oldest first: those that are in the log when it begins."""
    asked = read_filter_or_exit(filter_)
    settings = settings_for(path, config)
    with errors_end_the_command():
        try:
            with _replacing(to) as partial, open_writer(format_, partial) as writer, _progress() as progress:
                written = asyncio.run(_copy(settings, asked, writer, progress))
        except FormatUnavailableError as exc:
            fail(str(exc))
        except OSError as exc:
            fail(f"{to}: cannot be written: {type(exc).__name__}")
    out.print(f"exported {written} record{'' if written == 1 else 's'} to {to}", markup=False)


async def _copy(settings: Settings, asked: Filter, writer: Writer, progress: Callable[[int, int], None]) -> int:
    written = 0
    async with open_records(settings) as ledger:
        size = await ledger.size()
        progress(0, size)
        async for page in _pages(ledger, asked, size):
            writer.write(page)
            written += len(page)
            progress(page[-1].position.index + 1, size)
    progress(size, size)
    return written


async def _pages(ledger: Ledger, asked: Filter, size: int) -> AsyncIterator[tuple[Found, ...]]:
    """Read what the log held at the beginning: what is appended meanwhile would make the end recede."""
    bounded = All((Match("index", Operator.LESS, size), asked))
    after: int | None = None
    while page := await ledger.search(bounded, Order.OLDEST, after, _PAGE):
        yield page
        after = page[-1].position.index


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a file beside the target that takes its place at the end; after any failure it is gone."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far along the log the export is; nothing where that is no terminal."""
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("exporting", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
