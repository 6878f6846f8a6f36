"""A vendor's batch API on the loopback server, answering as a test scripts it: its lines are the test's own.

The simulated provider has batches as well; here a test can send what no honest provider would.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import orjson
from aiohttp import web

from tests.support.wire_server import WireServer

Lines = Callable[[list[str]], list[dict[str, Any]]]


@dataclass(slots=True)
class BatchVendor:
    """One vendor's endpoints.

    Attributes:
        module: `anthropic` or `openai`.
        lines: custom ids of a batch, in order, to the lines of its results.
        looks: how often a batch is looked at before it has ended.
        status: of OpenAI's batches in the end.
        junk: what stands before the lines of results.
        refusals: statuses to answer with first, by `submit`, `look`, `results`, `cancel`.
        done: what was asked, in order.
        changed: notified with every request.
    """

    module: str
    lines: Lines
    looks: int = 0
    status: str = "completed"
    junk: bytes = b"not json\n\n"
    refusals: dict[str, list[int]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def asked(self, what: str, times: int = 1) -> None:
        """Wait until something was asked so often."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.done.count(what) >= times)

    async def answer(self, request: web.Request, server: WireServer) -> web.StreamResponse:
        """Answer one request."""
        what = self._what(request.method, request.path)
        self.done.append(what)
        async with self.changed:
            self.changed.notify_all()
        refusals = self.refusals.get(what)
        if refusals and (status := refusals.pop(0)):
            return _json({"error": {"type": "api_error", "message": "no"}}, status)
        return self._accepted(what, request.path, server)

    def _what(self, method: str, path: str) -> str:
        if method == "DELETE":
            return "delete"
        if path.endswith("/cancel"):
            return "cancel"
        if path.endswith(("/results", "/content")):
            return "results"
        if path == "/v1/files":
            return "upload"
        return "submit" if method == "POST" else "look"

    def _accepted(self, what: str, path: str, server: WireServer) -> web.Response:
        body = server.requests[-1].body
        if what == "upload":
            lines = uploaded(server.requests[-1].headers["content-type"], body).splitlines()
            self.batches.append([orjson.loads(line)["custom_id"] for line in lines])
            return _json(
                {
                    "id": f"file-in-{len(self.batches)}",
                    "object": "file",
                    "bytes": 1,
                    "created_at": 0,
                    "filename": "calls.jsonl",
                }
            )
        if what == "submit" and self.module == "anthropic":
            self.batches.append([call["custom_id"] for call in orjson.loads(body)["requests"]])
        number = _number(body.decode() if what == "submit" and self.module == "openai" else path) or len(self.batches)
        if what == "results":
            told = b"".join([orjson.dumps(line) + b"\n" for line in self.lines(self.batches[number - 1])])
            return web.Response(body=self.junk + told, headers={"x-reviewer-simulated": "1"})
        ended = what == "look" and self.looks == 0
        self.looks -= what == "look" and self.looks > 0
        anthropic = self.module == "anthropic"
        return _json(self._message_batch(number, ended, server) if anthropic else self._batch(number, ended))

    def _message_batch(self, number: int, ended: bool, server: WireServer) -> dict[str, Any]:
        url = f"{server.base_url}/v1/messages/batches/msgbatch_{number}/results"
        return {
            "id": f"msgbatch_{number}",
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
            "created_at": "2026-11-21T00:00:00Z",
            "expires_at": "2026-11-22T00:00:00Z",
            "results_url": url if ended else None,
        }

    def _batch(self, number: int, ended: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"endpoint": "/v1/responses", "completion_window": "24h", "created_at": 0}
        told["input_file_id"] = f"file-in-{number}"
        output = f"file-out-{number}" if ended and self.status != "failed" else None
        status = self.status if ended else "in_progress"
        if status == "failed":
            told["errors"] = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": "too many"}]}
        return {**told, "id": f"batch_{number}", "object": "batch", "status": status, "output_file_id": output}


def _number(text: str) -> int:
    """Return the number at the end of a batch's or a file's id, 0 where there is none."""
    found = re.search(r"(?:batch_|file-in-|file-out-)(\d+)", text)
    return int(found[1]) if found else 0


def uploaded(content_type: str, body: bytes) -> bytes:
    """Return the file of a multipart upload, read by the standard library."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts: list[Message] = [part for part in message.walk() if part.get_filename()]
    content = parts[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def good(module: str, custom_id: str, answer: bytes) -> dict[str, Any]:
    """Return the line of a call that was answered."""
    body = orjson.loads(answer)
    if module == "anthropic":
        return {"custom_id": custom_id, "result": {"type": "succeeded", "message": body}}
    response = {"status_code": 200, "request_id": f"req_{custom_id}", "body": body}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None}


def bad(module: str, custom_id: str, code: str, status: int = 0) -> dict[str, Any]:
    """Return the line of a call that failed: `expired`, `canceled`, or an error of the vendor's."""
    if module == "anthropic":
        if code in {"expired", "canceled", "of_a_later_kind"}:
            return {"custom_id": custom_id, "result": {"type": code}}
        error = {"type": "error", "error": {"type": code, "message": "the prompt, repeated"}}
        return {"custom_id": custom_id, "result": {"type": "errored", "error": error}}
    line: dict[str, Any] = {"id": "batch_req_1", "custom_id": custom_id, "response": None, "error": None}
    if not status:
        return {**line, "error": {"code": code, "message": "the prompt, repeated"}}
    body = {"error": {"code": code, "type": "invalid_request_error", "message": "the prompt, repeated"}}
    return {**line, "response": {"status_code": status, "request_id": "req_1", "body": body}}
