"""VerdictLogService over gRPC: records of the log by name, by filter, and all at once. Contents are never read here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial

import grpc

from reviewer.core.errors import RecordNotFoundError
from reviewer.core.search import Filter, Match, Operator, Order
from reviewer.ledger.interface import Found
from reviewer.ledger.tree import TreeLedger
from reviewer.log_sections import AuditSettings
from reviewer.serving import log_proofs
from reviewer.serving.log_requests import Listing, read_export, read_listing, read_record_name
from reviewer.serving.requests import read_tenant
from reviewer.serving.servicer import Context, guarded, parse
from reviewer.v1 import verdict_log_service_pb2 as pb

LOG_SERVICE = "reviewer.v1.VerdictLogService"
MAX_PAGE_BYTES = 768 * 1024
"""Of the records in one answer: with what is around them it stays below every bound that a server may be given."""
MAX_SEARCHES = 4
"""At once, in this process: each keeps a thread busy that reviews may need. Others wait, within their deadline."""
_BATCH = 200


class VerdictLogServicer:
    """The methods of the service."""

    def __init__(self, ledger: TreeLedger, settings: AuditSettings) -> None:
        """Keep the collaborators."""
        self._ledger = ledger
        self._auditors = frozenset(settings.tenants)
        self._turns = asyncio.Semaphore(MAX_SEARCHES)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service's method handlers; requests stay bytes, as those of reviews do."""
        return grpc.method_handlers_generic_handler(
            LOG_SERVICE,
            {
                "GetRecord": grpc.unary_unary_rpc_method_handler(
                    self._get_record, response_serializer=pb.GetRecordResponse.SerializeToString
                ),
                "ListRecords": grpc.unary_unary_rpc_method_handler(
                    self._list_records, response_serializer=pb.ListRecordsResponse.SerializeToString
                ),
                "ExportRecords": grpc.unary_stream_rpc_method_handler(
                    self._export_records, response_serializer=pb.ExportRecordsResponse.SerializeToString
                ),
                "GetCheckpoint": grpc.unary_unary_rpc_method_handler(
                    self._get_checkpoint, response_serializer=pb.GetCheckpointResponse.SerializeToString
                ),
                "GetInclusionProof": grpc.unary_unary_rpc_method_handler(
                    self._get_inclusion_proof, response_serializer=pb.GetInclusionProofResponse.SerializeToString
                ),
                "GetConsistencyProof": grpc.unary_unary_rpc_method_handler(
                    self._get_consistency_proof, response_serializer=pb.GetConsistencyProofResponse.SerializeToString
                ),
            },
        )

    async def _get_record(self, raw: bytes, context: Context) -> pb.GetRecordResponse:
        async def work() -> pb.GetRecordResponse:
            found = await self._seen(parse(pb.GetRecordRequest, raw).name, context)
            return pb.GetRecordResponse(record=_message(found))

        return await guarded(context, work)

    async def _list_records(self, raw: bytes, context: Context) -> pb.ListRecordsResponse:
        async def work() -> pb.ListRecordsResponse:
            listing = read_listing(parse(pb.ListRecordsRequest, raw), self._tenant(context))
            found, more = await self._page(listing)
            token = listing.token(found[-1].position.index) if more else ""
            return pb.ListRecordsResponse(records=map(_message, found), next_page_token=token)

        return await guarded(context, work)

    async def _export_records(self, raw: bytes, context: Context) -> AsyncIterator[pb.ExportRecordsResponse]:
        async def begin() -> Filter:
            tenant = self._tenant(context)
            return read_export(parse(pb.ExportRecordsRequest, raw), tenant, await self._ledger.size())

        asked = await guarded(context, begin)
        after: int | None = None
        while found := await guarded(context, partial(self._search, asked, Order.OLDEST, after, _BATCH)):
            for part in _parts(found):
                yield pb.ExportRecordsResponse(records=map(_message, part))
            after = found[-1].position.index

    async def _get_checkpoint(self, raw: bytes, context: Context) -> pb.GetCheckpointResponse:
        async def work() -> pb.GetCheckpointResponse:
            head = await log_proofs.checkpoint(self._ledger.tree, parse(pb.GetCheckpointRequest, raw).size)
            return pb.GetCheckpointResponse(checkpoint=log_proofs.checkpoint_message(head))

        return await guarded(context, work)

    async def _get_inclusion_proof(self, raw: bytes, context: Context) -> pb.GetInclusionProofResponse:
        async def work() -> pb.GetInclusionProofResponse:
            request = parse(pb.GetInclusionProofRequest, raw)
            found = await self._seen(request.name, context)
            return await log_proofs.inclusion(self._ledger.tree, found.position.index, request.size)

        return await guarded(context, work)

    async def _get_consistency_proof(self, raw: bytes, context: Context) -> pb.GetConsistencyProofResponse:
        async def work() -> pb.GetConsistencyProofResponse:
            request = parse(pb.GetConsistencyProofRequest, raw)
            return await log_proofs.consistency(self._ledger.tree, request.old_size, request.size)

        return await guarded(context, work)

    async def _seen(self, name: str, context: Context) -> Found:
        """Return a record by its name, if the caller may see it."""
        tenant = self._tenant(context)
        found = await self._named(read_record_name(name))
        # A record of somebody else is as good as none: its being there is nobody's business.
        if found is None or (tenant is not None and found.tenant != tenant):
            raise RecordNotFoundError(f"no record {name} in the log")
        return found

    def _tenant(self, context: Context) -> str | None:
        """Whose records a caller may see; None for all."""
        tenant = read_tenant(context.invocation_metadata())
        return None if tenant in self._auditors else tenant

    async def _named(self, name: int | str) -> Found | None:
        if isinstance(name, str):
            return await self._ledger.find_record(name)
        found = await self._search(Match("index", Operator.EQUAL, name), Order.OLDEST, None, 1)
        return found[0] if found else None

    async def _page(self, listing: Listing) -> tuple[list[Found], bool]:
        """Read a page in batches, until it is full by number or by size; and whether there is more behind it."""
        page: list[Found] = []
        size = 0
        while len(page) < listing.page_size:
            wanted = min(listing.page_size - len(page), _BATCH)
            after = page[-1].position.index if page else listing.after
            found = await self._search(listing.asked, listing.order, after, wanted + 1)
            for one in found[:wanted]:
                size += len(one.record)
                if page and size > MAX_PAGE_BYTES:
                    return page, True
                page.append(one)
            if len(found) <= wanted:
                return page, False
        return page, True

    async def _search(self, asked: Filter, order: Order, after: int | None, limit: int) -> tuple[Found, ...]:
        async with self._turns:
            return await self._ledger.search(asked, order, after, limit)


def _parts(found: Sequence[Found]) -> Iterator[list[Found]]:
    """Cut a batch into messages that every client can receive."""
    part: list[Found] = []
    size = 0
    for one in found:
        size += len(one.record)
        if part and size > MAX_PAGE_BYTES:
            yield part
            part, size = [], len(one.record)
        part.append(one)
    yield part


def _message(found: Found) -> pb.Record:
    message = pb.Record(
        name=f"records/{found.position.index}",
        index=found.position.index,
        leaf_hash=found.position.leaf_hash,
        data=found.record,
        review=found.review,
    )
    message.create_time.FromDatetime(found.create_time)
    return message
