"""The whole service in this loop: real gRPC, real SDK adapters, a real log; only the second model is simulated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from reviewer.app import App, open_app
from reviewer.client import ReviewClient
from reviewer.config import Settings
from reviewer.ledger import stores
from reviewer.ledger.interface import Stored
from reviewer.log_home import create_log
from reviewer.simulate.script import Rule, Script
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.v1.review_pb2 import Cause, Review, Verdict
from reviewer.vendors import SimulatedEndpoints
from tests.support.watched_provider import WatchedProvider

SERVICE = "reviewer.v1.ReviewService"
LOG_SERVICE = "reviewer.v1.VerdictLogService"
RUBRIC_SERVICE = "reviewer.v1.RubricService"
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """A running service with a client of each kind.

    Attributes:
        client: as a backend uses it, with retries.
        stub: generated, without retries.
    """

    app: App
    provider: WatchedProvider
    client: ReviewClient
    channel: grpc.aio.Channel
    stub: pb_grpc.ReviewServiceAsyncStub
    settings: Settings

    async def review(self, subject: pb.ReviewSubject, timeout: float = TIMEOUT_S) -> Review:  # noqa: ASYNC109 - it is the call's deadline
        """Review over the raw stub."""
        response = await self.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject), timeout=timeout)
        return response.review

    async def refusal(self, subject: pb.ReviewSubject, timeout: float = TIMEOUT_S) -> Refusal:  # noqa: ASYNC109 - it is the call's deadline
        """Make a call that must fail, and return how it did."""
        return await refusal_of(self.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject), timeout=timeout))

    async def raw(self, data: bytes) -> Refusal:
        """Send bytes as they are, to ReviewDraft; the call must fail."""
        send: Any = self.channel.unary_unary(f"/{SERVICE}/ReviewDraft")
        return await refusal_of(send(data, timeout=TIMEOUT_S))

    async def entries(self) -> tuple[Stored, ...]:
        """Read the whole log."""
        return await self.app.ledger.page(0, 10_000)

    def health(self) -> health_pb2_grpc.HealthStub:
        """Return a stub of the health service."""
        return health_pb2_grpc.HealthStub(self.channel)  # type: ignore[no-untyped-call, unused-ignore]

    async def health_turns(self, status: int, service: str = SERVICE) -> None:
        """Wait until health says so, by its own stream of changes."""
        stub: Any = self.health()
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT_S)
        async for response in watch:
            if response.status == status:
                watch.cancel()
                return


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that failed.

    Attributes:
        reason: of the `ErrorInfo`.
        fields: field and description of every violation.
        retry_s: what the server asked to wait, None where it did not.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    correlation_id: str
    fields: tuple[tuple[str, str], ...]
    retry_s: float | None

    @property
    def paths(self) -> list[str]:
        """Return the fields at fault."""
        return [field for field, _ in self.fields]


async def refusal_of(call: Any) -> Refusal:
    """Await a call that must fail, and unpack its status."""
    try:
        response = await call
    except grpc.aio.AioRpcError as exc:
        return _unpacked(exc)
    raise AssertionError(f"the call was expected to fail: {type(response).__name__}")


def _unpacked(error: grpc.aio.AioRpcError) -> Refusal:
    call: Any = error
    status = rpc_status.from_call(call)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    retry_s: float | None = None
    for detail in status.details if status is not None else ():
        for target in (info, bad, retry):
            detail.Unpack(target)
    if retry.HasField("retry_delay"):
        retry_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return Refusal(
        error.code(),
        error.details() or "",
        info.reason,
        info.domain,
        info.metadata.get("correlation_id", ""),
        tuple((violation.field, violation.description) for violation in bad.field_violations),
        retry_s,
    )


def rules(*written: dict[str, Any], always_met: bool = True) -> Script:
    """Build a script from rules as a file would state them; what no rule matches is met throughout."""
    return Script(rules=tuple(Rule.model_validate(rule) for rule in written), always_met=always_met)


def broken(kind: str, **more: Any) -> dict[str, Any]:
    """Build a rule that injects one fault into every answer, or into the first `times`."""
    match = {name: more.pop(name) for name in ("times", "contains", "provider") if name in more}
    return {"match": match, "fault": {"kind": kind, **more}}


def settings_for(folder: Path, **sections: dict[str, Any]) -> Settings:
    """Return settings for a free port and a log in a folder; sections given are laid over."""
    values: dict[str, dict[str, Any]] = {
        "server": {"address": "127.0.0.1:0"},
        "ledger": {"path": folder / "log.db"},
        # Tests count calls and entries: chance must not add any.
        "canary": {"percent": 0},
    }
    for name, fields in sections.items():
        values[name] = {**values.get(name, {}), **fields}
    return Settings.model_validate(values)


@asynccontextmanager
async def running(
    folder: Path,
    script: Script | None = None,
    provider: Callable[[Script], WatchedProvider] = WatchedProvider,
    /,
    **sections: dict[str, Any],
) -> AsyncIterator[Service]:
    """Run the service on a log in `folder`, unless sections say otherwise; it is created unless it is there.

    Args:
        provider: makes the second model's provider.
    """
    settings = settings_for(folder, **sections)
    if not stores.exists(settings.ledger):
        create_log(settings)
    async with AsyncExitStack() as stack:
        simulated = await stack.enter_async_context(provider(script or rules()))
        endpoints = SimulatedEndpoints(simulated.base_url, simulated.openai_base_url)
        app = await stack.enter_async_context(open_app(settings, endpoints))
        client = await stack.enter_async_context(ReviewClient(app.server.address, TIMEOUT_S))
        channel = await stack.enter_async_context(_channel(app.server.address))
        yield Service(app, simulated, client, channel, pb_grpc.ReviewServiceStub(channel), settings)


def _channel(address: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(address, options=[("grpc.enable_retries", 0)])


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """Hold the log's write lock, as a stuck backup would."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close(force=True)


def causes(review: Review) -> set[str]:
    """Return the causes of a review's reasons, as the core spells them."""
    return {_cause(reason.cause) for reason in review.reasons}


def deciding(review: Review) -> set[str]:
    """Return the causes of those reasons that ask for the verdict that was given."""
    return {_cause(reason.cause) for reason in review.reasons if reason.asks_for == review.verdict}


def verdicts(reviews: Iterable[Review]) -> list[str]:
    """Return verdicts by name, without their prefix."""
    return [Verdict.Name(review.verdict).removeprefix("VERDICT_") for review in reviews]


def _cause(number: Cause.ValueType) -> str:
    return Cause.Name(number).removeprefix("CAUSE_").lower()
