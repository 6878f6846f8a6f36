"""Which passages the built-in text checks read: all text of a request, unless their arguments name fewer places."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from reviewer.core.rubric import Frozen, Place

_TEXT = (Place.DRAFT, Place.TOOL_CALL, Place.SOURCE, Place.TOOL_RESULT, Place.CONVERSATION)


def _is_text(place: Place) -> Place:
    if place not in _TEXT:
        raise ValueError(f"place {place.value!r} holds no text")
    return place


class PlacesArgs(Frozen):
    """Arguments of a check that reads all text.

    Attributes:
        places: where to look; by default everywhere.
    """

    places: tuple[Annotated[Place, AfterValidator(_is_text)], ...] = Field(default=_TEXT, min_length=1)
