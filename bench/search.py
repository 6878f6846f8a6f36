"""How long a filter takes over many verdicts, against reading the records themselves.

The log is filled through the product's own schema and statements, without waiting for the disk; its records are real
ones (sealed reviews) in which id and time are replaced, so that a million are made in minutes. Contents, which no
search reads, are left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import apsw

from bench.bed import Bed
from bench.report import Aim, Cell, Spread, Table, at_most, spread
from reviewer.core.draft import Tier
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.ids import uuid7
from reviewer.core.merkle import leaf_hash
from reviewer.core.outcome import CallRecord, Usage
from reviewer.core.record import Entry, rfc3339, seal
from reviewer.core.review import Review, RouteTaken
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import RubricPin
from reviewer.core.search import Order, read_filter
from reviewer.core.verdict import Cause, Reason, Verdict
from reviewer.ledger import sqlite_facets
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.support.builders import review

FULL_ENTRIES: Final = 1_000_000
QUICK_ENTRIES: Final = 50_000
PAGE: Final = 100
MAX_QUERY_S: Final = 2.0
TEMPLATES: Final = 5_000
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
SPAN_DAYS: Final = 300
_INSERT = (
    "INSERT INTO entries (idx, review_id, tenant, request_id, content_digest, leaf_hash, record) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_DOMAINS = ("health", "finance", "security", "legal", "tool_use")
_MODELS = ("claude-opus-4-6", "claude-sonnet-5-5", "gpt-5.5-2026-04-23", "gpt-5.4-mini-2026-02-11")
_VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
_IN_FORCE, _CANARY = {version: hashlib.sha256(version.encode()).hexdigest() for version in _VERSIONS}, "cafe" * 16
_CANARY_SHARE = 0.002
_CAUSES = (
    *[Cause.CRITERION] * 70,
    *[Cause.DEADLINE] * 12,
    *[Cause.REVIEWER_UNAVAILABLE] * 10,
    *[Cause.EVIDENCE_UNVERIFIED] * 7,
    Cause.INJECTION_SUSPECTED,
)


@dataclass(frozen=True, slots=True)
class Question:
    """One typical filter, and the same in SQL over the record's JSON, which is called r."""

    what: str
    asked: str
    over_json: str


_LISTED = "EXISTS (SELECT 1 FROM json_each(r, '$.{rows}') x WHERE x.value ->> '$.{name}' {test})"
QUESTIONS: Final = (
    Question(
        "handoffs of a tenant, one week",
        'tenant = tenant-07 AND verdict = HUMAN_HANDOFF AND create_time >= "2026-06-01T00:00:00Z" '
        'AND create_time < "2026-06-08T00:00:00Z"',
        "r ->> '$.tenant' = 'tenant-07' AND r ->> '$.verdict' = 'HUMAN_HANDOFF' "
        "AND r ->> '$.time' >= '2026-06-01' AND r ->> '$.time' < '2026-06-08'",
    ),
    Question("late reviews", "cause:deadline", _LISTED.format(rows="reasons", name="cause", test="= 'deadline'")),
    Question(
        "suspected injections in one language",
        "cause:injection_suspected AND locale = pt-BR",
        _LISTED.format(rows="reasons", name="cause", test="= 'injection_suspected'")
        + " AND r ->> '$.locale' = 'pt-BR'",
    ),
    Question(
        "revisions asked for by one family of models",
        "model:claude-* AND verdict = REVISE",
        _LISTED.format(rows="calls", name="model", test="GLOB 'claude-*'") + " AND r ->> '$.verdict' = 'REVISE'",
    ),
    Question(
        "one criterion under one rubric version",
        "criterion:health/c03 AND rubric:health@1.1.0",
        _LISTED.format(rows="reasons", name="criterion", test="= 'health/c03'")
        + " AND "
        + _LISTED.format(rows="rubrics", name="id", test="= 'health' AND x.value ->> '$.version' = '1.1.0'"),
    ),
    Question(
        "what a release judged on trial",
        f"release = {_CANARY} AND stage = canary",
        f"r ->> '$.release' = '{_CANARY}' AND r ->> '$.stage' = 'canary'",
    ),
    Question(
        "handoffs by a release whose name begins so",
        f"release = releases/{_IN_FORCE['1.0.0'][:6]}* AND verdict = HUMAN_HANDOFF",
        f"r ->> '$.release' GLOB '{_IN_FORCE['1.0.0'][:6]}*' AND r ->> '$.verdict' = 'HUMAN_HANDOFF'",
    ),
    Question(
        "nothing to be found",
        'intent = legal.* AND drafter = "no such model"',
        "r ->> '$.intent' GLOB 'legal.*' AND r ->> '$.drafter.model' = 'no such model'",
    ),
)


