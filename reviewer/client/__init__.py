"""A client for the review service: what a backend in Python needs, and the types of the contract it works with."""

from __future__ import annotations

from reviewer.client.client import CallFailedError, ReviewClient
from reviewer.client.messages import (
    draft_digests,
    read_review,
    read_subject,
    review_json,
    subject_of_case,
)
from reviewer.v1.finding_pb2 import Finding, Quote
from reviewer.v1.review_pb2 import Cause, Reason, Review, Stage, Verdict
from reviewer.v1.review_service_pb2 import ReviewSubject

__all__ = [
    "CallFailedError",
    "Cause",
    "Finding",
    "Quote",
    "Reason",
    "Review",
    "ReviewClient",
    "ReviewSubject",
    "Stage",
    "Verdict",
    "draft_digests",
    "read_review",
    "read_subject",
    "review_json",
    "subject_of_case",
]
