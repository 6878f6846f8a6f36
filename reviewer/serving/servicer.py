"""ReviewService over gRPC: bytes in, one review out.

Requests are taken as bytes and parsed here, inside the admission slot: a server that sheds load does not parse what
it refuses, and bytes that are no message become INVALID_ARGUMENT with a reason instead of a bare INTERNAL.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from reviewer.admission import Admission
from reviewer.config import DeadlineSettings, LimitSettings
from reviewer.core.draft import ReviewRequest
from reviewer.core.errors import Fault, InvariantError, RequestError, ReviewerError
from reviewer.core.finding import Finding
from reviewer.core.review import Stage, StageTiming
from reviewer.pipeline import Pipeline
from reviewer.serving.errors import TABLE, status_of
from reviewer.serving.replies import STAGES, finding_message, review_message, timing_message
from reviewer.serving.requests import read_request, read_review_name, read_tenant
from reviewer.telemetry import logger
from reviewer.v1 import review_service_pb2 as pb

SERVICE = "reviewer.v1.ReviewService"

M = TypeVar("M", bound=Message)
R = TypeVar("R")
Context = grpc.aio.ServicerContext[bytes, Any]


class ReviewServicer:
    """The three methods of the service."""

    def __init__(
        self, pipeline: Pipeline, admission: Admission, limits: LimitSettings, deadlines: DeadlineSettings
    ) -> None:
        """Keep the collaborators."""
        self._pipeline = pipeline
        self._admission = admission
        self._limits = limits
        self._deadlines = deadlines

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service's method handlers; requests stay bytes, see the module's text."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "ReviewDraft": grpc.unary_unary_rpc_method_handler(
                    self._review_draft, response_serializer=pb.ReviewDraftResponse.SerializeToString
                ),
                "StreamReview": grpc.unary_stream_rpc_method_handler(
                    self._stream_review, response_serializer=pb.StreamReviewResponse.SerializeToString
                ),
                "GetReview": grpc.unary_unary_rpc_method_handler(
                    self._get_review, response_serializer=pb.GetReviewResponse.SerializeToString
                ),
            },
        )

    async def _review_draft(self, raw: bytes, context: Context) -> pb.ReviewDraftResponse:
        async def work() -> pb.ReviewDraftResponse:
            deadline = self._deadline(context)
            with self._admission.slot():
                request = self._read(context, parse(pb.ReviewDraftRequest, raw).subject)
                recorded = await self._pipeline.review(request, deadline)
            return pb.ReviewDraftResponse(review=review_message(recorded))

        return await guarded(context, work)

    async def _stream_review(self, raw: bytes, context: Context) -> AsyncIterator[pb.StreamReviewResponse]:
        deadline = self._deadline(context)
        watcher = _Watcher()

        async def work() -> None:
            try:
                with self._admission.slot():
                    request = self._read(context, parse(pb.StreamReviewRequest, raw).subject)
                    recorded = await self._pipeline.review(request, deadline, watcher)
                watcher.events.put_nowait(pb.StreamReviewResponse(review=review_message(recorded)))
            finally:
                watcher.events.put_nowait(None)

        task = asyncio.create_task(work())
        try:
            while (event := await watcher.events.get()) is not None:
                yield event
            await guarded(context, lambda: task)
        finally:
            task.cancel()

    async def _get_review(self, raw: bytes, context: Context) -> pb.GetReviewResponse:
        async def work() -> pb.GetReviewResponse:
            review_id = read_review_name(parse(pb.GetReviewRequest, raw).name)
            recorded = await self._pipeline.find(read_tenant(context.invocation_metadata()), review_id)
            return pb.GetReviewResponse(review=review_message(recorded))

        return await guarded(context, work)

    def _read(self, context: Context, subject: pb.ReviewSubject) -> ReviewRequest:
        return read_request(subject, self._limits, read_tenant(context.invocation_metadata()))

    def _deadline(self, context: Context) -> float:
        """When the second model must be done, on the loop's clock: the caller's deadline less our own reserve."""
        remaining = context.time_remaining()
        budget = self._deadlines.default_s if remaining is None else min(remaining, self._deadlines.max_s)
        return asyncio.get_running_loop().time() + budget - self._deadlines.reserve_s


class _Watcher:
    """Turns what happens in a review into stream events."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[pb.StreamReviewResponse | None] = asyncio.Queue()

    def stage_started(self, stage: Stage) -> None:
        self.events.put_nowait(pb.StreamReviewResponse(stage_started=STAGES[stage]))

    def stage_finished(self, timing: StageTiming) -> None:
        self.events.put_nowait(pb.StreamReviewResponse(stage_finished=timing_message(timing)))

    def finding(self, finding: Finding) -> None:
        self.events.put_nowait(pb.StreamReviewResponse(finding=finding_message(finding)))


def parse(kind: type[M], raw: bytes) -> M:
    """Read a message.

    Raises:
        RequestError: the bytes are none.
    """
    message = kind()
    try:
        message.ParseFromString(raw)
    except DecodeError as exc:
        raise RequestError(
            (Fault("", "", f"the bytes are no {kind.DESCRIPTOR.name} (bad field or bad UTF-8)"),)
        ) from exc
    return message


async def guarded(context: Context, work: Callable[[], Awaitable[R]]) -> R:
    """Run one call; every error becomes a status, and what is not ours becomes INTERNAL without its text."""
    try:
        return await work()
    except ReviewerError as exc:
        error: ReviewerError = exc
        cause: Exception = exc
    except Exception as exc:  # noqa: BLE001 - the outermost guard: the caller gets no verdict, the log gets the place
        error, cause = InvariantError("unexpected"), exc
    correlation_id = uuid4().hex
    answer = TABLE[type(error)]
    if answer.code is grpc.StatusCode.INTERNAL:
        # The exception's text may repeat a draft: only its type and where it arose are logged.
        frame = traceback.extract_tb(cause.__traceback__)[-1]
        where = f"{frame.filename.rsplit('reviewer/', 1)[-1]}:{frame.lineno}"
        logger().error("internal_error", correlation_id=correlation_id, error=type(cause).__name__, where=where)
    else:
        logger().warning("call_failed", correlation_id=correlation_id, code=answer.code.name, reason=answer.reason)
    await context.abort_with_status(rpc_status.to_status(status_of(error, correlation_id)))
    raise AssertionError("abort_with_status always raises")
