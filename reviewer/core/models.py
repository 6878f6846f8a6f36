"""The model catalogue: what is known about models that draft or review, as `rubrics/models.yaml` states it.

Family, pinning, price and retirement are facts about a name, kept as data so that no code holds a model id. Choosing
a reviewer is routing's business; calling it is a provider's.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from reviewer.core.draft import Drafter
from reviewer.core.outcome import Usage
from reviewer.core.placement import FieldPath, PlacedError
from reviewer.core.rubric import Frozen, ShortText, Slug

ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
MicroUsd = Annotated[int, Field(ge=0, le=10**12)]

PER_MILLION = 1_000_000
_DATE_SUFFIX = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8})\Z")


class Price(Frozen):
    """List price in integer micro-USD per million tokens: 5,000,000 is five dollars per million.

    Attributes:
        cached_input: None where the provider lists no discount: cached tokens are charged as input.
        cache_write: None where the provider lists no surcharge: written tokens are charged as input.
        reasoning: None where the provider lists no price of its own: reasoning is charged as output.
        batch_percent: what a call made in a batch costs, in percent of all prices here: 50 is half. None where no
            discount is known: it costs what any call does.
        source: where the price is published, with its address.
        as_of: day on which it was read there.
    """

    input: MicroUsd
    cached_input: MicroUsd | None = None
    cache_write: MicroUsd | None = None
    output: MicroUsd
    reasoning: MicroUsd | None = None
    batch_percent: int | None = Field(default=None, ge=0, le=100)
    source: ShortText
    as_of: date


class ModelEntry(Frozen):
    """What is known about one model id.

    Attributes:
        family: makers share a family when their models share weights or training (`claude`, `gpt`, `qwen`).
        pinned: the id always means the same weights; False for names that the provider moves.
        aliases: other names under which the same model is requested or served.
        context_tokens: input and output together.
        price: None where it is not known; then no cost is computed.
        retires: first day on which the provider may refuse the id.
        fit_to_approve: False for models too weak to be the second pair of eyes; they may screen, and never clear.
        screens_only: it can look first in a cascade and never gives a full critique.
    """

    id: ModelName
    provider: Slug
    family: Slug
    pinned: bool
    aliases: tuple[ModelName, ...] = ()
    context_tokens: int = Field(ge=1, le=100_000_000)
    max_output_tokens: int = Field(ge=1, le=10_000_000)
    images: bool = False
    price: Price | None = None
    retires: date | None = None
    fit_to_approve: bool = True
    screens_only: bool = False
    source: ShortText
    note: ShortText | None = None


class ModelCatalogue(Frozen):
    """All known models; names are looked up without regard to case."""

    schema_version: Literal[1] = Field(alias="schema")
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    models: tuple[ModelEntry, ...] = Field(min_length=1)
    _by_name: dict[str, ModelEntry] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _index(self) -> ModelCatalogue:
        """Refuse a name that could mean two models, and index all names once."""
        faults: list[tuple[FieldPath, str]] = []
        for at, entry in enumerate(self.models):
            for name in (entry.id, *entry.aliases):
                if name.lower() in self._by_name:
                    other = self._by_name[name.lower()].id
                    faults.append((("models", at, "id"), f"name {name} already stands for {other}"))
                self._by_name[name.lower()] = entry
        if faults:
            raise PlacedError(faults)
        return self

    def find(self, name: str) -> ModelEntry | None:
        """Return the entry whose id or alias is `name`, or None."""
        return self._by_name.get(name.lower())

    def family_of(self, drafter: Drafter) -> str | None:
        """Return the family of the model that wrote a draft, or None where it cannot be told.

        The snapshot is looked up first, then the model, each also without a date suffix. A snapshot and a model of
        different families contradict each other and give None, which callers treat as the reviewer's own family.
        """
        families = [entry.family for name in (drafter.snapshot, drafter.model) if (entry := self._undated(name))]
        return families[0] if len(set(families)) == 1 else None

    def family_served(self, served_model: str) -> str | None:
        """Return the family of a model that answered, as a provider names it, or None where the name is not known."""
        entry = self._undated(served_model)
        return entry.family if entry else None

    def _undated(self, name: str) -> ModelEntry | None:
        return self.find(name) or self.find(_DATE_SUFFIX.sub("", name))

    @staticmethod
    def cost_micro_usd(entry: ModelEntry, usage: Usage, *, batch: bool = False) -> int | None:
        """Return what a call cost at list price, in micro-USD rounded half up, or None where the price is unknown.

        Cached and written tokens are parts of the input, reasoning is part of the output; should a provider report
        more of them than of the whole, nothing is subtracted below zero, so that the cost errs upwards.

        Args:
            batch: the call was made in a batch.
        """
        price = entry.price
        if price is None:
            return None
        plain = max(usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens, 0)
        total = (
            plain * price.input
            + usage.cached_input_tokens * (price.input if price.cached_input is None else price.cached_input)
            + usage.cache_write_tokens * (price.input if price.cache_write is None else price.cache_write)
            + max(usage.output_tokens - usage.reasoning_tokens, 0) * price.output
            + usage.reasoning_tokens * (price.output if price.reasoning is None else price.reasoning)
        )
        percent = 100 if price.batch_percent is None or not batch else price.batch_percent
        return (total * percent + 50 * PER_MILLION) // (100 * PER_MILLION)

    @staticmethod
    def is_served(entry: ModelEntry, served_model: str) -> bool:
        """Whether a provider that names `served_model` in its reply answered with this entry's model.

        True for the id, an alias, or an undated id followed by a date (`-2025-12-11`, `-20251124`); case is ignored.
        """
        served = served_model.lower()
        own = entry.id.lower()
        if served == own or any(served == alias.lower() for alias in entry.aliases):
            return True
        dated = _DATE_SUFFIX.search(served)
        return dated is not None and served[: dated.start()] == own and _DATE_SUFFIX.search(own) is None
