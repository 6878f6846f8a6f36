"""Processes under measurement: how they are started, asked, weighed and stopped.

Each one runs this interpreter, listens on 127.0.0.1 at a free port, and says where. CPU time and memory are read from
`/proc`, so that the process itself does nothing for being measured: Linux only.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
START_S: Final = 60.0
STOP_S: Final = 15.0

_FOREIGN = ("REVIEWER_", "ANTHROPIC_", "OPENAI_", "GRPC_", "PYTHON")
_PRODUCT = "from reviewer.cli.main import app; app()"


class Child:
    """One started process; leaving its context stops it.

    Attributes:
        address: host and port, or base URL, as the process told it; empty before `await_address`.
        started: `time.perf_counter()` just before it was started.
    """

    def __init__(self, arguments: Sequence[str], stderr: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it; standard error goes to a file, as a service's would."""
        self.address = ""
        self.started = time.perf_counter()
        self._stderr = stderr
        with stderr.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**_clean_environment(), **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
            )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        """Return the running process."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ask it to stop, then insist."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, question: Mapping[str, Any], patience_s: float = 300.0) -> dict[str, Any]:
        """Write one line of JSON to the process and return the line that it answers with."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        return self._answer(patience_s)

    def await_address(self) -> Self:
        """Wait for the first line on standard output, which says where the process listens."""
        self.address = self._answer(START_S)["address"]
        return self

    def await_event(self, event: str, key: str) -> Self:
        """Wait for a log event on standard error and take the address from its field `key`."""
        self.address = self._until(lambda: self._event(event))[key]
        return self

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Return the log events of these names on standard error so far, in the order of the log."""
        return list(self._logged(names))

    def cpu_s(self) -> float:
        """CPU seconds of all threads so far, in nanosecond steps where the kernel counts them, else in ticks."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        spent = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
        if spent:
            return spent / 1e9
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self) -> int:
        """Resident memory in KiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _answer(self, patience_s: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=patience_s)
        except queue.Empty:
            raise RuntimeError(f"no answer within {patience_s:g} s: {self._complaint()}") from None
        if not line:
            raise RuntimeError(f"ended early: {self._complaint()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _event(self, event: str) -> dict[str, Any] | None:
        return next(self._logged((event,)), None)

    def _logged(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        for line in self._stderr.read_text().splitlines():
            # The last line may not be whole yet. Most are of no interest, and not worth being parsed.
            if line.startswith("{") and line.endswith("}") and any(f'"{name}"' in line for name in names):
                logged: dict[str, Any] = json.loads(line)
                if logged.get("event") in names:
                    yield logged

    def _until(self, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        while (found := look()) is None:
            if self._process.poll() is not None or time.perf_counter() - self.started > START_S:
                raise RuntimeError(f"did not start: {self._complaint()}")
            time.sleep(0.002)
        return found

    def _complaint(self) -> str:
        return self._stderr.read_text()[-2000:] or "nothing on standard error"


def start_product(folder: Path, name: str, model_url: str, settings: Mapping[str, str] | None = None) -> Child:
    """Start the service as an operator would, with the log format and level that it has by default.

    Args:
        folder: where its verdict log and its standard error go.
        name: of this instance, unique in the folder.
        model_url: base URL of the provider that it shall ask.
        settings: further `REVIEWER_` variables, without the prefix.
    """
    environment = {
        "LEDGER__PATH": str(folder / f"{name}.db"),
        "PROVIDERS__ANTHROPIC__API_KEY": "bench",
        "PROVIDERS__ANTHROPIC__BASE_URL": model_url,
        "PROVIDERS__ANTHROPIC__SIMULATED": "true",
        # The model that answers at once finds all well: it would be distrusted, and rightly.
        "CANARY__PERCENT": "0",
        **(settings or {}),
    }
    return Child(
        ["-c", _PRODUCT, "serve", "--create-log", "--address", "127.0.0.1:0"],
        folder / f"{name}.log",
        {f"REVIEWER_{key}": value for key, value in environment.items()},
    )


def run_command(arguments: Sequence[str], settings: Mapping[str, str]) -> str:
    """Run a command of the product to its end, and return what it wrote to standard output.

    Args:
        settings: `REVIEWER_` variables, without the prefix.
    """
    environment = _clean_environment() | {f"REVIEWER_{key}": value for key, value in settings.items()}
    command = [sys.executable, "-c", _PRODUCT, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout


def start_module(module: str, stderr: Path, *arguments: str) -> Child:
    """Start a module of this package as a program."""
    return Child(["-m", f"bench.{module}", *arguments], stderr)


def _clean_environment() -> dict[str, str]:
    """Keep nothing that would set up the service, a vendor's client, gRPC or Python in another way."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, "PYTHONPATH": str(ROOT)}
