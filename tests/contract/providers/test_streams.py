"""What an adapter makes of a streamed answer: the same as of a plain one, and an end to it on demand."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from reviewer.core.outcome import FailureKind, Reply, StopReason, Usage
from reviewer.providers import sse, transport
from reviewer.providers.interface import Listener, ProviderError
from reviewer.simulate.script import FaultKind, Rule, Script
from reviewer.simulate.server import SimulatedProvider
from tests.contract.providers.test_replies import STOPS
from tests.support.prompts import SECRET_TEXT, prompt_of
from tests.support.small_review import rendered
from tests.support.wire_formats import ANTHROPIC, CHAT, PLATFORMS, RESPONSES, SERVED, WireFormat
from tests.support.wire_server import Answer, canned, endless, reset, silence
from tests.support.wire_streams import ERROR_EVENTS, Heard, streamed, told, written
from tests.support.wired import MODEL, Make, Wired

TEXT = '{"findings":[],"met":["c1","caf\u00e9 \U0001f600"]}'


STREAMING = (ANTHROPIC, RESPONSES, CHAT)


@pytest.fixture(params=STREAMING, ids=lambda form: form.label)
def form(request: pytest.FixtureRequest) -> WireFormat:
    """Every wire format that streams in turn."""
    chosen: WireFormat = request.param
    return chosen


async def listen(wired: Wired, answer: Answer, until: str | None = None) -> tuple[Reply, Heard]:
    wired.server.script(answer)
    heard = Heard(until)
    return await wired.provider.complete(MODEL, prompt_of(), heard), heard


async def failure(wired: Wired, answer: Answer) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await listen(wired, answer)
    return caught.value


@pytest.mark.parametrize(("form", "stop", "expected"), STOPS, indirect=["form"])
async def test_a_stream_says_what_a_plain_answer_says(wired: Wired, stop: str, expected: StopReason) -> None:
    """Text, stop, served model, request id and every count of the usage are the same, whichever way it stopped."""
    headers = {wired.form.request_id_header: "req_3"}
    wired.script_stop(stop, TEXT, headers)
    plain = await wired.provider.complete(MODEL, prompt_of())
    reply, heard = await listen(wired, streamed([written(told(wired.form, stop, TEXT))], headers))

    assert reply == plain
    assert (reply.stop, reply.usage, reply.served_model) == (expected, wired.form.usage, SERVED)
    assert heard.text == plain.text


async def test_the_listener_hears_pieces_as_they_come(wired: Wired) -> None:
    """Text is told piece by piece, wherever the stream is cut, and nothing that is not output text is."""
    stream = written(told(wired.form, "complete", TEXT))
    reply, heard = await listen(wired, streamed([stream[at : at + 5] for at in range(0, len(stream), 5)]))

    assert heard.text == reply.text == TEXT
    assert len(heard.pieces) > 5
    assert all(heard.pieces)


async def test_a_stream_is_asked_for_only_where_somebody_listens(wired: Wired) -> None:
    """The body asks for a stream, and where the format needs it for the usage, and is else the plain one."""
    await wired.provider.complete(MODEL, prompt_of())
    await listen(wired, streamed([written(told(wired.form, "complete"))]))
    plain, asked = wired.sent(-2), wired.sent()

    extra = {"stream": True}
    if wired.form.module == "openai_compatible":
        extra |= {"stream_options": {"include_usage": True}}  # type: ignore[dict-item]
    assert asked == plain | extra
    assert "stream" not in plain


@pytest.mark.parametrize("form", [RESPONSES], indirect=True, ids=["openai"])
async def test_the_data_names_an_event_without_a_name(wired: Wired) -> None:
    """A gateway that sends data alone is understood all the same."""
    events = [("", data) for _, data in told(wired.form, "complete", TEXT)]
    reply, heard = await listen(wired, streamed([written(events)]))

    assert reply.text == heard.text == TEXT


async def test_enough_ends_the_call(wired: Wired) -> None:
    """Once the listener has heard enough the connection is given up at once, and what is known is told."""
    events = told(wired.form, "complete", TEXT)
    reply, heard = await listen(
        wired, streamed([written(events[:-2])], {wired.form.request_id_header: "req_4"}, then=silence), '"findings"'
    )

    assert (reply.stop, reply.provider_stop) == (StopReason.ENDED_EARLY, "ended_early")
    assert (reply.served_model, reply.request_id) == (SERVED, "req_4")
    assert heard.text.startswith('{"findings"')
    assert len(heard.text) < len(TEXT)
    if wired.form is ANTHROPIC:
        assert replace(reply.usage, output_tokens=0) == replace(wired.form.usage, output_tokens=0, reasoning_tokens=0)
    else:
        assert reply.usage == Usage()
    async with asyncio.timeout(5):
        await wired.server.gone.wait()


async def test_a_connection_is_used_again(wired: Wired) -> None:
    """A stream that came to its end leaves its connection to the next call."""
    for _ in range(3):
        await listen(wired, streamed([written(told(wired.form, "complete"))]))
    assert len({seen.connection for seen in wired.server.requests}) == 1


async def test_nothing_is_waited_for_after_the_last_event(wired: Wired) -> None:
    """A server that never closes its stream does not hold up the reply."""
    async with asyncio.timeout(5):
        reply, _ = await listen(wired, streamed([written(told(wired.form, "complete", TEXT))], then=silence))
    assert reply.text == TEXT


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("overloaded_error", FailureKind.OVERLOADED),
        ("rate_limit_error", FailureKind.RATE_LIMITED),
        ("rate_limit_exceeded", FailureKind.RATE_LIMITED),
        ("api_error", FailureKind.SERVER_ERROR),
        ("server_error", FailureKind.SERVER_ERROR),
        ("invalid_request_error", FailureKind.REJECTED),
        ("insufficient_quota", FailureKind.REJECTED),
        ("context_length_exceeded", FailureKind.TOO_LARGE),
        ("content_filter", FailureKind.REFUSED),
        ("something_new", FailureKind.SERVER_ERROR),
        (SECRET_TEXT, FailureKind.SERVER_ERROR),
    ],
)
async def test_an_error_in_the_stream_has_its_kind(wired: Wired, code: str, kind: FailureKind) -> None:
    """It is the failure that it would be as a status, with the request's id, and repeats no text."""
    events = [*told(wired.form, "complete")[:3], ERROR_EVENTS[wired.form.module](code, SECRET_TEXT)]
    headers = {wired.form.request_id_header: "req_5"}
    error = await failure(wired, streamed([written(events)], headers, then=silence))

    assert (error.kind, error.http_status, error.request_id) == (kind, 200, "req_5")
    assert SECRET_TEXT not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)


