"""The form of the log, step by step, as Alembic keeps account of it: the same for both stores.

A step is a revision below `migrations/<store>/`, numbered from 1, and the SQL file under `sql/` that it takes; neither
is edited once released, and none takes anything away, since a log's entries are final. Alembic writes the steps that
are due as one script, with its own account of them (the table `alembic_version`); the store runs that in one
transaction, over its own driver. Logs are brought up to date only when told to, since a process of an older version may
still be writing. What a step adds must not hinder that one: a log one step ahead of the program is opened.
"""

from __future__ import annotations

import io
from importlib import resources
from pathlib import Path
from typing import Literal

from reviewer.core.errors import LedgerUnavailableError

StoreName = Literal["sqlite", "postgres"]

READ = "SELECT version_num FROM alembic_version"
"""The step that a log has, as text."""
_DIALECTS = {"sqlite": "sqlite", "postgres": "postgresql"}
_HERE = Path(str(resources.files("reviewer.ledger")))
# As Alembic makes it; a log from before it has the number of its step in `meta` instead.
_ADOPT = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version (version_num) VALUES ('{done}');
"""
_NO_LONGER = "UPDATE meta SET value = 'alembic' WHERE key = 'schema';\n"


def newest(store: StoreName) -> int:
    """Return the number of the last step that this program knows."""
    return max(int(path.name[4:].split("_", 1)[0]) for path in (_HERE / "migrations" / store).glob("step*_*.py"))


def script(store: StoreName, done: int, *, adopt: bool = False) -> str:
    """Write down the steps that follow step `done`, and Alembic's account of them; 0 for an empty database.

    Args:
        adopt: the log has no account yet that Alembic kept.
    """
    # A quarter of a second of imports that a running service never needs.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    written = io.StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(_HERE / "migrations"))
    config.set_main_option("version_locations", str(_HERE / "migrations" / store))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("dialect", _DIALECTS[store])
    if done < newest(store):
        command.upgrade(config, f"{done}:head" if done else "head", sql=True)
    return (_ADOPT.format(done=done) if adopt else "") + written.getvalue() + (_NO_LONGER if adopt or not done else "")


def take(name: str) -> None:
    """Write a step's file into the script as it stands; called by revisions."""
    from alembic import op  # noqa: PLC0415

    op.get_context().impl.static_output((_HERE / "sql" / name).read_text(encoding="utf-8"))


def number(store: StoreName, found: str, name: str) -> int:
    """Read which step a log has.

    Args:
        found: what its account says.
        name: of the log, for the message.

    Raises:
        LedgerUnavailableError: that is none that this program can know.
    """
    known = {str(step): step for step in range(1, newest(store) + 2)}
    if found not in known:
        raise LedgerUnavailableError(f"{name}: log schema is none that this version knows: {newest(store)} is needed")
    return known[found]


def require(store: StoreName, found: int, name: str) -> None:
    """Refuse a log that lacks steps.

    Raises:
        LedgerUnavailableError: says which step the log has, and what to do.
    """
    if found < (needed := newest(store)):
        raise LedgerUnavailableError(
            f"{name}: log schema is version {found}, {needed} is needed: "
            "stop every service on this log, then run reviewer log upgrade"
        )


def due(store: StoreName, found: int, name: str) -> int:
    """Return how many steps a log lacks.

    Raises:
        LedgerUnavailableError: it has one that this program does not know.
    """
    if found > newest(store):
        raise LedgerUnavailableError(f"{name}: log schema is none that this version knows: {newest(store)} is needed")
    return newest(store) - found
