"""What holds for all tests: repeatable property tests where a red build must mean the same thing twice, one server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.support.postgres_server import PostgresServer, postgres_server

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(autouse=True)
def _events_as_they_were() -> Iterator[None]:
    """Undo what a command run in this process set up: its events went to a standard error that is closed by now."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def running_server() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server for all tests of this process."""
    with postgres_server() as running:
        yield running
