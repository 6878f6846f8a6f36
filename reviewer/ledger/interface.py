"""The port to the verdict log: append durably, look up by name and request id, list in order.

What a store promises:

* **durable**: when `append` returns, the entry survives the death of process and machine;
* **contiguous**: indexes run from 0 without gaps, in the order of commits;
* **once**: of two entries of one tenant with one request id only the first is kept, and the second caller gets it;
* **counted with it**: what an entry's calls cost is added to its tenant's day in the commit that appends it, and only
  where it is appended;
* **found by what it says**: what an entry is found by is written in that commit too, and a search sees every entry that
  was appended before it began;
* **unknown is failure**: where it cannot tell whether a commit took effect, `append` raises; the retry finds out.

It does not promise that entries appear in the order in which `append` was called.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Protocol, Self

from reviewer.core.facets import KIND_REVIEW
from reviewer.core.record import REVIEW, Entry
from reviewer.core.review import Position
from reviewer.core.search import Filter, Order
from reviewer.core.spending import Spent


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as the log holds it.

    Attributes:
        review_id: of a review, or of the event that the entry is about.
        content, content_key: None after they were erased, and where the entry is no review.
        kind: what the record's schema is called, without its version.
        erased_by: index of the entry that says why the content is gone.
    """

    position: Position
    review_id: str
    tenant: str
    request_id: str
    content_digest: str
    record: bytes
    content: bytes | None
    content_key: bytes | None
    kind: str = REVIEW
    erased_by: int | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """What `append` came to.

    Attributes:
        existing: the entry that had taken this request id before; None where the new one was written.
    """

    position: Position
    existing: Stored | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was searched for; its content is not read.

    Attributes:
        kind: what the record's schema is called, without its version.
        review_id: of a review, or of what else the entry is about.
        create_time: UTC, as the record says.
    """

    position: Position
    kind: str
    review_id: str
    tenant: str
    create_time: datetime
    record: bytes

    @property
    def review(self) -> str:
        """Resource name of the review; empty for records of other kinds."""
        return f"reviews/{self.review_id}" if self.kind == KIND_REVIEW else ""


class Probed(Protocol):
    """What readiness hangs on."""

    async def probe(self) -> None:
        """Prove that verdicts can be recorded now.

        Raises:
            LedgerError: it cannot.
        """
        ...


class Ledger(Protocol):
    """A verdict log. Owns its connections and threads; is an async context manager."""

    async def append(self, entry: Entry) -> Appended:
        """Write one entry durably.

        Cancelling the caller does not cancel the write: it may take effect after the caller is gone.

        Raises:
            LedgerUnavailableError: the entry may or may not be in the log.
            SealedError: the key that its content is encrypted under was destroyed; nothing was written.
        """
        ...

    async def find_request(self, tenant: str, request_id: str) -> Stored | None:
        """Return the entry of a request id, or None.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def find_review(self, tenant: str, review_id: str) -> Stored | None:
        """Return the entry of a review, or None; entries of other kinds are never found.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def page(self, first_index: int, limit: int) -> tuple[Stored, ...]:
        """Return up to `limit` entries from `first_index` on, in order; empty past the end.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def search(self, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
        """Return up to `limit` records that a filter lets through, in order; cancelling stops the search.

        Args:
            after: index of an entry; only what comes behind it in this order is returned. None begins at the front.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def find_record(self, review_id: str) -> Found | None:
        """Return the record of a review of any tenant, or None; who may see it is for the caller to decide.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def size(self) -> int:
        """Return the number of entries.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def spending(self, tenant: str, day: date) -> Spent:
        """Return what a tenant's reviews of a UTC day cost; nothing where there are none.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def spending_of_day(self, day: date) -> tuple[tuple[str, Spent], ...]:
        """Return what the reviews of a UTC day cost, by tenant in alphabetical order; those without calls are left out.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def probe(self) -> None:
        """Prove by a real commit that the log can be written now.

        Raises:
            LedgerUnavailableError: it cannot.
        """
        ...

    async def __aenter__(self) -> Self:
        """Open the log; it must exist and have the schema this code expects."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish writes that are under way, then close."""
        ...