def measure(bed: Bed) -> Table:
    """Fill a log, then ask each question for its newest records, and once of the JSON."""
    entries = FULL_ENTRIES if bed.effort.share == 1 else QUICK_ENTRIES
    path = bed.folder / "searched.db"
    create(path)
    began = time.perf_counter()
    _fill(path, entries)
    filled_s = time.perf_counter() - began
    rows: list[tuple[Cell, ...]] = []
    aims: list[Aim] = []
    for question in QUESTIONS:
        found, took = asyncio.run(_searched(path, question, bed.effort.rounds))
        by_json, json_s = _over_json(path, question)
        assert found == by_json, question.what
        rows.append((question.what, len(found), took, json_s, json_s * 1000 / took.median))
        aims.append(at_most(f"{question.what}, seconds", took.median / 1000, MAX_QUERY_S))
    path.unlink()
    return Table(
        "Searching the log",
        f"{entries:,} entries, filled in {filled_s:.0f} s; the newest {PAGE} of a filter in ms, opening a connection "
        "included. Baseline: the same question to SQLite's JSON functions over the records, one run, in s.",
        ("filter", "found", "search ms", "JSON scan s", "ratio"),
        tuple(rows),
        tuple(aims),
    )


async def _searched(path: Path, question: Question, rounds: int) -> tuple[list[int], Spread]:
    asked = read_filter(question.asked)
    took: list[float] = []
    async with SqliteLedger(path) as ledger:
        for _ in range(rounds):
            began = time.perf_counter()
            found = await ledger.search(asked, Order.NEWEST, None, PAGE)
            took.append((time.perf_counter() - began) * 1000)
    return [one.position.index for one in found], spread(took)


def _over_json(path: Path, question: Question) -> tuple[list[int], float]:
    sql = (
        f"SELECT idx FROM (SELECT idx, CAST(record AS TEXT) AS r FROM entries) WHERE {question.over_json} "  # noqa: S608 - written above
        "ORDER BY r ->> '$.time' DESC, idx DESC LIMIT ?"
    )
    connection = apsw.Connection(str(path))
    began = time.perf_counter()
    found = [int(str(index)) for (index,) in connection.execute(sql, (PAGE,))]
    took = time.perf_counter() - began
    connection.close()
    return found, took


def _fill(path: Path, entries: int) -> None:
    connection = apsw.Connection(str(path))
    # What is measured is reading: a crash would only mean to begin again.
    connection.pragma("synchronous", "off")
    with connection:
        for index, entry in enumerate(_entries(entries)):
            row = (index, entry.review_id, entry.tenant, None, entry.content_digest, entry.leaf_hash, entry.record)
            connection.execute(_INSERT, row)
            sqlite_facets.add(connection, index, entry.facets)
    connection.close()


def _entries(count: int) -> Iterator[Entry]:
    """Make entries whose times rise, in three eras of rubric versions."""
    chance = random.Random(7)
    eras = [[seal(_review(chance, version), bytes(32)) for _ in range(TEMPLATES)] for version in _VERSIONS]
    first = rfc3339(BEGAN).encode()
    for number in range(count):
        template = chance.choice(eras[number * len(eras) // count])
        moment = BEGAN + timedelta(days=SPAN_DAYS) * number / count
        review_id = str(uuid7(moment, number.to_bytes(10)))
        record = template.record.replace(first, rfc3339(moment).encode(), 1)
        record = record.replace(template.review_id.encode(), review_id.encode(), 1)
        facets = replace(template.facets, create_time=moment)
        yield replace(template, review_id=review_id, record=record, leaf_hash=leaf_hash(record), facets=facets)


def _review(chance: random.Random, version: str) -> Review:
    domain = chance.choice(_DOMAINS)
    verdict = chance.choices(list(Verdict), (78, 12, 10))[0]
    cause = Cause.CRITERION if verdict is Verdict.REVISE else chance.choice(_CAUSES)
    criterion = f"{domain}/c{chance.randrange(12):02d}"
    approved = verdict is Verdict.APPROVE
    reasons = () if approved else (Reason(cause, Effect(verdict - Verdict.APPROVE), criterion, None, ""),)
    model = chance.choice(_MODELS)
    call = CallRecord(
        "anthropic", model, model, f"req_{chance.randbytes(9).hex()}", chance.randbytes(32).hex(),
        Usage(5200, 4100, 0, 210, 0), 9_100, 2_100_000, "end_turn",
    )  # fmt: skip
    judged = tuple(
        Finding(f"{domain}/c{number:02d}", Origin.CRITIC, "critic", Outcome.MET, Outcome.MET) for number in range(12)
    )
    on_trial = version == "1.1.0" and chance.random() < _CANARY_SHARE
    pins = [RubricPin(name, version, chance.randbytes(32).hex()) for name in ("baseline", domain, "answer_quality")]
    return review(
        id=str(uuid7(BEGAN, chance.randbytes(10))),
        tenant=f"tenant-{min(int(chance.expovariate(0.2)), 30):02d}",
        created_at=BEGAN,
        intent=f"{domain}.intent_{chance.randrange(6)}",
        locale=chance.choice(("en-US", "en-GB", "pt-BR", "es-MX", "de-DE")),
        verdict=verdict,
        reasons=reasons,
        findings=judged,
        pins=tuple(pins),
        route=RouteTaken(f"{domain}_high", domain, Tier.HIGH, defaulted=False, full=True, rulebook_digest="e" * 64),
        calls=(call,),
        release=_CANARY if on_trial else _IN_FORCE[version],
        stage="canary" if on_trial else "",
    )
