"""A replay's outcome for people and scripts: as tables in a terminal, as JSON Lines, and as one HTML page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as html_escape

from rich.console import Group as Together
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reviewer.core.shares import Share
from reviewer.core.verdict import Reason, verdict_of
from reviewer.replay.asking import Estimate
from reviewer.replay.tally import Fate, Move, Row, Segment, Tally

_MICRO = 1_000_000
_SHOWN_CHARS = 240
_FATES = {
    Fate.CHANGED: "would get another verdict",
    Fate.UNCHANGED: "would get the same",
    Fate.NEEDS_MODEL: "need the second model",
    Fate.CANNOT_TELL: "cannot be told",
    Fate.ERASED: "were erased",
}
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.25rem .8rem .25rem 0;
vertical-align:top;border-bottom:1px solid #ddd}td.n{text-align:right}details{margin:.4rem 0}summary{cursor:pointer}
q{font-style:italic}.sides{display:grid;grid-template-columns:1fr 1fr;gap:1.5rem}.stricter{color:#a30000}
.softer{color:#006b2e}code{font-size:.9em}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}.stricter{color:#ff8a80}
.softer{color:#81c995}}
"""


def estimate_told(estimate: Estimate, *, batch: bool) -> str:
    """Say what asking would take."""
    usd = estimate.at_most_micro_usd / _MICRO
    unpriced = f", and {estimate.unpriced} calls of unknown price" if estimate.unpriced else ""
    return (
        f"{estimate.calls} calls with {estimate.questions} questions, about {estimate.likely_tokens:,} and at most "
        f"{estimate.at_most_tokens:,} tokens of input, at most {usd:.4f} USD{' in batches' if batch else ''}{unpriced}"
    )


def tables(tally: Tally) -> Iterable[RenderableType]:
    """Yield what a terminal shows: counts, every group of changes, then shares by route and locale."""
    counts = Table(box=None, show_header=False)
    for fate, words in _FATES.items():
        if tally.fates[fate]:
            counts.add_row(str(tally.fates[fate]), words)
    if tally.settled_early:
        counts.add_row(str(tally.settled_early), "of them without an answer that could not matter")
    yield counts
    for why, count in tally.reasons.most_common(10):
        yield Text(f"  {count} x {why}", style="dim")
    for move, group in tally.ordered():
        yield Text.assemble(
            (f"\n{group.count} x {_move(move)}", "bold"), f"  route {move.route}  moved by ", (move.mover, "bold")
        )
        for row in group.samples:
            yield _sides(row)
    for name, segments in (("route", tally.by_route), ("locale", tally.by_locale)):
        if segments:
            yield _segments(name, segments)


def _move(move: Move) -> str:
    return f"{move.was.name} -> {move.now.name}"


def _sides(row: Row) -> RenderableType:
    table = Table(box=None, pad_edge=False, title=row.name, title_justify="left", title_style="dim", show_header=False)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(_column("before", row.before), _column("after", row.after))
    return table


def _column(title: str, reasons: tuple[Reason, ...]) -> RenderableType:
    lines = [Text(title, style="dim")]
    for reason in reasons or ():
        head = Text(f"{reason.criterion or reason.cause.value}: ", style="bold")
        lines.append(Text.assemble(head, _short(reason.message)))
        lines.extend(Text(f"  \u201c{_short(quote.text)}\u201d", style="italic") for quote in reason.quotes)
    if not reasons:
        lines.append(Text("nothing speaks against it"))
    return Together(*lines)


