"""The client of those who tune the rules: which are in force, what is wrong with others, and reading them again."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self, TypeVar

from reviewer.client.connection import Connection, answered
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

    async def rubrics(self) -> tuple[pb.RubricSummary, ...]:
        """List the rubrics in force."""
        call = self._stub().ListRubrics(pb.ListRubricsRequest(), timeout=self._to.timeout_s, metadata=self._to.metadata)
        return tuple((await answered(call)).rubrics)

    async def rubric(self, name: str) -> pb.GetRubricResponse:
        """Read one rubric in force, `rubrics/{id}`."""
        request = pb.GetRubricRequest(name=name)
        call = self._stub().GetRubric(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
        return await answered(call)

    async def validate(self, files: Mapping[str, bytes]) -> pb.ValidateRulesResponse:
        """Have rule files checked, by path below the rule folder; nothing of them is put in force."""
        listed = [pb.RuleFile(path=path, data=data) for path, data in files.items()]
        request = pb.ValidateRulesRequest(files=listed)
        return await answered(
            self._stub().ValidateRules(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
        )

    async def status(self) -> pb.RulesStatus:
        """Say which rules are in force, and what stands in the way of others."""
        call = self._stub().GetStatus(pb.GetStatusRequest(), timeout=self._to.timeout_s, metadata=self._to.metadata)
        return (await answered(call)).status

    async def reload(self) -> pb.RulesStatus:
        """Have log and rule folder looked at now, and say how things stand then."""
        call = self._stub().ReloadRules(pb.ReloadRulesRequest(), timeout=self._to.timeout_s, metadata=self._to.metadata)
        return (await answered(call)).status

    async def rollout(self) -> pb.GetRolloutResponse:
        """Say what is on trial beside what is in force, and how that compares."""
        call = self._stub().GetRollout(pb.GetRolloutRequest(), timeout=self._to.timeout_s, metadata=self._to.metadata)
        return await answered(call)

    def _stub(self) -> pb_grpc.RubricServiceAsyncStub:
        # The generated class serves both kinds of channel; its stubs type them apart.
        return pb_grpc.RubricServiceStub(self._to.channel)
