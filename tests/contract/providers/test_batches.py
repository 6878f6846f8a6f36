"""Calls in batches, against both vendors' batch APIs: each call ends as it would have by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from reviewer.core.outcome import FailureKind, Reply
from reviewer.providers.adapter import Adapter
from reviewer.providers.batch import BatchedProvider, BatchPolicy, BatchRun, BatchState
from reviewer.providers.interface import ProviderError
from tests.support.batch_vendor import BatchVendor, bad, good
from tests.support.prompts import SECRET_TEXT, prompt_of
from tests.support.wire_formats import ANTHROPIC, RESPONSES, WireFormat
from tests.support.wire_server import WireServer
from tests.support.wired import MODEL, Make

pytestmark = pytest.mark.parametrize("form", [ANTHROPIC, RESPONSES], indirect=True, ids=lambda form: form.module)


@dataclass(slots=True)
class Batched:
    """A vendor and batched providers for it.

    Attributes:
        waits: seconds that a provider would have slept, in order; none of them is slept.
    """

    form: WireFormat
    vendor: BatchVendor
    server: WireServer
    open: Callable[..., Any]
    waits: list[float] = field(default_factory=list)

    def line(self, custom_id: str, text: str = "{}") -> dict[str, Any]:
        """Return the line of a complete answer."""
        return good(self.form.module, custom_id, self.form.stops("complete", text))


@pytest.fixture
async def batched(form: WireFormat, server: WireServer, make: Make) -> AsyncIterator[Batched]:
    """A vendor that answers each call of a batch with its own custom id, in the reverse order."""
    async with AsyncExitStack() as stack:

        async def start(**policy: Any) -> BatchedProvider:
            async def sleep(seconds: float) -> None:
                world.waits.append(seconds)
                await asyncio.sleep(0)

            adapter = make()
            assert isinstance(adapter, Adapter)
            assert adapter.batch is not None
            chosen = BatchPolicy(**{"settle_s": 0.0, "sleep": sleep, "give_up_s": 5.0, **policy})
            return await stack.enter_async_context(BatchedProvider(adapter, adapter.batch, chosen))

        vendor = BatchVendor(form.module, lambda _: [])
        world = Batched(form, vendor, server, start)
        vendor.lines = lambda ids: [world.line(one, f"answer to {one}") for one in reversed(ids)]
        server.script(vendor.answer)
        yield world


async def _all(provider: BatchedProvider, count: int) -> list[Reply | BaseException]:
    return await asyncio.gather(*(provider.complete(MODEL, prompt_of()) for _ in range(count)), return_exceptions=True)


def _kinds(outcomes: list[Reply | BaseException]) -> list[FailureKind | None]:
    return [outcome.kind if isinstance(outcome, ProviderError) else None for outcome in outcomes]


async def test_each_call_gets_its_own_reply(batched: Batched) -> None:
    """Results in any order find their callers, are read as by the plain adapter, and are marked as batched."""
    provider = await batched.open()
    replies = await _all(provider, 5)
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == [f"answer to c{n}" for n in range(1, 6)]
    first = replies[0]
    assert isinstance(first, Reply)
    assert (first.batched, first.simulated, first.usage) == (True, True, batched.form.usage)
    assert first.request_id
    assert batched.vendor.batches == [["c1", "c2", "c3", "c4", "c5"]]
    assert [(run.calls, run.state) for run in provider.runs] == [(5, BatchState.ENDED)]


async def test_a_full_batch_is_handed_in_at_once(batched: Batched) -> None:
    """Neither more calls nor more bytes than the bound travel together."""
    await _all(await batched.open(max_calls=2), 5)
    assert [len(batch) for batch in batched.vendor.batches] == [2, 2, 1]
    batched.vendor.batches.clear()
    await _all(await batched.open(max_bytes=1), 3)
    assert [len(batch) for batch in batched.vendor.batches] == [1, 1, 1]


async def test_models_do_not_share_a_batch(batched: Batched) -> None:
    """A batch is for one model, which one of the vendors demands."""
    provider = await batched.open()
    await asyncio.gather(*(provider.complete(model, prompt_of()) for model in ("m-1", "m-2", "m-1")))
    assert sorted(run.model for run in provider.runs) == ["m-1", "m-2"]


async def test_the_wait_between_looks_grows_to_a_bound(batched: Batched) -> None:
    """A batch that takes its time is looked at less and less often, but not less than agreed."""
    batched.vendor.looks = 4
    await _all(await batched.open(poll_s=10.0, max_poll_s=30.0), 1)
    assert batched.waits == [10.0, 15.0, 22.5, 30.0, 30.0]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("expired", 0, FailureKind.TIMEOUT),
        ("canceled", 0, FailureKind.CONNECTION),
        ("invalid_request_error", 400, FailureKind.REJECTED),
        ("rate_limit_error", 429, FailureKind.RATE_LIMITED),
        ("overloaded_error", 503, FailureKind.OVERLOADED),
        ("api_error", 500, FailureKind.SERVER_ERROR),
        ("timeout_error", 408, FailureKind.TIMEOUT),
    ],
)
async def test_a_failed_call_has_its_own_kind(batched: Batched, code: str, status: int, kind: FailureKind) -> None:
    """One call that fails fails as its error says, repeats nothing of a message, and the others are answered."""
    module = batched.form.module
    spelt = {"expired": "batch_expired", "canceled": "batch_cancelled"}.get(code, code)
    failed = bad(module, "c2", spelt if module == "openai" else code, status)
    batched.vendor.lines = lambda ids: [failed, *(batched.line(one) for one in ids if one != "c2")]
    outcomes = await _all(await batched.open(), 3)
    assert _kinds(outcomes) == [None, kind, None]
    assert "repeated" not in str(outcomes[1])
    assert getattr(outcomes[1], "simulated", False)


async def test_missing_unknown_and_doubled_results(batched: Batched) -> None:
    """A call without a readable result has failed; ids that nobody has change nothing, and the first result stays."""
    batched.vendor.lines = lambda ids: [
        batched.line("c77"),
        batched.line(ids[0], "first"),
        batched.line(ids[0], "second"),
        {"custom_id": ids[1]},
        good(batched.form.module, ids[2], b'{"neither": "nor"}'),
    ]
    outcomes = await _all(await batched.open(), 4)
    assert _kinds(outcomes) == [None, *[FailureKind.BAD_ENVELOPE] * 3]
    assert isinstance(outcomes[0], Reply)
    assert outcomes[0].text == "first"


async def test_a_result_of_a_later_kind_is_no_reply(batched: Batched) -> None:
    """A way to end that nobody knows of yet is a failure."""
    batched.vendor.lines = lambda ids: [bad(batched.form.module, ids[0], "of_a_later_kind")]
    assert _kinds(await _all(await batched.open(), 1))[0] in {FailureKind.BAD_ENVELOPE, FailureKind.SERVER_ERROR}


async def test_handing_in_is_repeated_only_where_nothing_was_taken(batched: Batched) -> None:
    """A batch that was refused for load is handed in again; after any other failure it might be there twice."""
    batched.vendor.refusals["submit"] = [429, 503]
    assert _kinds(await _all(await batched.open(), 2)) == [None, None]
    assert batched.vendor.done.count("submit") == 3
    batched.vendor.refusals["submit"] = [500]
    provider = await batched.open()
    assert _kinds(await _all(provider, 2)) == [FailureKind.SERVER_ERROR] * 2
    assert batched.vendor.done.count("submit") == 4
    assert [run.state for run in provider.runs] == [BatchState.FAILED]


async def test_looking_again_outlasts_an_outage(batched: Batched) -> None:
    """Failures in passing while a batch runs are waited out; nothing is handed in twice."""
    batched.vendor.refusals["look"] = [500, 503, 429]
    batched.vendor.refusals["results"] = [502]
    assert _kinds(await _all(await batched.open(), 2)) == [None, None]
    assert batched.vendor.done.count("submit") == 1


async def test_patience_ends(batched: Batched) -> None:
    """An outage that stays fails every call with its kind, and the batch is cancelled as far as that is possible."""
    batched.vendor.refusals["look"] = [500] * 10
    provider = await batched.open(patience=3)
    assert _kinds(await _all(provider, 2)) == [FailureKind.SERVER_ERROR] * 2
    await batched.vendor.asked("cancel")
    assert batched.vendor.done.count("look") == 3


async def test_a_cancelled_caller_leaves_the_others(batched: Batched) -> None:
    """Before a batch is closed a cancelled call is taken out of it; afterwards its result is let be."""
    batched.vendor.looks = 10**9
    provider = await batched.open()
    calls = [asyncio.create_task(provider.complete(MODEL, prompt_of())) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await batched.vendor.asked("look")
    assert batched.vendor.batches == [["c2", "c3"]]
    calls[1].cancel()
    batched.vendor.looks = 0
    assert (await calls[2]).text == "answer to c3"
    assert "cancel" not in batched.vendor.done


async def test_the_last_caller_to_go_cancels_the_batch(batched: Batched) -> None:
    """A batch that nobody waits for is cancelled at the provider; a batch that was never handed in just ends."""
    batched.vendor.looks = 10**9
    changes: list[BatchState] = []
    gone = asyncio.Event()

    def note(run: BatchRun) -> None:
        changes.append(run.state)
        if run.state is BatchState.CANCELLED:
            gone.set()

    provider = await batched.open(on_change=note)
    unsent = asyncio.create_task(provider.complete(MODEL, prompt_of()))
    await asyncio.sleep(0)
    unsent.cancel()
    calls = [asyncio.create_task(provider.complete("m-2", prompt_of())) for _ in range(2)]
    await batched.vendor.asked("look")
    for call in calls:
        call.cancel()
    await batched.vendor.asked("cancel")
    await gone.wait()
    assert changes == [BatchState.RUNNING, BatchState.CANCELLED]
    assert len(batched.vendor.batches) == 1


async def test_cancelled_while_it_is_handed_in(batched: Batched) -> None:
    """A batch whose caller goes away while it is being handed in is cancelled as soon as its id is known."""
    provider = await batched.open()
    call = asyncio.create_task(provider.complete(MODEL, prompt_of()))
    await batched.server.arrived.wait()
    call.cancel()
    await batched.vendor.asked("cancel")


async def test_closing_cancels_what_runs(batched: Batched, make: Make) -> None:
    """Closing the provider fails calls that wait, cancels their batches and says where it could not."""
    batched.vendor.looks = 10**9
    batched.vendor.refusals["cancel"] = [500]
    adapter = make()
    assert isinstance(adapter, Adapter)
    assert adapter.batch is not None
    provider = BatchedProvider(adapter, adapter.batch, BatchPolicy(max_calls=1, poll_s=0.001, settle_s=60))
    async with provider:
        running = [asyncio.create_task(provider.complete(MODEL, prompt_of())) for _ in range(2)]
        await batched.vendor.asked("look", 2)
        provider._policy = BatchPolicy(settle_s=60)
        running.append(asyncio.create_task(provider.complete("m-2", prompt_of())))
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    assert _kinds(list(outcomes)) == [FailureKind.CONNECTION] * 3
    assert sorted(run.state for run in provider.runs) == [BatchState.ADRIFT, BatchState.CANCELLED]


async def test_what_the_provider_keeps_is_deleted(batched: Batched) -> None:
    """After its results are read, a batch's prompts and answers are deleted at the provider."""
    await _all(await batched.open(), 1)
    paths = {
        "anthropic": {"/v1/messages/batches/msgbatch_1"},
        "openai": {"/v1/files/file-in-1", "/v1/files/file-out-1"},
    }[batched.form.module]
    await batched.vendor.asked("delete", len(paths))
    assert {seen.path for seen in batched.server.requests if seen.method == "DELETE"} == paths


async def test_a_file_that_is_refused_as_a_whole(batched: Batched) -> None:
    """A batch that ends without any result fails each call; what that means is said by the batch's own end."""
    batched.vendor.status = "failed"
    batched.vendor.lines = lambda _: []
    provider = await batched.open()
    kind = {"anthropic": FailureKind.BAD_ENVELOPE, "openai": FailureKind.REJECTED}[batched.form.module]
    assert _kinds(await _all(provider, 2)) == [kind] * 2
    why = {"anthropic": "", "openai": "token_limit_exceeded"}[batched.form.module]
    assert [(run.state, run.why) for run in provider.runs] == [(BatchState.FAILED, why)]


async def test_errors_repeat_no_text(batched: Batched) -> None:
    """What failed calls tell holds nothing of the prompt."""
    batched.vendor.refusals["submit"] = [400]
    (outcome,) = await _all(await batched.open(), 1)
    assert isinstance(outcome, ProviderError)
    assert SECRET_TEXT not in str(outcome)
