"""Faults of delivery: no answer, a cut connection, a slow body. Faults of content stand in `critic.py`."""

from __future__ import annotations

import asyncio
import socket
import struct
from math import ceil
from typing import Final

from aiohttp import web

from reviewer.core.outcome import StopReason
from reviewer.simulate.script import Fault, FaultKind

_DEFAULT_RETRY_AFTER_S: Final = 1.0
_DEFAULT_BYTES_PER_S: Final = 64
_DRIPS_PER_S: Final = 20
# Linger on, for no time: closing sends RST in place of FIN, which is what a client calls "connection reset".
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_STOPS: Final = {
    FaultKind.REFUSAL: StopReason.REFUSED,
    FaultKind.TRUNCATION: StopReason.TRUNCATED,
    FaultKind.CONTEXT_EXCEEDED: StopReason.CONTEXT_EXCEEDED,
}


def stop_reason(fault: Fault | None) -> StopReason:
    """Return why the model is said to have stopped."""
    return _STOPS.get(fault.kind, StopReason.COMPLETE) if fault else StopReason.COMPLETE


def served_model(fault: Fault | None, requested: str) -> str:
    """Return the name of the model that is said to have answered."""
    return f"{requested}-swapped" if fault and fault.kind is FaultKind.WRONG_MODEL else requested


def error_headers(fault: Fault) -> dict[str, str]:
    """Return the headers of an error: whole seconds as RFC 9110 has them, and the milliseconds both SDKs prefer."""
    if fault.kind is not FaultKind.RATE_LIMITED:
        return {}
    seconds = _DEFAULT_RETRY_AFTER_S if fault.retry_after_s is None else fault.retry_after_s
    return {"Retry-After": str(ceil(seconds)), "retry-after-ms": str(ceil(seconds * 1000))}


def bytes_per_s(fault: Fault | None) -> int | None:
    """Return the pace of the body, None for no limit."""
    if fault is None or fault.kind is not FaultKind.SLOW_DRIP:
        return None
    return fault.bytes_per_s or _DEFAULT_BYTES_PER_S


async def hang() -> None:
    """Wait until cancelled: the client goes away, or the server stops."""
    await asyncio.get_running_loop().create_future()


def reset(request: web.Request) -> None:
    """Cut the connection without an answer."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def drip(response: web.StreamResponse, data: bytes, pace: int) -> None:
    """Write a body at `pace` bytes a second; cancelled where the client goes away."""
    size = max(1, pace // _DRIPS_PER_S)
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        await response.write(piece)
        await asyncio.sleep(len(piece) / pace)
