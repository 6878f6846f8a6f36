from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.core.draft import Drafter, DrafterUsage, Revision, Tier
from reviewer.core.errors import InvariantError, LedgerCorruptError
from reviewer.core.finding import Finding, Origin, Outcome, Quote, QuoteStatus
from reviewer.core.guidance import DrafterGuidance, GuidanceItem
from reviewer.core.merkle import leaf_hash
from reviewer.core.outcome import CallRecord, FailureKind, Usage
from reviewer.core.record import MAX_RECORD_BYTES, read_content, rfc3339, seal
from reviewer.core.review import Handoff, HandoffState, Review, RouteTaken, Stage, StageTiming
from reviewer.core.routing import Guidance
from reviewer.core.rubric import Effect, Place, Severity
from reviewer.core.rulebook import CriterionFact, RubricPin
from reviewer.core.verdict import Cause, Reason, Verdict
from tests.support.builders import CONTENT_KEY, MOMENT, finding, quote, review, review_id
from tests.support.golden import assert_golden

CALL = CallRecord(
    provider="anthropic",
    requested_model="critic-1",
    served_model="critic-1-20260301",
    request_id="req_1",
    prompt_digest="9" * 64,
    usage=Usage(5000, 4000, 0, 300, 100),
    cost_micro_usd=12_345,
    latency_us=1_500_000,
    stop="end_turn",
)
FULL = review(
    request_id="order-7",
    verdict=Verdict.HUMAN_HANDOFF,
    reasons=(
        Reason(
            Cause.CRITERION, Effect.HANDOFF, "probe/asked", Severity.BLOCKER, "It is vague.", (quote("a dose"),), "Say."
        ),
        Reason(Cause.DEADLINE, Effect.HANDOFF, "", None, "too late"),
    ),
    guidance=DrafterGuidance(Guidance.FULL, (GuidanceItem("probe/asked", "Asked", "Say.", (quote("a dose"),)),)),
    findings=(
        finding(
            "probe/asked",
            Outcome.NOT_MET,
            quotes=(quote("a dose"), quote("no", QuoteStatus.FAILED)),
            why="It is vague.",
        ),
        finding("probe/ruled", Outcome.UNCERTAIN, Origin.CHECK, claimed=Outcome.NOT_MET, unverified=True),
    ),
    handoff=Handoff(str(review_id(9)), HandoffState.OPEN, MOMENT),
    calls=(replace(CALL, cost_micro_usd=None, failure=FailureKind.OVERLOADED, http_status=529), CALL),
    timings=(StageTiming(Stage.ADMIT, 15), StageTiming(Stage.CRITICISE, 1_500_123)),
    drafter_usage=DrafterUsage(100, 200, 300),
    redactions=((Place.DRAFT, "email", 2), (Place.SOURCE, "card", 1)),
    dropped_findings=1,
    revision=Revision("reviews/0199", 1),
    labels={"team": "triage", "a": "z"},
)


def record_of(made: Review) -> dict[str, object]:
    read: dict[str, object] = json.loads(seal(made, CONTENT_KEY).record)
    return read


def test_golden() -> None:
    """A review's record is the same bytes as ever: auditors' tools of years ago must still read it."""
    assert_golden("record_full.json", seal(FULL, CONTENT_KEY).record)
    assert_golden("record_approved.json", seal(review(), CONTENT_KEY).record)


def test_record_is_canonical() -> None:
    """The record is RFC 8785: reading and writing it by another library gives the same bytes."""
    for made in (FULL, review()):
        record = seal(made, CONTENT_KEY).record
        assert rfc8785.dumps(json.loads(record)) == record


def test_entry_carries_what_the_log_needs() -> None:
    """Ids stand beside the record as they stand in it, and the leaf is the record's."""
    entry = seal(FULL, CONTENT_KEY)

    assert (entry.review_id, entry.tenant, entry.request_id) == (FULL.id, "acme", "order-7")
    assert entry.content_digest == FULL.content_digest
    assert entry.leaf_hash == leaf_hash(entry.record) == hashlib.sha256(b"\x00" + entry.record).digest()
    assert entry.content_key == CONTENT_KEY


def test_commitment_binds_the_content() -> None:
    """The record holds an HMAC of the content that verifies with its key alone and for these bytes alone."""
    entry = seal(FULL, CONTENT_KEY)
    commitment = record_of(FULL)["content_commitment"]

    assert commitment == hmac.digest(CONTENT_KEY, entry.content, "sha256").hex()
    assert commitment != hmac.digest(bytes(32), entry.content, "sha256").hex()
    assert commitment != hmac.digest(CONTENT_KEY, entry.content + b" ", "sha256").hex()
    assert commitment != hashlib.sha256(entry.content).hexdigest()


