"""A validation error that knows which fields it is about, for rules that look at a whole file at once.

Pydantic places what a whole-model rule says at the model; readers of files look at `PlacedError.faults` to name the
line of the field instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

FieldPath: TypeAlias = tuple[str | int, ...]


class PlacedError(ValueError):
    """One or more rules broken at known fields.

    Attributes:
        faults: path from the model that raises it (`("routes", 2, "reviewers")`), and what is wrong there.
    """

    def __init__(self, faults: Iterable[tuple[FieldPath, str]]) -> None:
        """Keep the faults; the message joins them."""
        self.faults = tuple(faults)
        super().__init__("; ".join(message for _, message in self.faults))
