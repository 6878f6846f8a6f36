"""Reading error responses: bounded waits, and codes that cannot carry text."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reviewer.core.outcome import FailureKind
from reviewer.providers.failure import MAX_RETRY_AFTER_S, error_code, header_code, kind_of, retry_after_s, tidy


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine's own zone be another one than UTC."""
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
def test_a_date_is_read_against_now() -> None:
    """An HTTP date, with or without a zone, is told as seconds from now, wherever the machine stands."""
    now = 1_790_000_000.0
    for text in ("Mon, 21 Sep 2026 14:13:30 GMT", "Mon, 21 Sep 2026 14:13:30 -0000"):
        assert retry_after_s(httpx2.Headers({"Retry-After": text}), now) == 10.0


@example("nan")
@example("-inf")
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_header_gives_bounded_seconds_or_none(text: str) -> None:
    """Whatever stands in the header, the result is None or between nothing and a day."""
    seconds = retry_after_s(httpx2.Headers({"Retry-After": text}), 0.0)
    assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER_S


@given(
    st.binary(max_size=64)
    | st.text().map(lambda t: orjson.dumps({"error": {"code": t.encode("utf-8", "replace").decode()}}))
)
def test_a_code_is_an_identifier_or_nothing(content: bytes) -> None:
    """No sentence can pass for an error code."""
    code = error_code(content)
    assert len(code) <= 64
    assert " " not in code
    assert code.isascii()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "a_b", "type": "t"}}, "a_b"),
        ({"error": {"code": None, "type": "t"}}, "t"),
        ({"error": {"code": 429, "type": "t"}}, "t"),
        ({"error": {"code": "no spaces", "type": "t"}}, "t"),
        ({"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}, "RESOURCE_EXHAUSTED"),
        ({"error": "text"}, ""),
        ([], ""),
    ],
)
def test_code_goes_before_type(body: object, code: str) -> None:
    """The more precise of the two identifiers is taken, where it is one."""
    assert error_code(orjson.dumps(body)) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("ThrottlingException", "ThrottlingException"),
        ("AccessDeniedException:http://internal.amazon.com/coral/", "AccessDeniedException"),
        ("the patient takes 4,000 mg", ""),
        ("", ""),
    ],
)
def test_a_headers_code_is_an_identifier_or_nothing(value: str, code: str) -> None:
    """AWS's header gives a code without what follows the colon, and no text passes for one."""
    assert header_code({"x-amzn-errortype": value}) == code


@given(st.integers(300, 999), st.text())
def test_every_status_has_a_kind(status: int, code: str) -> None:
    """There is no status without a kind, and server errors may pass while other refusals may not."""
    kind = kind_of(status, code)
    assert isinstance(kind, FailureKind)
    assert kind.retryable or status < 500 or kind is FailureKind.TOO_LARGE


@given(st.text())
def test_tidy_text_is_short_and_printable(text: str) -> None:
    """Identifiers hold at most 128 printable ASCII characters."""
    assert len(tidy(text)) <= 128
    assert tidy(text).isascii()
    assert tidy(text).isprintable()
