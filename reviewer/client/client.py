"""The client: one channel, calls with a deadline, and retries that cannot make a second review."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reviewer.client.connection import Connection, answered, call_failed
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review


class ReviewClient:
    """A connection to one service; an async context manager.

    Args:
        address: host and port.
        timeout_s: deadline of each call, in seconds.
        tenant: whom the calls are made for; empty for the service's default tenant.
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

    async def review(self, subject: pb.ReviewSubject) -> Review:
        """Have a draft reviewed. A subject without request id gets one, so that a retry finds the first review.

        Raises:
            CallFailedError: there is no review.
        """
        if not subject.request_id:
            subject.request_id = uuid4().hex
        response = await answered(
            self._stub().ReviewDraft(
                pb.ReviewDraftRequest(subject=subject), timeout=self._to.timeout_s, metadata=self._to.metadata
            )
        )
        return response.review

    async def stream(self, subject: pb.ReviewSubject) -> AsyncIterator[pb.StreamReviewResponse]:
        """Have a draft reviewed and hear what happens on the way; the review is the last event.

        Raises:
            CallFailedError: there is no review.
        """
        if not subject.request_id:
            subject.request_id = uuid4().hex
        try:
            async for event in self._stub().StreamReview(
                pb.StreamReviewRequest(subject=subject), timeout=self._to.timeout_s, metadata=self._to.metadata
            ):
                yield event
        except grpc.aio.AioRpcError as exc:
            raise call_failed(exc) from exc

    async def get(self, name: str) -> Review:
        """Read a review, `reviews/{id}`, from the log.

        Raises:
            CallFailedError: there is none, or the log cannot be read.
        """
        response = await answered(
            self._stub().GetReview(
                pb.GetReviewRequest(name=name), timeout=self._to.timeout_s, metadata=self._to.metadata
            )
        )
        return response.review

    async def healthy(self) -> bool:
        """Whether the service says that it is serving; False also where nobody answers."""
        stub: Any = health_pb2_grpc.HealthStub(self._to.channel)  # type: ignore[no-untyped-call, unused-ignore]
        request = health_pb2.HealthCheckRequest(service="reviewer.v1.ReviewService")
        try:
            response = await stub.Check(request, timeout=self._to.timeout_s)
        except grpc.aio.AioRpcError:
            return False
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

    def _stub(self) -> pb_grpc.ReviewServiceAsyncStub:
        # The generated class serves both kinds of channel; its stubs type them apart.
        return pb_grpc.ReviewServiceStub(self._to.channel)
