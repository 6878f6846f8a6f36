"""The baseline: a handler of the same contract that does what no review can do without, in the cheapest known way.

It parses the request, posts a ready-made body of the service's own bytes to the same model, validates the findings
with pydantic, and makes a durable insert (SQLite, WAL, `synchronous=FULL`, one writer thread with group commit) of the
reply before it answers. The reply is one that the service gave, with another name: it has the same size. What it
leaves out is the product: redaction, checks, rendering, verification, the verdict, the record, idempotency, deadlines,
retries, logging.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import apsw
import grpc
import uvloop
from pydantic import BaseModel, ConfigDict, TypeAdapter

from bench.lines import heard, say
from bench.model_call import ModelCall, Transport, model_call
from reviewer.v1 import review_service_pb2 as pb

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024


class _Block(BaseModel):
    text: str = ""


class _Envelope(BaseModel):
    content: list[_Block]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Evidence(_Strict):
    place: str
    seg: str
    text: str


class _Finding(_Strict):
    c: str
    evidence: list[_Evidence]
    why: str
    outcome: str
    fix: str | None


class _Quoted(_Strict):
    c: str
    seg: str
    text: str


class _Steering(_Strict):
    found: bool
    seg: str | None


class _Findings(_Strict):
    findings: list[_Finding]
    quoted: list[_Quoted]
    met: list[str]
    steering: _Steering | None
    unreadable_parts: list[str]


_ENVELOPE = TypeAdapter(_Envelope)
_FINDINGS = TypeAdapter(_Findings)


class _Log:
    """One writer thread; whatever is queued at a moment is one commit."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._loop = loop
        self._queue: SimpleQueue[tuple[str, bytes, asyncio.Future[None]]] = SimpleQueue()
        threading.Thread(target=self._write_forever, daemon=True).start()

    async def append(self, name: str, reply: bytes) -> None:
        """Return when the row is durable."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((name, reply, done))
        await done

    def _write_forever(self) -> None:
        connection = apsw.Connection(str(self._path))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.execute("CREATE TABLE reviews (idx INTEGER PRIMARY KEY, name TEXT NOT NULL, reply BLOB NOT NULL)")
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            with connection:
                connection.executemany(
                    "INSERT INTO reviews (name, reply) VALUES (?, ?)", [(name, reply) for name, reply, _ in batch]
                )
            self._loop.call_soon_threadsafe(_wake, [done for _, _, done in batch])


def _wake(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


class _Handler:
    """ReviewDraft, without the review."""

    def __init__(self, model: ModelCall, log: _Log, body: bytes, reply: bytes) -> None:
        self._model = model
        self._log = log
        self._body = body
        self._template = pb.ReviewDraftResponse.FromString(reply)

    async def review_draft(self, request: pb.ReviewDraftRequest, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """Answer one call."""
        del context
        envelope = _ENVELOPE.validate_json(await self._model.post(self._body))
        _FINDINGS.validate_json(envelope.content[0].text)
        reply = pb.ReviewDraftResponse()
        reply.CopyFrom(self._template)
        reply.review.name = f"reviews/{uuid4()}"
        reply.review.request_id = request.subject.request_id
        written = reply.SerializeToString()
        await self._log.append(reply.review.name, written)
        return written


async def _serve(model_url: str, transport: Transport, log: Path, sample: Path) -> None:
    loop = asyncio.get_running_loop()
    async with model_call(model_url, transport) as model:
        handler = _Handler(
            model,
            _Log(log, loop),
            sample.with_suffix(".body").read_bytes(),
            sample.with_suffix(".reply").read_bytes(),
        )
        method: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
            handler.review_draft, request_deserializer=pb.ReviewDraftRequest.FromString
        )
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
            ]
        )
        services = {"ReviewDraft": method}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("reviewer.v1.ReviewService", services),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        gc.collect()
        gc.freeze()
        say({"address": f"127.0.0.1:{port}"})
        async for _ in heard():
            pass
        await server.stop(0)


def main() -> None:
    """Serve until standard input ends or the process is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="base URL of the model")
    parser.add_argument("--transport", choices=("sdk", "session"), default="sdk")
    parser.add_argument("--log", type=Path, required=True, help="database to create")
    parser.add_argument("--sample", type=Path, required=True, help="recorded call: FILE.body and FILE.reply")
    options = parser.parse_args()
    uvloop.run(_serve(options.model, options.transport, options.log, options.sample))


if __name__ == "__main__":
    main()
