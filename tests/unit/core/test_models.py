from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reviewer.core.draft import Drafter
from reviewer.core.models import ModelCatalogue, ModelEntry, Price
from reviewer.core.outcome import Usage

PRICE = {"input": 5_000_000, "cached_input": 500_000, "cache_write": 6_250_000, "output": 25_000_000}


def entry(model_id: str, family: str = "claude", **fields: object) -> ModelEntry:
    return ModelEntry.model_validate(
        {
            "id": model_id,
            "provider": "anthropic",
            "family": family,
            "pinned": True,
            "context_tokens": 1000,
            "max_output_tokens": 100,
            "source": "made up for the test",
            **fields,
        }
    )


def priced(**fields: object) -> ModelEntry:
    return entry("m-1", price={**PRICE, "source": "price list", "as_of": "2026-11-21", **fields})


def catalogue(*entries: ModelEntry) -> ModelCatalogue:
    return ModelCatalogue.model_validate({"schema": 1, "version": "1.0.0", "models": entries})


def test_find_ignores_case() -> None:
    """Ids and aliases are found in any case, unknown names are None."""
    opus = entry("claude-opus-4-6", aliases=["anthropic.claude-opus-4-6-v1"])
    known = catalogue(opus, entry("gpt-5.2", "gpt"))

    assert known.find("Claude-Opus-4-6") is opus
    assert known.find("ANTHROPIC.claude-opus-4-6-v1") is opus
    assert known.find("claude-opus") is None
    assert known.find("") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry("a"), entry("A")),
        (entry("a", aliases=["b"]), entry("B")),
        (entry("a", aliases=["c"]), entry("b", aliases=["C"])),
    ],
)
def test_name_stands_once(first: ModelEntry, second: ModelEntry) -> None:
    """A name that could mean two models is refused, whatever its case."""
    with pytest.raises(ValidationError, match="already stands for"):
        catalogue(first, second)


def test_alias_of_itself() -> None:
    """An entry whose alias repeats its own id is refused."""
    with pytest.raises(ValidationError, match="already stands for"):
        catalogue(entry("a", aliases=["A"]))


@pytest.mark.parametrize(
    ("model", "snapshot", "family"),
    [
        ("gpt-5.2", "", "gpt"),
        ("", "gpt-5.2", "gpt"),
        ("unheard-of", "gpt-5.2", "gpt"),
        ("gpt-5.2", "gpt-5.2-2025-12-11", "gpt"),
        ("claude-opus-4-6", "unheard-of", "claude"),
        ("claude-opus-4-6-20260205", "", "claude"),
        ("unheard-of", "", None),
        ("", "", None),
        ("claude-opus-4-6", "gpt-5.2", None),
    ],
)
def test_family_of(model: str, snapshot: str, family: str | None) -> None:
    """The family comes from snapshot or model, dated or not; a contradiction or an unknown name gives None."""
    known = catalogue(entry("claude-opus-4-6"), entry("gpt-5.2", "gpt"))

    assert known.family_of(Drafter(provider="any", model=model, snapshot=snapshot)) == family


def test_cost_splits_input() -> None:
    """Cached and written tokens are taken out of the input and charged at their own price."""
    usage = Usage(input_tokens=1_000_000, cached_input_tokens=600_000, cache_write_tokens=100_000, output_tokens=10_000)

    assert ModelCatalogue.cost_micro_usd(priced(), usage) == 300_000 * 5 + 300_000 + 625_000 + 250_000


def test_cost_unknown() -> None:
    """No price, no cost."""
    assert ModelCatalogue.cost_micro_usd(entry("m-1"), Usage(input_tokens=1)) is None


def test_cost_without_discount() -> None:
    """Where no cached or written price is listed, those tokens cost what input costs."""
    plain = priced(cached_input=None, cache_write=None)
    usage = Usage(input_tokens=1_000_000, cached_input_tokens=400_000, cache_write_tokens=400_000)

    assert ModelCatalogue.cost_micro_usd(plain, usage) == 5_000_000


@pytest.mark.parametrize(("tokens", "cost"), [(1, 1), (0, 0), (2, 1), (3, 2)])
def test_cost_rounds_half_up(tokens: int, cost: int) -> None:
    """Half a micro-USD is rounded up."""
    assert ModelCatalogue.cost_micro_usd(priced(input=500_000), Usage(input_tokens=tokens)) == cost


tokens = st.integers(min_value=0, max_value=10**9)


@given(tokens, tokens, tokens, tokens)
def test_cost_is_exact(plain: int, cached: int, written: int, output: int) -> None:
    """The integer cost is the exact one, rounded, for any usage."""
    model = priced()
    assert isinstance(model.price, Price)
    usage = Usage(plain + cached + written, cached, written, output)
    exact = Fraction(5_000_000 * plain + 500_000 * cached + 6_250_000 * written + 25_000_000 * output, 10**6)

    assert ModelCatalogue.cost_micro_usd(model, usage) == int(exact + Fraction(1, 2))


@given(tokens, tokens)
def test_cost_never_negative(total: int, cached: int) -> None:
    """More cached tokens than input, which no provider should report, never lowers the cost below zero."""
    cost = ModelCatalogue.cost_micro_usd(priced(), Usage(input_tokens=total, cached_input_tokens=cached))

    assert cost is not None
    assert cost >= 0


