"""Page tokens (AIP-158): where a listing goes on, and which question it belongs to.

Opaque to callers: URL-safe base64 of the last index and of a digest of the question. A token is no secret and grants
nothing: who may see what is decided anew for each page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

_INDEX_BYTES = 8
_DIGEST_BYTES = 12


def write_token(last_index: int, question: tuple[str, ...]) -> str:
    """Return the token of the page after an entry.

    Args:
        question: everything that must not change between two pages of one listing.
    """
    return base64.urlsafe_b64encode(last_index.to_bytes(_INDEX_BYTES) + _digest(question)).rstrip(b"=").decode()


def read_token(token: str, question: tuple[str, ...]) -> int:
    """Return the index after which a listing goes on.

    Raises:
        ValueError: the token is none of ours, or belongs to another question.
    """
    try:
        read = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as exc:
        raise ValueError("is no page token") from exc
    if len(read) != _INDEX_BYTES + _DIGEST_BYTES:
        raise ValueError("is no page token")
    if read[_INDEX_BYTES:] != _digest(question):
        raise ValueError("belongs to another filter, order or tenant")
    return int.from_bytes(read[:_INDEX_BYTES])


def _digest(question: tuple[str, ...]) -> bytes:
    told = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in question)
    return hashlib.sha256(told).digest()[:_DIGEST_BYTES]
