"""The service as a process of its own, told apart by what it logs: for tests that kill it, or ask it to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from reviewer.cli.main import app; app()")
START_S = 60.0


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a command with a log in `folder`; settings as `SECTION__FIELD`."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "SYSTEMROOT"}}
    own = {"SERVER__ADDRESS": "127.0.0.1:0", "LEDGER__PATH": str(folder / "log.db"), "LOG__FORMAT": "json"}
    own |= {"CANARY__PERCENT": "0"} | settings
    return kept | {"PYTHONPATH": str(ROOT)} | {f"REVIEWER_{name}": value for name, value in own.items()}


@dataclass(slots=True)
class ServerProcess:
    """A running `reviewer serve`.

    Attributes:
        events: lines of its operational log, as far as they have been read.
    """

    process: Process
    events: list[dict[str, Any]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def address(self) -> str:
        """Where it listens."""
        return next(str(event["address"]) for event in self.events if event["event"] == "serving")

    async def logged(self, name: str) -> dict[str, Any]:
        """Wait for an event of that name; an end of the process without it is an error."""

        def seen() -> list[dict[str, Any]]:
            return [event for event in self.events if event["event"] in {name, "end of log"}]

        async with asyncio.timeout(START_S), self._changed:
            await self._changed.wait_for(lambda: bool(seen()))
        first = seen()[0]
        assert first["event"] == name, f"no {name} in {self.events}"
        return first

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of `events`, looked at whenever there is a new one."""
        async with asyncio.timeout(START_S), self._changed:
            await self._changed.wait_for(holds)

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self.process.kill()

    def terminate(self) -> None:
        """Ask the process to stop."""
        self.process.send_signal(signal.SIGTERM)

    async def read(self) -> None:
        """Follow the log to its end."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            await self._add(json.loads(line))
        await self._add({"event": "end of log"})

    async def _add(self, event: dict[str, Any]) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()


@asynccontextmanager
async def serving(folder: Path, *options: str, **settings: str) -> AsyncIterator[ServerProcess]:
    """Run `reviewer serve` on a free port and the log in `folder`, and kill it in the end if it still runs."""
    command = (*COMMAND, "serve", "--create-log", *options)
    env = environment(folder, **settings)
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=folder, stderr=PIPE)
    server = ServerProcess(process)
    reader = asyncio.create_task(server.read())
    try:
        await server.logged("serving")
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader
