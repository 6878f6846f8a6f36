"""Retention: which contents are older than they may get, tenant by tenant, in batches of one record each.

Who runs it decides when; here is only what is due. What is under a legal hold is never due.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reviewer.content_sections import RetentionSettings
from reviewer.core.record import REVIEW
from reviewer.core.summary import summary_of
from reviewer.core.verdict import Verdict
from reviewer.ledger.custody import Kept

REASON = "retention"
BATCH = 500
_PAGE = 1_000

Pages = Callable[[int, int], Awaitable[tuple[Kept, ...]]]
"""`Custody.kept` of a log."""


@dataclass(frozen=True, slots=True)
class Due:
    """Contents of one tenant that are due, at most `BATCH`, by the ids of their reviews."""

    tenant: str
    reviews: tuple[str, ...]


async def due(pages: Pages, settings: RetentionSettings, now: datetime) -> AsyncIterator[Due]:
    """Walk the contents that are there, and give those that are due; it may be erased while this goes on.

    Raises:
        LedgerUnavailableError: the log cannot be read.
    """
    waiting: dict[str, list[str]] = {}
    first = 0
    while page := await pages(first, _PAGE):
        first = page[-1].index + 1
        for kept in page:
            if kept.held or not _is_due(kept, settings, now):
                continue
            batch = waiting.setdefault(kept.tenant, [])
            batch.append(kept.review_id)
            if len(batch) == BATCH:
                yield Due(kept.tenant, tuple(waiting.pop(kept.tenant)))
    for tenant, batch in waiting.items():
        yield Due(tenant, tuple(batch))


def _is_due(kept: Kept, settings: RetentionSettings, now: datetime) -> bool:
    """Whether a content is too old; of a record that a later version wrote nobody here can tell."""
    told = summary_of(kept.record)
    if told.kind != REVIEW or told.verdict not in Verdict.__members__:
        return False
    days = settings.of_tenant(kept.tenant, Verdict[told.verdict])
    return days is not None and datetime.fromisoformat(told.time) < now - timedelta(days=days)
