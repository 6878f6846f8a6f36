from __future__ import annotations

from reviewer.core.baseline import BASELINE, INJECTION_CRITERIA
from reviewer.core.rubric import Effect, Judge


def test_asks_no_model() -> None:
    """Every criterion of the baseline is answered by a deterministic check with its default arguments."""
    assert [c.judge for c in BASELINE.criteria] == [Judge.CHECK] * 3
    assert [c.check.args if c.check else None for c in BASELINE.criteria] == [{}, {}, {}]


def test_injection_hands_off() -> None:
    """The injection criteria exist, and failing or doubting one of them asks for a person."""
    injection = [c for c in BASELINE.criteria if f"baseline/{c.id}" in INJECTION_CRITERIA]

    assert len(injection) == len(INJECTION_CRITERIA) == 2
    assert {(c.fail_effect, c.uncertain_effect) for c in injection} == {(Effect.HANDOFF, Effect.HANDOFF)}


def test_empty_draft_is_revised() -> None:
    """A draft without an answer is sent back, whether it is clear or in doubt."""
    criterion = next(c for c in BASELINE.criteria if c.id == "answers_something")

    assert (criterion.fail_effect, criterion.uncertain_effect) == (Effect.REVISE, Effect.REVISE)


def test_applies_always() -> None:
    """No condition can switch a criterion of the baseline off."""
    assert all(c.applies_when is None and not c.na_allowed for c in BASELINE.criteria)
    assert BASELINE.applies_to.intents == ("*",)
