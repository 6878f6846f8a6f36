"""Batches in memory: Anthropic's Message Batches, and OpenAI's Files and Batches as far as batches need them.

What a call is answered with is the server's business, and is asked for when a batch ends. A call that the script lets
hang expires; any other fault of delivery has no meaning here.

Source: anthropic 2.11, `types/messages/message_batch.py` and `message_batch_individual_response.py`; openai 3.52,
`types/batch.py` and `types/file_object.py`; the lines of OpenAI's files, https://developers.openai.com/api/docs/guides/batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

import orjson
from aiohttp import web
from pydantic import Field, ValidationError

from reviewer.simulate.script import BatchConduct
from reviewer.simulate.wire import Json, WireModel

Answer = Callable[[str, bytes], tuple[int, Json]]
_MESSAGES: Final = "/v1/messages"
_RESPONSES: Final = "/v1/responses"
_MAX_CALLS: Final = 50_000
_EPOCH: Final = "1970-01-01T00:00:00Z"


class _Asked(WireModel):
    custom_id: str = Field(min_length=1, max_length=64)
    params: Json


class _Create(WireModel):
    requests: tuple[_Asked, ...] = Field(min_length=1, max_length=_MAX_CALLS)


class _FileLine(WireModel):
    custom_id: str = Field(min_length=1, max_length=64)
    method: str = Field(pattern="^POST$")
    url: str = Field(pattern=f"^{_RESPONSES}$")
    body: Json


class _CreateFromFile(WireModel):
    completion_window: str = Field(pattern="^24h$")
    endpoint: str = Field(pattern=f"^{_RESPONSES}$")
    input_file_id: str


@dataclass(slots=True)
class Batch:
    """One batch.

    Attributes:
        path: endpoint that its calls are for.
        calls: custom id and body of each.
        polls_left: looks until it ends.
        outcomes: custom id, status and body; status 0 where the call expired. None while it runs.
    """

    id: str
    path: str
    calls: tuple[tuple[str, bytes], ...]
    polls_left: int
    expires: bool
    input_file: str = ""
    cancelled: bool = False
    output_file: str | None = None
    error_file: str | None = None
    outcomes: tuple[tuple[str, int, Json], ...] | None = None


@dataclass(slots=True)
class Batches:
    """All batches of one server.

    Attributes:
        made: by id, in order.
        files: by id; uploaded ones, and those that batches ended with.
        deleted: paths of what clients had deleted.
    """

    conduct: BatchConduct
    answer: Answer
    made: dict[str, Batch] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the endpoints of both vendors."""
        router.add_post("/v1/messages/batches", self._create_messages)
        router.add_get("/v1/messages/batches/{id}", self._look)
        router.add_get("/v1/messages/batches/{id}/results", self._results)
        router.add_post("/v1/messages/batches/{id}/cancel", self._cancel)
        router.add_delete("/v1/messages/batches/{id}", self._delete)
        router.add_post("/v1/files", self._upload)
        router.add_get("/v1/files/{id}/content", self._content)
        router.add_delete("/v1/files/{id}", self._delete)
        router.add_post("/v1/batches", self._create_responses)
        router.add_get("/v1/batches/{id}", self._look)
        router.add_post("/v1/batches/{id}/cancel", self._cancel)

    async def _create_messages(self, request: web.Request) -> web.Response:
        try:
            asked = _Create.model_validate_json(await request.read()).requests
        except ValidationError:
            return _refusal(400, "invalid_request_error")
        return self._create(_MESSAGES, tuple([(one.custom_id, orjson.dumps(one.params)) for one in asked]))

    async def _upload(self, request: web.Request) -> web.Response:
        form = _form(request.headers.get("Content-Type", ""), await request.read())
        if form.get("purpose") != b"batch" or "file" not in form:
            return _refusal(400, "invalid_request_error")
        file_id = self._keep(form["file"])
        told = {"id": file_id, "object": "file", "bytes": len(form["file"]), "filename": "calls.jsonl"}
        return _json({**told, "purpose": "batch", "created_at": int(time.time()), "status": "processed"})

    async def _create_responses(self, request: web.Request) -> web.Response:
        try:
            wanted = _CreateFromFile.model_validate_json(await request.read())
            lines = self.files.get(wanted.input_file_id, b"").splitlines()
            asked = [_FileLine.model_validate_json(line) for line in lines]
        except ValidationError:
            return _refusal(400, "invalid_request_error")
        calls = tuple([(one.custom_id, orjson.dumps(one.body)) for one in asked])
        return self._create(_RESPONSES, calls, wanted.input_file_id)

    def _create(self, path: str, calls: tuple[tuple[str, bytes], ...], input_file: str = "") -> web.Response:
        ids = {custom_id for custom_id, _ in calls}
        models = {orjson.loads(body).get("model") for _, body in calls}
        if len(ids) != len(calls) or (path == _RESPONSES and len(models) != 1):
            return _refusal(400, "invalid_request_error")
        prefix = "msgbatch" if path == _MESSAGES else "batch"
        number = len(self.made) + 1
        expires = number <= self.conduct.expire
        batch = Batch(f"{prefix}_{number:06d}", path, calls, self.conduct.polls, expires, input_file)
        self.made[batch.id] = batch
        return _json(_told(batch))

    async def _look(self, request: web.Request) -> web.Response:
        batch = self.made.get(request.match_info["id"])
        if batch is None:
            return _refusal(404, "not_found_error")
        if batch.polls_left:
            batch.polls_left -= 1
        elif batch.outcomes is None:
            self._end(batch)
        return _json(_told(batch))

    def _end(self, batch: Batch) -> None:
        outcomes = [self._outcome(batch, *call) for call in batch.calls[self.conduct.lose :]]
        batch.outcomes = tuple(reversed(outcomes))
        if batch.path == _RESPONSES:
            good = [_response_line(batch, *outcome) for outcome in batch.outcomes if outcome[1] == 200]
            bad = [_response_line(batch, *outcome) for outcome in batch.outcomes if outcome[1] != 200]
            batch.output_file = self._keep(_joined(good)) if good else None
            batch.error_file = self._keep(_joined(bad)) if bad else None

    def _outcome(self, batch: Batch, custom_id: str, body: bytes) -> tuple[str, int, Json]:
        return custom_id, *((0, {}) if batch.expires or batch.cancelled else self.answer(batch.path, body))

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.made.get(request.match_info["id"])
        if batch is None:
            return _refusal(404, "not_found_error")
        batch.cancelled = True
        return _json(_told(batch))

    async def _results(self, request: web.Request) -> web.Response:
        batch = self.made.get(request.match_info["id"])
        if batch is None or batch.outcomes is None:
            return _refusal(404, "not_found_error")
        return _lines([_message_line(batch, *outcome) for outcome in batch.outcomes])

    async def _content(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["id"])
        if content is None:
            return _refusal(404, "not_found_error")
        return web.Response(body=content, content_type="application/octet-stream")

    async def _delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.path)
        self.files.pop(request.match_info["id"], None)
        return _json({"id": request.match_info["id"], "deleted": True})

    def _keep(self, content: bytes) -> str:
        file_id = f"file-{len(self.files) + len(self.deleted) + 1:06d}"
        self.files[file_id] = content
        return file_id


