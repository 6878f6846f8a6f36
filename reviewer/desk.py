"""The desk: tickets for people. Claimed, released, resolved, waited for, and expired by the service itself.

Each change is a record first (`reviewer.core.handoff` judges it within the commit); the desk holds nothing that a
restart could lose. What became of an answer is reported here too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from reviewer.admission import recall
from reviewer.content_sections import HandoffSettings
from reviewer.core.errors import (
    DrainingError,
    Fault,
    HandoffNotFoundError,
    IdempotencyConflictError,
    LedgerError,
    RequestError,
    ReviewNotFoundError,
    SealedError,
)
from reviewer.core.events import Action, Annex, annex_of, read_event
from reviewer.core.finding import Outcome
from reviewer.core.handoff import Move, labels_of
from reviewer.core.outcome_report import OutcomeReport, report_entry
from reviewer.core.record import CONTENT_KEY_BYTES, REVIEW
from reviewer.core.review import Position
from reviewer.core.ticket import Decision, Ticket, TicketState
from reviewer.core.words import Words, read_words, write_words
from reviewer.ledger.handoffs import Asked, Filed, TicketLedger
from reviewer.ledger.sealed import Means
from reviewer.telemetry import logger
from reviewer.waiters import Waiters

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decided.

    Attributes:
        time: when.
        words: None where they were erased.
    """

    time: datetime
    labels: Mapping[str, Outcome] = field(default_factory=dict)
    words: Words | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket as it stands now.

    Attributes:
        opened: index of its review in the log.
        resolution: None where no person has decided.
    """

    ticket: Ticket
    opened: int
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A person's decision on its way to the log.

    Attributes:
        token: of the claim in force.
    """

    token: int
    decision: Decision
    labels: Mapping[str, Outcome]
    words: Words


