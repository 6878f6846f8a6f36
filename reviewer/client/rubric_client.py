"""The client of those who tune the rules: which are in force, what is wrong with others, and reading them again."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import grpc

from reviewer.client.client import TENANT_KEY, call_failed, open_channel
from reviewer.v1 import rubric_service_pb2 as pb
from reviewer.v1 import rubric_service_pb2_grpc as pb_grpc

R = TypeVar("R")


class RubricClient:
    """A connection to one service; an async context manager. Every call raises CallFailedError where it is refused.

    Args:
        address: host and port.
        timeout_s: deadline of each call, in seconds.
        tenant: one that the service's settings name as an administrator of the rules.
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

    async def rubrics(self) -> tuple[pb.RubricSummary, ...]:
        """List the rubrics in force."""
        call = self._stub().ListRubrics(pb.ListRubricsRequest(), timeout=self._timeout_s, metadata=self._metadata)
        return tuple((await _answer(call)).rubrics)

    async def rubric(self, name: str) -> pb.GetRubricResponse:
        """Read one rubric in force, `rubrics/{id}`."""
        request = pb.GetRubricRequest(name=name)
        return await _answer(self._stub().GetRubric(request, timeout=self._timeout_s, metadata=self._metadata))

    async def validate(self, files: Mapping[str, bytes]) -> pb.ValidateRulesResponse:
        """Have rule files checked, by path below the rule folder; nothing of them is put in force."""
        listed = [pb.RuleFile(path=path, data=data) for path, data in files.items()]
        request = pb.ValidateRulesRequest(files=listed)
        return await _answer(self._stub().ValidateRules(request, timeout=self._timeout_s, metadata=self._metadata))

    async def status(self) -> pb.RulesStatus:
        """Say which rules are in force, and what stands in the way of others."""
        call = self._stub().GetStatus(pb.GetStatusRequest(), timeout=self._timeout_s, metadata=self._metadata)
        return (await _answer(call)).status

    async def reload(self) -> pb.RulesStatus:
        """Have log and rule folder looked at now, and say how things stand then."""
        call = self._stub().ReloadRules(pb.ReloadRulesRequest(), timeout=self._timeout_s, metadata=self._metadata)
        return (await _answer(call)).status

    async def rollout(self) -> pb.GetRolloutResponse:
        """Say what is on trial beside what is in force, and how that compares."""
        call = self._stub().GetRollout(pb.GetRolloutRequest(), timeout=self._timeout_s, metadata=self._metadata)
        return await _answer(call)

    def _stub(self) -> pb_grpc.RubricServiceAsyncStub:
        if self._channel is None:
            raise RuntimeError("the client is used outside its context")
        # The generated class serves both kinds of channel; its stubs type them apart.
        return pb_grpc.RubricServiceStub(self._channel)


async def _answer(call: Awaitable[R]) -> R:
    try:
        return await call
    except grpc.aio.AioRpcError as exc:
        raise call_failed(exc) from exc