async def test_a_stream_without_its_last_event_is_no_reply(wired: Wired) -> None:
    """Wherever a stream ends before its last event there is no reply, though all of the text may be there."""
    events = told(wired.form, "complete", TEXT)
    for count in range(len(events)):
        error = await failure(wired, streamed([written(events[:count])]))
        assert error.kind is FailureKind.BAD_ENVELOPE, count


async def test_a_stream_that_breaks_is_a_connection_failure(wired: Wired) -> None:
    """A connection that is reset in the middle is told as such."""
    events = told(wired.form, "complete", TEXT)
    assert (await failure(wired, streamed([written(events[:4])], then=reset))).kind is FailureKind.CONNECTION


@pytest.mark.parametrize("data", ["{", "[]", "null", '{"index":"x"}', "<html>", '"a"'])
async def test_another_stream_is_a_bad_envelope(wired: Wired, data: str) -> None:
    """Events that are not the format's end the call, and their text is not repeated."""
    events = told(wired.form, "complete", TEXT)
    name = next(name for name, body in events if "delta" in str(body))
    if wired.form.module == "openai_compatible" and "index" in data:
        data = '{"choices":"x"}'
    error = await failure(wired, streamed([written([*events[:2], (name, data)])], then=silence))

    assert error.kind is FailureKind.BAD_ENVELOPE
    assert (error.__cause__, error.__context__) == (None, None)


