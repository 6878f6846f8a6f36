"""The clock of this machine, and ids that follow it: what the core takes as arguments."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import UUID

from reviewer.core.ids import uuid7


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def new_id(moment: datetime) -> UUID:
    """Return a new UUIDv7 for a moment."""
    return uuid7(moment, os.urandom(10))
