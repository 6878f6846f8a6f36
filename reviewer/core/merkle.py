"""Hashes of the verdict log's tree, after RFC 6962, section 2.1 (unchanged in RFC 9162)."""

from __future__ import annotations

import hashlib

_LEAF = b"\x00"


def leaf_hash(record: bytes) -> bytes:
    """Return the 32-byte hash of one record: SHA-256 over a zero byte and the record."""
    return hashlib.sha256(_LEAF + record).digest()