def test_cost_of_reasoning() -> None:
    """Reasoning is a part of the output: charged at its own price where there is one, as output where there is none."""
    usage = Usage(output_tokens=1_000_000, reasoning_tokens=400_000)

    assert ModelCatalogue.cost_micro_usd(priced(), usage) == 25_000_000
    assert ModelCatalogue.cost_micro_usd(priced(reasoning=10_000_000), usage) == 600_000 * 25 + 400_000 * 10
    assert ModelCatalogue.cost_micro_usd(priced(reasoning=0), usage) == 600_000 * 25


@pytest.mark.parametrize(("percent", "cost"), [(None, 30_000_000), (100, 30_000_000), (50, 15_000_000), (0, 0)])
def test_cost_of_a_batch(percent: int | None, cost: int) -> None:
    """A batched call costs the share of the list prices that the catalogue knows, all of them where it knows none."""
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000)

    assert ModelCatalogue.cost_micro_usd(priced(batch_percent=percent), usage, batch=True) == cost
    assert ModelCatalogue.cost_micro_usd(priced(batch_percent=percent), usage) == 30_000_000


def test_a_batch_rounds_once() -> None:
    """Half a micro-USD is rounded up after the discount, not before it."""
    usage = Usage(input_tokens=1)

    assert ModelCatalogue.cost_micro_usd(priced(input=1_000_000, batch_percent=50), usage, batch=True) == 1
    assert ModelCatalogue.cost_micro_usd(priced(input=999_999, batch_percent=50), usage, batch=True) == 0


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_batch_costs_a_share(percent: int) -> None:
    """A batch costs between nothing and the list price."""
    with pytest.raises(ValidationError, match="batch_percent"):
        priced(batch_percent=percent)


prices = st.integers(min_value=0, max_value=10**8)
maybe = st.none() | prices
models = st.builds(
    lambda i, c, w, o, r, b: priced(input=i, cached_input=c, cache_write=w, output=o, reasoning=r, batch_percent=b),
    prices,
    maybe,
    maybe,
    prices,
    maybe,
    st.none() | st.integers(min_value=0, max_value=100),
)
usages = st.builds(Usage, tokens, tokens, tokens, tokens, tokens)


def cost_of(model: ModelEntry, usage: Usage, *, batch: bool) -> int:
    cost = ModelCatalogue.cost_micro_usd(model, usage, batch=batch)
    assert cost is not None
    return cost


@given(models, usages, st.booleans())
def test_no_usage_costs_less_than_nothing(model: ModelEntry, usage: Usage, batch: bool) -> None:
    """Whatever a provider reports, also parts that exceed the whole, the cost is not negative."""
    assert cost_of(model, usage, batch=batch) >= 0


@given(models, usages, st.integers(0, 10**6), st.booleans())
def test_more_tokens_never_cost_less(model: ModelEntry, usage: Usage, more: int, batch: bool) -> None:
    """More tokens of any kind, a part grown together with the whole that it belongs to, never cost less."""
    before = cost_of(model, usage, batch=batch)
    grown = [
        replace(usage, input_tokens=usage.input_tokens + more),
        replace(usage, output_tokens=usage.output_tokens + more),
        replace(
            usage,
            input_tokens=usage.input_tokens + more,
            cached_input_tokens=usage.cached_input_tokens + more,
        ),
        replace(usage, input_tokens=usage.input_tokens + more, cache_write_tokens=usage.cache_write_tokens + more),
        replace(usage, output_tokens=usage.output_tokens + more, reasoning_tokens=usage.reasoning_tokens + more),
    ]

    assert all(cost_of(model, larger, batch=batch) >= before for larger in grown)


@given(models, usages, st.booleans())
def test_parts_beyond_the_whole_err_upwards(model: ModelEntry, usage: Usage, batch: bool) -> None:
    """Usage whose parts exceed the whole costs at least what its parts cost by themselves."""
    parts = Usage(
        usage.cached_input_tokens + usage.cache_write_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        usage.reasoning_tokens,
    )

    assert cost_of(model, usage, batch=batch) >= cost_of(model, parts, batch=batch)


@pytest.mark.parametrize(
    ("served", "same"),
    [
        ("gpt-5.2", True),
        ("GPT-5.2", True),
        ("gpt-5.2-2025-12-11", True),
        ("gpt-5.2-20251211", True),
        ("chat-5.2", True),
        ("gpt-5.2-pro", False),
        ("gpt-5.2-pro-2025-12-11", False),
        ("gpt-5.2-2025", False),
        ("gpt-5.2-2025-12-11-x", False),
        ("gpt-5.2-2025-12-11\n", False),
        ("gpt-5", False),
        ("", False),
    ],
)
def test_is_served(served: str, same: bool) -> None:
    """The id, an alias and the id with a date are the model; anything else is another one."""
    assert ModelCatalogue.is_served(entry("gpt-5.2", "gpt", aliases=["chat-5.2"]), served) is same


def test_dated_id_takes_no_second_date() -> None:
    """A snapshot is served under its own date only."""
    snapshot = entry("gpt-5.2-2025-12-11", "gpt")

    assert ModelCatalogue.is_served(snapshot, "gpt-5.2-2025-12-11")
    assert not ModelCatalogue.is_served(snapshot, "gpt-5.2-2025-12-11-2026-01-01")
    assert not ModelCatalogue.is_served(snapshot, "gpt-5.2")
