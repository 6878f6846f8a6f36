"""The client for outcomes: what became of answers."""

from __future__ import annotations

from types import TracebackType
from typing import Self
from uuid import uuid4

import grpc

from reviewer.client.client import TENANT_KEY, call_failed, open_channel
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
        self._address = address
        self._timeout_s = timeout_s
        self._metadata = ((TENANT_KEY, tenant),) if tenant else ()
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Self:
        """Open the channel."""
        self._channel = open_channel(self._address)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the channel."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def record(
        self, review: str, outcome: pb.AnswerOutcome.ValueType, by: str, comment: str = "", request_id: str = ""
    ) -> str:
        """Report what became of the answer of `reviews/{id}`; return the name of the record.

        Args:
            request_id: sent again with the same one, a report is recorded once; a fresh one where none is given.

        Raises:
            CallFailedError: it was not recorded, or nobody knows.
        """
        if self._channel is None:
            raise RuntimeError("the client is used outside its context")
        # The generated class serves both kinds of channel; its stubs type them apart.
        stub: pb_grpc.OutcomeServiceAsyncStub = pb_grpc.OutcomeServiceStub(self._channel)
        request = pb.RecordOutcomeRequest(
            review=review, outcome=outcome, by=by, comment=comment, request_id=request_id or uuid4().hex
        )
        try:
            response = await stub.RecordOutcome(request, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as exc:
            raise call_failed(exc) from exc
        return response.record
