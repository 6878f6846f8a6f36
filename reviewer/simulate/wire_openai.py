"""What OpenAI's formats share: who speaks the prefix, the error object, usage, and the header of the request id.

Source: the `error` object as openai 3.52 reads it in `_base_client.py` and `_exceptions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reviewer.simulate.script import FaultKind
from reviewer.simulate.wire import Answered, Json, Turn, texts

REQUEST_ID_HEADER: Final = "x-request-id"
_PREFIX_ROLES: Final = ("system", "developer")
_ERRORS: Final = {
    FaultKind.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    FaultKind.SERVER_ERROR: (500, "server_error", "server_error"),
    FaultKind.OVERLOADED: (503, "server_error", "server_overloaded"),
    FaultKind.UNAUTHORIZED: (401, "invalid_request_error", "invalid_api_key"),
    FaultKind.TOO_LARGE: (413, "invalid_request_error", "request_too_large"),
    FaultKind.CONTEXT_EXCEEDED: (400, "invalid_request_error", "context_length_exceeded"),
}
_UNREADABLE: Final = (400, "invalid_request_error", "invalid_request")
ERROR_KINDS: Final = frozenset(_ERRORS)


def error(kind: FaultKind | None) -> tuple[int, Json]:
    """Build status and body of an error; None stands for a request that could not be read."""
    status, name, code = _ERRORS[kind] if kind is not None else _UNREADABLE
    message = f"The simulated provider answers with {code}."
    return status, {"error": {"message": message, "type": name, "param": None, "code": code}}


def split(turns: Iterable[Turn]) -> tuple[list[str], list[str]]:
    """Split turns into the texts of the prefix (system and developer) and those of everybody else, in order."""
    prefix: list[str] = []
    blocks: list[str] = []
    for turn in turns:
        (prefix if turn.role in _PREFIX_ROLES else blocks).extend(texts(turn.content))
    return prefix, blocks


def usage(answered: Answered) -> Json:
    """Build the `usage` of Responses and Decisions."""
    used = answered.usage
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {
            "cached_tokens": used.cached_input_tokens,
            "cache_write_tokens": used.cache_write_tokens,
        },
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": used.input_tokens + used.output_tokens,
    }
