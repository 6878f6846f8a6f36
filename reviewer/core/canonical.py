"""Canonical JSON (RFC 8785) for digests and records.

The values we canonicalise are restricted on purpose: objects with ASCII keys, arrays, strings, booleans, null and
integers within 2**53. On that set a compact encoder with sorted keys writes exactly the bytes of RFC 8785; a property
test holds it against the `rfc8785` package. Floats have no place in a record and are kept out by the types.
"""

from __future__ import annotations

from typing import TypeAlias

import orjson

from reviewer.core.errors import InvariantError

Json: TypeAlias = "str | int | bool | None | list[Json] | dict[str, Json]"


def canonical_bytes(value: object) -> bytes:
    """Encode a restricted JSON value as RFC 8785 bytes.

    Args:
        value: nested dicts with ASCII keys, lists, strings, booleans, None, integers within 2**53 - 1. Floats are
            kept out by the types of what is encoded, not looked for here.

    Raises:
        InvariantError: the value holds something that JSON cannot, or a larger integer (our bug, never the caller's).
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError as exc:
        raise InvariantError("value cannot be written as canonical JSON") from exc
