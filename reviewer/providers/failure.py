"""What a provider's error response means: status, headers and error code read into our own vocabulary.

Nothing here keeps text that a provider may have repeated from a prompt: only numbers and short identifiers come out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import orjson

from reviewer.core.outcome import FailureKind

MAX_RETRY_AFTER_S = 86_400.0
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_KIND_OF_CODE = {
    "overloaded_error": FailureKind.OVERLOADED,
    "context_length_exceeded": FailureKind.TOO_LARGE,
    "request_too_large": FailureKind.TOO_LARGE,
    # An account without money answers 429 for ever: asking again only costs time.
    "insufficient_quota": FailureKind.REJECTED,
    "content_filter": FailureKind.REFUSED,
    "content_policy_violation": FailureKind.REFUSED,
    "invalid_prompt": FailureKind.REFUSED,
}
# What the same failure has for a status where it comes before the first byte of a reply and not in the middle of it.
_STATUS_OF_CODE = {
    "authentication_error": 401,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_overloaded": 503,
    "timeout_error": 408,
}
_KIND_OF_STATUS = {
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}


def kind_of(status: int, code: str) -> FailureKind:
    """Classify an error response by its HTTP status and the provider's error code (empty where it has none)."""
    if code in _KIND_OF_CODE:
        return _KIND_OF_CODE[code]
    return _KIND_OF_STATUS.get(status, FailureKind.SERVER_ERROR if status >= 500 else FailureKind.REJECTED)


def kind_in_stream(code: str) -> FailureKind:
    """Classify an error that ends a stream after its success status; one without a known code is the server's."""
    return kind_of(_STATUS_OF_CODE.get(code, 500), code)


def error_code(content: bytes | str) -> str:
    """Read the error's code, or else its type or status, from `{"error": {"code": ..}}`; empty where it has none.

    A flat error, as an event of a stream may be, has its code beside its message.

    Only short identifiers are returned, so that nothing a provider repeats from a prompt can pass for one.
    """
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    for value in (error.get("code"), error.get("type"), error.get("status")):
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
    return ""


def header_code(headers: Mapping[str, str]) -> str:
    """Read the error type that AWS puts into a header (`ThrottlingException:http://..`); empty where there is none."""
    code = headers.get("x-amzn-errortype", "").partition(":")[0]
    return code if _CODE.fullmatch(code) else ""


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Read how long the provider asks to wait.

    Args:
        headers: a map that ignores case; `retry-after-ms` wins over `Retry-After` (RFC 9110 section 10.2.3: seconds
            or an HTTP date).
        now: seconds since the epoch, against which a date is read.

    Returns:
        Seconds from 0 to 86,400; None where there is no readable header.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _clamped(milliseconds / 1000)
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return _clamped(seconds)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return _clamped((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)


def tidy(text: str) -> str:
    """Cut a provider's identifier to 128 printable ASCII characters: it goes into records and logs."""
    return _UNPRINTABLE.sub("", text[:128])


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
