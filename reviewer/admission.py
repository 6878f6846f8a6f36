"""Admission: how many reviews at once, and one review for one request id.

Callers with the same request id and content share one piece of work: the first one does it in its own task, the
others wait for it. Should the first one go away before it has a review, the next one takes over, after a look at the
log, where the review may be by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reviewer.core.draft import ReviewRequest
from reviewer.core.errors import (
    DrainingError,
    IdempotencyConflictError,
    InProgressError,
    LedgerCorruptError,
    OverloadError,
    SealedError,
)
from reviewer.core.record import read_content
from reviewer.core.review import RecordedReview
from reviewer.ledger.interface import Ledger, Stored


@dataclass(frozen=True, slots=True)
class _Flight:
    """Work under way for one request id; the result is None where its leader gave up."""

    content_digest: str
    result: asyncio.Future[RecordedReview | None]


class Admission:
    """Counts reviews in flight and deduplicates by request id."""

    def __init__(self, ledger: Ledger, max_in_flight: int, retry_after_s: float) -> None:
        """Start with nothing in flight."""
        self._ledger = ledger
        self._max_in_flight = max_in_flight
        self._retry_after_s = retry_after_s
        self._in_flight = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._flights: dict[tuple[str, str], _Flight] = {}

    @property
    def in_flight(self) -> int:
        """Number of callers being served."""
        return self._in_flight

    @property
    def draining(self) -> bool:
        """Whether no new work is taken any more."""
        return self._draining

    def close_doors(self) -> None:
        """Take no new work from now on."""
        self._draining = True

    async def wait_idle(self) -> None:
        """Return when nobody is being served."""
        await self._idle.wait()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a place among the reviews in flight.

        Raises:
            DrainingError: the server is shutting down.
            OverloadError: all places are taken.
        """
        if self._draining:
            raise DrainingError("the server is shutting down")
        if self._in_flight >= self._max_in_flight:
            raise OverloadError(
                f"{self._in_flight} reviews in flight, at most {self._max_in_flight}", self._retry_after_s
            )
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def once(
        self, request: ReviewRequest, deadline: float, make: Callable[[], Awaitable[RecordedReview]]
    ) -> RecordedReview:
        """Return the review of a request, made now, being made by another caller, or found in the log.

        Args:
            deadline: on the loop's clock; only waiting for another caller's work is bounded by it.
            make: does the work; called at most once, in this task.

        Raises:
            IdempotencyConflictError: the request id was used for other content.
            InProgressError: another caller's work did not end before the deadline.
            LedgerUnavailableError: the log cannot be read, or `make` could not write it.
        """
        if not request.request_id:
            return await make()
        key = (request.tenant, request.request_id)
        while True:
            flight = self._flights.get(key)
            if flight is None:
                stored = await self._ledger.find_request(*key)
                if stored is not None:
                    return replay(stored, request)
                if key not in self._flights:
                    return await self._lead(key, request, make)
                continue
            if flight.content_digest != request.content_digest:
                raise _conflict(request.request_id)
            shared = await self._follow(flight, deadline)
            if shared is not None:
                return replace(shared, replayed=True)

    async def _lead(
        self, key: tuple[str, str], request: ReviewRequest, make: Callable[[], Awaitable[RecordedReview]]
    ) -> RecordedReview:
        flight = _Flight(request.content_digest, asyncio.get_running_loop().create_future())
        self._flights[key] = flight
        made: RecordedReview | None = None
        try:
            made = await make()
        finally:
            del self._flights[key]
            if not flight.result.done():
                flight.result.set_result(made)
        return made

    async def _follow(self, flight: _Flight, deadline: float) -> RecordedReview | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(flight.result)
        except TimeoutError as exc:
            raise InProgressError("the same request is still being reviewed") from exc


def replay(stored: Stored, request: ReviewRequest) -> RecordedReview:
    """Return the stored review of a request id.

    Raises:
        IdempotencyConflictError: it was made for other content.
        SealedError: its content was erased. It is never made a second time.
        LedgerCorruptError: its content is gone or unreadable.
    """
    if stored.content_digest != request.content_digest:
        raise _conflict(request.request_id)
    return recall(stored)


def recall(stored: Stored) -> RecordedReview:
    """Read a stored review back.

    Raises:
        SealedError: its content was erased.
        LedgerCorruptError: its content is unreadable, or is gone and no entry says why.
    """
    if stored.erased_by is not None:
        raise SealedError(f"the content of reviews/{stored.review_id} was erased")
    if stored.content is None:
        raise LedgerCorruptError("the review's content is not in the log any more")
    return RecordedReview(read_content(stored.content), stored.position, replayed=True)


def _conflict(request_id: str) -> IdempotencyConflictError:
    return IdempotencyConflictError(f"request_id {request_id!r} was used for other content")