def _form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Read multipart/form-data: content by field name."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = [
        (part.get_param("name", header="Content-Disposition"), part.get_payload(decode=True)) for part in message.walk()
    ]
    return {name: content for name, content in fields if isinstance(name, str) and isinstance(content, bytes)}


def _told(batch: Batch) -> Json:
    return _message_batch(batch) if batch.path == _MESSAGES else _response_batch(batch)


def _response_batch(batch: Batch) -> Json:
    status = "cancelling" if batch.cancelled else "in_progress"
    if batch.outcomes is not None:
        status = "cancelled" if batch.cancelled else "expired" if batch.expires else "completed"
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.path,
        "input_file_id": batch.input_file,
        "output_file_id": batch.output_file,
        "error_file_id": batch.error_file,
        "completion_window": "24h",
        "status": status,
        "created_at": int(time.time()),
    }


def _message_batch(batch: Batch) -> Json:
    ended = batch.outcomes is not None
    kinds = [_kind(batch, status) for _, status, _ in batch.outcomes or ()]
    counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if ended else "canceling" if batch.cancelled else "in_progress",
        "request_counts": {"processing": 0 if ended else len(batch.calls), **counts},
        "created_at": _EPOCH,
        "expires_at": _EPOCH,
        "ended_at": _EPOCH if ended else None,
        "results_url": f"{_MESSAGES}/batches/{batch.id}/results" if ended else None,
    }


def _kind(batch: Batch, status: int) -> str:
    if status:
        return "succeeded" if status == 200 else "errored"
    return "canceled" if batch.cancelled else "expired"


def _message_line(batch: Batch, custom_id: str, status: int, body: Json) -> Json:
    kind = _kind(batch, status)
    told = {"succeeded": {"message": body}, "errored": {"error": body}}.get(kind, {})
    return {"custom_id": custom_id, "result": {"type": kind, **told}}


def _response_line(batch: Batch, custom_id: str, status: int, body: Json) -> Json:
    line: Json = {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": None, "error": None}
    if status:
        return {**line, "response": {"status_code": status, "request_id": f"req_{batch.id}_{custom_id}", "body": body}}
    code = "batch_cancelled" if batch.cancelled else "batch_expired"
    return {**line, "error": {"code": code, "message": "This call was not made."}}


def _joined(lines: list[Json]) -> bytes:
    return b"".join([orjson.dumps(line) + b"\n" for line in lines])


def _lines(lines: list[Json]) -> web.Response:
    return web.Response(body=_joined(lines), content_type="application/x-jsonl")


def _json(body: Json, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _refusal(status: int, name: str) -> web.Response:
    """Refuse in words that both vendors' clients read: an error with a type and a code."""
    error = {"type": name, "code": name, "message": f"The simulated provider answers with {name}."}
    return _json({"type": "error", "error": error}, status)
