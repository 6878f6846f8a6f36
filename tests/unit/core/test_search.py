"""The filter language: read as AIP-160 has it, refused with a place where it cannot be answered."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.search import (
    EVERYTHING,
    FIELDS,
    MAX_TERMS,
    All,
    Filter,
    Kind,
    Match,
    Not,
    Operator,
    Order,
    Some,
    read_filter,
    read_order,
)
from tests.support.filters import FILTERS, spelled

DIGEST = "3f" * 32
HANDOFF = Match("verdict", Operator.EQUAL, "HUMAN_HANDOFF")
LATE = Match("cause", Operator.HAS, "deadline")
ACME = Match("tenant", Operator.EQUAL, "acme")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EVERYTHING),
        ("  ", EVERYTHING),
        ("verdict = HUMAN_HANDOFF", HANDOFF),
        ("verdict=HUMAN_HANDOFF", HANDOFF),
        ('verdict = "HUMAN_HANDOFF"', HANDOFF),
        ("verdict = HUMAN_HANDOFF AND cause:deadline", All((HANDOFF, LATE))),
        ("verdict = HUMAN_HANDOFF AND cause:deadline OR tenant = acme", All((HANDOFF, Some((LATE, ACME))))),
        ("(verdict = HUMAN_HANDOFF AND cause:deadline) OR tenant = acme", Some((All((HANDOFF, LATE)), ACME))),
        ("NOT cause:deadline", Not(LATE)),
        ("-cause:deadline", Not(LATE)),
        ("-(cause:deadline OR tenant = acme)", Not(Some((LATE, ACME)))),
        ('intent = "health.*"', Match("intent", Operator.EQUAL, "health.", prefix=True)),
        ("intent = health.*", Match("intent", Operator.EQUAL, "health.", prefix=True)),
        ("model:claude-*", Match("model", Operator.HAS, "claude-", prefix=True)),
        ("criterion:health/safety_net", Match("criterion", Operator.HAS, "health/safety_net")),
        ('tenant = "a \\"b\\" \\\\"', Match("tenant", Operator.EQUAL, 'a "b" \\')),
        ("tenant = AND", Match("tenant", Operator.EQUAL, "AND")),
        (f"release = releases/{DIGEST}", Match("release", Operator.EQUAL, DIGEST)),
        (f"release != {DIGEST}", Match("release", Operator.NOT_EQUAL, DIGEST)),
        ("release = releases/3f*", Match("release", Operator.EQUAL, "3f", prefix=True)),
        ('release = ""', Match("release", Operator.EQUAL, "")),
        ("stage = canary", Match("stage", Operator.EQUAL, "canary")),
        ("simulated = false", Match("simulated", Operator.EQUAL, value=False)),
        ("index >= 10", Match("index", Operator.AT_LEAST, 10)),
        (
            'create_time < "2026-11-21T12:00:00+02:00"',
            Match("create_time", Operator.LESS, datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ),
    ],
)
def test_filters(text: str, expected: Filter) -> None:
    """Each form of the language means what AIP-160 says."""
    assert read_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verdict", "character 8: expected an operator"),
        ("verdict =", "character 10: expected a value"),
        ("verdict = MAYBE", "character 11: verdict is one of APPROVE, REVISE, HUMAN_HANDOFF, got 'MAYBE'"),
        ("release = releases/*", "character 11: expected releases/{digest}, or how a digest begins"),
        ("colour = red", "character 1: unknown field; known: index, "),
        ("verdict > APPROVE", "character 9: verdict takes != =, got '>'"),
        ("cause = deadline", "character 7: cause takes :, got '='"),
        ("tenant = a b", "character 12: expected AND, OR or the end, got 'b'"),
        ("tenant = a AND", "character 15: expected the name of a field"),
        ("(tenant = a", "character 12: expected a closing parenthesis"),
        ("tenant = a)", "character 11: expected AND, OR or the end, got ')'"),
        ('tenant = "a', "character 9: cannot be read"),
        ("index = -1", "character 9: expected a whole number, got '-1'"),
        ("index = 1e3", "character 9: expected a whole number, got '1e3'"),
        ('create_time > "yesterday"', "character 16: expected a time such as"),
        ('create_time > "2026-11-21T12:00:00"', "character 16: expected a time such as"),
        ('create_time > "0001-01-01T00:00:00+02:00"', "character 16: expected a time such as"),
        ("simulated = 1", "character 13: expected true or false, got '1'"),
        ("!", "character 1: cannot be read"),
        ("x" * 5000, "the filter has 5000 characters, at most 4096 are read"),
        ("(" * 30 + "tenant = a" + ")" * 30, "parentheses nest deeper than 20"),
    ],
)
def test_faults_have_a_place(text: str, message: str) -> None:
    """What cannot be read or answered is refused, with the character where it stands."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_filter(text)
    assert message in str(caught.value)


def test_comparisons_are_bounded() -> None:
    """As many comparisons as allowed are read, one more is refused."""
    assert read_filter(" AND ".join(["index = 1"] * MAX_TERMS)) != EVERYTHING
    with pytest.raises(ValueError, match="more than 100 comparisons"):
        read_filter(" AND ".join(["index = 1"] * (MAX_TERMS + 1)))


@given(FILTERS)
def test_filters_read_back(expected: Filter) -> None:
    """A filter spelled out with all parentheses is read as what it was."""
    assert read_filter(spelled(expected)) == expected


@given(st.one_of(st.text(max_size=60), st.text('tenant =:"AND()OR-NOT*<>!\\', max_size=60)))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever is typed, the answer is a filter or a ValueError."""
    with suppress(ValueError):
        read_filter(text)


def test_times_are_utc() -> None:
    """Times are compared in UTC, whatever offset they were written with."""
    read = read_filter('create_time >= "2026-11-21T00:00:00-03:00"')
    assert isinstance(read, Match)
    assert isinstance(read.value, datetime)
    assert read.value.utcoffset() == timedelta(0)


def test_every_kind_is_used() -> None:
    """The table of fields leaves no kind out."""
    assert set(FIELDS.values()) == set(Kind)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", Order.NEWEST),
        ("create_time", Order.OLDEST),
        ("create_time asc", Order.OLDEST),
        (" create_time  desc ", Order.NEWEST),
    ],
)
def test_orders(text: str, order: Order) -> None:
    """An order is written as AIP-132 has it; without one the newest come first."""
    assert read_order(text) is order


@pytest.mark.parametrize("text", ["index", "create_time down", "create_time desc, index", "CREATE_TIME", "asc"])
def test_what_is_no_order(text: str) -> None:
    """Any other order is refused, and the message names those there are."""
    with pytest.raises(ValueError, match="expected create_time desc or create_time asc"):
        read_order(text)