def _segments(name: str, segments: dict[str, Segment]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(name, no_wrap=True)
    for column in ("decided", "stricter (95 %)", "softer (95 %)"):
        table.add_column(column, justify="right", no_wrap=True)
    for key, segment in sorted(segments.items()):
        shares = [f"{_percent(one)} ({_interval(one)})" for one in segment.shares]
        table.add_row(escape(key), str(segment.decided), *shares)
    return table


def _percent(share: Share) -> str:
    return "-" if share.value is None else f"{share.value:.1%}"


def _interval(share: Share) -> str:
    return f"{share.low:.1%} to {share.high:.1%}"


def row_json(row: Row) -> dict[str, object]:
    """Return one review that did not stay as it was, as scripts read it."""
    return {
        "review": row.name,
        "fate": row.fate.value,
        "route": row.route,
        "locale": row.locale,
        "was": row.was.name if row.was else None,
        "now": row.now.name if row.now else None,
        "moved_by": row.mover,
        "before": [_reason_json(reason) for reason in row.before],
        "after": [_reason_json(reason) for reason in row.after],
        "why": row.why,
    }


def _reason_json(reason: Reason) -> dict[str, object]:
    return {
        "cause": reason.cause.value,
        "asks": verdict_of(reason.effect).name,
        "criterion": reason.criterion,
        "message": reason.message,
        "quotes": [quote.text for quote in reason.quotes],
    }


def summary_json(tally: Tally, estimate: Estimate, spent_micro_usd: int | None) -> dict[str, object]:
    """Return the counts of a replay."""
    return {
        "reviews": tally.total,
        **{fate.value: tally.fates[fate] for fate in Fate},
        "settled_without_answer": tally.settled_early,
        "why": dict(tally.reasons.most_common(50)),
        "groups": [
            {"was": m.was.name, "now": m.now.name, "route": m.route, "moved_by": m.mover, "count": g.count}
            for m, g in tally.ordered()
        ],
        "routes": {name: _segment_json(segment) for name, segment in sorted(tally.by_route.items())},
        "locales": {name: _segment_json(segment) for name, segment in sorted(tally.by_locale.items())},
        "open_calls": estimate.calls,
        "at_most_micro_usd": estimate.at_most_micro_usd,
        "unpriced_calls": estimate.unpriced,
        "spent_micro_usd": spent_micro_usd,
    }


def _segment_json(segment: Segment) -> dict[str, object]:
    stricter, softer = segment.shares
    return {
        "decided": segment.decided,
        "stricter": [segment.stricter, stricter.low, stricter.high],
        "softer": [segment.softer, softer.low, softer.high],
    }


def page(tally: Tally, title: str, cost: str) -> str:
    """Return one self-contained HTML page; everything in it that was ever text of a request is escaped."""
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>{_html(title)}</title><style>{_STYLE}</style>"]
    parts.append(f"<h1>{_html(title)}</h1><p>{tally.total} reviews. {_html(cost)}</p><table>")
    for fate, words in _FATES.items():
        parts.append(f"<tr><td class=n>{tally.fates[fate]}<td>{words}")
    parts.append("</table>")
    if tally.reasons:
        parts.append("<h2>Why it cannot be told</h2><ul>")
        parts += [f"<li>{count} x {_html(why)}" for why, count in tally.reasons.most_common(20)]
        parts.append("</ul>")
    parts.append("<h2>Changed verdicts</h2>")
    for move, group in tally.ordered():
        way = "stricter" if move.now > move.was else "softer"
        parts.append(
            f"<details open><summary><b>{group.count}</b> x <span class={way}>{_html(_move(move))}</span> on route "
            f"<code>{_html(move.route)}</code>, moved by <code>{_html(move.mover)}</code></summary>"
        )
        for row in group.samples:
            parts.append(f"<p><code>{_html(row.name)}</code><div class=sides>")
            parts.append(f"<div>{_reasons('before', row.before)}</div><div>{_reasons('after', row.after)}</div></div>")
        parts.append("</details>")
    for name, segments in (("route", tally.by_route), ("locale", tally.by_locale)):
        parts.append(f"<h2>By {name}</h2><table><tr><th>{name}<th>decided<th>stricter<th>95 %<th>softer<th>95 %")
        for key, segment in sorted(segments.items()):
            cells = [f"<td class=n>{_percent(s)}<td class=n>{_interval(s)}" for s in segment.shares]
            parts.append(f"<tr><td>{_html(key)}<td class=n>{segment.decided}{''.join(cells)}")
        parts.append("</table>")
    return "\n".join(parts) + "\n"


def _reasons(title: str, reasons: tuple[Reason, ...]) -> str:
    rows = [f"<b>{title}</b><ul>"]
    for reason in reasons:
        quotes = "".join(f"<br><q>{_html(_short(quote.text))}</q>" for quote in reason.quotes)
        rows.append(
            f"<li><code>{_html(reason.criterion or reason.cause.value)}</code> {_html(_short(reason.message))}{quotes}"
        )
    return "".join(rows) + ("</ul>" if reasons else "<li>nothing speaks against it</ul>")


def _html(text: str) -> str:
    return html_escape(text, quote=True)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARS else flat[: _SHOWN_CHARS - 1] + "\u2026"
