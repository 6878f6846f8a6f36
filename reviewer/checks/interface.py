"""The port of deterministic checks: one file a check, found by module name.

A check module `reviewer.checks.<id>` defines

* `Args`: a frozen pydantic model of its arguments (unknown keys are errors), and
* `build(args: Args) -> Check`: compiles patterns once, at rubric load, raising `ValueError` with a clear message,

and the `Check` it returns is a pure, synchronous function of the redacted draft and the routing facts. It never
raises for what a caller sent; what it cannot judge it says in an `Unavailable`. Work is linear in the text's size.
"""

from __future__ import annotations

from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject, Unavailable

__all__ = ["Check", "CheckOutcome", "Flagged", "Passed", "Subject", "Unavailable"]
