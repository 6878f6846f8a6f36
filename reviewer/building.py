"""Building something large in a process that goes on serving: who else waits for it, and for how long.

The cyclic garbage collector stops everybody while it walks what it does not know to be old, and whoever computes keeps
the interpreter for a switch interval at a time. What lives as long as the process is therefore set aside once it is
built: after the start, and after rules were exchanged. What is set aside is still freed when nobody holds it any more;
only cycles among it would stay, and rules have none.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.0005
"""How long a builder keeps the interpreter from others: a tenth of what is usual, at a cost that only it pays."""

_building = threading.Lock()


def settle() -> None:
    """Set aside what there is; called when a service has started and before it is asked anything."""
    gc.collect()
    gc.freeze()


@contextmanager
def building() -> Iterator[None]:
    """Build something large and lasting without having it walked again and again meanwhile.

    Nothing is set aside in a process that never settled: its owner may want to collect.
    """
    with _building:
        enabled = gc.isenabled()
        usual_s = sys.getswitchinterval()
        gc.disable()
        sys.setswitchinterval(min(usual_s, SWITCH_S))
        try:
            yield
            if gc.get_freeze_count():
                gc.freeze()
        finally:
            sys.setswitchinterval(usual_s)
            if enabled:
                gc.enable()
