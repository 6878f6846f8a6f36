"""The simulated provider's batches, as the official SDKs read them."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import orjson
import pytest

from reviewer.simulate.script import BatchConduct, Fault, FaultKind, Match, Rule, Script
from tests.contract.simulate.conftest import MODEL, Connect, Connected
from tests.support.small_review import Rendered, rendered


def _messages(shown: Rendered) -> dict[str, Any]:
    content = [{"type": "text", "text": block} for block in shown.prompt.blocks]
    return {
        "model": MODEL,
        "max_tokens": 1_000,
        "system": shown.prompt.questionnaire.prefix,
        "messages": [{"role": "user", "content": content}],
    }


def _responses(shown: Rendered, model: str = MODEL) -> dict[str, Any]:
    content = [{"type": "input_text", "text": block} for block in shown.prompt.blocks]
    return {
        "model": model,
        "input": [
            {"role": "developer", "content": [{"type": "input_text", "text": shown.prompt.questionnaire.prefix}]},
            {"role": "user", "content": content},
        ],
    }


def _line(custom_id: str, body: dict[str, Any]) -> bytes:
    return orjson.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/responses", "body": body}) + b"\n"


async def _messages_batch(on: Connected, count: int = 3) -> dict[str, Any]:
    """Run a batch to its end and return the type of each result by custom id, in the order of arrival."""
    shown = rendered()
    requests: Any = [{"custom_id": f"c{n}", "params": _messages(shown)} for n in range(count)]
    made = await on.anthropic.messages.batches.create(requests=requests)
    while (await on.anthropic.messages.batches.retrieve(made.id)).processing_status != "ended":
        pass
    results = [line async for line in await on.anthropic.messages.batches.results(made.id)]
    return {line.custom_id: line.result.type for line in results}


async def _responses_batch(on: Connected, count: int = 3) -> tuple[str, dict[str, Any]]:
    """Run a batch to its end and return its status and the lines of both files by custom id."""
    lines = b"".join(_line(f"c{n}", _responses(rendered())) for n in range(count))
    file = await on.openai.files.create(file=("calls.jsonl", lines), purpose="batch")
    made = await on.openai.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id=file.id)
    while (batch := await on.openai.batches.retrieve(made.id)).status == "in_progress":
        pass
    files = [file for file in (batch.output_file_id, batch.error_file_id) if file]
    texts = [(await on.openai.files.content(file)).text for file in files]
    told = [orjson.loads(line) for text in texts for line in text.splitlines()]
    return batch.status, {line["custom_id"]: line for line in told}


async def test_every_call_is_answered_out_of_order(connect: Connect) -> None:
    """Both vendors' batches answer each call as it would be by itself, in the reverse order."""
    on = await connect(script=Script(always_met=True, batches=BatchConduct(polls=2)))
    assert list((await _messages_batch(on)).items()) == [("c2", "succeeded"), ("c1", "succeeded"), ("c0", "succeeded")]
    status, lines = await _responses_batch(on)
    assert (status, list(lines)) == ("completed", ["c2", "c1", "c0"])
    assert lines["c0"]["response"]["body"]["object"] == "response"


async def test_batches_expire_and_lose(connect: Connect) -> None:
    """The first batches expire, and as many calls of each as the script says stand in no result."""
    on = await connect(script=Script(always_met=True, batches=BatchConduct(expire=2, lose=1)))
    assert await _messages_batch(on) == {"c2": "expired", "c1": "expired"}
    status, lines = await _responses_batch(on)
    assert (status, {line["error"]["code"] for line in lines.values()}) == ("expired", {"batch_expired"})
    assert await _messages_batch(on) == {"c2": "succeeded", "c1": "succeeded"}


async def test_single_calls_fail(connect: Connect) -> None:
    """A rule's fault falls on its own calls: errors are errors of the call, and one that hangs expires."""
    faults = [FaultKind.SERVER_ERROR, FaultKind.HANG]
    rules = tuple(Rule(match=Match(times=1), fault=Fault(kind=kind)) for kind in faults)
    on = await connect(script=Script(rules=rules, always_met=True))
    assert sorted((await _messages_batch(on)).values()) == ["errored", "expired", "succeeded"]
    on = await connect(script=Script(rules=rules, always_met=True))
    _, lines = await _responses_batch(on)
    statuses = [line["response"] and line["response"]["status_code"] for line in lines.values()]
    assert sorted(map(str, statuses)) == ["200", "500", "None"]


async def test_cancelled_batches_answer_nothing(connect: Connect) -> None:
    """After a cancellation no call is answered, and what was deleted is gone."""
    on = await connect(script=Script(always_met=True, batches=BatchConduct(polls=0)))
    requests: Any = [{"custom_id": "c0", "params": _messages(rendered())}]
    made = await on.anthropic.messages.batches.create(requests=requests)
    assert (await on.anthropic.messages.batches.cancel(made.id)).processing_status == "canceling"
    assert (await on.anthropic.messages.batches.retrieve(made.id)).processing_status == "ended"
    (line,) = [line async for line in await on.anthropic.messages.batches.results(made.id)]
    assert line.result.type == "canceled"
    file = await on.openai.files.create(file=("calls.jsonl", _line("c0", _responses(rendered()))), purpose="batch")
    batch = await on.openai.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id=file.id)
    assert (await on.openai.batches.cancel(batch.id)).status == "cancelling"
    assert (await on.openai.batches.retrieve(batch.id)).status == "cancelled"
    await on.openai.files.delete(file.id)
    with pytest.raises(openai.NotFoundError):
        await on.openai.files.content(file.id)


async def test_what_no_vendor_takes_is_refused(connect: Connect) -> None:
    """Doubled ids, two models in one file, other endpoints and unknown batches are refused."""
    on = await connect(script=Script(always_met=True))
    shown = rendered()
    twice = [{"custom_id": "c0", "params": _messages(shown)}] * 2
    models = _line("c0", _responses(shown)) + _line("c1", _responses(shown, "another"))
    async with httpx2.AsyncClient(base_url=on.server.base_url) as client:
        assert (await client.post("/v1/messages/batches", json={"requests": twice})).status_code == 400
        assert (await client.post("/v1/messages/batches", json={"requests": []})).status_code == 400
        assert (await client.post("/v1/files", data={"purpose": "batch"})).status_code == 400
        file = await on.openai.files.create(file=("calls.jsonl", models), purpose="batch")
        wanted = {"completion_window": "24h", "endpoint": "/v1/responses", "input_file_id": file.id}
        assert (await client.post("/v1/batches", json=wanted)).status_code == 400
        assert (await client.post("/v1/batches", json={**wanted, "endpoint": "/v1/embeddings"})).status_code == 400
        for path in ("/v1/messages/batches/x", "/v1/messages/batches/x/results", "/v1/batches/x"):
            assert (await client.get(path)).status_code == 404
        for path in ("/v1/messages/batches/x/cancel", "/v1/batches/x/cancel"):
            assert (await client.post(path)).status_code == 404
