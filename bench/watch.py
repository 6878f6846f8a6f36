"""Watched calls: what the load generator tells of each single one, beside how long it took.

The load generator makes them with `Watch`, the measurements read them back as `Told`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import grpc

from reviewer.v1 import review_pb2
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.finding_pb2 import FINDING_ORIGIN_CRITIC

Method = Literal["ReviewDraft", "StreamReview"]
_SERVICE: Final = "/reviewer.v1.ReviewService/"
_SCREEN: Final = "screen"


@dataclass(frozen=True, slots=True)
class Told:
    """What one call came to.

    Attributes:
        took_ms: until the answer, or the error, was there.
        status: name of the gRPC status.
        verdict: without its prefix; empty where there is none.
        causes: of the reasons that ask for that verdict, without prefix, each once, sorted.
        calls: purpose and milliseconds of each model call.
        first_ms: until the first finding of a second model was told; None where nothing is told on the way.
    """

    took_ms: float
    deadline_s: float
    status: str
    verdict: str = ""
    causes: tuple[str, ...] = ()
    calls: tuple[tuple[str, float], ...] = ()
    output_tokens: int = 0
    first_ms: float | None = None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Told:
        """Read one back from JSON."""
        calls = tuple((purpose, took_ms) for purpose, took_ms in row["calls"])
        return cls(**{**row, "causes": tuple(row["causes"]), "calls": calls})

    @property
    def left_ms(self) -> float:
        """What was left of the deadline when the answer came."""
        return self.deadline_s * 1000 - self.took_ms

    @property
    def in_time(self) -> bool:
        """Whether there was an answer, and before the deadline."""
        return self.status == "OK" and self.left_ms >= 0

    @property
    def own_ms(self) -> float:
        """What was not the models' time: less the screen, and less the slowest of the calls that then ran at once."""
        screen = max((ms for purpose, ms in self.calls if purpose == _SCREEN), default=0.0)
        return self.took_ms - screen - max((ms for purpose, ms in self.calls if purpose != _SCREEN), default=0.0)


class Watch:
    """The methods of one channel, called so that more than the reply is known."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Make the callables; nothing is sent."""
        self._unary: Any = channel.unary_unary(f"{_SERVICE}ReviewDraft")
        self._stream: Any = channel.unary_stream(f"{_SERVICE}StreamReview")

    async def call(self, method: Method, payload: bytes, deadline_s: float) -> Told:
        """Make one call; an error is told like an answer."""
        began = time.perf_counter()
        first_ms: float | None = None
        try:
            if method == "ReviewDraft":
                reply = await self._unary(payload, timeout=deadline_s)
                review = pb.ReviewDraftResponse.FromString(reply).review
            else:
                async for reply in self._stream(payload, timeout=deadline_s):
                    event = pb.StreamReviewResponse.FromString(reply)
                    if first_ms is None and event.finding.origin == FINDING_ORIGIN_CRITIC:
                        first_ms = _since(began)
                review = event.review
        except grpc.aio.AioRpcError as exc:
            return Told(_since(began), deadline_s, exc.code().name)
        return _told(review, _since(began), deadline_s, first_ms)


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _told(review: review_pb2.Review, took_ms: float, deadline_s: float, first_ms: float | None) -> Told:
    return Told(
        took_ms,
        deadline_s,
        grpc.StatusCode.OK.name,
        review_pb2.Verdict.Name(review.verdict).removeprefix("VERDICT_"),
        _causes(review),
        tuple((call.purpose, call.latency_us / 1000) for call in review.model_calls),
        sum(call.usage.output_tokens for call in review.model_calls),
        first_ms,
    )


def _causes(review: review_pb2.Review) -> tuple[str, ...]:
    asking = {reason.cause for reason in review.reasons if reason.asks_for == review.verdict}
    return tuple(sorted(review_pb2.Cause.Name(cause).removeprefix("CAUSE_") for cause in asking))


def took(told: Sequence[Told]) -> list[float]:
    """Return the times of calls, in milliseconds, sorted."""
    return sorted(each.took_ms for each in told)
