"""The verdict log over the wire: records by name, by filter and all at once, each tenant its own."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from reviewer.client import CallFailedError, Record, VerdictLogClient
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import Entry
from reviewer.core.search import read_filter
from reviewer.v1 import verdict_log_service_pb2 as pb
from reviewer.v1 import verdict_log_service_pb2_grpc as pb_grpc
from tests.contract.ledger.test_search import varied
from tests.e2e.conftest import Serve, stored_in
from tests.support.builders import entry
from tests.support.filters import lets_through
from tests.support.service import LOG_SERVICE, TIMEOUT_S, Refusal, Service, refusal_of
from tests.support.subjects import subject

CODE = grpc.StatusCode
KEY = "x-reviewer-tenant"
ENTRIES = [varied(number) for number in range(30)]
LIST, EXPORT, GET = "ListRecords", "ExportRecords", "GetRecord"


@pytest.fixture(params=["sqlite", "postgres"])
async def audited(serve: Serve, request: pytest.FixtureRequest) -> Service:
    """A service with a log of three tenants, and one tenant who may read all."""
    service = await serve(audit={"tenants": ["auditor"]}, ledger=stored_in(request))
    for one in ENTRIES:
        await service.app.ledger.append(one)
    return service


def client(service: Service, tenant: str = "auditor") -> VerdictLogClient:
    return VerdictLogClient(service.app.server.address, TIMEOUT_S, tenant)


def stub(service: Service) -> pb_grpc.VerdictLogServiceAsyncStub:
    return pb_grpc.VerdictLogServiceStub(service.channel)


async def listed(service: Service, tenant: str, filter_: str = "", order: str = "", size: int = 0) -> list[Record]:
    async with client(service, tenant) as log:
        return [record async for record in log.records(filter_, order, size)]


def indexes(records: list[Record]) -> list[int]:
    return [record.index for record in records]


def newest_first(text: str, entries: list[Entry]) -> list[int]:
    asked = read_filter(text)
    found = [index for index, one in enumerate(entries) if lets_through(asked, index, one.facets)]
    return sorted(found, key=lambda index: (entries[index].facets.create_time, index), reverse=True)


async def test_a_review_is_found_as_a_record(serve: Serve) -> None:
    """A review that was answered is in the log at once: by its name, by its place, in lists and exports."""
    service = await serve()
    review = await service.review(subject())
    (entry_,) = await service.entries()
    async with client(service, "default") as log:
        record = await log.get(review.name)
        assert record == await log.get("records/0")
        assert [record] == [one async for one in log.records('intent = "health.*"')]
        assert [record] == [one async for one in log.export()]
    assert (record.name, record.index, record.review) == ("records/0", 0, review.name)
    assert record.data == entry_.record
    assert record.leaf_hash == leaf_hash(record.data) == review.log_position.leaf_hash
    assert record.create_time == review.create_time


@pytest.mark.parametrize("text", ["", "cause:deadline", "verdict = REVISE OR simulated = true", "tenant = nobody"])
async def test_lists_follow_filter_and_order(audited: Service, text: str) -> None:
    """A list holds what the filter lets through, newest first or oldest first, whatever the size of its pages."""
    newest = newest_first(text, ENTRIES)
    assert indexes(await listed(audited, "auditor", text)) == newest
    for size in (1, 7, 5_000):
        assert indexes(await listed(audited, "auditor", text, "create_time asc", size)) == newest[::-1]
    async with client(audited) as log:
        assert [record.index async for record in log.export(text)] == newest[::-1]


async def test_a_tenant_reads_its_own_records(audited: Service) -> None:
    """Whoever is not named as an auditor sees its own records alone, whatever the filter or name it asks with."""
    own = newest_first("tenant = acme", ENTRIES)
    for text in ("", "tenant = globex OR tenant != globex", "NOT tenant = nobody"):
        assert indexes(await listed(audited, "acme", text)) == own
    assert await listed(audited, "acme", "tenant = globex") == []
    assert await listed(audited, "default") == []
    async with client(audited, "acme") as log:
        assert [record.index async for record in log.export()] == own[::-1]
        strange = next(index for index in range(30) if index not in own)
        for name in (f"records/{strange}", f"reviews/{ENTRIES[strange].review_id}"):
            with pytest.raises(CallFailedError, match="NOT_FOUND"):
                await log.get(name)
        assert (await log.get(f"reviews/{ENTRIES[own[0]].review_id}")).index == own[0]


async def test_nobody_reads_all_by_default(serve: Serve) -> None:
    """Without the setting no name opens the whole log."""
    service = await serve()
    for one in ENTRIES[:3]:
        await service.app.ledger.append(one)
    assert await listed(service, "auditor") == []


async def refusal(service: Service, method: str, message: Any, tenant: str = "auditor") -> Refusal:
    call = getattr(stub(service), method)(message, timeout=TIMEOUT_S, metadata=((KEY, tenant),))
    return await refusal_of(call.read() if hasattr(call, "read") else call)


@pytest.mark.parametrize(
    ("method", "message", "fields"),
    [
        (LIST, pb.ListRecordsRequest(filter="verdict = MAYBE"), ["filter"]),
        (LIST, pb.ListRecordsRequest(order_by="index"), ["order_by"]),
        (LIST, pb.ListRecordsRequest(page_size=-1), ["page_size"]),
        (LIST, pb.ListRecordsRequest(page_token="AAAA"), ["page_token"]),
        (
            LIST,
            pb.ListRecordsRequest(filter="(", order_by="x", page_size=-5, page_token="!"),
            ["page_size", "filter", "order_by", "page_token"],
        ),
        (EXPORT, pb.ExportRecordsRequest(filter="a b"), ["filter"]),
        (GET, pb.GetRecordRequest(), ["name"]),
        (GET, pb.GetRecordRequest(name="records/-1"), ["name"]),
        (GET, pb.GetRecordRequest(name="records/01"), ["name"]),
        (GET, pb.GetRecordRequest(name="reviews/x"), ["name"]),
    ],
)
async def test_requests_at_fault(audited: Service, method: str, message: Any, fields: list[str]) -> None:
    """What cannot be read is refused with every fault by its field, and a reason."""
    refused = await refusal(audited, method, message)
    assert (refused.code, refused.reason, refused.paths) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST", fields)


@pytest.mark.parametrize(
    "name", ["records/30", "records/999999999999999999", f"reviews/{'0' * 8}-0000-7000-8000-{'0' * 12}"]
)
async def test_records_that_are_not_there(audited: Service, name: str) -> None:
    """A name of nothing is NOT_FOUND, with a reason of its own."""
    refused = await refusal(audited, GET, pb.GetRecordRequest(name=name))
    assert (refused.code, refused.reason) == (CODE.NOT_FOUND, "RECORD_NOT_FOUND")


@pytest.mark.parametrize(
    "other", [pb.ListRecordsRequest(filter="tenant = acme"), pb.ListRecordsRequest(order_by="create_time asc")]
)
async def test_a_page_token_belongs_to_its_question(audited: Service, other: pb.ListRecordsRequest) -> None:
    """A token leads on with the same filter, order and tenant, and is refused with any other; the size may change."""
    metadata = ((KEY, "auditor"),)
    first = await stub(audited).ListRecords(pb.ListRecordsRequest(page_size=3), timeout=TIMEOUT_S, metadata=metadata)
    asked = pb.ListRecordsRequest(page_size=4, page_token=first.next_page_token)
    second = await stub(audited).ListRecords(asked, timeout=TIMEOUT_S, metadata=metadata)
    assert indexes([*first.records, *second.records]) == newest_first("", ENTRIES)[:7]
    other.page_token = first.next_page_token
    for refused in (await refusal(audited, LIST, other), await refusal(audited, LIST, asked, "acme")):
        assert (refused.code, refused.paths) == (CODE.INVALID_ARGUMENT, ["page_token"])


@pytest.mark.parametrize("method", [LIST, EXPORT, GET])
async def test_bytes_that_are_no_message(audited: Service, method: str) -> None:
    """Bytes that are no request, and a tenant that is no name, are the caller's fault in each call."""
    kind = audited.channel.unary_stream if method == EXPORT else audited.channel.unary_unary
    send: Any = kind(f"/{LOG_SERVICE}/{method}")
    for data, metadata in ((b"\xff\xff\xff", ()), (b"", ((KEY, "No Name"),))):
        call = send(data, timeout=TIMEOUT_S, metadata=metadata)
        refused = await refusal_of(call.read() if hasattr(call, "read") else call)
        assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_large_records_come_in_several_answers(serve: Serve) -> None:
    """Records of the largest size fit through a client's usual bounds: pages and parts are cut by size as well."""
    service = await serve(audit={"tenants": ["auditor"]}, limits={"max_request_bytes": 1024, "max_text_bytes": 1024})
    large = [entry(number, intent="x" * 60_000) for number in range(30)]
    for one in large:
        await service.app.ledger.append(one)
    page = await stub(service).ListRecords(
        pb.ListRecordsRequest(page_size=30), timeout=TIMEOUT_S, metadata=((KEY, "auditor"),)
    )
    assert 1 < len(page.records) < 30
    assert page.next_page_token
    assert sorted(indexes(await listed(service, "auditor", size=30))) == list(range(30))
    async with client(service) as log:
        assert [record.data async for record in log.export()] == [one.record for one in large]


async def test_an_export_ends_where_the_log_ended(audited: Service) -> None:
    """What is appended while an export runs is not waited for."""
    async with client(audited) as log:
        exported: list[Record] = []
        async for record in log.export():
            if not exported:
                await audited.app.ledger.append(varied(100))
            exported.append(record)
    assert sorted(indexes(exported)) == list(range(30))


async def test_health_is_told_for_the_log_too(audited: Service) -> None:
    """Health checkers may ask for this service by its name."""
    await asyncio.wait_for(audited.health_turns(1, LOG_SERVICE), TIMEOUT_S)
