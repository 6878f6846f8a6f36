"""Reviews and log entries as people read them in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from reviewer.client import Cause, HandoffDecision, Outcome, Quote, Reason, Review, Ticket, TicketState, Verdict
from reviewer.core import review as stored
from reviewer.core.events import Event, EventKind
from reviewer.core.kept import read_material
from reviewer.core.record import rfc3339
from reviewer.core.segments import HIDDEN
from reviewer.core.spending import Spent
from reviewer.core.summary import summary_of
from reviewer.ledger.interface import Found

_STYLES = {
    Verdict.VERDICT_APPROVE: ("APPROVE", "green"),
    Verdict.VERDICT_REVISE: ("REVISE", "yellow"),
    Verdict.VERDICT_HUMAN_HANDOFF: ("HUMAN HANDOFF", "red"),
}
_LISTED = {Verdict.Name(verdict).removeprefix("VERDICT_"): shown for verdict, shown in _STYLES.items()}
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


def kept_panel(review: stored.Review) -> RenderableType:
    """Show what was kept of a request: each of its texts after redaction, whole, or why there is none.

    Raises:
        LedgerCorruptError: what was kept cannot be read.
    """
    if not review.material:
        return Text(f"the draft was not kept: {review.unkept or 'the settings kept nothing then'}", style="dim")
    material = read_material(review.material, review.drafter)
    rows = Table.grid(padding=(0, 2))
    for passage in material.draft.passages:
        rows.add_row(Text(f"{passage.place.value} {passage.ref}", style="dim"), Text(HIDDEN.sub(_named, passage.text)))
    if material.images:
        rows.add_row(Text("images", style="dim"), Text(f"{material.images}, which are not kept"))
    return Panel(rows, title="as it was shown, redacted", title_align="left")


def log_table(records: Iterable[Found]) -> Table:
    """Show records, one a row, as far as they say what they are about: contents are not read."""
    table = Table(box=None, pad_edge=False)
    for column in ("index", "time", "entry", "intent", "verdict", "causes", "leaf"):
        # Names and hashes are copied from here: they must not be broken over lines.
        table.add_column(column, no_wrap=column in ("index", "time", "entry", "leaf"))
    for record in records:
        entry = summary_of(record.record)
        what, style = _LISTED.get(entry.verdict, (entry.kind.replace("_", " "), "dim"))
        table.add_row(
            str(record.position.index),
            escape(entry.time[:19]) + "Z" if entry.time else "-",
            escape(entry.id),
            escape(entry.intent),
            f"[{style}]{escape(what)}[/]" + "".join(f" ({mark})" for mark in entry.marks),
            escape(", ".join(entry.causes)) or "-",
            record.position.leaf_hash.hex()[:12],
        )
    return table


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


def erasure_told(erasure: Event) -> str:
    """Say when, by whom and why content was erased."""
    return f"its content was erased on {rfc3339(erasure.time)} by {erasure.by}: {erasure.reason}"


def holds_table(holds: Iterable[Event]) -> Table:
    """Show the legal holds in force, one a row."""
    table = Table(box=None, pad_edge=False)
    for column in ("tenant", "held", "since", "by", "reason"):
        table.add_column(column, no_wrap=column in ("held", "since"))
    for hold in holds:
        held = ", ".join(name if name.startswith("reviews/") else "everything" for name in hold.subjects)
        table.add_row(*map(escape, (hold.tenant, held, rfc3339(hold.time)[:19] + "Z", hold.by, hold.reason)))
    return table


def tickets_table(tickets: Iterable[Ticket]) -> Table:
    """Show tickets, one a row."""
    table = Table(box=None, pad_edge=False)
    for column in ("handoff", "state", "opened", "expires", "tenant", "route", "intent", "held or decided by"):
        table.add_column(column, no_wrap=column in ("handoff", "state", "opened", "expires"))
    for ticket in tickets:
        who = ticket.holder + (f": {_decided(ticket)}" if ticket.decision else "")
        expires = f"{ticket.expire_time.ToJsonString()[:19]}Z" if ticket.HasField("expire_time") else "-"
        opened = f"{ticket.create_time.ToJsonString()[:19]}Z"
        names = (ticket.name, _state(ticket), opened, expires, ticket.tenant, ticket.route, ticket.intent, who)
        table.add_row(*map(escape, names))
    return table


def ticket_panel(ticket: Ticket) -> RenderableType:
    """Show one ticket, and what a person decided."""
    lines = [Text(f"{ticket.review}  {ticket.intent}  route {ticket.route}")]
    if ticket.decision:
        lines.append(Text(f"{_decided(ticket)}  {ticket.holder}", style="bold"))
    elif ticket.holder:
        lines.append(Text(f"held by {ticket.holder} until {ticket.lease_expire_time.ToJsonString()[:19]}Z"))
    lines.extend(Text(f"{one.criterion}  {Outcome.Name(one.outcome)[8:]}") for one in ticket.labels)
    for name, text in (("comment  ", ticket.comment), ("edited  ", ticket.edited_text)):
        if text:
            lines.append(Text.assemble((name, "dim"), text))
    if ticket.content_erased:
        lines.append(Text("comment and edited text were erased", style="dim"))
    return Panel(Group(*lines), title=f"{escape(ticket.name)}  {_state(ticket)}", title_align="left")


def course(events: Iterable[tuple[int, Event]]) -> list[Text]:
    """Tell what happened to a review after it was answered, one record a line."""
    lines = []
    for index, event in events:
        told = event.details.get("outcome") if event.kind is EventKind.OUTCOME else event.details.get("decision")
        what = " ".join([event.kind, event.action, *([str(told)] if told else [])])
        lines.append(Text(f"#{index}  {rfc3339(event.time)[:19]}Z  {what}  {event.by}"))
    return lines


def _state(ticket: Ticket) -> str:
    return TicketState.Name(ticket.state).removeprefix("TICKET_STATE_").lower()


def _decided(ticket: Ticket) -> str:
    return HandoffDecision.Name(ticket.decision).removeprefix("HANDOFF_DECISION_").lower().replace("_", " ")


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


def _named(match: re.Match[str]) -> str:
    """Name a character that a terminal would obey or swallow."""
    return f"<U+{ord(match.group(0)):04X}>"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MAX_SHOWN_CHARS else flat[: _MAX_SHOWN_CHARS - 1] + "\u2026"
