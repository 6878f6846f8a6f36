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

from reviewer.core.errors import InvariantError, LedgerCorruptError
from reviewer.core.finding import Quote, QuoteStatus
from reviewer.core.guidance import DrafterGuidance, GuidanceItem
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import MAX_RECORD_BYTES, read_content, rfc3339, seal
from reviewer.core.review import Review
from reviewer.core.routing import Guidance
from reviewer.core.rubric import Effect, Place, Severity
from reviewer.core.rulebook import CriterionFact
from reviewer.core.verdict import Cause, Reason
from tests.support.builders import CONTENT_KEY, review
from tests.support.golden import assert_golden
from tests.support.reviews import CALL, FULL, largest, reviews


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


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(reviews)
def test_content_reads_back(made: Review) -> None:
    """Any review reads back from its content as it was, and its record is canonical."""
    entry = seal(made, CONTENT_KEY)

    assert read_content(entry.content) == made
    assert rfc8785.dumps(json.loads(entry.record)) == entry.record


def test_a_record_names_the_release_that_judged() -> None:
    """The record names the release by its digest; of a review that was judged by none it has no such field."""
    assert record_of(replace(FULL, release="ab" * 32))["release"] == "ab" * 32
    assert "release" not in record_of(FULL)


def test_a_canary_is_marked_in_its_record() -> None:
    """The record of a canary names its case; that of any other review has no such field."""
    assert record_of(replace(FULL, canary="health/egfr_22"))["canary"] == "health/egfr_22"
    assert "canary" not in record_of(FULL)


def test_a_record_names_the_version_of_the_prompt() -> None:
    """The record says beside the rulebook which version of the instructions was in force; an older one does not."""
    told, untold = (
        json.loads(seal(replace(FULL, route=replace(FULL.route, prompt_version=version)), CONTENT_KEY).record)["route"]
        for version in ("7", "")
    )

    assert told == {**untold, "prompt_version": "7"}
    assert "prompt_version" not in untold


def test_content_from_before_prompts_had_versions_reads_back() -> None:
    """A review stored without the version has none."""
    content = json.loads(seal(FULL, CONTENT_KEY).content)
    del content["route"]["prompt_version"]

    assert read_content(json.dumps(content).encode()) == FULL


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


def test_a_batched_call_is_marked() -> None:
    """A call made in a batch says so in the record; where none was, the record has no word of it."""
    batched = _rows(record_of(replace(FULL, calls=(CALL, replace(CALL, batched=True))))["calls"])

    assert ["batched" in row for row in batched if isinstance(row, dict)] == [False, True]


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
