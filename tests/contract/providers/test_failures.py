"""What an adapter makes of errors: one kind each, and no word of prompt, key or error body in what it tells."""

from __future__ import annotations

import logging
import traceback

import pytest

from reviewer.core.outcome import FailureKind
from reviewer.providers.transport import MAX_RESPONSE_BYTES
from tests.support.prompts import SECRET_TEXT, prompt_of
from tests.support.wire_formats import ANTHROPIC
from tests.support.wire_server import Answer, canned, cut_off, endless, not_http, reset
from tests.support.wired import AWS, KEY, MODEL, Wired

STATUSES = [
    (400, FailureKind.REJECTED),
    (401, FailureKind.REJECTED),
    (403, FailureKind.REJECTED),
    (404, FailureKind.REJECTED),
    (408, FailureKind.TIMEOUT),
    (409, FailureKind.REJECTED),
    (413, FailureKind.TOO_LARGE),
    (422, FailureKind.REJECTED),
    (429, FailureKind.RATE_LIMITED),
    (500, FailureKind.SERVER_ERROR),
    (502, FailureKind.SERVER_ERROR),
    (503, FailureKind.OVERLOADED),
    (504, FailureKind.SERVER_ERROR),
    (529, FailureKind.OVERLOADED),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_every_status_has_its_kind(wired: Wired, status: int, kind: FailureKind) -> None:
    """An error status becomes one kind, with status, request id and code told; nothing is tried twice."""
    body = wired.form.error("some_code", SECRET_TEXT)
    error = await wired.failure(canned(body, status, {wired.form.request_id_header: "req_9"}))
    assert (error.kind, error.http_status, error.request_id) == (kind, status, "req_9")
    assert str(error) == f"test-{wired.form.module}: HTTP status {status}, code some_code, request req_9"
    assert len(wired.server.requests) == 1


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("overloaded_error", 500, FailureKind.OVERLOADED),
        ("context_length_exceeded", 400, FailureKind.TOO_LARGE),
        ("request_too_large", 400, FailureKind.TOO_LARGE),
        ("insufficient_quota", 429, FailureKind.REJECTED),
        ("content_filter", 400, FailureKind.REFUSED),
    ],
)
async def test_some_codes_say_more_than_the_status(wired: Wired, code: str, status: int, kind: FailureKind) -> None:
    """Overload, size, an empty account and a refusal are told by the provider's code where the status is general."""
    assert (await wired.failure(canned(wired.form.error(code, "m"), status))).kind is kind


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "1e300"}, 86_400.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_read(wired: Wired, headers: dict[str, str], expected: float | None) -> None:
    """Seconds, milliseconds and dates are read and bounded; what cannot be read is no wish."""
    error = await wired.failure(canned(b"", 429, headers))
    assert error.retry_after_s == expected


@pytest.mark.parametrize("answer", [reset, cut_off, not_http])
async def test_a_broken_connection_is_a_connection_failure(wired: Wired, answer: Answer) -> None:
    """Resets, bodies cut short and bytes that are not HTTP are one kind, and the adapter goes on working."""
    error = await wired.failure(answer)
    assert (error.kind, error.http_status) == (FailureKind.CONNECTION, 0)
    wired.script_stop("complete")
    assert (await wired.provider.complete(MODEL, prompt_of())).text == wired.form.empty


async def test_a_closed_port_is_a_connection_failure(wired: Wired) -> None:
    """Nobody listening is told as such, by the name of the cause."""
    async with wired.make(base_url="http://127.0.0.1:1") as provider:
        error = await Wired(wired.form, wired.server, provider, wired.make).failure(reset)
    assert error.kind is FailureKind.CONNECTION


@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_body_is_given_up(wired: Wired, status: int) -> None:
    """A body beyond the bound is not read into memory, whatever the status, and the connection is dropped."""
    error = await wired.failure(endless(status))
    assert error.kind is FailureKind.BAD_ENVELOPE
    assert str(MAX_RESPONSE_BYTES) in str(error)
    await wired.server.gone.wait()


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirect_is_not_followed(wired: Wired, status: int) -> None:
    """The prompt goes to the configured host only; another one that is pointed at never sees it."""
    error = await wired.failure(canned(b"", status, {"Location": f"{wired.server.base_url}/elsewhere"}))
    assert error.kind is FailureKind.REJECTED
    assert len(wired.server.requests) == 1


async def test_errors_and_logs_repeat_no_text(wired: Wired, caplog: pytest.LogCaptureFixture) -> None:
    """An error body that repeats prompt and key shows up neither in the error with its chain, nor in a debug log."""
    echo = f"{SECRET_TEXT} {KEY}"
    logging.getLogger(wired.form.module.partition("_")[0]).setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        async with wired.make() as provider:
            fresh = Wired(wired.form, wired.server, provider, wired.make)
            error = await fresh.failure(canned(wired.form.error(echo, echo), 400, {"x-echo": "1"}))
            garbage = await fresh.failure(canned(b'{"type":"' + echo.encode() + b'"}'))
            fresh.script_stop("complete")
            await provider.complete(MODEL, prompt_of())
    told = "".join([*traceback.format_exception(error), *traceback.format_exception(garbage), caplog.text])
    assert SECRET_TEXT not in told
    assert not any(secret in told for secret in (KEY, AWS["AWS_SESSION_TOKEN"]))
    assert (error.__cause__, error.__context__, garbage.__cause__, garbage.__context__) == (None, None, None, None)


async def test_a_simulated_failure_is_marked(wired: Wired) -> None:
    """A failure of the simulated provider says so, by its header or by the settings."""
    assert (await wired.failure(canned(b"", 500, {"x-reviewer-simulated": "1"}))).simulated
    assert not (await wired.failure(canned(b"", 500))).simulated
    async with wired.make(simulated=True) as provider:
        simulated = Wired(wired.form, wired.server, provider, wired.make)
        assert (await simulated.failure(reset)).simulated


@pytest.mark.parametrize("form", [ANTHROPIC], indirect=True, ids=["anthropic"])
async def test_an_error_type_stands_in_for_a_missing_code(wired: Wired) -> None:
    """Anthropic's errors have a type and no code; the type is told."""
    error = await wired.failure(canned(wired.form.error("invalid_request_error", "m"), 400))
    assert "code invalid_request_error" in str(error)
