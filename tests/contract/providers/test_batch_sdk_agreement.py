"""What we put on the wire about batches is what the vendors' SDKs would put there."""

from __future__ import annotations

import re
from typing import Any

import anthropic
import openai
import orjson
import pytest

from reviewer.core.outcome import Reply
from reviewer.providers.adapter import Adapter
from reviewer.providers.batch import BatchedProvider, BatchPolicy
from tests.support.batch_vendor import BatchVendor, good, uploaded
from tests.support.prompts import prompt_of
from tests.support.wire_formats import ANTHROPIC, RESPONSES, WireFormat
from tests.support.wire_server import Seen, WireServer
from tests.support.wired import KEY, MODEL, Make

# Set by each HTTP library for itself, or told anew at each call: no part of what is asked.
_OF_THE_TRANSPORT = {"accept-encoding", "connection", "host", "user-agent", "content-length", "transfer-encoding"}
_OF_THE_CALL = {
    "x-stainless-retry-count",
    "x-stainless-read-timeout",
    "x-stainless-timeout",
    "x-stainless-stream-helper",
}
_BOUNDARY = re.compile(r"boundary=(\S+)")


def _asked(seen: Seen) -> tuple[str, str, dict[str, str], bytes]:
    """Return method, path, headers and body, with every boundary of a form called the same."""
    names = set(seen.headers) - _OF_THE_TRANSPORT - _OF_THE_CALL
    boundary = _BOUNDARY.search(seen.headers.get("content-type", ""))
    mark = boundary[1] if boundary else "no boundary"
    headers = {name: seen.headers[name].replace(mark, "B") for name in names}
    return seen.method, seen.path, headers, seen.body.replace(mark.encode(), b"B")


async def _by_us(make: Make) -> Reply:
    async def sleep(_: float) -> None:
        """Look at once."""

    adapter = make()
    assert isinstance(adapter, Adapter)
    assert adapter.batch is not None
    async with BatchedProvider(adapter, adapter.batch, BatchPolicy(settle_s=0, sleep=sleep)) as provider:
        reply = await provider.complete(MODEL, prompt_of())
    async with make() as opened:
        assert isinstance(opened, Adapter)
        await adapter.batch.cancel(opened.exchange, provider.runs[0].id)
    return reply


async def _by_anthropic(base_url: str, first: Seen) -> None:
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=base_url, max_retries=0) as client:
        batches = client.messages.batches
        made = await batches.create(requests=orjson.loads(first.body)["requests"])
        await batches.retrieve(made.id)
        [line async for line in await batches.results(made.id)]
        await batches.delete(made.id)
        await batches.cancel(made.id)


async def _by_openai(base_url: str, first: Seen) -> None:
    calls = uploaded(first.headers["content-type"], first.body)
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{base_url}/v1", max_retries=0) as client:
        file = await client.files.create(file=("calls.jsonl", calls, "application/jsonl"), purpose="batch")
        made = await client.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id=file.id)
        ended = await client.batches.retrieve(made.id)
        assert ended.output_file_id is not None
        await client.files.content(ended.output_file_id)
        await client.files.delete(ended.input_file_id)
        await client.files.delete(ended.output_file_id)
        await client.batches.cancel(made.id)


@pytest.mark.parametrize("form", [ANTHROPIC, RESPONSES], indirect=True, ids=lambda form: form.module)
async def test_requests_about_batches_are_those_of_the_sdk(form: WireFormat, server: WireServer, make: Make) -> None:
    """Handing in, looking, reading, deleting and cancelling give the SDK's own requests, in the same order."""

    def lines(ids: list[str]) -> list[dict[str, Any]]:
        return [good(form.module, one, form.stops("complete", "{}")) for one in ids]

    vendor = BatchVendor(form.module, lines, junk=b"")
    server.script(vendor.answer)
    assert (await _by_us(make)).text == "{}"
    ours = [_asked(seen) for seen in server.requests]
    first = server.requests[0]
    server.requests.clear()
    vendor.batches.clear()
    await (_by_anthropic if form is ANTHROPIC else _by_openai)(server.base_url, first)
    theirs = [_asked(seen) for seen in server.requests]
    # The SDK looks once more before it reads results.
    theirs = [asked for n, asked in enumerate(theirs) if n == 0 or asked != theirs[n - 1]]
    assert ours == theirs
