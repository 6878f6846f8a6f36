"""The difference between two risk matrices and two model catalogues, in words of its meaning."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.core.change import Change, Meaning, Rerun, listed, ordered
from reviewer.core.models import ModelCatalogue, ModelEntry
from reviewer.core.routing import ReviewerSpec, Route, Routing


def routing_changes(old: Routing, new: Routing) -> Iterator[Change]:
    """Yield what differs between two risk matrices, route by route, then reviewer by reviewer."""
    was, now = ({route.id: route for route in routing.all_routes} for routing in (old, new))
    for name in ordered(was, now):
        at = f"route {name}"
        if name not in was:
            yield Change(at, f"added for {', '.join(now[name].intents)}", Meaning.NEUTRAL, Rerun.MODEL)
        elif name not in now:
            yield Change(at, "removed: its intents fall to other routes", Meaning.NEUTRAL, Rerun.MODEL)
        elif was[name] != now[name]:
            yield from _route_changes(at, was[name], now[name])
    if old.default.id != new.default.id:
        yield Change("routing", f"default route {old.default.id} -> {new.default.id}", Meaning.NEUTRAL, Rerun.MODEL)
    yield from _reviewer_changes(old, new)


def _route_changes(at: str, old: Route, new: Route) -> Iterator[Change]:
    if old.tier is not new.tier:
        yield Change(at, f"tier {old.tier.label} -> {new.tier.label}", Meaning.of(new.tier - old.tier), Rerun.MODEL)
    for text in listed("intent", old.intents, new.intents):
        yield Change(at, text, Meaning.NEUTRAL, Rerun.MODEL)
    for text in listed("rubric", [n for n in old.rubrics if n in new.rubrics], new.rubrics):
        yield Change(at, text, Meaning.STRICTER, Rerun.MODEL)
    for text in listed("rubric", old.rubrics, [n for n in new.rubrics if n in old.rubrics]):
        yield Change(at, text, Meaning.SOFTER)
    if old.reviewers != new.reviewers:
        both = " -> ".join(", ".join(route.reviewers) or "nobody" for route in (old, new))
        yield Change(at, f"reviewers {both}", Meaning.NEUTRAL, Rerun.MODEL)
    if (old.mode, old.panel, old.cascade) != (new.mode, new.panel, new.cascade):
        yield Change(at, f"mode {_mode(old)} -> {_mode(new)}", Meaning.NEUTRAL, Rerun.MODEL)
    if old.mandatory_human is not new.mandatory_human:
        word = "demands" if new.mandatory_human else "no longer demands"
        yield Change(at, f"{word} a person for every draft", Meaning.of(new.mandatory_human - old.mandatory_human))
    if old.max_revisions != new.max_revisions:
        fewer = Meaning.of(old.max_revisions - new.max_revisions)
        yield Change(at, f"max_revisions {old.max_revisions} -> {new.max_revisions}", fewer)
    for text in listed("data class", [c.value for c in old.data_classes], [c.value for c in new.data_classes]):
        meaning = Meaning.SOFTER if " added" in text else Meaning.STRICTER
        yield Change(at, text, meaning, Rerun.MODEL if meaning is Meaning.SOFTER else Rerun.CODE)
    yield from _lesser_changes(at, old, new)


def _lesser_changes(at: str, old: Route, new: Route) -> Iterator[Change]:
    if old.require_other_family is not new.require_other_family:
        word = "demands" if new.require_other_family else "no longer demands"
        step = new.require_other_family - old.require_other_family
        yield Change(at, f"{word} a reviewer of another family", Meaning.of(step), Rerun.MODEL)
    if old.sample_percent != new.sample_percent:
        more = Meaning.of(new.sample_percent - old.sample_percent)
        yield Change(at, f"sample_percent {old.sample_percent} -> {new.sample_percent}", more, Rerun.MODEL)
    for name in ("domain", "guidance", "fan_out", "early_exit"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield Change(at, f"{name} {was} -> {now}", Meaning.NEUTRAL)


def _mode(route: Route) -> str:
    if route.panel is not None:
        return f"panel of {route.panel.size}, quorum {route.panel.quorum}"
    if route.cascade is not None:
        return f"cascade behind {route.cascade.screen}" + (", which clears" if route.cascade.clears else "")
    return route.mode.value


def _reviewer_changes(old: Routing, new: Routing) -> Iterator[Change]:
    was: dict[str, ReviewerSpec] = {spec.id: spec for spec in old.reviewers}
    now: dict[str, ReviewerSpec] = {spec.id: spec for spec in new.reviewers}
    for name in ordered(was, now):
        at = f"reviewer {name}"
        if name not in was:
            yield Change(at, f"added: {now[name].model}", Meaning.NEUTRAL)
        elif name not in now:
            yield Change(at, f"removed: {was[name].model}", Meaning.NEUTRAL)
        else:
            for field in ("provider", "model", "max_output_tokens"):
                left, right = getattr(was[name], field), getattr(now[name], field)
                if left != right:
                    rerun = Rerun.CODE if field == "max_output_tokens" else Rerun.MODEL
                    yield Change(at, f"{field} {left} -> {right}", Meaning.NEUTRAL, rerun)


def model_changes(old: ModelCatalogue, new: ModelCatalogue) -> Iterator[Change]:
    """Yield what differs between two model catalogues."""
    was, now = ({entry.id: entry for entry in catalogue.models} for catalogue in (old, new))
    for name in ordered(was, now):
        at = f"model {name}"
        if name not in was:
            yield Change(at, f"added (family {now[name].family})", Meaning.NEUTRAL)
        elif name not in now:
            yield Change(at, "removed", Meaning.NEUTRAL)
        elif was[name] != now[name]:
            yield from _model_changes(at, was[name], now[name])


def _model_changes(at: str, old: ModelEntry, new: ModelEntry) -> Iterator[Change]:
    if old.pinned is not new.pinned:
        word = "pinned" if new.pinned else "no longer pinned"
        yield Change(at, word, Meaning.of(new.pinned - old.pinned))
    if old.fit_to_approve is not new.fit_to_approve:
        word = "fit to approve" if new.fit_to_approve else "not fit to approve"
        yield Change(at, word, Meaning.of(old.fit_to_approve - new.fit_to_approve))
    if old.price != new.price:
        yield Change(at, f"price {_price(old)} -> {_price(new)}", Meaning.NEUTRAL)
    if old.retires != new.retires:
        yield Change(
            at, f"retires {old.retires or 'not announced'} -> {new.retires or 'not announced'}", Meaning.NEUTRAL
        )
    for name in ("family", "provider", "aliases", "context_tokens", "max_output_tokens", "images", "screens_only"):
        left, right = getattr(old, name), getattr(new, name)
        if left != right:
            yield Change(at, f"{name} {left} -> {right}", Meaning.NEUTRAL)
    if (old.source, old.note) != (new.source, new.note):
        yield Change(at, "source or note changed", Meaning.NEUTRAL)


def _price(entry: ModelEntry) -> str:
    price = entry.price
    if price is None:
        return "unknown"
    return f"{price.input / 1_000_000:g} in, {price.output / 1_000_000:g} out USD a million"
