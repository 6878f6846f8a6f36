"""The client for tickets: of people who decide, and of backends that wait for their decisions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

from reviewer.client.connection import Connection, answered
from reviewer.v1 import handoff_service_pb2 as pb
from reviewer.v1 import handoff_service_pb2_grpc as pb_grpc

R = TypeVar("R")
_FINAL = (pb.TICKET_STATE_RESOLVED, pb.TICKET_STATE_EXPIRED)


class HandoffClient:
    """A connection to one service; an async context manager.

    Args:
        address: host and port.
        timeout_s: deadline of each call, in seconds.
        tenant: whose tickets they are; empty for the service's default tenant.
    """

    def __init__(self, address: str, timeout_s: float = 30.0, tenant: str = "") -> None:
        """Keep the address; nothing connects yet."""
        self._to = Connection(address, timeout_s, tenant)

    async def __aenter__(self) -> Self:
        """Open the channel."""
        self._to.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the channel."""
        await self._to.close()

    async def tickets(
        self, state: pb.TicketState.ValueType = pb.TICKET_STATE_OPEN, route: str = "", page_size: int = 0
    ) -> AsyncIterator[pb.Ticket]:
        """Walk tickets as they stand now, the oldest first, page by page as far as they are asked for.

        Args:
            state: TICKET_STATE_UNSPECIFIED for all.

        Raises:
            CallFailedError: the log cannot be read.
        """
        request = pb.ListHandoffsRequest(state=state, route=route, page_size=page_size)
        while True:
            page = await answered(
                self._stub().ListHandoffs(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
            )
            for ticket in page.tickets:
                yield ticket
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get(self, name: str) -> pb.Ticket:
        """Read a ticket, `handoffs/{id}`.

        Raises:
            CallFailedError: there is none that this tenant may see, or the log cannot be read.
        """
        request = pb.GetHandoffRequest(name=name)
        call = self._stub().GetHandoff(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
        return (await answered(call)).ticket

    async def claim(self, name: str, by: str, lease_s: int = 0, token: int = 0) -> pb.ClaimHandoffResponse:
        """Take a ticket for a while, or renew one's claim by its token.

        Raises:
            CallFailedError: `ABORTED` where somebody else holds it, `FAILED_PRECONDITION` where it is final.
        """
        request = pb.ClaimHandoffRequest(name=name, by=by, lease_seconds=lease_s, token=token)
        return await answered(
            self._stub().ClaimHandoff(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
        )

    async def release(self, name: str, token: int) -> pb.Ticket:
        """Give a ticket back.

        Raises:
            CallFailedError: `ABORTED` where the token is not that of the claim in force.
        """
        request = pb.ReleaseHandoffRequest(name=name, token=token)
        call = self._stub().ReleaseHandoff(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
        return (await answered(call)).ticket

    async def resolve(
        self,
        name: str,
        token: int,
        decision: pb.HandoffDecision.ValueType,
        labels: Sequence[pb.CriterionLabel] = (),
        comment: str = "",
        edited_text: str = "",
    ) -> pb.Ticket:
        """Decide for good.

        Raises:
            CallFailedError: `ABORTED` where the token is not that of the claim in force, `FAILED_PRECONDITION` where
                the ticket is final.
        """
        request = pb.ResolveHandoffRequest(
            name=name, token=token, decision=decision, labels=labels, comment=comment, edited_text=edited_text
        )
        call = self._stub().ResolveHandoff(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
        return (await answered(call)).ticket

    async def wait(self, name: str, timeout_s: float) -> pb.Ticket:
        """Wait until a ticket is decided or has expired; after `timeout_s` seconds, return it as it stands.

        Raises:
            CallFailedError: there is none that this tenant may see, or nobody answers.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while True:
            left = max(until - loop.time(), 1.0)
            request = pb.WaitHandoffRequest(name=name)
            call = self._stub().WaitHandoff(request, timeout=min(left, self._to.timeout_s), metadata=self._to.metadata)
            ticket = (await answered(call)).ticket
            if ticket.state in _FINAL or loop.time() >= until - 1.0:
                return ticket

    def _stub(self) -> pb_grpc.HandoffServiceAsyncStub:
        # The generated class serves both kinds of channel; its stubs type them apart.
        return pb_grpc.HandoffServiceStub(self._to.channel)
