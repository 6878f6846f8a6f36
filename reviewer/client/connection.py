"""The connection that every client has: one channel, calls with a deadline, and retries that change nothing twice."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

R = TypeVar("R")
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


class Connection:
    """Where a client's calls go, for how long, and for whom.

    Attributes:
        timeout_s: deadline of each call, in seconds.
        metadata: names the tenant.
    """

    def __init__(self, address: str, timeout_s: float, tenant: str) -> None:
        """Keep the address; nothing connects yet."""
        self.timeout_s = timeout_s
        self.metadata = ((TENANT_KEY, tenant),) if tenant else ()
        self._address = address
        self._channel: grpc.aio.Channel | None = None

    def open(self) -> None:
        """Open the channel; it connects with the first call."""
        self._channel = open_channel(self._address)

    async def close(self) -> None:
        """Close the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    @property
    def channel(self) -> grpc.aio.Channel:
        """The open channel."""
        if self._channel is None:
            raise RuntimeError("the client is used outside its context")
        return self._channel


async def answered(call: Awaitable[R]) -> R:
    """Await a call's answer.

    Raises:
        CallFailedError: there is none.
    """
    try:
        return await call
    except grpc.aio.AioRpcError as exc:
        raise call_failed(exc) from exc


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
