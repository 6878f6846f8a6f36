"""What one judgement goes by, and what it has come to know when it is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reviewer.budget import Allowance
from reviewer.core.finding import Finding
from reviewer.core.passage import RedactedDraft
from reviewer.core.review import Examination
from reviewer.core.rulebook import Plan
from reviewer.core.ruling import Ruling
from reviewer.critic import Criticism
from reviewer.telemetry import Trail


@dataclass(frozen=True, slots=True)
class Shown:
    """What makes a review that of a canary, and the rules that the canary belongs to."""

    examination: Examination
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Sitting:
    """What one judgement goes by, beside the request.

    Attributes:
        deadline: on the loop's clock.
        allowance: what pays for it.
        canary: what makes it that of a canary.
        tell: is told of findings as they arrive; None where nobody watches.
    """

    ruling: Ruling
    deadline: float
    allowance: Allowance
    trail: Trail
    canary: Examination | None = None
    tell: Callable[[Finding], None] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What one review has come to know when it is decided."""

    ruling: Ruling
    plan: Plan
    draft: RedactedDraft
    findings: tuple[Finding, ...]
    criticism: Criticism
    canary: str = ""
