"""The one table from our errors to gRPC status codes and their details (AIP-193).

Every status carries an `ErrorInfo` with a reason from a closed list. Only UNAVAILABLE is meant to be retried as it
is; the second model's failures are not here, because they are verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2

from reviewer.core.errors import (
    BudgetExhaustedError,
    CheckpointNotFoundError,
    ConfigError,
    ContradictionError,
    DrainingError,
    FaultsError,
    FetchError,
    HandoffFinalError,
    HandoffNotFoundError,
    HoldError,
    IdempotencyConflictError,
    InProgressError,
    InvariantError,
    LeaseError,
    LedgerCorruptError,
    LedgerError,
    LedgerUnavailableError,
    NotAllowedError,
    OverloadError,
    ReceiptError,
    RecordNotFoundError,
    ReleaseError,
    RequestError,
    ReviewerError,
    ReviewNotFoundError,
    RubricError,
    RubricNotFoundError,
    SealedError,
    TooManyWaitingError,
)
from reviewer.providers.interface import ProviderError

ERROR_DOMAIN = "reviewer.v1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one class of errors is answered with.

    Attributes:
        reason: of the `ErrorInfo`.
        shown: whether the error's own message goes to the caller; else only the reason does.
    """

    code: grpc.StatusCode
    reason: str
    shown: bool = True


TABLE: dict[type[ReviewerError], Answer] = {
    RequestError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    IdempotencyConflictError: Answer(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    ReviewNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "REVIEW_NOT_FOUND"),
    HandoffNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "HANDOFF_NOT_FOUND"),
    HandoffFinalError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "HANDOFF_FINAL"),
    LeaseError: Answer(grpc.StatusCode.ABORTED, "HANDOFF_LEASE"),
    RecordNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND"),
    CheckpointNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "CHECKPOINT_NOT_FOUND"),
    NotAllowedError: Answer(grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED"),
    RubricNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "RUBRIC_NOT_FOUND"),
    OverloadError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_REVIEWS"),
    TooManyWaitingError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_WAITING"),
    BudgetExhaustedError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUDGET_EXHAUSTED"),
    DrainingError: Answer(grpc.StatusCode.UNAVAILABLE, "DRAINING"),
    InProgressError: Answer(grpc.StatusCode.UNAVAILABLE, "REVIEW_IN_PROGRESS"),
    LedgerError: Answer(grpc.StatusCode.UNAVAILABLE, "AUDIT_LOG_UNAVAILABLE"),
    LedgerUnavailableError: Answer(grpc.StatusCode.UNAVAILABLE, "AUDIT_LOG_UNAVAILABLE"),
    # Asking again cannot help: clients must not retry it.
    LedgerCorruptError: Answer(grpc.StatusCode.DATA_LOSS, "AUDIT_LOG_CORRUPT"),
    SealedError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "CONTENT_ERASED"),
    HoldError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "LEGAL_HOLD"),
    # The rest cannot come from a request; if one does, it is our fault.
    ReviewerError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    FaultsError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    ConfigError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    RubricError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    ReleaseError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    ReceiptError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    InvariantError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    ProviderError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    FetchError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
    ContradictionError: Answer(grpc.StatusCode.INTERNAL, "INTERNAL", shown=False),
}
_CODES = {code: code_pb2.Code.Value(code.name) for code in {answer.code for answer in TABLE.values()}}


def status_of(error: ReviewerError, correlation_id: str) -> status_pb2.Status:
    """Build the status of an error.

    Args:
        correlation_id: goes into every `ErrorInfo`; the server's log has it too.
    """
    answer = TABLE[type(error)]
    message = str(error) if answer.shown else f"internal error, correlation id {correlation_id}"
    info = error_details_pb2.ErrorInfo(
        reason=answer.reason, domain=ERROR_DOMAIN, metadata={"correlation_id": correlation_id}
    )
    status = status_pb2.Status(code=_CODES[answer.code], message=message, details=[_packed(info)])
    if isinstance(error, RequestError):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=fault.where, description=fault.message)
            for fault in error.faults
        ]
        status.details.append(_packed(error_details_pb2.BadRequest(field_violations=violations)))
    if isinstance(error, OverloadError):
        seconds = math.floor(error.retry_after_s)
        delay = Duration(seconds=seconds, nanos=round((error.retry_after_s - seconds) * 1e9))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status


def _packed(
    detail: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
