"""What the log says about releases: the last word, followed cheaply."""

from __future__ import annotations

from reviewer.core.release_event import RELEASE_KIND, ReleaseEvent, Told, entry_of_release, latest, read_release_event
from reviewer.core.search import All, Match, Operator, Order
from reviewer.ledger.interface import Found, Ledger

_PAGE = 500


class ReleaseLog:
    """The events of releases in a log; of what was looked at once only what is new is looked at again."""

    def __init__(self, ledger: Ledger) -> None:
        """Start with nothing read."""
        self._ledger = ledger
        self._seen = 0
        self._last: Told | None = None

    @property
    def last(self) -> Told | None:
        """The last word when the log was last looked at."""
        return self._last

    async def read(self) -> Told | None:
        """Look at the log, and return its last word; None where there is none.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        size = await self._ledger.size()
        if size != self._seen:
            found = await events_since(self._ledger, self._seen)
            self._last = latest([*found, *([self._last] if self._last else [])])
            self._seen = size
        return self._last

    async def tell(self, event: ReleaseEvent) -> None:
        """Write an event.

        Raises:
            LedgerUnavailableError: whether it was written is unknown.
        """
        await self._ledger.append(entry_of_release(event))


async def events_since(ledger: Ledger, index: int) -> list[Told]:
    """Return the events of releases from an index on, in order of their times.

    Raises:
        LedgerUnavailableError: the log cannot be read.
    """
    # What is about the whole log belongs to no tenant, and there is little of it: it is found without walking reviews.
    owner, kind = Match("tenant", Operator.EQUAL, ""), Match("kind", Operator.EQUAL, RELEASE_KIND)
    asked = All((owner, kind, Match("index", Operator.AT_LEAST, index)))
    told: list[Told] = []
    after: int | None = None
    page: tuple[Found, ...] = ()
    while after is None or len(page) == _PAGE:
        page = await ledger.search(asked, Order.OLDEST, after, _PAGE)
        told += [Told(one.position.index, event) for one in page if (event := read_release_event(one.record))]
        if not page:
            break
        after = page[-1].position.index
    return told
