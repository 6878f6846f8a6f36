"""Reviews and log entries as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from reviewer.client import Cause, Quote, Reason, Review, Verdict
from reviewer.core.facets import Facets, facets_of
from reviewer.core.record import rfc3339
from reviewer.core.spending import Spent
from reviewer.ledger.interface import Found

_STYLES = {
    Verdict.VERDICT_APPROVE: ("APPROVE", "green"),
    Verdict.VERDICT_REVISE: ("REVISE", "yellow"),
    Verdict.VERDICT_HUMAN_HANDOFF: ("HUMAN HANDOFF", "red"),
}
_MAX_SHOWN_CHARS = 300


def review_panel(review: Review, *, asked: str = "", draft: str = "") -> RenderableType:
    """Show one review: what was asked and drafted where known, the verdict, and every reason with its quotes."""
    name, style = _STYLES.get(review.verdict, ("NO VERDICT", "red"))
    title = f"[bold {style}]{name}[/]" + ("  [reverse] SIMULATED [/]" if review.simulated else "")
    lines: list[RenderableType] = []
    if asked:
        lines.append(Text.assemble(("asked  ", "dim"), _short(asked)))
    if draft:
        lines.append(Text.assemble(("draft  ", "dim"), _short(draft)))
    lines.extend(_reason(reason) for reason in review.reasons)
    if not review.reasons:
        lines.append(Text("every criterion is met, every quote stands", style="green"))
    if review.guidance.items:
        points = "; ".join(item.instruction or item.title for item in review.guidance.items)
        lines.append(Text.assemble(("to the drafter  ", "dim"), _short(points)))
    lines.append(Text(_footer(review), style="dim"))
    return Panel(Group(*lines), title=title, title_align="left", subtitle=escape(review.intent), border_style=style)


def log_table(records: Iterable[Found]) -> Table:
    """Show records, one a row, as far as they say what they are about: contents are not read."""
    table = Table(box=None, pad_edge=False)
    for column in ("index", "time", "review", "intent", "verdict", "causes", "leaf"):
        # Names and hashes are copied from here: they must not be broken over lines.
        table.add_column(column, no_wrap=column in ("index", "time", "review", "leaf"))
    for record in records:
        facets = facets_of(record.record)
        table.add_row(
            str(record.position.index),
            rfc3339(record.create_time)[:19] + "Z",
            record.review_id,
            escape(facets.intent),
            _verdict(facets) + (" (simulated)" if facets.simulated else "") + (" (canary)" if facets.canary else ""),
            ", ".join(facets.cause) or "-",
            record.position.leaf_hash.hex()[:12],
        )
    return table


def _verdict(facets: Facets) -> str:
    if not facets.verdict:
        return escape(facets.kind)
    name, style = _STYLES[Verdict.Value(f"VERDICT_{facets.verdict}")]
    return f"[{style}]{name}[/]"


def costs_table(rows: Iterable[tuple[str, Spent]]) -> Table:
    """Show what reviews cost, one tenant a row."""
    table = Table(box=None, pad_edge=False)
    table.add_column("tenant", no_wrap=True)
    for column in ("calls", "input tokens", "cached", "output tokens", "cost in USD", "unpriced calls"):
        table.add_column(column, justify="right", no_wrap=True)
    for tenant, spent in rows:
        share = f"{spent.cached_input_tokens / spent.input_tokens:.0%}" if spent.input_tokens else "-"
        usd = f"{spent.micro_usd / 1_000_000:.6f}"
        tokens = (f"{spent.input_tokens:,}", share, f"{spent.output_tokens:,}")
        table.add_row(escape(tenant), f"{spent.calls:,}", *tokens, usd, f"{spent.unpriced_calls:,}")
    return table


def _reason(reason: Reason) -> RenderableType:
    """One reason as a row: what it asks for, then criterion, message, quotes and fix below each other."""
    name, style = _STYLES.get(reason.asks_for, ("?", "red"))
    if reason.asks_for == Verdict.VERDICT_APPROVE:
        name, style = "note", "dim"
    cause = Cause.Name(reason.cause).removeprefix("CAUSE_").lower()
    head = Text(reason.criterion or cause, style="bold")
    if reason.criterion and reason.cause != Cause.CAUSE_CRITERION:
        head.append(f" ({cause})")
    body: list[RenderableType] = [head, Text(_short(reason.message)), *(_quote(quote) for quote in reason.quotes)]
    if reason.suggested_fix:
        body.append(Text.assemble(("fix  ", "dim"), _short(reason.suggested_fix)))
    row = Table.grid(padding=(0, 2))
    row.add_column(width=13)
    row.add_column()
    row.add_row(Text(name, style=style), Group(*body))
    return row


def _quote(quote: Quote) -> Text:
    where = f"{quote.ref}[{quote.start_char}:{quote.end_char}]"
    return Text.assemble((f"\u201c{_short(quote.text)}\u201d ", "italic"), (where, "dim"))


def _footer(review: Review) -> str:
    calls = ", ".join(
        f"{call.served_model or call.requested_model} {call.latency_us / 1000:.0f} ms"
        + (f" [{call.failure}]" if call.failure else "")
        for call in review.model_calls
    )
    rubrics = " ".join(f"{pin.id}@{pin.version}" for pin in review.rubrics)
    log = f"log #{review.log_position.index} {review.log_position.leaf_hash.hex()[:12]}"
    return f"{review.name}  {log}\n{rubrics}  {calls or 'no model call'}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MAX_SHOWN_CHARS else flat[: _MAX_SHOWN_CHARS - 1] + "\u2026"
