"""Opening, cancelling, closing: what an adapter holds, and that it lets go of it."""

from __future__ import annotations

import asyncio

import pytest

from reviewer.core.outcome import FailureKind
from reviewer.providers.interface import ProviderError
from tests.support.prompts import prompt_of
from tests.support.wire_server import Answer, half_an_answer, silence, unaccepting_port
from tests.support.wired import MODEL, Make, Wired


@pytest.mark.parametrize("answer", [silence, half_an_answer])
async def test_cancelling_gives_up_the_connection(wired: Wired, answer: Answer) -> None:
    """A cancelled call raises the cancellation itself, drops its connection at once and leaves no task behind."""
    await wired.provider.complete(MODEL, prompt_of())
    wired.server.arrived.clear()
    wired.server.script(answer)
    before = asyncio.all_tasks()
    call = asyncio.create_task(wired.provider.complete(MODEL, prompt_of()))
    await wired.server.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await wired.server.gone.wait()
    assert asyncio.all_tasks() <= before | {call}
    wired.script_stop("complete")
    assert (await wired.provider.complete(MODEL, prompt_of())).text == wired.form.empty


@pytest.mark.parametrize("answer", [silence, half_an_answer])
async def test_a_callers_timeout_ends_a_hanging_call(wired: Wired, answer: Answer) -> None:
    """The caller's timeout fires as one, also in the middle of a body: the adapter does not translate it."""
    wired.server.script(answer)

    async def bounded() -> None:
        async with asyncio.timeout(None) as scope:
            arrival = asyncio.create_task(wired.server.arrived.wait())
            arrival.add_done_callback(lambda _: scope.reschedule(0))
            await wired.provider.complete(MODEL, prompt_of())

    with pytest.raises(TimeoutError):
        await bounded()
    await wired.server.gone.wait()


async def test_connections_are_reused(wired: Wired) -> None:
    """Calls one after the other share one connection."""
    for _ in range(3):
        await wired.provider.complete(MODEL, prompt_of())
    assert len({seen.connection for seen in wired.server.requests}) == 1


async def test_the_pool_is_bounded(wired: Wired) -> None:
    """More calls than connections wait for one; all are answered."""
    async with wired.make(max_connections=2) as provider:
        replies = await asyncio.gather(*(provider.complete(MODEL, prompt_of()) for _ in range(9)))
    assert [reply.text for reply in replies] == [wired.form.empty] * 9
    assert len({seen.connection for seen in wired.server.requests}) <= 2


async def test_nothing_connects_before_the_first_call(make: Make, wired: Wired) -> None:
    """Making and opening an adapter sends nothing."""
    async with make():
        pass
    assert not wired.server.requests


async def test_a_closed_adapter_says_so(make: Make, wired: Wired) -> None:
    """Calls before opening and after closing fail as connection failures, and send nothing."""
    provider = make()
    for _ in range(2):
        with pytest.raises(ProviderError, match="is not open") as caught:
            await provider.complete(MODEL, prompt_of())
        assert caught.value.kind is FailureKind.CONNECTION
        async with provider:
            pass
    assert not wired.server.requests


async def test_a_connection_that_cannot_be_made_in_time_is_a_connection_failure(make: Make) -> None:
    """The connect timeout of the settings ends an attempt that another one may follow: the budget is not used up."""
    with unaccepting_port() as port:
        async with make(base_url=f"http://127.0.0.1:{port}", connect_timeout_s=0.05) as provider:
            with pytest.raises(ProviderError) as caught:
                await provider.complete(MODEL, prompt_of())
    assert caught.value.kind is FailureKind.CONNECTION
