"""Both stores, for faults that must hurt neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.places import Place
from tests.support.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return where services of this test are to keep their log."""
    if request.param == "sqlite":
        return Place(tmp_path)
    running_server: PostgresServer = request.getfixturevalue("running_server")
    return Place(tmp_path, running_server.new_dsn())
