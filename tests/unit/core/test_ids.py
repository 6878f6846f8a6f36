from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.ids import uuid7

moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of the strategy are naive by contract
entropy = st.binary(min_size=10, max_size=10)


@given(moments, entropy)
def test_is_version_seven(moment: datetime, random_bytes: bytes) -> None:
    """Version and variant bits are those of RFC 9562, and the first 48 bits are the milliseconds of the moment."""
    made = uuid7(moment, random_bytes)

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80) <= moment
    assert moment - datetime(1970, 1, 1, tzinfo=UTC) < timedelta(milliseconds=(made.int >> 80) + 1)


@given(moments, entropy, entropy)
def test_later_is_greater(moment: datetime, first: bytes, second: bytes) -> None:
    """An id made a millisecond later sorts later, whatever chance adds."""
    later = moment + timedelta(milliseconds=1)

    assert str(uuid7(moment, first)) < str(uuid7(later, second))


@given(entropy, entropy)
def test_chance_is_kept(first: bytes, second: bytes) -> None:
    """All 74 random bits that the format has room for tell two ids of one millisecond apart."""
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    kept = [bytes([r[0] & 0x0F, r[1], r[2] & 0x3F, *r[3:]]) for r in (first, second)]

    assert (uuid7(moment, first) == uuid7(moment, second)) == (kept[0] == kept[1])
