"""A client for the review service: what a backend in Python needs, and the types of the contract it works with."""

from __future__ import annotations

from reviewer.client.client import ReviewClient
from reviewer.client.connection import CallFailedError
from reviewer.client.handoff_client import HandoffClient
from reviewer.client.log_client import VerdictLogClient
from reviewer.client.messages import (
    draft_digests,
    read_review,
    read_subject,
    review_json,
    subject_of_case,
    ticket_json,
)
from reviewer.client.outcome_client import OutcomeClient
from reviewer.client.rubric_client import RubricClient
from reviewer.v1.finding_pb2 import Finding, Outcome, Quote
from reviewer.v1.handoff_service_pb2 import CriterionLabel, HandoffDecision, Ticket, TicketState
from reviewer.v1.outcome_service_pb2 import AnswerOutcome
from reviewer.v1.review_pb2 import Cause, Reason, Review, Stage, Verdict
from reviewer.v1.review_service_pb2 import ReviewSubject
from reviewer.v1.rubric_service_pb2 import RulesStatus
from reviewer.v1.verdict_log_service_pb2 import Record

__all__ = [
    "AnswerOutcome",
    "CallFailedError",
    "Cause",
    "CriterionLabel",
    "Finding",
    "HandoffClient",
    "HandoffDecision",
    "Outcome",
    "OutcomeClient",
    "Quote",
    "Reason",
    "Record",
    "Review",
    "ReviewClient",
    "ReviewSubject",
    "RubricClient",
    "RulesStatus",
    "Stage",
    "Ticket",
    "TicketState",
    "Verdict",
    "VerdictLogClient",
    "draft_digests",
    "read_review",
    "read_subject",
    "review_json",
    "subject_of_case",
    "ticket_json",
]
