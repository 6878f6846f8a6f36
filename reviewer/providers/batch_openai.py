"""OpenAI Batches over Responses: a file of calls is uploaded, answers and errors come back as two files.

Field names follow `openai.types.batch` and `batch_create_params` of openai 3.52; the lines of the files, which the SDK
does not type, https://developers.openai.com/api/docs/guides/batch. A batch takes 50,000 calls of one model or 200 MB
and has 24 hours. All three files hold what was asked or answered, and are named as leftovers when the batch has ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import BaseModel

from reviewer.core.outcome import FailureKind
from reviewer.providers.batch_api import BatchCall, Ended, RemoteId, Settled, parsed
from reviewer.providers.failure import error_code, kind_of, tidy
from reviewer.providers.interface import ProviderError
from reviewer.providers.wire import Exchange, Received

_ENDPOINT = "/v1/responses"
_MISSING = {
    "completed": FailureKind.BAD_ENVELOPE,
    "expired": FailureKind.TIMEOUT,
    "cancelled": FailureKind.CONNECTION,
    # The file was found to be faulty as a whole.
    "failed": FailureKind.REJECTED,
}
_KIND_OF_CODE = {
    "batch_expired": FailureKind.TIMEOUT,
    "batch_cancelled": FailureKind.CONNECTION,
    "request_timeout": FailureKind.TIMEOUT,
}


class _File(BaseModel):
    id: RemoteId


class _Error(BaseModel):
    code: str | None = None


class _Errors(BaseModel):
    data: list[_Error] | None = None


class _Batch(BaseModel):
    id: RemoteId
    status: str
    input_file_id: RemoteId
    output_file_id: RemoteId | None = None
    error_file_id: RemoteId | None = None
    errors: _Errors | None = None


class _Response(BaseModel):
    status_code: int
    request_id: str | None = None
    body: Any = None


class _Line(BaseModel):
    custom_id: str
    response: _Response | None = None
    error: dict[str, Any] | None = None


class ResponseBatches:
    """See `BatchApi`."""

    async def submit(self, exchange: Exchange, calls: Sequence[BatchCall]) -> str:
        """Upload the calls and create a batch of them."""
        lines = b"".join(
            [
                b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n'
                % (call.custom_id.encode(), _ENDPOINT.encode(), call.body)
                for call in calls
            ]
        )
        boundary = secrets.token_hex(16)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        uploaded = parsed(_File, await exchange.send("POST", "/files", _form(boundary, lines), headers=headers))
        wanted = {"completion_window": "24h", "endpoint": _ENDPOINT, "input_file_id": uploaded.id}
        return parsed(_Batch, await exchange.send("POST", "/batches", orjson.dumps(wanted))).id

    async def look(self, exchange: Exchange, batch_id: str) -> Ended | None:
        """Return the paths of the files once the batch has reached its last status."""
        batch = parsed(_Batch, await exchange.send("GET", f"/batches/{batch_id}"))
        if batch.status not in _MISSING:
            return None
        files = [file for file in (batch.output_file_id, batch.error_file_id) if file is not None]
        return Ended(
            paths=tuple([f"/files/{file}/content" for file in files]),
            leftovers=tuple([f"/files/{file}" for file in (batch.input_file_id, *files)]),
            missing=_MISSING[batch.status],
            code=tidy(batch.errors.data[0].code or "") if batch.errors and batch.errors.data else "",
        )

    async def cancel(self, exchange: Exchange, batch_id: str) -> None:
        """Ask for cancellation."""
        await exchange.send("POST", f"/batches/{batch_id}/cancel")

    def read_line(self, line: bytes, batch_id: str, file: Received) -> tuple[str, Settled]:
        """Read one line of either file: a response with its status, or an error in place of one."""
        read = _Line.model_validate_json(line)
        response = read.response
        request_id = tidy((response and response.request_id) or f"{batch_id}/{read.custom_id[:32]}")
        status = response.status_code if response else 0
        body = orjson.dumps(response.body) if response else b""
        if 200 <= status < 300:
            return read.custom_id, Received(body, status, request_id, file.simulated)
        code = error_code(body) if response else error_code(orjson.dumps({"error": read.error}))
        if response is None and read.error is None:
            kind = FailureKind.BAD_ENVELOPE
        else:
            kind = _KIND_OF_CODE.get(code) or kind_of(status or 500, code)
        told = f"batched call failed ({kind.value}{', code ' + code if code else ''}), request {request_id}"
        failure = ProviderError(kind, told, http_status=status, request_id=request_id, simulated=file.simulated)
        return read.custom_id, failure


def _form(boundary: str, lines: bytes) -> bytes:
    """Return the upload as multipart/form-data (RFC 7578); the boundary is random, so that no line can hold it."""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="calls.jsonl"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    return b"".join([head.encode(), lines, f"\r\n--{boundary}--\r\n".encode()])
