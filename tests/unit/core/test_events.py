"""Events of the log: what is written is read, what is not known is skipped, and a list shows all of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import InvariantError
from reviewer.core.events import (
    MAX_BY_CHARS,
    MAX_REASON_CHARS,
    MAX_SUBJECTS,
    Action,
    Event,
    EventKind,
    entry_of,
    read_event,
)
from reviewer.core.merkle import leaf_hash
from reviewer.core.spending import NOTHING
from reviewer.core.summary import Summary, summary_of
from tests.support.builders import MOMENT, entry, review_id

EVENT = Event(
    EventKind.ERASURE,
    Action.ERASE,
    str(review_id(1)),
    MOMENT,
    "acme",
    "dpo@example.com",
    "Art. 17",
    (f"reviews/{review_id(2)}", f"reviews/{review_id(3)}"),
)
WRITTEN = st.builds(
    replace,
    st.just(EVENT),
    kind=st.sampled_from(EventKind),
    action=st.sampled_from(Action),
    tenant=st.text(max_size=10),
    by=st.text(max_size=20),
    reason=st.text(max_size=50),
    subjects=st.lists(st.text(max_size=20), max_size=5).map(tuple),
)


@given(WRITTEN)
def test_what_is_written_is_read(event: Event) -> None:
    """An event's record is canonical JSON that says all of it, with a leaf like any record."""
    sealed = entry_of(event)

    assert read_event(sealed.record) == event
    assert rfc8785.dumps(json.loads(sealed.record)) == sealed.record
    assert sealed.leaf_hash == leaf_hash(sealed.record)
    assert (sealed.kind, sealed.review_id, sealed.tenant) == (event.kind, event.id, event.tenant)
    assert (sealed.content, sealed.content_key, sealed.spent, sealed.request_id) == (b"", b"", NOTHING, "")


def test_subjects_are_names() -> None:
    """Reviews are told from tenants, and only the event's own tenant counts as the whole of it."""
    assert EVENT.reviews == (str(review_id(2)), str(review_id(3)))
    assert (EVENT.whole_tenant, EVENT.erases) == (False, True)
    assert replace(EVENT, subjects=("tenants/acme",)).whole_tenant
    assert not replace(EVENT, subjects=("tenants/globex",)).whole_tenant
    assert not replace(EVENT, kind=EventKind.HOLD).erases


def test_the_largest_event_fits() -> None:
    """The most subjects with the longest texts are still a log entry; one more is refused."""
    subjects = tuple(f"reviews/{review_id(number)}" for number in range(MAX_SUBJECTS))
    largest = replace(EVENT, by="\x00" * MAX_BY_CHARS, reason="\U0001f600" * MAX_REASON_CHARS, subjects=subjects)
    assert read_event(entry_of(largest).record) == largest
    with pytest.raises(InvariantError):
        entry_of(replace(largest, subjects=(*subjects, "reviews/x")))


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "future/9"},
        {"schema": "erasure/2"},
        {"schema": "erasure"},
        {"schema": None},
        {"action": "forget"},
        {"time": "yesterday"},
        {"subjects": None},
    ],
)
def test_what_is_not_known_is_skipped(changed: dict[str, object]) -> None:
    """A kind, version or action of a later program is no event to this one, and no error."""
    told = json.loads(entry_of(EVENT).record) | changed
    assert read_event(json.dumps(told).encode()) is None


@pytest.mark.parametrize("record", [b"", b"[]", b"1", b"\xff", b'{"schema":1}', entry(1).record])
def test_what_is_no_event(record: bytes) -> None:
    """A review's record, or none at all, is no event."""
    assert read_event(record) is None


def test_a_list_shows_every_kind() -> None:
    """Reviews, events and records of a later program are summed up from their records alone."""
    reviewed = summary_of(entry(1, canary="health/x").record)
    assert (reviewed.kind, reviewed.id, reviewed.verdict, reviewed.marks) == (
        "review",
        str(review_id(1)),
        "APPROVE",
        ("canary",),
    )
    assert summary_of(entry_of(EVENT).record) == Summary("erasure", EVENT.id, "2026-11-21T09:30:15.250000Z")
    assert summary_of(b'{"schema":"future/9","id":"x","by":["?"]}') == Summary("future/9", "x")
    assert summary_of(b'{"schema":"review/2","review":{}}') == Summary("review/2")
    for record in (b"", b"[]", b'{"schema":"review/1"}'):
        assert summary_of(record) == Summary("unreadable")
