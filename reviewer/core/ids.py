"""Ids: UUID version 7 of RFC 9562, section 5.7. Time-ordered, so that stores append instead of scattering."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def uuid7(moment: datetime, random_bytes: bytes) -> UUID:
    """Make a UUIDv7.

    Args:
        moment: UTC, to the millisecond.
        random_bytes: 10 bytes, of which 74 bits are used.
    """
    millis = (moment - _EPOCH) // _MILLISECOND
    raw = bytearray(millis.to_bytes(6) + random_bytes[:10])
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return UUID(bytes=bytes(raw))