async def test_an_end_without_a_beginning_is_no_reply(wired: Wired) -> None:
    """A stream of nothing but its last event lacks what every reply has."""
    last = [("response.completed", {"type": "response.completed", "response": {}})]
    events = last if wired.form is RESPONSES else told(wired.form, "complete")[-1:]
    assert (await failure(wired, streamed([written(events)]))).kind is FailureKind.BAD_ENVELOPE


@pytest.mark.parametrize("piece", [b"data: ", b": nothing\n\n"], ids=["line", "stream"])
async def test_an_endless_stream_is_given_up(wired: Wired, monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    """A line without an end, and a stream without one, are given up at their bounds, and the connection is dropped."""
    monkeypatch.setattr(sse, "MAX_LINE_BYTES", 2**18)
    monkeypatch.setattr(transport, "MAX_STREAM_BYTES", 2**20)
    error = await failure(wired, endless(200, "text/event-stream", piece))

    assert error.kind is FailureKind.BAD_ENVELOPE
    async with asyncio.timeout(5):
        await wired.server.gone.wait()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_error_status_is_read_as_ever(wired: Wired, status: int) -> None:
    """An error before the stream is the plain call's error."""
    answer = canned(wired.form.error("some_code", SECRET_TEXT), status, {"Retry-After": "2"})
    streaming, plain = await failure(wired, answer), await wired.failure(answer)

    assert (str(streaming), streaming.kind, streaming.retry_after_s) == (str(plain), plain.kind, plain.retry_after_s)


async def test_a_whole_answer_is_taken_where_a_stream_was_asked_for(wired: Wired) -> None:
    """A gateway that cannot stream answers in one piece: the listener hears it at once, the reply is the same."""
    wired.script_stop("complete", TEXT)
    plain = await wired.provider.complete(MODEL, prompt_of())
    reply, heard = await listen(wired, canned(wired.form.stops("complete", TEXT)))

    assert (reply, heard.pieces) == (plain, [TEXT])


@pytest.mark.parametrize("kind", sorted(FaultKind))
async def test_every_fault_comes_out_alike(make: Make, form: WireFormat, kind: FaultKind) -> None:
    """Against the simulated provider each fault gives the same reply or the same failure, streamed or not."""
    more = {FaultKind.DELAY: {"delay_ms": 1}, FaultKind.SLOW_DRIP: {"bytes_per_s": 1_000_000}}.get(kind, {})
    rule = Rule.model_validate({"critique": {}, "fault": {"kind": kind.value, **more}})
    async with SimulatedProvider(Script(rules=(rule,))) as server:
        base = server.base_url if form is ANTHROPIC else server.openai_base_url
        async with make(base_url=base) as provider:
            # The first call fills the provider's cache, which later ones are told of.
            outcomes = [await _outcome(provider.complete, listener) for listener in (None, None, Heard())]
    assert outcomes[2] == outcomes[1]


async def _outcome(complete: object, listener: Listener | None) -> object:
    """Make one call and return what it came to, without what is new in each."""
    try:
        async with asyncio.timeout(0.3):
            reply = await complete(MODEL, rendered().prompt, listener)  # type: ignore[operator]
    except TimeoutError:
        return "silence"
    except ProviderError as exc:
        # A reset may be seen while a response is read, or before it.
        status = 0 if exc.kind is FailureKind.CONNECTION else exc.http_status
        return (exc.kind, status, exc.retry_after_s, exc.simulated)
    return replace(reply, request_id="")


@pytest.mark.parametrize("form", PLATFORMS, indirect=True, ids=lambda form: form.label)
async def test_a_platform_is_heard_in_one_piece(wired: Wired) -> None:
    """Where a platform streams in a form of its own, a listener hears the plain answer whole."""
    wired.script_stop("complete", TEXT)
    heard = Heard(None)
    reply = await wired.provider.complete(MODEL, prompt_of(), heard)

    assert (reply.text, reply.stop) == (TEXT, StopReason.COMPLETE)
    assert "".join(heard.pieces) == TEXT
    assert "stream" not in wired.sent()
