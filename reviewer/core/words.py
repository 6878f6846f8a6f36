"""What a person wrote about a draft: sensitive like the draft itself, so it is content and stands in no record."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

from reviewer.core.errors import LedgerCorruptError

MAX_COMMENT_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class Words:
    """What a person wrote.

    Attributes:
        comment: why, or what happened; at most `MAX_COMMENT_CHARS`.
        edited_text: the draft as it may be sent, where it was edited.
    """

    comment: str = ""
    edited_text: str = ""


def write_words(words: Words) -> bytes:
    """Encode what a person wrote."""
    return orjson.dumps(asdict(words))


def read_words(content: bytes) -> Words:
    """Read it back.

    Raises:
        LedgerCorruptError: the stored bytes are something else.
    """
    try:
        told = orjson.loads(content)
        return Words(str(told["comment"]), str(told["edited_text"]))
    except (ValueError, TypeError, KeyError) as exc:
        raise LedgerCorruptError("what a person wrote cannot be read") from exc
