"""The gRPC server: its services, health per service, reflection, and a drain that loses nobody.

Readiness is proved, not assumed: a task commits to the log at an interval, and both services' health follows what came
of it. While draining, health says NOT_SERVING first, so that load balancers stop sending before calls are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from reviewer.admission import Admission
from reviewer.config import LimitSettings, ServerSettings
from reviewer.core.errors import ConfigError, Fault, LedgerError
from reviewer.critic import Critic
from reviewer.ledger.interface import Probed
from reviewer.telemetry import logger

FRAME_BYTES: Final = 1024 * 1024
"""Room above the request limit, so that our own check can name the bound before gRPC's does."""
STOP_GRACE_S: Final = 1.0

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Server:
    """One listening server. Enter to serve; `drain` before leaving finishes what is in flight.

    Attributes:
        address: host and port it listens on, known after enter.
    """

    def __init__(
        self,
        services: Mapping[str, grpc.GenericRpcHandler],
        admission: Admission,
        critic: Critic,
        ledger: Probed,
        settings: ServerSettings,
        limits: LimitSettings,
    ) -> None:
        """Keep the collaborators; nothing listens yet.

        Args:
            services: handlers by the full name of their service.
        """
        self.address = ""
        self._services = services
        self._admission = admission
        self._critic = critic
        self._ledger = ledger
        self._settings = settings
        self._limits = limits
        self._health = health.aio.HealthServicer()
        self._grpc: grpc.aio.Server | None = None
        self._prober: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        bound = self._limits.max_request_bytes + FRAME_BYTES
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", bound),
                ("grpc.max_send_message_length", bound),
                # Two servers on one port would split callers between two logs.
                ("grpc.so_reuseport", 0),
            ]
        )
        server.add_generic_rpc_handlers(tuple(self._services.values()))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._settings.reflection:
            names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        host = self._settings.address.rpartition(":")[0]
        try:
            port = server.add_insecure_port(self._settings.address)
        except RuntimeError as exc:
            fault = Fault("server.address", "", f"cannot listen on {self._settings.address}")
            raise ConfigError((fault,)) from exc
        await server.start()
        self._grpc = server
        self.address = f"{host}:{port}"
        await self._announce(_SERVING)
        self._prober = asyncio.create_task(self._probe_forever())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening; calls still in flight get a moment and are then cancelled."""
        if self._prober is not None:
            self._prober.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._prober
        if self._grpc is not None:
            await self._grpc.stop(STOP_GRACE_S)

    async def drain(self) -> None:
        """Refuse new work, then wait until every review in flight is answered: finished, or handed off as DRAINING.

        Bounded: the second model gets `drain_s`, decision and record a moment more.
        """
        await self._announce(_NOT_SERVING)
        self._admission.close_doors()
        now = asyncio.get_running_loop().time()
        until = now + self._settings.drain_s
        self._critic.drain(until)
        logger().info("draining", in_flight=self._admission.in_flight, drain_s=self._settings.drain_s)
        try:
            async with asyncio.timeout_at(until + self._settings.drain_s):
                await self._admission.wait_idle()
        except TimeoutError:
            logger().error("drain_incomplete", in_flight=self._admission.in_flight)

    async def _announce(self, status: int) -> None:
        for service in ("", *self._services):
            await self._health.set(service, status)

    async def _probe_forever(self) -> None:
        """Follow the log's state until cancelled; a change is told to health checkers and logged once."""
        writable = True
        while True:
            await asyncio.sleep(self._settings.probe_interval_s)
            try:
                await self._ledger.probe()
                now_writable = True
            except LedgerError:
                now_writable = False
            if self._admission.draining:
                return
            if now_writable is not writable:
                writable = now_writable
                await self._announce(_SERVING if writable else _NOT_SERVING)
                logger().warning("log_writable" if writable else "log_not_writable")
