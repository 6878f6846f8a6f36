"""The whole error tree of the service.

Failures that are part of the domain (the second model is down, refuses, is unreadable) are values with a cause
(`reviewer.core.outcome`), not exceptions that travel. What stands here is what a caller, an operator or a programmer
has to act on. `reviewer.serving.errors` holds the one table from these classes to gRPC status codes.

Messages name what, where, the value and the bound. They never hold text of a draft, a source or a secret.
"""

from __future__ import annotations

from dataclasses import dataclass


class ReviewerError(Exception):
    """Base of every error this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one line of a file that would mend a fault.

    Attributes:
        line, column: from 1, where `old` begins.
        old: the text that stands there.
        new: what belongs in its place.
    """

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file or a request.

    Attributes:
        where: file and position (`health/rubric.yaml:12:5`) or field path (`draft.sources[2].id`).
        field: dotted path of the offending key, empty where `where` is already a field path.
        message: what was got, what was expected, and the bound where there is one.
        code: of `reviewer.rubrics.codes`; empty where no rule file is concerned.
        edit: a safe change that mends it, where there is one.
    """

    where: str
    field: str
    message: str
    code: str = ""
    edit: Edit | None = None

    def __str__(self) -> str:
        """Render as `where: field: message`."""
        return ": ".join(piece for piece in (self.where, self.field, self.message) if piece)


class FaultsError(ReviewerError):
    """Base of errors that list every fault at once."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Keep the faults; the message is one line a fault."""
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class ConfigError(FaultsError):
    """Settings are invalid: the process must not start (exit status 2)."""


class RubricError(FaultsError):
    """A rubric, routing or model file is invalid: nothing of the set is used."""


class ReleaseError(FaultsError):
    """A release cannot be used: altered, not signed by enough people, or not fit for this service."""


class RequestError(FaultsError):
    """The request is malformed or over a limit: the caller's fault (`INVALID_ARGUMENT`)."""


class IdempotencyConflictError(ReviewerError):
    """A `request_id` came back with other content (`ALREADY_EXISTS`)."""


class ReviewNotFoundError(ReviewerError):
    """No review of that name is in the log (`NOT_FOUND`)."""


class HandoffNotFoundError(ReviewerError):
    """No handoff of that name is in the log, or none that the caller may see (`NOT_FOUND`)."""


class HandoffFinalError(ReviewerError):
    """The handoff is resolved or has expired: nothing changes it any more (`FAILED_PRECONDITION`)."""


class LeaseError(ReviewerError):
    """Somebody else holds the handoff, or the claim that was shown is not in force any more (`ABORTED`)."""


class RecordNotFoundError(ReviewerError):
    """No record of that name is in the log, or none that the caller may see (`NOT_FOUND`)."""


class RubricNotFoundError(ReviewerError):
    """No rubric of that name is in force (`NOT_FOUND`)."""


class CheckpointNotFoundError(ReviewerError):
    """No checkpoint of that size was signed, or it does not cover what is asked for (`NOT_FOUND`)."""


class NotAllowedError(ReviewerError):
    """The caller's tenant may not do this (`PERMISSION_DENIED`)."""


class OverloadError(ReviewerError):
    """More work than the admission limit allows (`RESOURCE_EXHAUSTED`).

    Attributes:
        retry_after_s: seconds after which a retry may be admitted.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        """Say what is exhausted and when to come back."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BudgetExhaustedError(OverloadError):
    """A tenant's budget for the day is used up (`RESOURCE_EXHAUSTED`); it is there again at midnight UTC."""


class TooManyWaitingError(OverloadError):
    """More callers wait for tickets than the settings allow (`RESOURCE_EXHAUSTED`)."""


class DrainingError(ReviewerError):
    """The server is shutting down and takes no new work (`UNAVAILABLE`)."""


class InProgressError(ReviewerError):
    """The same request is still being reviewed and this caller's deadline is near (`UNAVAILABLE`): ask again."""


class LedgerError(ReviewerError):
    """Base of verdict-log failures: no verdict leaves the house."""


class LedgerUnavailableError(LedgerError):
    """The log could not be written or read (`UNAVAILABLE`); whether a write took effect may be unknown."""


class LedgerCorruptError(LedgerError):
    """What the log holds cannot be read back, or does not match its own hashes (`DATA_LOSS`)."""


class SealedError(LedgerError):
    """Content cannot be read: it was erased, or the key that it needs is not configured."""


class HoldError(LedgerError):
    """A legal hold stands in the way (`FAILED_PRECONDITION`), or the one to be lifted is not there."""


class ReceiptError(ReviewerError):
    """A receipt is not one, or nobody that we know signed it."""


class InvariantError(ReviewerError):
    """A rule that the code itself guarantees was broken: our bug (`INTERNAL`)."""


class ContradictionError(ReviewerError):
    """The log contradicts what it signed before, or what it signs now: it was rewritten, cut or forked.

    Attributes:
        checkpoint: the signed note that shows it, beside the one remembered; empty where no good one was shown.
    """

    def __init__(self, message: str, checkpoint: str = "") -> None:
        """Keep both."""
        super().__init__(message)
        self.checkpoint = checkpoint


class FetchError(ReviewerError):
    """There was no answer, or one that is too long. The message names the failure, not what was sent."""
