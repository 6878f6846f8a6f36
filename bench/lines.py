"""The wire between the benchmark and its processes: JSON, one line a message, over standard input and output."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any


def say(message: Mapping[str, Any]) -> None:
    """Write one message to standard output."""
    print(json.dumps(message), flush=True)


async def heard() -> AsyncIterator[dict[str, Any]]:
    """Yield the messages on standard input until it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)
