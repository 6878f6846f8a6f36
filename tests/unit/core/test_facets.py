from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.facets import Facets, facets_of, microseconds, moment_of
from reviewer.core.record import RECORD_SCHEMA, seal
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, entry_of_release
from reviewer.core.review import CANARY_TENANT, Review
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.search import FIELDS
from reviewer.core.shadowing import shadow_entry
from reviewer.core.verdict import Verdict
from reviewer.trials import rollback_of
from tests.support.builders import CONTENT_KEY, MOMENT, review
from tests.support.reviews import FULL, largest, reviews

CANDIDATE, BASE = "a" * 64, "b" * 64
TRIAL = Trial("t", CANDIDATE, BASE, ReleaseStage.CANARY, 5, ("health",), 3, MOMENT, "dee")


def test_fields_are_those_of_a_filter() -> None:
    """What a record is found by is what a filter can name, in the same order, but for the index."""
    assert [field.name for field in fields(Facets)] == [name for name in FIELDS if name != "index"]


def test_facets_of_a_review() -> None:
    """Each facet is what the review says."""
    facets = seal(replace(FULL, release=CANDIDATE, stage="canary"), CONTENT_KEY).facets

    assert facets == Facets(
        create_time=MOMENT,
        kind="review",
        tenant="acme",
        intent="probe.ask",
        domain="probe",
        route="probe",
        tier="high",
        locale="en-US",
        verdict="HUMAN_HANDOFF",
        cause=("criterion", "deadline"),
        criterion=("probe/asked",),
        model=("critic-1", "critic-1-20260301"),
        rubric=("probe@1.0.0",),
        drafter="gpt-5.2",
        simulated=False,
        canary=False,
        release=CANDIDATE,
        stage="canary",
    )
    assert RECORD_SCHEMA.startswith(f"{facets.kind}/")


def test_a_canary_is_found_as_one() -> None:
    """The service's own reviews can be told from those that somebody asked for."""
    shown = seal(review(tenant=CANARY_TENANT, canary="health/egfr_22"), CONTENT_KEY)
    assert shown.facets.canary
    assert facets_of(shown.record) == shown.facets


def test_events_of_a_release_are_found_by_it() -> None:
    """An event is found by the release that it puts in force or on trial, or whose trial it ends, and by its stage."""
    word = "dee", "ready"
    promoted = ReleaseEvent(ReleaseAction.PROMOTE, "e-1", MOMENT, CANDIDATE, BASE, *word, stage="shadow")
    in_force = ReleaseEvent(ReleaseAction.ACTIVATE, "e-2", MOMENT, CANDIDATE, BASE, *word)
    taken_back = ReleaseEvent(ReleaseAction.ROLLBACK, "e-3", MOMENT, BASE, CANDIDATE, *word)
    ended = rollback_of(TRIAL, "e-4", MOMENT, *word)
    found = [entry_of_release(event).facets for event in (promoted, in_force, taken_back, ended)]
    assert [(facets.release, facets.stage) for facets in found] == [
        (CANDIDATE, "shadow"),
        (CANDIDATE, "full"),
        (BASE, "full"),
        (CANDIDATE, "canary"),
    ]


def test_a_review_in_the_shadow_is_found_by_its_release() -> None:
    """The candidate's review is found by the candidate, in the stage that its kind says."""
    shadow = shadow_entry("e-1", MOMENT, TRIAL, review(release=BASE), review(2, release=CANDIDATE))
    assert (shadow.facets.release, shadow.facets.stage) == (CANDIDATE, "shadow")


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(reviews)
def test_facets_follow_from_the_record(made: Review) -> None:
    """What an entry carries is what anybody can derive from its record's bytes."""
    entry = seal(made, CONTENT_KEY)
    assert facets_of(entry.record) == entry.facets


def test_a_shortened_record_is_found_by_all_that_its_review_said() -> None:
    """Where lists are digests, the entry still carries their values; derived from the bytes alone they are lost."""
    entry = seal(largest(3 * 64, 128), CONTENT_KEY)
    assert len(entry.facets.criterion) == 3 * 64
    assert entry.facets.cause == ("criterion", "evidence_unverified")
    assert facets_of(entry.record) == replace(entry.facets, cause=(), criterion=())


def test_records_of_other_kinds_have_facets() -> None:
    """A record that is no review is found by its kind, time and whatever else it says; the rest is empty."""
    facets = facets_of(b'{"schema":"erasure/3","time":"2026-11-21T09:30:15.250000Z","tenant":"acme","reasons":[7,{}]}')
    assert (facets.kind, facets.tenant, facets.create_time) == ("erasure", "acme", MOMENT)
    assert (facets.verdict, facets.cause, facets.simulated) == ("", (), False)


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"time":5}', b'{"time":"today"}', b"\xff", b"null"])
def test_what_is_no_record_is_corruption(record: bytes) -> None:
    """Bytes without a time are no record of any kind."""
    with pytest.raises(LedgerCorruptError):
        facets_of(record)


def test_numbers_are_not_taken_for_texts() -> None:
    """A value of another type than its field's is as good as none."""
    record = json.loads(seal(review(verdict=Verdict.REVISE), CONTENT_KEY).record)
    altered = {**record, "verdict": 2, "route": "high", "simulated": "false", "canary": True}
    facets = facets_of(json.dumps(altered).encode())
    assert (facets.verdict, facets.tier, facets.simulated, facets.canary) == ("", "", False, False)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_as_numbers(moment: datetime) -> None:
    """Every UTC time comes back from its number, to the microsecond, in the same order."""
    assert moment_of(microseconds(moment)) == moment
