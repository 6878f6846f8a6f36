"""Request bodies that are encoded once and filled in for each call.

An adapter says the shape of its body as a plain dict with holes. The dict is encoded when the adapter is made; a call
only encodes what is its own and joins bytes. The stable prefix is encoded once for a questionnaire: at 50 kB it would
otherwise cost more than the rest of the call together.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache

import orjson

from reviewer.core.draft import ImagePart

_HOLE = re.compile(rb'"<<hole ([a-z_]+)>>"')
# Two rubric releases of every route and locale fit; beyond that the oldest is encoded again.
_PREFIXES = 64


def hole(name: str) -> str:
    """Return the mark that stands for a value in the shape of a body."""
    return f"<<hole {name}>>"


class BodyTemplate:
    """A JSON body with named holes.

    Each hole stands where a whole JSON value will stand. Filling is linear in the bytes of the result.
    """

    def __init__(self, shape: dict[str, object]) -> None:
        pieces = _HOLE.split(orjson.dumps(shape))
        self._literals = pieces[::2]
        self._names = [name.decode() for name in pieces[1::2]]

    def fill(self, values: dict[str, bytes]) -> bytes:
        """Return the body.

        Args:
            values: one encoded JSON value for each hole.

        Raises:
            KeyError: a hole has no value (our bug).
        """
        pieces = [self._literals[0]]
        for name, literal in zip(self._names, self._literals[1:], strict=True):
            pieces += (values[name], literal)
        return b"".join(pieces)


@lru_cache(maxsize=_PREFIXES)
def encoded_prefix(prefix: str) -> bytes:
    """Encode a questionnaire's prefix as a JSON string, once for each."""
    return orjson.dumps(prefix)


def image_base64(image: ImagePart) -> str:
    """Return an image's bytes in base64 (RFC 4648, padded, no line breaks)."""
    return base64.b64encode(image.data).decode("ascii")


def image_data_url(image: ImagePart) -> str:
    """Return an image as a data URL (RFC 2397)."""
    return f"data:{image.media_type};base64,{image_base64(image)}"


def image_label(number: int) -> str:
    """Return the line that names an image, counted from 1, as the prompt's header announces it."""
    return f"Image i{number}:"
