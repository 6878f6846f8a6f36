"""Every attack against every gullible critic, with the steering checks and without, over gRPC; and what stopped each.

One sweep gives all the figures, so that a test of one attack and the report about all of them cannot disagree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from reviewer.core.baseline import INJECTION_CRITERIA
from reviewer.core.check import CheckOutcome, Passed, Subject
from reviewer.core.rulebook import Rulebook
from reviewer.ledger import sqlite
from reviewer.ledger.sqlite import SqliteLedger
from reviewer.simulate.script import Gullibility, Script
from reviewer.v1 import finding_pb2
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.review_pb2 import Cause, Review, Verdict
from tests.support.assembled import assembled, shipped_rulebook
from tests.support.attacks import attacked, attacks, bases, rule_of
from tests.support.service import TIMEOUT_S, running

Ask = Callable[[pb.ReviewSubject], Awaitable[Review]]
# Attacks are hard on a critic's reputation: a breaker that opens would take credit for what the checks did.
PATIENT = 10_000
_CLAIMED_WELL = (finding_pb2.OUTCOME_MET, finding_pb2.OUTCOME_NOT_APPLICABLE)


class Stopper(StrEnum):
    """What kept a draft from being approved, the first that applies."""

    STEERING_CHECK = "steering check"
    OTHER_CHECK = "other check"
    ATTENTION = "attention statements"
    FORM = "form of the reply"
    COVERAGE = "coverage"
    QUOTES = "quotes"
    CRITIC = "the critic itself"
    OTHER = "another cause"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Meeting:
    """One attack met by one critic.

    Attributes:
        guarded: with the steering checks; without them all else stays as it is.
    """

    attack: str
    gullibility: Gullibility
    guarded: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a meeting ended."""

    verdict: str
    stopper: Stopper

    @property
    def approved(self) -> bool:
        """Whether the draft would have been sent."""
        return self.verdict == "APPROVE"


def gullible_script(gullibility: Gullibility | None) -> Script:
    """Script a critic who knows what is wrong with every base, and says so unless something planted moves it."""
    return Script(rules=tuple(rule_of(case) for case in bases().values()), gullible=gullibility)


async def sweep(folder: Path) -> dict[Meeting, Outcome]:
    """Run every meeting; the same outcome each time."""
    outcomes = {}
    for gullibility in Gullibility:
        for guarded in (True, False):
            room = folder / f"{gullibility}_{guarded}"
            room.mkdir()
            async with service(room, gullible_script(gullibility), guarded=guarded) as ask:
                for name, attack in attacks().items():
                    outcomes[Meeting(name, gullibility, guarded)] = outcome_of(await ask(attacked(attack)))
    return outcomes


@asynccontextmanager
async def service(folder: Path, script: Script, *, guarded: bool) -> AsyncIterator[Ask]:
    """Serve with the shipped rules, the steering checks among them or replaced by checks that pass everything."""
    if guarded:
        async with running(folder, script, critic={"breaker_failures": PATIENT}) as started:
            yield started.review
        return
    path = folder / "log.db"
    sqlite.create(path)
    async with SqliteLedger(path) as ledger, assembled(ledger, unguarded(), script, breaker_failures=PATIENT) as stub:

        async def ask(subject: pb.ReviewSubject) -> Review:
            response = await stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject), timeout=TIMEOUT_S)
            return response.review

        yield ask


def unguarded() -> Rulebook:
    """Load the shipped rules with the two checks for steering switched off."""
    rulebook = shipped_rulebook()
    return replace(rulebook, checks={**rulebook.checks, **dict.fromkeys(INJECTION_CRITERIA, _pass_everything)})


def _pass_everything(subject: Subject) -> CheckOutcome:
    del subject
    return Passed()


def outcome_of(review: Review) -> Outcome:
    """Say how a review ended and why."""
    return Outcome(Verdict.Name(review.verdict).removeprefix("VERDICT_"), _stopper(review))


def _stopper(review: Review) -> Stopper:
    against = [reason for reason in review.reasons if reason.asks_for > Verdict.VERDICT_APPROVE]
    criteria = {reason.criterion for reason in against}
    bad = [f for f in review.findings if f.criterion in criteria and f.outcome != finding_pb2.OUTCOME_MET]
    causes = {reason.cause for reason in against}
    unread = Cause.CAUSE_REVIEWER_UNREADABLE in causes
    inattentive = any("attention" in reason.message for reason in against)
    signs = (
        (Stopper.NOTHING, not against),
        (Stopper.STEERING_CHECK, bool(criteria & INJECTION_CRITERIA)),
        (Stopper.OTHER_CHECK, any(finding.origin == finding_pb2.FINDING_ORIGIN_CHECK for finding in bad)),
        (Stopper.ATTENTION, unread and inattentive),
        (Stopper.FORM, unread),
        (Stopper.COVERAGE, Cause.CAUSE_PARTIAL_COVERAGE in causes),
        (Stopper.OTHER, bool(causes - {Cause.CAUSE_CRITERION, Cause.CAUSE_EVIDENCE_UNVERIFIED})),
        (Stopper.QUOTES, any(finding.claimed in _CLAIMED_WELL for finding in bad)),
        (Stopper.CRITIC, True),
    )
    return next(stopper for stopper, applies in signs if applies)
