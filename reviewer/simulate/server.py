"""The server: the endpoints of answers, counts, models and batches, on one loop, with nothing of it kept on disk.

Keys are not looked at: any will do, and none is ever stored or shown. What stands in a prompt is not logged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Self

import orjson
from aiohttp import web
from pydantic import ValidationError

from reviewer.core.outcome import StopReason, Usage
from reviewer.simulate import faults
from reviewer.simulate.batches import Batches
from reviewer.simulate.critic import reply_text
from reviewer.simulate.gullible import gullible_reply_text
from reviewer.simulate.latency import Latency
from reviewer.simulate.loading import load_script
from reviewer.simulate.platforms import PLATFORMS, with_model
from reviewer.simulate.reading import ReadPrompt, read
from reviewer.simulate.script import FaultKind, Script
from reviewer.simulate.selection import Scene, Selector
from reviewer.simulate.wire import REFUSAL, Answered, Asked, CountingFormat, Json, WireFormat, tokens
from reviewer.simulate.wire_anthropic import AnthropicMessages
from reviewer.simulate.wire_chat import ChatCompletions
from reviewer.simulate.wire_decisions import OpenAIDecisions
from reviewer.simulate.wire_responses import OpenAIResponses

SIMULATED_HEADER: Final = "x-reviewer-simulated"
DEFAULT_PORT: Final = 8099
_FORMATS: Final[dict[str, WireFormat]] = {
    "/v1/messages": AnthropicMessages(),
    "/v1/responses": OpenAIResponses(),
    "/v1/chat/completions": ChatCompletions(),
    "/v1/decisions": OpenAIDecisions(),
}
_COUNTERS: Final[dict[str, CountingFormat]] = {
    "/v1/messages/count_tokens": AnthropicMessages(),
    "/v1/responses/input_tokens": OpenAIResponses(),
}
_MAX_BODY_BYTES: Final = 64 * 1024 * 1024
_MAX_PREFIXES: Final = 256
# Long enough for an answer that is being written, short enough that a hanging one does not hold up a test.
_DRAIN_S: Final = 0.1
_EPOCH: Final = "1970-01-01T00:00:00Z"


class SimulatedProvider:
    """A provider whose answers are scripted; an async context manager that serves between enter and exit.

    Attributes:
        base_url: for the Anthropic SDK; without a trailing slash. Empty before enter.
        openai_base_url: the same for the OpenAI SDK, which wants the `/v1`.
        requests: how many requests for an answer have arrived, readable or not; those of batches count when they end.
        batches: every batch that was ever made.
        counts: how many requests for a count of tokens; no fault meets them.
    """

    def __init__(
        self,
        script: Script,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        latency: Latency | None = None,
        models: tuple[str, ...] = ("simulated-critic",),
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            script: what to answer.
            host: address to listen on; anything but loopback exposes the prompts of whoever connects.
            port: 0 takes a free one.
            latency: before each answer, and while it is written; none by default.
            models: names that `GET /v1/models` lists. Every name is served, listed or not.
        """
        self.base_url = ""
        self.requests = 0
        self.counts = 0
        self._address = (host, port)
        self._selector = Selector(script)
        self._gullible = script.gullible
        self._latency = latency or Latency()
        self._rng = Random(self._latency.seed)  # noqa: S311 - times to wait, not secrets
        self._models = models
        self._prefixes: dict[tuple[str, str], None] = {}
        self.batches = Batches(script.batches, self._answer_batched)
        self._runner = web.AppRunner(
            self._application(), handler_cancellation=True, access_log=None, shutdown_timeout=_DRAIN_S
        )

    @property
    def openai_base_url(self) -> str:
        """Base URL as the OpenAI SDK wants it."""
        return f"{self.base_url}/v1"

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the address is taken or not ours.
        """
        host, port = self._address
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        port = self._runner.addresses[0][1]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening; requests still unanswered a moment later are cut off."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        for path, wire in (_FORMATS | PLATFORMS).items():
            app.router.add_post(path, partial(self._serve, wire))
        for path, counter in _COUNTERS.items():
            app.router.add_post(path, partial(self._count, counter))
        app.router.add_get("/v1/models", self._list_models)
        self.batches.add_routes(app.router)
        app.on_response_prepare.append(_mark)
        return app

    async def _serve(self, wire: WireFormat, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        serial = f"sim_{self.requests:08d}"
        headers = {wire.request_id_header: serial}
        try:
            body = await request.read()
            named = request.match_info.get("model")
            asked = wire.read(body if named is None else with_model(body, named))
        except ValidationError:
            return _error(wire, None, serial, headers)
        prompt = read(asked.prefix, asked.blocks)
        scene = self._selector.select(prompt, wire.provider, asked.model)
        await self._think(scene)
        kind = scene.fault.kind if scene.fault else None
        if scene.fault and kind in wire.error_kinds:
            return _error(wire, kind, serial, {**headers, **faults.error_headers(scene.fault)})
        if kind is FaultKind.HANG:
            await faults.hang()
        if kind is FaultKind.CONNECTION_RESET:
            faults.reset(request)
            return web.Response()
        text = "" if kind is FaultKind.REFUSAL else self._reply_text(prompt, scene)
        answered = self._answered(asked, scene, text, serial)
        return await self._send(request, wire, asked, answered, scene, headers)

    def _answer_batched(self, path: str, body: bytes) -> tuple[int, Json]:
        """Answer one call of a batch with status and body, at once; one that would hang is not answered (0)."""
        self.requests += 1
        wire, serial = _FORMATS[path], f"sim_{self.requests:08d}"
        try:
            asked = wire.read(body)
        except ValidationError:
            return wire.error(None, serial)
        prompt = read(asked.prefix, asked.blocks)
        scene = self._selector.select(prompt, wire.provider, asked.model)
        kind = scene.fault.kind if scene.fault else None
        if kind is FaultKind.HANG:
            return 0, {}
        if kind in wire.error_kinds:
            return wire.error(kind, serial)
        text = "" if kind is FaultKind.REFUSAL else self._reply_text(prompt, scene)
        return 200, wire.body(self._answered(asked, scene, text, serial))

    async def _count(self, wire: CountingFormat, request: web.Request) -> web.Response:
        self.counts += 1
        serial = f"simcount_{self.counts:08d}"
        headers = {wire.request_id_header: serial}
        try:
            asked = wire.read_countable(await request.read())
        except ValidationError:
            return _error(wire, None, serial, headers)
        return _json(wire.count(_input_tokens(asked)), headers=headers)

    def _reply_text(self, prompt: ReadPrompt, scene: Scene) -> str:
        if self._gullible is None or scene.fault is not None:
            return reply_text(prompt, scene)
        return gullible_reply_text(prompt, scene, self._gullible)

    async def _think(self, scene: Scene) -> None:
        seconds = self._latency.draw(self._rng)
        if scene.fault and scene.fault.delay_ms:
            seconds += scene.fault.delay_ms / 1000
        if seconds:
            await asyncio.sleep(seconds)

    async def _send(
        self,
        request: web.Request,
        wire: WireFormat,
        asked: Asked,
        answered: Answered,
        scene: Scene,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        """Send the answer as asked: whole or as a stream, at the scene's pace."""
        pace = faults.bytes_per_s(scene.fault)
        empty = scene.fault is not None and scene.fault.kind is FaultKind.EMPTY_BODY
        if asked.stream:
            events = [] if empty else [_event(name, data) for name, data in wire.events(answered)]
            response = web.StreamResponse(headers={**headers, "Content-Type": "text/event-stream; charset=utf-8"})
        else:
            events = [] if empty else [orjson.dumps(wire.body(answered))]
            response = web.StreamResponse(headers={**headers, "Content-Type": "application/json"})
            response.content_length = sum(map(len, events))
        # Events are alike enough in length for each to take its share of the time that all tokens take.
        share_s = self._latency.writing_s(answered.usage.output_tokens) / max(len(events), 1)
        if not asked.stream and pace is None:
            await self._write(b"".join(events), share_s)
            return web.Response(body=b"".join(events), headers=headers, content_type="application/json")
        await response.prepare(request)
        for event in events:
            await self._write(event, share_s)
            await (response.write(event) if pace is None else faults.drip(response, event, pace))
        await response.write_eof()
        return response

    async def _write(self, event: bytes, seconds: float) -> None:
        """Take the time that a piece of an answer needs to be written, before it is sent."""
        del event
        if seconds:
            await asyncio.sleep(seconds)

    def _answered(self, asked: Asked, scene: Scene, text: str, serial: str) -> Answered:
        stop = faults.stop_reason(scene.fault)
        return Answered(
            id=serial,
            model=faults.served_model(scene.fault, asked.model),
            created=int(time.time()),
            text=text,
            stop=stop,
            usage=self._usage(asked, REFUSAL if stop is StopReason.REFUSED else text),
            usage_in_stream=asked.usage_in_stream,
            names=asked.names,
        )

    def _usage(self, asked: Asked, text: str) -> Usage:
        prefix = tokens(asked.prefix)
        known = asked.caches and self._knows_prefix(asked)
        return Usage(
            input_tokens=_input_tokens(asked),
            cached_input_tokens=prefix if known else 0,
            cache_write_tokens=prefix if asked.caches and not known else 0,
            output_tokens=tokens(text),
        )

    def _knows_prefix(self, asked: Asked) -> bool:
        """Whether an earlier request of the same model had this prefix; remembers the latest prefixes only."""
        key = (asked.model, asked.prefix)
        known = key in self._prefixes
        if not known:
            while len(self._prefixes) >= _MAX_PREFIXES:
                del self._prefixes[next(iter(self._prefixes))]
            self._prefixes[key] = None
        return known

    async def _list_models(self, request: web.Request) -> web.Response:
        """List models in the shape of whoever asks: only Anthropic's clients name an API version."""
        if "anthropic-version" in request.headers:
            rows: list[Json] = [
                {"type": "model", "id": name, "display_name": name, "created_at": _EPOCH, "lifecycle": "active"}
                for name in self._models
            ]
            ends = (
                {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {"first_id": None, "last_id": None}
            )
            return _json({"data": rows, "has_more": False, **ends})
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "simulated"} for name in self._models]
        return _json({"object": "list", "data": listed})


