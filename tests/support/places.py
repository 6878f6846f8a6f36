"""Where services that are processes of their own keep one log: in a file, or in a database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from reviewer.ledger.postgres import PostgresLedger, Server
from reviewer.ledger.sealed import SealedLedger
from reviewer.sealing import load_keyring
from tests.support.sealed import sealed_ledger, service_log
from tests.support.server_process import ServerProcess, serving


@dataclass(frozen=True, slots=True)
class Place:
    """One log.

    Attributes:
        folder: holds the keys that services make, and the log where it is a file.
        dsn: of an empty schema; empty where the log is a file.
    """

    folder: Path
    dsn: str = ""

    def serving(self, **settings: str) -> AbstractAsyncContextManager[ServerProcess]:
        """Run one more service, with a simulated second model, until the block ends."""
        stored = {"LEDGER__STORE": "postgres", "LEDGER__DSN": self.dsn} if self.dsn else {}
        return serving(self.folder, "--simulate", **stored, **settings)

    def log(self) -> SealedLedger:
        """Return the log as somebody beside the services opens it; one of them must have run."""
        if not self.dsn:
            return service_log(self.folder / "log.db")
        return sealed_ledger(PostgresLedger(Server(self.dsn)), load_keyring(self.folder / "log.db.kek", ()))
