"""OutcomeService over gRPC: what became of answers."""

from __future__ import annotations

import grpc

from reviewer.desk import Desk
from reviewer.serving.handoff_requests import read_report
from reviewer.serving.requests import read_tenant
from reviewer.serving.servicer import Context, guarded, parse
from reviewer.v1 import outcome_service_pb2 as pb

OUTCOME_SERVICE = "reviewer.v1.OutcomeService"


class OutcomeServicer:
    """The one method of the service."""

    def __init__(self, desk: Desk) -> None:
        """Keep the desk."""
        self._desk = desk

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service's method handler; requests stay bytes, as those of reviews do."""
        return grpc.method_handlers_generic_handler(
            OUTCOME_SERVICE,
            {
                "RecordOutcome": grpc.unary_unary_rpc_method_handler(
                    self._record, response_serializer=pb.RecordOutcomeResponse.SerializeToString
                )
            },
        )

    async def _record(self, raw: bytes, context: Context) -> pb.RecordOutcomeResponse:
        async def work() -> pb.RecordOutcomeResponse:
            tenant = read_tenant(context.invocation_metadata())
            position = await self._desk.report(read_report(parse(pb.RecordOutcomeRequest, raw), tenant))
            return pb.RecordOutcomeResponse(record=f"records/{position.index}")

        return await guarded(context, work)
