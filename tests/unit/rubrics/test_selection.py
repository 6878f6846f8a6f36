from __future__ import annotations

import pytest

from reviewer.core.case import CaseFile
from reviewer.rubrics.selection import ExpressionError, Selector
from tests.support.trials import case_file

FILES: tuple[CaseFile, ...] = (
    case_file("health", "known_benign", {"id": "dose_ok", "locale": "pt-BR", "tags": ["dose"]}),
    case_file("health", "known_sensitive", {"id": "dose_bad", "tags": ["dose", "safety"]}),
    case_file("legal", "adversarial", {"id": "fake_law", "origin": "incident"}),
)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        (Selector(), ["health/dose_ok", "health/dose_bad", "legal/fake_law"]),
        (Selector(domains=("legal",)), ["legal/fake_law"]),
        (Selector(suites=("known_benign", "adversarial")), ["health/dose_ok", "legal/fake_law"]),
        (Selector(cases=("dose_*",)), ["health/dose_ok", "health/dose_bad"]),
        (Selector(cases=("legal/*",)), ["legal/fake_law"]),
        (Selector(tags=("safety",)), ["health/dose_bad"]),
        (Selector(locales=("pt",)), ["health/dose_ok"]),
        (Selector(locales=("PT_br",)), ["health/dose_ok"]),
        (Selector(locales=("pt-PT",)), []),
        (Selector(criteria=("legal/*",)), ["legal/fake_law"]),
        (Selector(names=frozenset({"health/dose_bad"})), ["health/dose_bad"]),
        (Selector(domains=("health",), suites=("adversarial",)), []),
    ],
)
def test_all_conditions_must_hold(selector: Selector, names: list[str]) -> None:
    """A case is taken where every condition that names something holds for it."""
    assert [placed.name for placed in selector.select(FILES)] == names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("dose", ["health/dose_ok", "health/dose_bad"]),
        ("dose and not safety", ["health/dose_ok"]),
        ("not dose", ["legal/fake_law"]),
        ("benign or INCIDENT", ["health/dose_ok", "legal/fake_law"]),
        ("health and (benign or safety)", ["health/dose_ok", "health/dose_bad"]),
        ("legal or health and safety", ["health/dose_bad", "legal/fake_law"]),
    ],
)
def test_expressions_bind_as_usual(expression: str, names: list[str]) -> None:
    """`not` binds most tightly, then `and`, then `or`; words stand anywhere in what is known of a case."""
    assert [placed.name for placed in Selector(expression=expression).select(FILES)] == names


@pytest.mark.parametrize("expression", ["and", "dose or", "(dose", "dose)", "not", "()", "dose safety"])
def test_an_expression_that_cannot_be_read_is_told(expression: str) -> None:
    """Half an expression selects nothing by accident: it is refused."""
    with pytest.raises(ExpressionError):
        Selector(expression=expression).select(FILES)