async def run_simulated_provider(  # noqa: PLR0913 - one parameter an option of the command
    script_path: Path | None,
    cases_dir: Path | None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    always_met: bool = False,
    latency: Latency | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until cancelled.

    Args:
        script_path: rules, tried before the cases; may be left out.
        cases_dir: folder of labelled cases; may be left out.
        host: address to listen on.
        port: 0 takes a free one.
        always_met: answer MET throughout where neither rule nor case matches, in place of UNCERTAIN.
        latency: before each answer.
        on_ready: called once with the base URL, when requests are accepted.

    Raises:
        ConfigError: the script file is invalid.
        RubricError: a case file is invalid.
        OSError: the address is taken or not ours.
    """
    script = load_script(script_path, cases_dir, always_met=always_met)
    async with SimulatedProvider(script, host, port, latency=latency) as provider:
        if on_ready is not None:
            on_ready(provider.base_url)
        await asyncio.get_running_loop().create_future()


async def _mark(request: web.Request, response: web.StreamResponse) -> None:
    """Say on every response, errors included, that it is simulated."""
    del request
    response.headers[SIMULATED_HEADER] = "1"


def _input_tokens(asked: Asked) -> int:
    return tokens(asked.prefix) + sum(tokens(block) for block in asked.blocks)


def _json(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _error(wire: WireFormat, kind: FaultKind | None, serial: str, headers: dict[str, str]) -> web.Response:
    status, body = wire.error(kind, serial)
    return _json(body, status, headers)


def _event(name: str | None, data: Json | str) -> bytes:
    payload = data.encode() if isinstance(data, str) else orjson.dumps(data)
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"data: " + payload + b"\n\n"
