"""Documents that tell a story in commands: read from Markdown, played in a shell, held against what they show.

A document is its own test. What a reader sees is what is done, in its order:

* `console` blocks: lines after `$ ` are typed, the lines below are what must come out. `status=1` after the word
  `console` is the exit status that is due, `figures=vary` lets every number count as any other;
* `diff` blocks are applied to the files that they name;
* other blocks with `title=PATH` are files, written as they are;
* comments `<!-- meanwhile: NAME -->`, which a reader of the page does not see, are things that others do.

Ids, digests, times, durations and the widths of tables are never compared, and a line `...` stands for any lines.
"""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_FENCE = re.compile(r"^```(\w+)(.*)$")
_MEANWHILE = re.compile(r"^<!-- meanwhile: (.+) -->$")
_OPTION = re.compile(r"(\w+)=(\S+)")
_PROMPT = "$ "
_ANY_LINES = "..."
_MARK = "end of command"
_PATIENCE_S = 60.0
_PLACEHOLDERS = tuple(
    (re.compile(pattern), placeholder)
    for pattern, placeholder in (
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        (r"\b[0-9a-f]{64}\b", "<digest>"),
        (r"\b[0-9a-f]{12}\b", "<short digest>"),
        (r"SHA256:[\w+/-]{43}|\b[\w+/]{43}=", "<fingerprint>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)?", "<time>"),
        (r"\b\d+(?:\.\d+)? ?(?:ms|s|days)\b", "<duration>"),
        (r"[─━═]+", "-"),
        (r"\s+", " "),
    )
)
_FIGURE = re.compile(r"[+-]?\d[\d,.]*(?:e[+-]\d+)?")


@dataclass(frozen=True, slots=True)
class Command:
    """One command and what comes out.

    Attributes:
        text: as it is typed, without the prompt.
        shown: what the document shows below it.
        at: where in the document those lines begin, from 0.
        status: exit status that is due.
    """

    text: str
    shown: tuple[str, ...]
    at: int
    status: int
    figures_vary: bool

    def told(self, line: str) -> str:
        """Return what must be equal in two runs."""
        for pattern, placeholder in _PLACEHOLDERS:
            line = pattern.sub(placeholder, line)
        return (_FIGURE.sub("#", line) if self.figures_vary else line).strip()

    def fits(self, lines: Sequence[str]) -> bool:
        """Whether output is what the document shows."""
        patterns = [".*" if line == _ANY_LINES else re.escape(self.told(line) + "\n") for line in self.shown]
        return re.fullmatch("".join(patterns), "".join(self.told(line) + "\n" for line in lines), re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes of one file: what stands there, once, and what takes its place."""

    path: str
    changes: tuple[tuple[str, str], ...]

    def apply(self, folder: Path) -> None:
        """Change the file."""
        path = folder / self.path
        text = path.read_text(encoding="utf-8")
        for old, new in self.changes:
            assert text.count(old) == 1, f"{self.path}: expected once, found {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class File:
    """A file as the document shows it."""

    path: str
    text: str

    def write(self, folder: Path) -> None:
        """Write it."""
        (folder / self.path).write_text(self.text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What somebody else does, by name."""

    name: str


Step = Command | Edit | File | Meanwhile


@dataclass(frozen=True, slots=True)
class Story:
    """A document with its steps, in order."""

    path: Path
    lines: tuple[str, ...]
    steps: tuple[Step, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a document."""
        lines = tuple(path.read_text(encoding="utf-8").splitlines())
        return cls(path, lines, tuple(_steps(lines)))

    def rewrite(self, outputs: Mapping[Command, Sequence[str]]) -> None:
        """Put other outputs in the places of those that the document shows."""
        lines = list(self.lines)
        for command in sorted(outputs, key=lambda one: one.at, reverse=True):
            lines[command.at : command.at + len(command.shown)] = outputs[command]
        self.path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _steps(lines: Sequence[str]) -> Iterator[Step]:
    at = 0
    while at < len(lines):
        if meanwhile := _MEANWHILE.match(lines[at]):
            yield Meanwhile(meanwhile[1])
        elif fence := _FENCE.match(lines[at]):
            end = lines.index("```", at + 1)
            yield from _block(fence[1], dict(_OPTION.findall(fence[2])), lines[at + 1 : end], at + 1)
            at = end
        at += 1


def _block(language: str, options: Mapping[str, str], lines: Sequence[str], at: int) -> Iterator[Step]:
    if language == "console":
        yield from _commands(lines, at, int(options.get("status", "0")), options.get("figures") == "vary")
    elif language == "diff":
        yield from _edits(lines)
    elif "title" in options:
        yield File(options["title"], "\n".join([*lines, ""]))


def _commands(lines: Sequence[str], at: int, status: int, figures_vary: bool) -> Iterator[Command]:
    starts = [number for number, line in enumerate(lines) if line.startswith(_PROMPT)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        last = end == len(lines)
        text = lines[start].removeprefix(_PROMPT)
        yield Command(text, tuple(lines[start + 1 : end]), at + start + 1, status if last else 0, figures_vary)


def _edits(lines: Sequence[str]) -> Iterator[Edit]:
    path, changes, old, new = "", list[tuple[str, str]](), list[str](), list[str]()

    def end_of_hunk() -> None:
        if old or new:
            changes.append(("".join(old), "".join(new)))
        old.clear()
        new.clear()

    for line in lines:
        if line.startswith("+++ "):
            path = line.removeprefix("+++ ")
        elif line.startswith("@@"):
            end_of_hunk()
        elif not line.startswith("--- "):
            kept = line[1:] + "\n"
            old.extend([kept] if line[:1] in (" ", "-", "") else [])
            new.extend([kept] if line[:1] in (" ", "+", "") else [])
    end_of_hunk()
    yield Edit(path, tuple(changes))


class Shell:
    """A shell that keeps its variables from one command to the next."""

    def __init__(self, process: Process) -> None:
        """Take over a running one."""
        self._process = process

    async def run(self, text: str) -> tuple[int, list[str]]:
        """Run a command; return its exit status and what it wrote."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{{ {text}\n}} < /dev/null\nprintf '\\n{_MARK} %d\\n' $?\n".encode())
        await stdin.drain()
        lines: list[str] = []
        async with asyncio.timeout(_PATIENCE_S):
            async for line in stdout:
                lines.append(line.decode().rstrip())
                if lines[-1].startswith(_MARK):
                    break
        assert lines, f"the shell ended: {text}"
        status = int(lines.pop().removeprefix(_MARK))
        # The mark begins on a line of its own, whatever came before it.
        lines.pop()
        return status, lines


@asynccontextmanager
async def shell(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Shell]:
    """Open a shell in a folder; what it writes to standard error stands where it was written."""
    command = ("bash", "--noprofile", "--norc", "-o", "pipefail")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=dict(environment), stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=1 << 20
    )
    try:
        yield Shell(process)
    finally:
        process.kill()
        await process.wait()


def updating() -> bool:
    """Whether documents are to be rewritten rather than checked."""
    return bool(os.environ.get("UPDATE_GOLDEN"))
