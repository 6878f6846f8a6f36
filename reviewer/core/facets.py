"""Facets: what a record is found by. They follow from the record alone, so that a store can rebuild and check them.

The fields are those of a filter (`reviewer.core.search.FIELDS`) but for the index, which the log gives. A text that a
kind of record does not have is empty; of a list every value stands once, in order. For a record that had to be
shortened (`reviewer.core.record`), `cause`, `criterion` and, at worst, `model` are known from its review only: what is
derived from its bytes lacks them, and a store that is rebuilt from records loses them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.review import Review

KIND_REVIEW = "review"
_KIND_RELEASE, _KIND_SHADOW = "release", "shadow"
_ABOUT = ("reviews/", "handoffs/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Facets:
    """What one record is found by.

    Attributes:
        create_time: UTC, with microseconds.
        kind: of the record, its schema without the version: `review`.
        cause, criterion: of the reasons that a verdict had; criteria as `rubric/criterion`.
        model: as requested and as served.
        rubric: `id@version`.
        drafter: the model that wrote the draft, as the caller named it.
        canary: whether the service asked itself.
        about: names of the reviews and handoffs that an event is about; a review's own is its record's.
        release: digest of the release that judged; of an event, of the one that it put in force or on trial, or whose
            trial it ended.
        stage: how far that release had come: of a review `canary`, or empty where it was in force; of a candidate's
            review in the shadow `shadow`; of an event what it says, which can be `full`.
    """

    create_time: datetime
    kind: str
    tenant: str
    intent: str
    domain: str
    route: str
    tier: str
    locale: str
    verdict: str
    cause: tuple[str, ...]
    criterion: tuple[str, ...]
    model: tuple[str, ...]
    rubric: tuple[str, ...]
    drafter: str
    simulated: bool
    canary: bool
    about: tuple[str, ...] = ()
    release: str = ""
    stage: str = ""


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970-01-01 UTC, as stores keep it."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(time_us: int) -> datetime:
    """Return the UTC time of microseconds since 1970-01-01."""
    return _EPOCH + timedelta(microseconds=time_us)


def facets_of(record: bytes) -> Facets:
    """Derive facets from a record.

    Raises:
        LedgerCorruptError: the bytes are no record of any kind.
    """
    try:
        told: object = orjson.loads(record)
        moment = datetime.fromisoformat(_text(told, "time")).astimezone(UTC)
    except ValueError as exc:
        raise LedgerCorruptError("stored record cannot be read") from exc
    kind = _text(told, "schema").partition("/")[0]
    reasons = _rows(told, "reasons")
    release, stage = _judge(kind, told)
    return Facets(
        create_time=moment,
        kind=kind,
        tenant=_text(told, "tenant"),
        intent=_text(told, "intent"),
        domain=_text(told, "route", "domain"),
        route=_text(told, "route", "id"),
        tier=_text(told, "route", "tier"),
        locale=_text(told, "locale"),
        verdict=_text(told, "verdict"),
        cause=_several(_text(reason, "cause") for reason in reasons),
        criterion=_several(_text(reason, "criterion") for reason in reasons),
        model=_several(_text(call, name) for call in _rows(told, "calls") for name in ("model", "served")),
        rubric=_several(f"{_text(pin, 'id')}@{_text(pin, 'version')}" for pin in _rows(told, "rubrics")),
        drafter=_text(told, "drafter", "model"),
        simulated=_at(told, "simulated") is True,
        canary=_text(told, "canary") != "",
        about=_several(name for name in _rows(told, "subjects") if isinstance(name, str) and name.startswith(_ABOUT)),
        release=release,
        stage=stage,
    )


def review_facets(review: Review) -> Facets:
    """Return the facets of a review's record before it is written."""
    return Facets(
        create_time=review.created_at.astimezone(UTC),
        kind=KIND_REVIEW,
        tenant=review.tenant,
        intent=review.intent,
        domain=review.route.domain,
        route=review.route.id,
        tier=review.route.tier.label,
        locale=review.locale,
        verdict=review.verdict.name,
        cause=_several(reason.cause.value for reason in review.reasons),
        criterion=_several(reason.criterion for reason in review.reasons),
        model=_several(name for call in review.calls for name in (call.requested_model, call.served_model)),
        rubric=_several(f"{pin.id}@{pin.version}" for pin in review.pins),
        drafter=review.drafter.model,
        simulated=review.simulated,
        canary=review.canary != "",
        release=review.release,
        stage=review.stage,
    )


def _judge(kind: str, told: object) -> tuple[str, str]:
    """Return which release a record is about, and how far that had come."""
    if kind == _KIND_RELEASE:
        stage = _text(told, "details", "stage")
        ended = _text(told, "action") == "rollback" and stage not in ("", "full")
        # Where a trial ends, what comes after is what was in force all the time.
        return _text(told, "details", "previous" if ended else "digest"), stage
    stage = _KIND_SHADOW if kind == _KIND_SHADOW else _text(told, "stage")
    return _text(told, "release").removeprefix("releases/"), stage


def _several(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def _at(told: object, *path: str) -> object:
    for step in path:
        told = told.get(step) if isinstance(told, dict) else None
    return told


def _text(told: object, *path: str) -> str:
    value = _at(told, *path)
    return value if isinstance(value, str) else ""


def _rows(told: object, name: str) -> list[object]:
    """Return a list of the record; none where a digest stands in its place."""
    rows = _at(told, name)
    return rows if isinstance(rows, list) else []
