"""What reviews cost, in the SQLite log: added to in the transaction that appends them, read by tenant and day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from datetime import date

import apsw

from reviewer.core.record import Entry
from reviewer.core.spending import NOTHING, Spent
from reviewer.ledger.daily import MOST, totals

_ADD = """
INSERT INTO spending
    (tenant, day, micro_usd, calls, unpriced_calls, input_tokens, cached_input_tokens, output_tokens)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (day, tenant) DO UPDATE SET
    micro_usd = min(micro_usd + ?3, ?9),
    calls = min(calls + ?4, ?9),
    unpriced_calls = min(unpriced_calls + ?5, ?9),
    input_tokens = min(input_tokens + ?6, ?9),
    cached_input_tokens = min(cached_input_tokens + ?7, ?9),
    output_tokens = min(output_tokens + ?8, ?9)
"""
_OF_DAY = """
SELECT tenant, micro_usd, calls, unpriced_calls, input_tokens, cached_input_tokens, output_tokens
FROM spending WHERE day = ? ORDER BY tenant
"""
_OF_TENANT = """
SELECT tenant, micro_usd, calls, unpriced_calls, input_tokens, cached_input_tokens, output_tokens
FROM spending WHERE day = ? AND tenant = ?
"""


def add(connection: apsw.Connection, appended: Iterable[Entry]) -> None:
    """Count new entries: one statement a tenant and day, however many entries there are."""
    for (tenant, day), spent in totals(appended).items():
        figures = [min(figure, MOST) for figure in astuple(spent)]
        connection.execute(_ADD, (tenant, day.isoformat(), *figures, MOST))


def of_day(connection: apsw.Connection, day: date) -> tuple[tuple[str, Spent], ...]:
    """Return what a day cost, by tenant in alphabetical order."""
    return tuple(map(_row, connection.execute(_OF_DAY, (day.isoformat(),)).fetchall()))


def of_tenant(connection: apsw.Connection, tenant: str, day: date) -> Spent:
    """Return what a day cost one tenant."""
    row = connection.execute(_OF_TENANT, (day.isoformat(), tenant)).fetchone()
    return NOTHING if row is None else _row(row)[1]


def _row(row: apsw.SQLiteValues) -> tuple[str, Spent]:
    tenant, *figures = row
    return str(tenant), Spent(*[_figure(value) for value in figures])


def _figure(value: apsw.SQLiteValue) -> int:
    assert isinstance(value, int)
    return value