class Desk:
    """Enter to have tickets expired in the background."""

    def __init__(
        self, ledger: TicketLedger, settings: HandoffSettings, means: Means, draining: Callable[[], bool]
    ) -> None:
        """Keep the collaborators.

        Args:
            draining: whether the server is shutting down: then nobody is kept waiting.
        """
        self._ledger = ledger
        self._settings = settings
        self._means = means
        self._draining = draining
        self._waiters = Waiters(self._settled, draining, settings.poll_s, settings.max_waiting)
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to expire tickets."""
        self._sweeper = asyncio.create_task(self._sweep_forever())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        await self._waiters.close()

    async def page(
        self, tenant: str | None, route: str, state: TicketState | None, after: int | None, limit: int
    ) -> tuple[Shown, ...]:
        """Return tickets as they stand now, without their resolutions, the oldest first.

        Args:
            tenant: whose; None for all.
            after: `Shown.opened` of the ticket behind which to begin.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        now = self._means.now()
        found = await self._ledger.handoffs.page(Asked(now, tenant, route, state), after, limit)
        return tuple([Shown(filed.ticket.at(now), filed.opened) for filed in found])

    async def get(self, tenant: str | None, handoff_id: str) -> Shown:
        """Return a ticket with its resolution.

        Raises:
            HandoffNotFoundError: there is none that the tenant may see.
            LedgerUnavailableError, LedgerCorruptError: the log cannot be read.
        """
        return await self._shown(await self._find(tenant, handoff_id))

    async def claim(self, tenant: str, handoff_id: str, by: str, lease_s: int, token: int) -> Shown:
        """Take a ticket for a while, or renew one's claim by its token; the token of the answer is the one to act with.

        Args:
            lease_s: 0 for the settings' own; longer than these allow is cut.

        Raises:
            HandoffNotFoundError, HandoffFinalError, LeaseError: see `HandoffStore.move`.
            LedgerUnavailableError: it may or may not have been done.
        """
        lease = timedelta(seconds=min(lease_s or self._settings.lease_s, self._settings.max_lease_s))
        move = self._new(tenant, handoff_id, Action.CLAIM, token)
        return await self._move(replace(move, by=by, lease=lease))

    async def release(self, tenant: str, handoff_id: str, token: int) -> Shown:
        """Give a ticket back.

        Raises:
            HandoffNotFoundError, HandoffFinalError, LeaseError: see `HandoffStore.move`.
            LedgerUnavailableError: it may or may not have been done.
        """
        return await self._move(self._new(tenant, handoff_id, Action.RELEASE, token))

    async def resolve(self, tenant: str, handoff_id: str, ruling: Ruling) -> Shown:
        """Decide for good. The same decision under the same token again gives the first one back.

        Raises:
            RequestError: a label is for a criterion that the review did not answer.
            HandoffNotFoundError, HandoffFinalError, LeaseError: see `HandoffStore.move`.
            LedgerUnavailableError: it may or may not have been done.
        """
        filed = await self._find(tenant, handoff_id)
        await self._check_labels(filed.ticket, ruling.labels)
        annex = self._annex(ruling.words)
        move = self._new(tenant, handoff_id, Action.RESOLVE, ruling.token)
        move = replace(move, decision=ruling.decision, labels=ruling.labels, annex=annex)
        return await self._move(move)

    async def wait(self, tenant: str | None, handoff_id: str, until: float) -> Shown:
        """Return a ticket once it is decided or has expired, or as it stands when the time is over.

        Args:
            until: on the loop's clock.

        Raises:
            HandoffNotFoundError: there is none that the tenant may see.
            TooManyWaitingError: too many wait already.
            DrainingError: the server is shutting down; ask again.
            LedgerUnavailableError, LedgerCorruptError: the log cannot be read.
        """
        with self._waiters.waiting(handoff_id) as waker:
            return await self._waited(tenant, handoff_id, until, waker)

    async def report(self, report: OutcomeReport) -> Position:
        """Record what became of an answer, once under its request id.

        Raises:
            ReviewNotFoundError: the tenant has no such review.
            IdempotencyConflictError: the request id was used for another report.
            LedgerUnavailableError: it may or may not have been recorded.
        """
        found = await self._ledger.find_record(report.review_id)
        if found is None or (found.kind, found.tenant) != (REVIEW, report.tenant):
            raise ReviewNotFoundError(f"no review reviews/{report.review_id[:64]}")
        now = self._means.now()
        entry = report_entry(report, str(self._means.new_id(now)), now, self._annex(Words(report.comment)))
        appended = await self._ledger.append(entry)
        if appended.existing is not None and appended.existing.content_digest != report.digest():
            raise IdempotencyConflictError(f"request_id {report.request_id!r} was used for another outcome")
        return appended.position

    async def sweep(self) -> int:
        """Expire what is due, and return how many tickets that were; another process may have been faster.

        Raises:
            LedgerUnavailableError: the log cannot be read or written.
        """
        count = 0
        while True:
            now = self._means.now()
            due = await self._ledger.handoffs.overdue(now, _BATCH)
            for ticket in due:
                await self._move(self._new(ticket.tenant, ticket.id, Action.EXPIRE))
            count += len(due)
            if len(due) < _BATCH:
                return count

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sweep_interval_s)
            try:
                if count := await self.sweep():
                    logger().info("handoffs_expired", count=count)
            except LedgerError as exc:
                # Until its record is there an expired ticket counts as rejected all the same: nothing is laxer.
                logger().warning("handoffs_not_swept", error=type(exc).__name__)

    async def _waited(self, tenant: str | None, handoff_id: str, until: float, waker: asyncio.Event) -> Shown:
        loop = asyncio.get_running_loop()
        while True:
            filed = await self._find(tenant, handoff_id)
            if filed.ticket.at(self._means.now()).state.final or loop.time() >= until:
                return await self._shown(filed)
            if self._draining():
                raise DrainingError("the server is shutting down")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await waker.wait()
            waker.clear()

    async def _settled(self, handoff_ids: tuple[str, ...]) -> frozenset[str]:
        return await self._ledger.handoffs.settled(handoff_ids, self._means.now())

    async def _find(self, tenant: str | None, handoff_id: str) -> Filed:
        filed = await self._ledger.handoffs.find(handoff_id)
        # A ticket of somebody else is as good as none: its being there is nobody's business.
        if filed is None or (tenant is not None and filed.ticket.tenant != tenant):
            raise HandoffNotFoundError(f"no handoff handoffs/{handoff_id[:64]}")
        return filed

    async def _move(self, move: Move) -> Shown:
        shown = await self._shown(await self._ledger.handoffs.move(move))
        self._waiters.wake(move.handoff_id)
        return shown

    async def _shown(self, filed: Filed) -> Shown:
        ticket = filed.ticket.at(self._means.now())
        if ticket.state is not TicketState.RESOLVED:
            return Shown(ticket, filed.opened)
        (stored,) = await self._ledger.page(filed.last, 1)
        event = read_event(stored.record)
        if event is None:
            # A later version resolved it: who decided what stands in the ticket, the rest is not known here.
            return Shown(ticket, filed.opened)
        erased = stored.content is None and event.content_commitment != ""
        words = None if erased else read_words(stored.content) if stored.content else Words()
        return Shown(ticket, filed.opened, Resolution(event.time, labels_of(event), words))

    async def _check_labels(self, ticket: Ticket, labels: Mapping[str, Outcome]) -> None:
        """Hold labels against the review; where its content was erased there is nothing to hold them against."""
        stored = await self._ledger.find_review(ticket.tenant, ticket.review_id) if labels else None
        if stored is None:
            return
        with contextlib.suppress(SealedError):
            answered = {finding.criterion for finding in recall(stored).review.findings}
            if unknown := sorted(labels.keys() - answered):
                told = "is no criterion that the review answered"
                raise RequestError(tuple([Fault("labels", "", f"{name[:80]!r} {told}") for name in unknown]))

    def _annex(self, words: Words) -> Annex | None:
        if words == Words():
            return None
        return annex_of(write_words(words), self._means.entropy(CONTENT_KEY_BYTES))

    def _new(self, tenant: str, handoff_id: str, action: Action, token: int = 0) -> Move:
        now = self._means.now()
        return Move(handoff_id, tenant, action, str(self._means.new_id(now)), now, token=token)
