"""The client: one channel, calls with a deadline, and retries that cannot make a second review."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Review

TENANT_KEY: Final = "x-reviewer-tenant"
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
_RETRIED = ("Get", "Wait", "Resolve")
# Only UNAVAILABLE is retried, by gRPC itself, within the call's deadline: the request id makes that safe.
_SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [
                    {"service": "reviewer.v1.ReviewService"},
                    {"service": "reviewer.v1.VerdictLogService"},
                    {"service": "reviewer.v1.OutcomeService"},
                    # Not ClaimHandoff and ReleaseHandoff: done twice, they are refused the second time.
                    *[{"service": "reviewer.v1.HandoffService", "method": f"{verb}Handoff"} for verb in _RETRIED],
                    {"service": "reviewer.v1.HandoffService", "method": "ListHandoffs"},
                ],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


class CallFailedError(Exception):
    """A call came back without an answer: without a review nothing may be sent to the user.

    Attributes:
        code: gRPC status code by name, for example `INVALID_ARGUMENT`.
        faults: field and description, where the request was at fault.
    """

    def __init__(self, code: str, message: str, faults: tuple[tuple[str, str], ...] = ()) -> None:
        """Keep what the server said."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.faults = faults


class ReviewClient:
    """A connection to one service; an async context manager.

    Args:
        address: host and port.
        timeout_s: deadline of each call, in seconds.
        tenant: whom the calls are made for; empty for the service's default tenant.
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

    async def review(self, subject: pb.ReviewSubject) -> Review:
        """Have a draft reviewed. A subject without request id gets one, so that a retry finds the first review.

        Raises:
            CallFailedError: there is no review.
        """
        if not subject.request_id:
            subject.request_id = uuid4().hex
        try:
            response = await self._stub().ReviewDraft(
                pb.ReviewDraftRequest(subject=subject), timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as exc:
            raise call_failed(exc) from exc
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
                pb.StreamReviewRequest(subject=subject), timeout=self._timeout_s, metadata=self._metadata
            ):
                yield event
        except grpc.aio.AioRpcError as exc:
            raise call_failed(exc) from exc

    async def get(self, name: str) -> Review:
        """Read a review, `reviews/{id}`, from the log.

        Raises:
            CallFailedError: there is none, or the log cannot be read.
        """
        try:
            response = await self._stub().GetReview(
                pb.GetReviewRequest(name=name), timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as exc:
            raise call_failed(exc) from exc
        return response.review

    async def healthy(self) -> bool:
        """Whether the service says that it is serving; False also where nobody answers."""
        stub: Any = health_pb2_grpc.HealthStub(self._open())  # type: ignore[no-untyped-call, unused-ignore]
        request = health_pb2.HealthCheckRequest(service="reviewer.v1.ReviewService")
        try:
            response = await stub.Check(request, timeout=self._timeout_s)
        except grpc.aio.AioRpcError:
            return False
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            raise RuntimeError("the client is used outside its context")
        return self._channel

    def _stub(self) -> pb_grpc.ReviewServiceAsyncStub:
        # The generated class serves both kinds of channel; its stubs type them apart.
        return pb_grpc.ReviewServiceStub(self._open())


def open_channel(address: str) -> grpc.aio.Channel:
    """Open a channel with our retries and bounds."""
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ],
    )


def call_failed(error: grpc.aio.AioRpcError) -> CallFailedError:
    """Say what the server said, with the fields at fault where it named any."""
    faults: list[tuple[str, str]] = []
    # The function reads code, details and trailing metadata only, which the error of an asyncio call has as well.
    call: Any = error
    status = rpc_status.from_call(call)
    for detail in status.details if status is not None else ():
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            faults.extend((violation.field, violation.description) for violation in bad.field_violations)
    return CallFailedError(error.code().name, error.details() or "", tuple(faults))
