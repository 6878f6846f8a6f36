"""Requests about handoffs and outcomes: protobuf in, what the desk takes out, or every fault at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reviewer.core.errors import Fault, RequestError
from reviewer.core.events import MAX_BY_CHARS
from reviewer.core.finding import Outcome
from reviewer.core.handoff import MAX_LABELS
from reviewer.core.outcome_report import Fate, OutcomeReport
from reviewer.core.page_token import read_token, write_token
from reviewer.core.ticket import Decision, TicketState
from reviewer.core.words import MAX_COMMENT_CHARS, Words
from reviewer.desk import Ruling
from reviewer.v1 import finding_pb2, outcome_service_pb2
from reviewer.v1 import handoff_service_pb2 as pb

DEFAULT_PAGE = 50
MAX_PAGE = 500
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HANDOFF_NAME = re.compile(rf"handoffs/({_UUID})")
_REVIEW_NAME = re.compile(rf"reviews/({_UUID})")
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_CRITERION = re.compile(r"[a-z0-9_.-]{1,64}/[a-z0-9_.-]{1,64}")
_MAX_ROUTE_CHARS = 200

STATES = {
    TicketState.OPEN: pb.TICKET_STATE_OPEN,
    TicketState.CLAIMED: pb.TICKET_STATE_CLAIMED,
    TicketState.RESOLVED: pb.TICKET_STATE_RESOLVED,
    TicketState.EXPIRED: pb.TICKET_STATE_EXPIRED,
}
DECISIONS = {
    Decision.APPROVE_AS_IS: pb.HANDOFF_DECISION_APPROVE_AS_IS,
    Decision.APPROVE_WITH_EDIT: pb.HANDOFF_DECISION_APPROVE_WITH_EDIT,
    Decision.REJECT: pb.HANDOFF_DECISION_REJECT,
}
LABELS = {
    Outcome.MET: finding_pb2.OUTCOME_MET,
    Outcome.NOT_MET: finding_pb2.OUTCOME_NOT_MET,
    Outcome.UNCERTAIN: finding_pb2.OUTCOME_UNCERTAIN,
}
_STATES = {number: state for state, number in STATES.items()}
_DECISIONS = {number: decision for decision, number in DECISIONS.items()}
_LABELS = {number: outcome for outcome, number in LABELS.items()}
_FATES = {
    outcome_service_pb2.ANSWER_OUTCOME_SENT_UNCHANGED: Fate.SENT_UNCHANGED,
    outcome_service_pb2.ANSWER_OUTCOME_SENT_EDITED: Fate.SENT_EDITED,
    outcome_service_pb2.ANSWER_OUTCOME_NOT_SENT: Fate.NOT_SENT,
    outcome_service_pb2.ANSWER_OUTCOME_COMPLAINT: Fate.COMPLAINT,
    outcome_service_pb2.ANSWER_OUTCOME_CONFIRMED_WRONG: Fate.CONFIRMED_WRONG,
}


@dataclass(frozen=True, slots=True)
class TicketListing:
    """One page of tickets that was asked for.

    Attributes:
        after: index of the review behind whose ticket the page begins; None begins at the front.
        question: what a page token is bound to.
    """

    state: TicketState | None
    route: str
    after: int | None
    page_size: int
    question: tuple[str, ...]

    def token(self, opened: int) -> str:
        """Return the token of the page behind a ticket."""
        return write_token(opened, self.question)


def read_ticket_listing(request: pb.ListHandoffsRequest, tenant: str | None) -> TicketListing:
    """Check and convert a request for a page.

    Args:
        tenant: whose tickets the caller may see; None for all.

    Raises:
        RequestError: with every fault.
    """
    faults: list[Fault] = []
    question = ("tickets", "all" if tenant is None else f"of {tenant}", str(request.state), request.route)
    state, after = _STATES.get(request.state), None
    if request.state and state is None:
        faults.append(Fault("state", "", f"got {request.state}, expected a state of this version"))
    if request.page_size < 0:
        faults.append(Fault("page_size", "", f"got {request.page_size}, expected 0 or more"))
    if len(request.route) > _MAX_ROUTE_CHARS:
        faults.append(Fault("route", "", f"{len(request.route)} characters, at most {_MAX_ROUTE_CHARS}"))
    if request.page_token:
        try:
            after = read_token(request.page_token, question)
        except ValueError as exc:
            faults.append(Fault("page_token", "", str(exc)))
    _raise(faults)
    return TicketListing(state, request.route, after, min(request.page_size or DEFAULT_PAGE, MAX_PAGE), question)


def read_handoff_name(name: str) -> str:
    """Return the id in `handoffs/{id}`.

    Raises:
        RequestError: it is no such name.
    """
    faults: list[Fault] = []
    handoff_id = _named(name, _HANDOFF_NAME, "name", "handoffs/ and a UUID", faults)
    _raise(faults)
    return handoff_id


def read_claim(request: pb.ClaimHandoffRequest) -> str:
    """Check a claim, and return the id of its ticket.

    Raises:
        RequestError: with every fault.
    """
    faults: list[Fault] = []
    handoff_id = _named(request.name, _HANDOFF_NAME, "name", "handoffs/ and a UUID", faults)
    _person(request.by, faults)
    if request.lease_seconds < 0:
        faults.append(Fault("lease_seconds", "", f"got {request.lease_seconds}, expected 0 or more"))
    _raise(faults)
    return handoff_id


def read_ruling(request: pb.ResolveHandoffRequest, max_text_bytes: int) -> tuple[str, Ruling]:
    """Check and convert a decision; return it with the id of its ticket.

    Args:
        max_text_bytes: of the edited text in UTF-8.

    Raises:
        RequestError: with every fault.
    """
    faults: list[Fault] = []
    handoff_id = _named(request.name, _HANDOFF_NAME, "name", "handoffs/ and a UUID", faults)
    decision = _DECISIONS.get(request.decision)
    if decision is None:
        faults.append(Fault("decision", "", f"got {request.decision}, expected a decision of this version"))
    edited = decision is Decision.APPROVE_WITH_EDIT
    if edited is not bool(request.edited_text.strip()) and decision is not None:
        faults.append(Fault("edited_text", "", "is needed for APPROVE_WITH_EDIT" if edited else "needs that decision"))
    if (size := len(request.edited_text.encode())) > max_text_bytes:
        faults.append(Fault("edited_text", "", f"{size} bytes, at most {max_text_bytes}"))
    _comment(request.comment, faults)
    labels = _read_labels(request, faults)
    _raise(faults)
    assert decision is not None
    return handoff_id, Ruling(request.token, decision, labels, Words(request.comment, request.edited_text))


def read_report(request: outcome_service_pb2.RecordOutcomeRequest, tenant: str) -> OutcomeReport:
    """Check and convert a report.

    Raises:
        RequestError: with every fault.
    """
    faults: list[Fault] = []
    review_id = _named(request.review, _REVIEW_NAME, "review", "reviews/ and a UUID", faults)
    fate = _FATES.get(request.outcome)
    if fate is None:
        faults.append(Fault("outcome", "", f"got {request.outcome}, expected an outcome of this version"))
    _person(request.by, faults)
    _comment(request.comment, faults)
    if not _REQUEST_ID.fullmatch(request.request_id):
        expected = "1 to 128 visible ASCII characters"
        faults.append(Fault("request_id", "", f"got {request.request_id[:40]!r}, expected {expected}"))
    _raise(faults)
    assert fate is not None
    return OutcomeReport(tenant, review_id, fate, request.by, request.comment, request.request_id)


def _read_labels(request: pb.ResolveHandoffRequest, faults: list[Fault]) -> dict[str, Outcome]:
    if len(request.labels) > MAX_LABELS:
        faults.append(Fault("labels", "", f"{len(request.labels)} labels, at most {MAX_LABELS}"))
        return {}
    labels: dict[str, Outcome] = {}
    for at, label in enumerate(request.labels):
        outcome = _LABELS.get(label.outcome)
        if not _CRITERION.fullmatch(label.criterion) or label.criterion in labels:
            faults.append(Fault(f"labels[{at}].criterion", "", "is no rubric/criterion, or stands twice"))
        elif outcome is None:
            faults.append(Fault(f"labels[{at}].outcome", "", "expected MET, NOT_MET or UNCERTAIN"))
        else:
            labels[label.criterion] = outcome
    return labels


def _named(name: str, pattern: re.Pattern[str], field: str, expected: str, faults: list[Fault]) -> str:
    match = pattern.fullmatch(name)
    if match is None:
        faults.append(Fault(field, "", f"got {name[:60]!r}, expected {expected}"))
        return ""
    return match.group(1)


def _person(by: str, faults: list[Fault]) -> None:
    if not by.strip() or len(by) > MAX_BY_CHARS:
        faults.append(Fault("by", "", f"has {len(by)} characters, expected 1 to {MAX_BY_CHARS}"))


def _comment(comment: str, faults: list[Fault]) -> None:
    if len(comment) > MAX_COMMENT_CHARS:
        faults.append(Fault("comment", "", f"{len(comment)} characters, at most {MAX_COMMENT_CHARS}"))


def _raise(faults: list[Fault]) -> None:
    if faults:
        raise RequestError(tuple(faults))
