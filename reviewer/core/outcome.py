"""What a critique came to, and what one model call was: closed types, so that no failure is mistaken for another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reviewer.core.finding import Outcome
from reviewer.core.rubric import Place


class StopReason(StrEnum):
    """Why the second model stopped, in one vocabulary for all providers; ENDED_EARLY where we ended the call."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    CONTEXT_EXCEEDED = "context_exceeded"
    ENDED_EARLY = "ended_early"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    Attributes:
        input_tokens: all input, cached or not, read or written.
        cached_input_tokens: the part of it served from the provider's cache.
        cache_write_tokens: the part of it written to the cache by this call (0 where the provider does not say).
        output_tokens: all output, reasoning included.
        reasoning_tokens: the part of it that was hidden reasoning (0 where the provider does not say).
    """

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered, still unread.

    Attributes:
        text: the model's output text, empty where it gave none.
        provider_stop: the provider's own word for why it stopped.
        served_model: the model that answered, as the provider names it.
        simulated: the answer came from the simulated provider.
        batched: the call was made in a batch, which has its own price.
    """

    text: str
    stop: StopReason
    provider_stop: str
    served_model: str
    request_id: str
    usage: Usage
    simulated: bool = False
    batched: bool = False


class FailureKind(StrEnum):
    """Why a call gave no reply.

    CONGESTED: no place at the model came free in time, so nothing was sent. SUPERSEDED: an equal request, sent beside
    this one, was answered first.
    """

    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    CONNECTION = "connection"
    REJECTED = "rejected"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    BAD_ENVELOPE = "bad_envelope"
    BREAKER_OPEN = "breaker_open"
    CONGESTED = "congested"
    SUPERSEDED = "superseded"
    DEADLINE = "deadline"
    DRAINING = "draining"

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed a moment later."""
        return self in _RETRYABLE

    @property
    def outage(self) -> bool:
        """Whether it says nothing of the draft, so that another model may be asked in place of this one."""
        return self in _OUTAGE


_RETRYABLE = frozenset(
    {FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.SERVER_ERROR, FailureKind.CONNECTION}
)
_OUTAGE = _RETRYABLE | {
    FailureKind.BAD_ENVELOPE,
    FailureKind.TIMEOUT,
    FailureKind.BREAKER_OPEN,
    FailureKind.CONGESTED,
    FailureKind.REJECTED,
}


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt at the second model, for the record: no text, only facts.

    Attributes:
        failure: why there is no reply; None where there is one.
        http_status: 0 where no response arrived.
        cost_micro_usd: None where the price or the usage is unknown.
        latency_us: from request to reply or failure, microseconds.
        purpose: `critique`, `screen` for a cascade's first model, `repair` for the one second ask after an
            unreadable reply, or `hedge` for a request sent beside an equal one that was late.
        batched: it was answered as part of a batch.
    """

    provider: str
    requested_model: str
    served_model: str
    request_id: str
    prompt_digest: str
    usage: Usage
    cost_micro_usd: int | None
    latency_us: int
    stop: str
    purpose: str = "critique"
    failure: FailureKind | None = None
    http_status: int = 0
    simulated: bool = False
    batched: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote as the critic claims it, unverified. `seg` is a segment id such as `d12` or `s3.7`, may be wrong."""

    place: Place
    seg: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The critic's answer to one criterion, unverified.

    Attributes:
        worst: the worst outcome the critic gave for this criterion, where it gave several; else None.
    """

    criterion: str
    outcome: Outcome
    evidence: tuple[Evidence, ...] = ()
    why: str = ""
    fix: str | None = None
    worst: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """A readable critique that passed the attention checks.

    Attributes:
        answers: at most one a criterion, in the order asked; a missing one was not answered.
        steering: the critic saw text that addresses the reviewer.
        dropped: findings for aliases that were never asked.
        unreadable_parts: segment ids that the critic could not use.
    """

    answers: tuple[Answer, ...]
    steering: bool = False
    steering_segment: str = ""
    dropped: int = 0
    unreadable_parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stopped:
    """A critique that we ended while it was written, because one of its answers decides already.

    Attributes:
        answers: those that had arrived, at most one a criterion.
        criterion: the blocker whose answer decided.
    """

    answers: tuple[Answer, ...]
    criterion: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The second model declined to examine the draft."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The second model's output could not be read, or it failed the attention checks.

    Attributes:
        repairable: asking once more may help; not so for a critic that did not pay attention.
    """

    why: str
    repairable: bool = True


@dataclass(frozen=True, slots=True)
class Truncated:
    """The second model ran out of output or context before it had answered everything."""

    why: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No reply: outage, rate limit, rejection; `deadline` where the budget ran out first."""

    kind: FailureKind
    why: str


CritiqueOutcome = Completed | Stopped | Refused | Malformed | Truncated | Unavailable


@dataclass(frozen=True, slots=True)
class Critique:
    """What one reviewer's critique of a draft came to.

    Attributes:
        judge: requested model id, as its findings name it; empty where the deadline left no time to ask anybody.
        screen: it is a cascade's first, cheaper look, of which objections count and praise does not.
    """

    judge: str
    outcome: CritiqueOutcome
    screen: bool = False
