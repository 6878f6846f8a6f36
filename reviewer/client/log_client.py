"""The auditor's client: records of the verdict log by name, by filter, and all at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import grpc

from reviewer.client.connection import Connection, answered, call_failed
from reviewer.v1 import verdict_log_service_pb2 as pb
from reviewer.v1 import verdict_log_service_pb2_grpc as pb_grpc


class VerdictLogClient:
    """A connection to one service; an async context manager.

    Args:
        address: host and port.
        timeout_s: deadline of each call, in seconds; an export has none.
        tenant: whose records are read; one that the service's settings name as an auditor reads all.
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

    async def get(self, name: str) -> pb.Record:
        """Read one record, `records/{index}` or that of `reviews/{id}`.

        Raises:
            CallFailedError: there is none that this tenant may see, or the log cannot be read.
        """
        response = await answered(
            self._stub().GetRecord(
                pb.GetRecordRequest(name=name), timeout=self._to.timeout_s, metadata=self._to.metadata
            )
        )
        return response.record

    async def records(self, filter_: str = "", order_by: str = "", page_size: int = 0) -> AsyncIterator[pb.Record]:
        """Walk the records that a filter lets through, page by page as far as they are asked for.

        Raises:
            CallFailedError: filter or order cannot be read, or the log cannot.
        """
        request = pb.ListRecordsRequest(filter=filter_, order_by=order_by, page_size=page_size)
        while True:
            page = await answered(
                self._stub().ListRecords(request, timeout=self._to.timeout_s, metadata=self._to.metadata)
            )
            for record in page.records:
                yield record
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def export(self, filter_: str = "") -> AsyncIterator[pb.Record]:
        """Stream all records that a filter lets through, oldest first.

        Raises:
            CallFailedError: the filter cannot be read, or the log cannot; what came before it still stands.
        """
        try:
            async for part in self._stub().ExportRecords(
                pb.ExportRecordsRequest(filter=filter_), metadata=self._to.metadata
            ):
                for record in part.records:
                    yield record
        except grpc.aio.AioRpcError as exc:
            raise call_failed(exc) from exc

    async def checkpoint(self, size: int = 0) -> pb.Checkpoint:
        """Read the checkpoint over so many entries, the newest for 0. Its signature is the caller's to check.

        Raises:
            CallFailedError: there is none.
        """
        response = await answered(
            self._stub().GetCheckpoint(
                pb.GetCheckpointRequest(size=size), timeout=self._to.timeout_s, metadata=self._to.metadata
            )
        )
        return response.checkpoint

    async def inclusion_proof(self, name: str, size: int = 0) -> pb.GetInclusionProofResponse:
        """Read what proves a record under a checkpoint. The proof is the caller's to check.

        Raises:
            CallFailedError: there is no such record that this tenant may see, or no checkpoint that covers it.
        """
        return await answered(
            self._stub().GetInclusionProof(
                pb.GetInclusionProofRequest(name=name, size=size),
                timeout=self._to.timeout_s,
                metadata=self._to.metadata,
            )
        )

    async def consistency_proof(self, old_size: int, size: int = 0) -> pb.GetConsistencyProofResponse:
        """Read what proves that the log begins with what it held earlier. The proof is the caller's to check.

        Raises:
            CallFailedError: there is no such checkpoint.
        """
        return await answered(
            self._stub().GetConsistencyProof(
                pb.GetConsistencyProofRequest(old_size=old_size, size=size),
                timeout=self._to.timeout_s,
                metadata=self._to.metadata,
            )
        )

    def _stub(self) -> pb_grpc.VerdictLogServiceAsyncStub:
        # The generated class serves both kinds of channel; its stubs type them apart.
        return pb_grpc.VerdictLogServiceStub(self._to.channel)
