"""What a batch of new entries adds to the figures of tenants and days; the same for every store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from reviewer.core.record import Entry
from reviewer.core.spending import NOTHING, Spent

MOST = 2**62 - 1
"""Two figures of this size still add up to one that 64 bits can hold: no absurd figure makes the log unwritable."""


def totals(appended: Iterable[Entry]) -> dict[tuple[str, date], Spent]:
    """Add up what entries cost, by tenant and UTC day; entries without calls are left out."""
    found: dict[tuple[str, date], Spent] = {}
    for entry in appended:
        if entry.spent.calls:
            key = (entry.tenant, entry.day)
            found[key] = found.get(key, NOTHING) + entry.spent
    return found