def test_record_follows_the_content() -> None:
    """A change of any text changes the record, though the record holds none of it."""
    changes: list[dict[str, object]] = [
        {"reasons": (replace(FULL.reasons[0], message="other"), FULL.reasons[1])},
        {"findings": (replace(FULL.findings[0], why="other"), FULL.findings[1])},
        {"criteria": {"probe/asked": CriterionFact("other", Severity.BLOCKER)}},
        {"timings": ()},
    ]
    records = {seal(replace(FULL, **change), CONTENT_KEY).record for change in changes}  # type: ignore[arg-type]

    assert len(records | {seal(FULL, CONTENT_KEY).record}) == len(changes) + 1


marks = st.text("\u03b1\u03b2\u03b3\u03b4", min_size=6)


@given(marks)
def test_record_holds_no_text(mark: str) -> None:
    """Nothing that a draft, a source or a critic wrote stands in the record, wherever a review keeps it."""
    quotes = (Quote(Place.DRAFT, mark, mark, 0, 5), Quote(Place.DRAFT, mark, mark, -1, -1, QuoteStatus.FAILED))
    made = replace(
        FULL,
        reasons=(Reason(Cause.CRITERION, Effect.REVISE, "probe/asked", Severity.MAJOR, mark, quotes, mark),),
        guidance=DrafterGuidance(Guidance.FULL, (GuidanceItem("probe/asked", mark, mark, quotes),)),
        findings=(replace(FULL.findings[0], quotes=quotes, why=mark, fix=mark),),
        criteria={"probe/asked": CriterionFact(mark, Severity.MAJOR)},
    )
    entry = seal(made, CONTENT_KEY)

    assert entry.content.decode().count(mark) >= 14
    assert mark not in entry.record.decode()
    assert mark not in json.dumps(json.loads(entry.record), ensure_ascii=False)


words = st.text(max_size=12)
counts = st.integers(0, 2**53 - 1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of the strategy are naive by contract
quoted = st.builds(Quote, st.sampled_from(Place), words, words, counts, counts, st.sampled_from(QuoteStatus))
findings = st.builds(
    Finding,
    words,
    st.sampled_from(Origin),
    words,
    st.sampled_from(Outcome),
    st.sampled_from(Outcome),
    st.lists(quoted, max_size=2).map(tuple),
    words,
    st.none() | words,
    st.booleans(),
)
reasons = st.builds(
    Reason,
    st.sampled_from(Cause),
    st.sampled_from(Effect),
    words,
    st.none() | st.sampled_from(Severity),
    words,
    st.lists(quoted, max_size=2).map(tuple),
    st.none() | words,
)
calls = st.builds(
    CallRecord,
    words,
    words,
    words,
    words,
    words,
    st.builds(Usage, counts, counts, counts, counts, counts),
    st.none() | counts,
    counts,
    words,
    words,
    st.none() | st.sampled_from(FailureKind),
    st.integers(0, 599),
    st.booleans(),
)
reviews = st.builds(
    Review,
    id=words,
    tenant=words,
    request_id=words,
    content_digest=words,
    created_at=moments,
    intent=words,
    locale=words,
    verdict=st.sampled_from(Verdict),
    reasons=st.lists(reasons, max_size=2).map(tuple),
    guidance=st.builds(
        DrafterGuidance,
        st.sampled_from(Guidance),
        st.lists(st.builds(GuidanceItem, words, words, words, st.lists(quoted, max_size=1).map(tuple)), max_size=2).map(
            tuple
        ),
    ),
    findings=st.lists(findings, max_size=3).map(tuple),
    criteria=st.dictionaries(words, st.builds(CriterionFact, words, st.sampled_from(Severity)), max_size=2),
    handoff=st.none() | st.builds(Handoff, words, st.sampled_from(HandoffState), moments),
    pins=st.lists(st.builds(RubricPin, words, words, words), max_size=2).map(tuple),
    route=st.builds(RouteTaken, words, words, st.sampled_from(Tier), st.booleans(), st.booleans(), words),
    calls=st.lists(calls, max_size=2).map(tuple),
    timings=st.lists(st.builds(StageTiming, st.sampled_from(Stage), counts), max_size=2).map(tuple),
    drafter=st.builds(Drafter, words, words, words),
    drafter_usage=st.builds(DrafterUsage, counts, counts, st.none() | counts),
    draft_digest=words,
    sources_digest=words,
    redactions=st.lists(st.tuples(st.sampled_from(Place), words, counts), max_size=2).map(tuple),
    simulated=st.booleans(),
    dropped_findings=counts,
    canary=words,
    revision=st.none() | st.builds(Revision, words, counts),
    labels=st.dictionaries(st.text(st.characters(max_codepoint=0x7F), max_size=5), words, max_size=2),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(reviews)
def test_content_reads_back(made: Review) -> None:
    """Any review reads back from its content as it was, and its record is canonical."""
    entry = seal(made, CONTENT_KEY)

    assert read_content(entry.content) == made
    assert rfc8785.dumps(json.loads(entry.record)) == entry.record


def test_a_canary_is_marked_in_its_record() -> None:
    """The record of a canary names its case; that of any other review has no such field."""
    assert record_of(replace(FULL, canary="health/egfr_22"))["canary"] == "health/egfr_22"
    assert "canary" not in record_of(FULL)


def test_content_from_before_there_were_canaries_reads_back() -> None:
    """A review stored without the field is nobody's canary."""
    content = json.loads(seal(FULL, CONTENT_KEY).content)
    del content["canary"]

    assert read_content(json.dumps(content).encode()) == FULL


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"not json", b'{"id": 1}', b"\xff"])
def test_unreadable_content_is_corruption(content: bytes) -> None:
    """Bytes that are no review are reported as a damaged log, without being repeated."""
    with pytest.raises(LedgerCorruptError) as caught:
        read_content(content)

    assert "not json" not in str(caught.value)


