"""What the log says about releases: what is in force and on trial, followed cheaply."""

from __future__ import annotations

from reviewer.core.release_event import RELEASE_KIND, ReleaseEvent, Told, entry_of_release, read_release_event
from reviewer.core.rollout import Course
from reviewer.core.search import All, Match, Operator, Order
from reviewer.ledger.interface import Found, Ledger

_PAGE = 500


class ReleaseLog:
    """The events of releases in a log; of what was looked at once only what is new is looked at again."""

    def __init__(self, ledger: Ledger) -> None:
        """Start with nothing read."""
        self._ledger = ledger
        self._seen = 0
        self._course = Course()

    @property
    def course(self) -> Course:
        """How things stood when the log was last looked at."""
        return self._course

    @property
    def last(self) -> Told | None:
        """The event that decided, wherever no other does, when the log was last looked at."""
        return self._course.base

    async def read(self) -> Told | None:
        """Look at the log, and return the event that decides wherever no other does; None where there is none.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        size = await self._ledger.size()
        if size != self._seen:
            for told in await events_since(self._ledger, self._seen):
                self._course = self._course.after(told)
            self._seen = size
        return self._course.base

    async def tell(self, event: ReleaseEvent, request_id: str = "") -> bool:
        """Write an event; False where another one has its request id already.

        Raises:
            LedgerUnavailableError: whether it was written is unknown.
        """
        appended = await self._ledger.append(entry_of_release(event, request_id))
        return appended.existing is None


async def events_since(ledger: Ledger, index: int) -> list[Told]:
    """Return the events of releases from an index on, in the order of the log.

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
    return sorted(told, key=lambda one: one.index)
