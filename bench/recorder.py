"""The recorder: a proxy before the model that keeps the body of the last request.

So the baselines send the very bytes that the service sends, without a second hand that renders prompts.
"""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_FORWARDED = ("content-type", "request-id", "x-reviewer-simulated")


class Recorder:
    """Listens on a free port between enter and exit.

    Attributes:
        url: base URL to give to the service.
        body: of the last request.
    """

    def __init__(self, model_url: str) -> None:
        """Listen, and forward to a model."""
        self.body = b""
        self._host = urlsplit(model_url).netloc
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Keep, forward, answer."""
                recorder.body = self.rfile.read(int(self.headers["content-length"]))
                recorder._forward(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Serve in a thread."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def _forward(self, handler: BaseHTTPRequestHandler) -> None:
        connection = http.client.HTTPConnection(self._host)
        connection.request("POST", handler.path, self.body, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        handler.send_response(answer.status)
        for name in _FORWARDED:
            if (value := answer.getheader(name)) is not None:
                handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        connection.close()
