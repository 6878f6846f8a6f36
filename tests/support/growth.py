"""How work grows with its input. No clock decides a test here: noise can only ask for another try, growth cannot hide.

Quadratic work on four times the input takes sixteen times as long in every try; linear work only where something else
took the machine, which does not happen five times in a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 5
BOUND = 12.0
# Below this the clock measures the machine and not the work.
FLOOR_S = 0.005


def grows_linearly(work: Callable[[str], object], unit: str, size: int = 32 * 1024) -> bool:
    """Whether four times the text takes well below sixteen times the processor time of this thread."""
    return any(_seconds(work, unit, 4 * size) < BOUND * max(_seconds(work, unit, size), FLOOR_S) for _ in range(TRIES))


def _seconds(work: Callable[[str], object], unit: str, size: int) -> float:
    text = unit * (size // len(unit))
    began = time.thread_time()
    work(text)
    return time.thread_time() - began
