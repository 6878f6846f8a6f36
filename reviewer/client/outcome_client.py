"""The client for outcomes: what became of answers."""

from __future__ import annotations

from types import TracebackType
from typing import Self
from uuid import uuid4

from reviewer.client.connection import Connection, answered
from reviewer.v1 import outcome_service_pb2 as pb
from reviewer.v1 import outcome_service_pb2_grpc as pb_grpc


class OutcomeClient:
    """A connection to one service; an async context manager.

    Args:
        address: host and port.
        timeout_s: deadline of each call, in seconds.
        tenant: whose reviews they are; empty for the service's default tenant.
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

    async def record(
        self, review: str, outcome: pb.AnswerOutcome.ValueType, by: str, comment: str = "", request_id: str = ""
    ) -> str:
        """Report what became of the answer of `reviews/{id}`; return the name of the record.

        Args:
            request_id: sent again with the same one, a report is recorded once; a fresh one where none is given.

        Raises:
            CallFailedError: it was not recorded, or nobody knows.
        """
        # The generated class serves both kinds of channel; its stubs type them apart.
        stub: pb_grpc.OutcomeServiceAsyncStub = pb_grpc.OutcomeServiceStub(self._to.channel)
        request = pb.RecordOutcomeRequest(
            review=review, outcome=outcome, by=by, comment=comment, request_id=request_id or uuid4().hex
        )
        response = await answered(stub.RecordOutcome(request, timeout=self._to.timeout_s, metadata=self._to.metadata))
        return response.record