def test_altered_content_is_noticed() -> None:
    """A review that lacks a field or has a foreign value does not pass for one."""
    content = json.loads(seal(FULL, CONTENT_KEY).content)
    for name in ("verdict", "findings", "created_at", "route"):
        with pytest.raises(LedgerCorruptError):
            read_content(json.dumps({key: value for key, value in content.items() if key != name}).encode())
    with pytest.raises(LedgerCorruptError):
        read_content(json.dumps(content | {"verdict": 4}).encode())


def largest(criteria: int, key_length: int) -> Review:
    """Return a review in which two judges failed every criterion with eight quotes each, half of them invented."""
    key = "r" * (key_length // 2) + "/" + "c" * (key_length // 2 - 4)
    quotes = (quote("a dose"), quote("never", QuoteStatus.FAILED)) * 4
    rows: list[Finding] = []
    why: list[Reason] = []
    for number in range(criteria):
        for origin in (Origin.CHECK, Origin.CRITIC):
            name = f"{key}{number:03d}"
            rows.append(finding(name, Outcome.NOT_APPLICABLE, origin, quotes=quotes, unverified=True))
            why.append(Reason(Cause.CRITERION, Effect.HANDOFF, name, Severity.BLOCKER, origin.value))
        why.append(Reason(Cause.EVIDENCE_UNVERIFIED, Effect.HANDOFF, name, Severity.BLOCKER, "nowhere"))
    return replace(
        FULL,
        findings=tuple(rows),
        reasons=tuple(why),
        calls=(CALL,) * 6,
        labels={f"label_{n:02d}": "x" * 256 for n in range(32)},
        intent="i" * 200,
        drafter=Drafter("p" * 200, "m" * 200, "s" * 200),
    )


@pytest.mark.parametrize(("criteria", "key_length"), [(64, 40), (64, 128), (3 * 64, 40), (3 * 64, 128)])
def test_largest_plan_fits(criteria: int, key_length: int) -> None:
    """The record of the largest plan that rubrics allow, every question failed by both judges, fits into an entry."""
    assert len(seal(largest(criteria, key_length), CONTENT_KEY).record) <= MAX_RECORD_BYTES


def test_a_long_record_holds_digests_of_its_lists() -> None:
    """Where findings and reasons do not fit, their digests stand in their place, and all else stays as it was."""
    made = largest(3 * 64, 128)
    short, brief = record_of(made), record_of(replace(made, findings=made.findings[:9], reasons=made.reasons[:9]))
    pieces = [record_of(replace(made, findings=made.findings[n : n + 64], reasons=())) for n in range(0, 6 * 64, 64)]
    findings_ = [row for piece in pieces for row in _rows(piece["findings"])]

    assert short["findings"] == {"sha256": hashlib.sha256(rfc8785.dumps(findings_)).hexdigest()}
    assert isinstance(short["reasons"], dict)
    kept = short.keys() - {"findings", "met", "reasons", "content_commitment"}
    assert {name: short[name] for name in kept} == {name: brief[name] for name in kept}
    assert len(_rows(brief["findings"])) == 9


def test_a_record_of_many_calls_fits() -> None:
    """A panel of five, asked in eight groups of questions and again and again, still has a record in the log."""
    made = replace(largest(3 * 64, 128), calls=(CALL,) * (5 * 8 * 6))
    short = record_of(made)
    calls = [row for _ in range(5 * 8 * 6) for row in _rows(record_of(replace(FULL, calls=(CALL,)))["calls"])]

    assert len(seal(made, CONTENT_KEY).record) <= MAX_RECORD_BYTES
    assert short["calls"] == {"sha256": hashlib.sha256(rfc8785.dumps(calls)).hexdigest()}


def _rows(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value


def test_oversized_record_is_our_fault() -> None:
    """A record that no log entry could hold is refused, with its size and the bound."""
    with pytest.raises(InvariantError, match=str(MAX_RECORD_BYTES)):
        seal(review(intent="i" * MAX_RECORD_BYTES), CONTENT_KEY)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 21, 9, 30, 15, 250_000, tzinfo=UTC), "2026-11-21T09:30:15.250000Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (datetime.fromisoformat("2026-11-21T00:30:00+02:00"), "2026-11-20T22:30:00.000000Z"),
    ],
)
def test_times_are_utc(moment: datetime, written: str) -> None:
    """Times are written in UTC with microseconds, always equally long."""
    assert rfc3339(moment) == written
