"""What gates look at in a review, and the record of a candidate's review in the shadow of another one.

The record holds what both reviews came to, so that pairs can be compared from it alone. It holds no text, is no
review, is found by no request id, and belongs to nobody who calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import orjson

from reviewer.core.canonical import Json, canonical_bytes
from reviewer.core.facets import facets_of
from reviewer.core.merkle import leaf_hash
from reviewer.core.outcome import CallRecord
from reviewer.core.record import RECORD_SCHEMA, Entry, rfc3339
from reviewer.core.release import release_name
from reviewer.core.review import Review
from reviewer.core.rollout import Trial
from reviewer.core.spending import NOTHING, spent_on
from reviewer.core.verdict import Verdict

SHADOW_KIND = "shadow"
SHADOW_TENANT = "_shadow"
"""Pays for reviews in the shadow; no caller's tenant may begin with an underscore."""
MAX_CRITERIA = 200

_SCHEMA = f"{SHADOW_KIND}/1"


@dataclass(frozen=True, slots=True)
class Judged:
    """What gates look at in one review.

    Attributes:
        criteria: of the reasons that its verdict had.
        cost_micro_usd: None where a call has no price, or where the second model's answers were taken from elsewhere.
        model_us: time that calls of the second model took, added up; None as above.
    """

    verdict: Verdict
    criteria: frozenset[str] = frozenset()
    cost_micro_usd: int | None = None
    model_us: int | None = None


@dataclass(frozen=True, slots=True)
class Single:
    """A review of a log as gates see it.

    Attributes:
        review_id, handoff: ids; the second is empty where it opened no ticket.
        stage: empty where it was judged by what is in force.
        canary: the service asked itself.
    """

    review_id: str
    release: str
    stage: str
    route: str
    tier: str
    locale: str
    judged: Judged
    handoff: str = ""
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reviews of one draft.

    Attributes:
        review_id: of the review that was answered.
        trial: id of the trial to which it belongs.
    """

    review_id: str
    trial: str
    tier: str
    locale: str
    candidate: Judged
    baseline: Judged


def judged(review: Review) -> Judged:
    """Return what gates look at in a review."""
    taken = bool(review.reused_from)
    costs = [call.cost_micro_usd for call in review.calls]
    known = not taken and None not in costs
    return Judged(
        review.verdict,
        frozenset(reason.criterion for reason in review.reasons if reason.criterion),
        sum(cost or 0 for cost in costs) if known else None,
        None if taken else sum(call.latency_us for call in review.calls),
    )


def shadow_entry(event_id: str, now: datetime, trial: Trial, review: Review, shadow: Review) -> Entry:
    """Make the record of a candidate's review.

    Args:
        event_id: UUIDv7.
        review: that was answered.
        shadow: that never is; its calls are paid for.
    """
    own, answered = judged(shadow), judged(review)
    if shadow.reused_from == review.name:
        # Whose answers were taken would have been asked the same.
        own = replace(own, cost_micro_usd=answered.cost_micro_usd, model_us=answered.model_us)
    record = canonical_bytes(
        {
            "schema": _SCHEMA,
            "id": event_id,
            "time": rfc3339(now),
            "tenant": SHADOW_TENANT,
            "by": "service",
            "subjects": [f"reviews/{review.id}"],
            "trial": trial.id,
            "release": release_name(shadow.release),
            "baseline_release": release_name(review.release),
            "route": {"id": review.route.id, "domain": review.route.domain, "tier": review.route.tier.label},
            "intent": review.intent,
            "locale": review.locale,
            "candidate": _told(own),
            "baseline": _told(answered),
            "calls": [_call(call) for call in shadow.calls],
            "simulated": shadow.simulated,
        }
    )
    return Entry(
        review_id=event_id,
        tenant=SHADOW_TENANT,
        request_id="",
        content_digest="",
        record=record,
        leaf_hash=leaf_hash(record),
        content=b"",
        content_key=b"",
        day=now.astimezone(UTC).date(),
        spent=spent_on(shadow.calls) if shadow.calls else NOTHING,
        facets=facets_of(record),
        kind=SHADOW_KIND,
    )


def read_single(record: bytes) -> Single | None:
    """Read a review's record; None for any other kind or version."""
    try:
        told = orjson.loads(record)
        if told["schema"] != RECORD_SCHEMA:
            return None
        criteria = frozenset(str(reason["criterion"]) for reason in _rows(told["reasons"]) if reason["criterion"])
        # Where lists had to be replaced by digests, what they said is not known.
        known = "reused_from" not in told and isinstance(told["calls"], list)
        calls = _rows(told["calls"])
        return Single(
            str(told["review"]),
            str(told.get("release", "")),
            str(told.get("stage", "")),
            str(told["route"]["id"]),
            str(told["route"]["tier"]),
            str(told["locale"]),
            Judged(
                Verdict[told["verdict"]],
                criteria,
                _sum(call["cost_micro_usd"] for call in calls) if known else None,
                _sum(call["latency_us"] for call in calls) if known else None,
            ),
            str(told["handoff"] or ""),
            bool(told.get("canary")),
        )
    except (ValueError, TypeError, KeyError):
        return None


def read_pair(record: bytes) -> Pair | None:
    """Read the record of a review in the shadow; None for any other kind or version."""
    try:
        told = orjson.loads(record)
        if told["schema"] != _SCHEMA:
            return None
        return Pair(
            str(told["subjects"][0]).removeprefix("reviews/"),
            str(told["trial"]),
            str(told["route"]["tier"]),
            str(told["locale"]),
            _read(told["candidate"]),
            _read(told["baseline"]),
        )
    except (ValueError, TypeError, KeyError, IndexError):
        return None


def _told(one: Judged) -> Json:
    return {
        "verdict": one.verdict.name,
        "criteria": list[Json](sorted(one.criteria)[:MAX_CRITERIA]),
        "cost_micro_usd": one.cost_micro_usd,
        "model_us": one.model_us,
    }


def _read(told: dict[str, object]) -> Judged:
    criteria = told["criteria"]
    if not isinstance(criteria, list):
        raise TypeError("expected a list of criteria")
    return Judged(
        Verdict[str(told["verdict"])],
        frozenset(str(name) for name in criteria),
        _whole(told["cost_micro_usd"]),
        _whole(told["model_us"]),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _call(call: CallRecord) -> Json:
    return {
        "provider": call.provider,
        "model": call.requested_model,
        "served": call.served_model,
        "cost_micro_usd": call.cost_micro_usd,
        "latency_us": call.latency_us,
        "failure": call.failure,
    }


def _rows(value: object) -> list[Mapping[str, object]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _sum(values: Iterable[object]) -> int | None:
    """Add up; None where one is not known."""
    total = 0
    for value in values:
        if not isinstance(value, int):
            return None
        total += value
    return total
