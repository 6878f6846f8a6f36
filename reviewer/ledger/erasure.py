"""Whether contents that are missing were erased as the log itself says: what an audit asks of every entry."""

from __future__ import annotations

from reviewer.core.events import Event, read_event
from reviewer.core.record import REVIEW
from reviewer.core.summary import summary_of
from reviewer.ledger.interface import Ledger, Stored


class Erasures:
    """Looks up the records of erasures; of the last one it remembers what it says, for many reviews share one."""

    def __init__(self, ledger: Ledger) -> None:
        """Start with none."""
        self._ledger = ledger
        self._last: tuple[int, Event | None, frozenset[str]] = (-1, None, frozenset())

    async def of(self, stored: Stored) -> Event | None:
        """Return the erasure that a content fell to; None where no record says that it did.

        A record counts that is younger than the entry and names its review, or its whole tenant.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        index = stored.erased_by
        if index is None or index <= stored.position.index:
            return None
        if index != self._last[0]:
            self._last = (index, *await self._read(index))
        _, event, reviews = self._last
        if event is None or event.tenant != stored.tenant:
            return None
        return event if event.whole_tenant or reviews.intersection(_reviews_of(stored)) else None

    async def problem(self, stored: Stored) -> str:
        """Say what is wrong about a content that is missing; empty where nothing is, or nothing is missing.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        if stored.content is not None or not has_content(stored) or await self.of(stored) is not None:
            return ""
        return "its content is missing, and no record of an erasure covers it"

    async def _read(self, index: int) -> tuple[Event | None, frozenset[str]]:
        page = await self._ledger.page(index, 1)
        event = read_event(page[0].record) if page and page[0].position.index == index else None
        if event is None or not event.erases:
            return None, frozenset()
        return event, frozenset(event.reviews)


def has_content(stored: Stored) -> bool:
    """Whether an entry has, or had, a content: a review, and an event that names a commitment.

    Of reviews of later versions nobody here can tell.
    """
    if stored.kind == REVIEW:
        return not summary_of(stored.record).kind.startswith(f"{REVIEW}/")
    event = read_event(stored.record)
    return event is not None and event.content_commitment != ""


def _reviews_of(stored: Stored) -> tuple[str, ...]:
    """Return the ids of the reviews that a content is erased with."""
    if stored.kind == REVIEW:
        return (stored.review_id,)
    event = read_event(stored.record)
    return event.reviews if event is not None else ()
