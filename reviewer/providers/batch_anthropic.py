"""Anthropic Message Batches: one request with all calls, one file of results.

Field names follow `anthropic.types.messages.batch_create_params` and `message_batch_individual_response` of anthropic
2.11. A batch takes 100,000 calls or 256 MB and expires after 24 hours
(https://platform.claude.com/docs/en/build-with-claude/batch-processing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import BaseModel

from reviewer.core.outcome import FailureKind
from reviewer.providers.batch_api import BatchCall, Ended, RemoteId, Settled, parsed
from reviewer.providers.failure import error_code, kind_of
from reviewer.providers.interface import ProviderError
from reviewer.providers.wire import Exchange, Received

_PATH = "/v1/messages/batches"
# The status that the same error would have had by itself, from `anthropic.types.shared` and `anthropic._exceptions`.
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}
_UNANSWERED = {"expired": FailureKind.TIMEOUT, "canceled": FailureKind.CONNECTION}


class _Batch(BaseModel):
    id: RemoteId
    processing_status: str


class _Result(BaseModel):
    type: str
    message: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class _Line(BaseModel):
    custom_id: str
    result: _Result


class MessageBatches:
    """See `BatchApi`."""

    async def submit(self, exchange: Exchange, calls: Sequence[BatchCall]) -> str:
        """Create a batch."""
        requests = b",".join([b'{"custom_id":"%b","params":%b}' % (c.custom_id.encode(), c.body) for c in calls])
        return parsed(_Batch, await exchange.send("POST", _PATH, b'{"requests":[' + requests + b"]}")).id

    async def look(self, exchange: Exchange, batch_id: str) -> Ended | None:
        """Return the path of the results once processing has ended; every call has its own result then."""
        batch = parsed(_Batch, await exchange.send("GET", f"{_PATH}/{batch_id}"))
        if batch.processing_status != "ended":
            return None
        return Ended((f"{_PATH}/{batch_id}/results",), leftovers=(f"{_PATH}/{batch_id}",))

    async def cancel(self, exchange: Exchange, batch_id: str) -> None:
        """Initiate cancellation."""
        await exchange.send("POST", f"{_PATH}/{batch_id}/cancel")

    def read_line(self, line: bytes, batch_id: str, file: Received) -> tuple[str, Settled]:
        """Read one result. A batched message has no request id of its own: batch and custom id stand in for it."""
        read = _Line.model_validate_json(line)
        request_id = f"{batch_id}/{read.custom_id[:32]}"
        result = read.result
        if result.type == "succeeded":
            return read.custom_id, Received(orjson.dumps(result.message), 200, request_id, file.simulated)
        code = error_code(orjson.dumps(result.error)) if result.type == "errored" else ""
        if result.type == "errored":
            kind = kind_of(_STATUS_OF.get(code, 500), code)
        else:
            kind = _UNANSWERED.get(result.type, FailureKind.BAD_ENVELOPE)
        told = f"batched call failed ({kind.value}{', code ' + code if code else ''}), request {request_id}"
        return read.custom_id, ProviderError(kind, told, request_id=request_id, simulated=file.simulated)
