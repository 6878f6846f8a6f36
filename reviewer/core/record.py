"""The record: what the verdict log commits to, as canonical JSON without any text of draft, source or critic.

A review becomes two byte strings. The *record* (RFC 8785, at most 65,535 bytes as C2SP tlog-tiles allow for an entry)
holds ids, digests, outcomes and figures; its hash is a leaf of the log. The *content* holds the whole review; the
record binds it by HMAC-SHA256 under a random key that is kept beside the content, so that content and key can be
erased and the log still verifies, while nobody can confirm a guess at erased text.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from reviewer.core.canonical import Json, canonical_bytes
from reviewer.core.errors import InvariantError, LedgerCorruptError
from reviewer.core.facets import KIND_REVIEW, Facets, review_facets
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.merkle import leaf_hash
from reviewer.core.outcome import CallRecord
from reviewer.core.review import Review
from reviewer.core.spending import Spent, spent_on
from reviewer.core.ticket import Ticket, ticket_of
from reviewer.core.verdict import Reason, verdict_of

REVIEW = KIND_REVIEW
RECORD_SCHEMA = f"{REVIEW}/1"
MAX_RECORD_BYTES = 65_535
CONTENT_KEY_BYTES = 32

_REVIEW: TypeAdapter[Review] = TypeAdapter(Review)
_REVIEW_FIELDS = tuple(field.name for field in fields(Review))
_ONLY_WHERE_SAID = ("material", "unkept", "stage")


@dataclass(frozen=True, slots=True)
class Entry:
    """One review, or another change of state (`reviewer.core.events`), ready to be appended.

    Attributes:
        review_id: of a review, or of the event.
        request_id: empty where the caller gave none: then it is not deduplicated.
        record: canonical JSON, the log's leaf.
        content: the whole review as JSON; of what is no review, a person's words, or nothing.
        content_key: key of the commitment to `content`, erased with it.
        day: UTC date on which its calls count.
        spent: what they cost.
        facets: what the record is found by.
        kind: what the record's schema is called, without its version.
        data_key: id of the key that `content` is encrypted under; None where it is not encrypted.
        ticket: what a review opens for a person.
        annex_of: id of the review that the content of another entry belongs to, and is erased with.
    """

    review_id: str
    tenant: str
    request_id: str
    content_digest: str
    record: bytes
    leaf_hash: bytes
    content: bytes
    content_key: bytes
    day: date
    spent: Spent
    facets: Facets
    kind: str = REVIEW
    data_key: UUID | None = None
    ticket: Ticket | None = None
    annex_of: str = ""


def seal(review: Review, content_key: bytes) -> Entry:
    """Make a review's record and content.

    Args:
        content_key: 32 random bytes, used for this review only.

    Raises:
        InvariantError: the record is larger than a log entry may be (limits on requests and rubrics prevent it).
    """
    content = _content(review)
    commitment = hmac.digest(content_key, content, hashlib.sha256).hex()
    whole = _record(review, commitment)
    record = canonical_bytes(whole)
    for names in (_LONG, (*_LONG, "calls")):
        if len(record) > MAX_RECORD_BYTES:
            record = canonical_bytes(_shortened(whole, names))
    if len(record) > MAX_RECORD_BYTES:
        raise InvariantError(f"record has {len(record)} bytes, a log entry holds at most {MAX_RECORD_BYTES}")
    return Entry(
        review_id=review.id,
        tenant=review.tenant,
        request_id=review.request_id,
        content_digest=review.content_digest,
        record=record,
        leaf_hash=leaf_hash(record),
        content=content,
        content_key=content_key,
        day=review.created_at.astimezone(UTC).date(),
        spent=spent_on(review.calls),
        facets=review_facets(review),
        ticket=ticket_of(review),
    )


def read_content(content: bytes) -> Review:
    """Read a review back.

    Raises:
        LedgerCorruptError: the stored bytes are not a review.
    """
    try:
        read = orjson.loads(content)
        read["findings"] = [_expanded(finding) for finding in read["findings"]]
        return _REVIEW.validate_python(read)
    except (ValueError, TypeError, KeyError) as exc:
        raise LedgerCorruptError("stored review cannot be read") from exc


def _content(review: Review) -> bytes:
    """Encode a review; a plain finding is its criterion, origin and judge alone."""
    told: dict[str, object] = {name: getattr(review, name) for name in _REVIEW_FIELDS}
    for name in _ONLY_WHERE_SAID:
        if not told[name]:
            del told[name]
    told["findings"] = [[f.criterion, f.origin, f.by] if f.plain else f for f in review.findings]
    return orjson.dumps(told)


def _expanded(finding: object) -> object:
    if not isinstance(finding, list):
        return finding
    criterion, origin, by = finding
    return Finding(criterion, Origin(origin), by, Outcome.MET, Outcome.MET)


def rfc3339(moment: datetime) -> str:
    """Write a UTC time with microseconds and `Z`, always the same length."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _record(review: Review, commitment: str) -> dict[str, Json]:
    handoff = review.handoff
    revision = review.revision
    return {
        "schema": RECORD_SCHEMA,
        "review": review.id,
        "tenant": review.tenant,
        "request_id": review.request_id,
        "request_digest": review.content_digest,
        "time": rfc3339(review.created_at),
        "verdict": review.verdict.name,
        "reasons": [_reason(reason) for reason in review.reasons],
        "findings": [_finding(finding) for finding in review.findings if not finding.plain],
        "met": _plainly_met(review.findings),
        "handoff": handoff.id if handoff else None,
        "rubrics": [{"id": pin.id, "version": pin.version, "digest": pin.digest} for pin in review.pins],
        "route": {
            "id": review.route.id,
            "domain": review.route.domain,
            "tier": review.route.tier.label,
            "defaulted": review.route.defaulted,
            "full": review.route.full,
            "rulebook": review.route.rulebook_digest,
            **({"prompt_version": review.route.prompt_version} if review.route.prompt_version else {}),
        },
        "intent": review.intent,
        "locale": review.locale,
        "calls": [_call(call) for call in review.calls],
        "drafter": {
            "provider": review.drafter.provider,
            "model": review.drafter.model,
            "snapshot": review.drafter.snapshot,
            "input_tokens": review.drafter_usage.input_tokens,
            "output_tokens": review.drafter_usage.output_tokens,
            "cost_micro_usd": review.drafter_usage.cost_micro_usd,
        },
        "draft_digest": review.draft_digest,
        "sources_digest": review.sources_digest,
        "redactions": [[place.value, kind, count] for place, kind, count in review.redactions],
        "revision": {"of": revision.previous_review, "attempt": revision.attempt} if revision else None,
        "labels": dict(review.labels),
        "simulated": review.simulated,
        "content_commitment": commitment,
        **({"reused_from": review.reused_from} if review.reused_from else {}),
        **({"canary": review.canary} if review.canary else {}),
        **({"handoff_expires": rfc3339(handoff.expires_at)} if handoff and handoff.expires_at else {}),
        **({"release": review.release} if review.release else {}),
        **({"stage": review.stage} if review.stage else {}),
    }


_LONG = ("findings", "met", "reasons")
"""What grows with the rubrics; calls do so with the reviewers of a route, and are auditors' first question."""


def _shortened(whole: dict[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    """Put digests in place of long lists; the content still holds them in full."""
    digests: dict[str, Json] = {
        name: {"sha256": hashlib.sha256(canonical_bytes(whole[name])).hexdigest()} for name in names
    }
    return {**whole, **digests}


# Enum members go in as they are: they are strings, and `.value` costs more than writing them.


def _reason(reason: Reason) -> Json:
    return {"cause": reason.cause, "asks": verdict_of(reason.effect).name, "criterion": reason.criterion}


def _plainly_met(findings: tuple[Finding, ...]) -> Json:
    """Group what is met without more to tell: `[origin, judge, [criteria]]`, in order of appearance."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for finding in findings:
        if finding.plain:
            groups.setdefault((finding.origin, finding.by), []).append(finding.criterion)
    return [[origin, judge, criteria] for (origin, judge), criteria in groups.items()]


def _finding(finding: Finding) -> Json:
    quotes = finding.quotes
    verified = sum([quote.status.verified for quote in quotes]) if quotes else 0
    return {
        "criterion": finding.criterion,
        "origin": finding.origin,
        "by": finding.by,
        "claimed": finding.claimed,
        "outcome": finding.outcome,
        "quotes": [verified, len(quotes) - verified],
        "unverified": finding.unverified,
    }


def _call(call: CallRecord) -> Json:
    usage = call.usage
    return {
        "provider": call.provider,
        "model": call.requested_model,
        "served": call.served_model,
        "request": call.request_id,
        "prompt": call.prompt_digest,
        "input_tokens": usage.input_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_micro_usd": call.cost_micro_usd,
        "latency_us": call.latency_us,
        "stop": call.stop,
        "purpose": call.purpose,
        "failure": call.failure,
        "http_status": call.http_status,
        "simulated": call.simulated,
        **({"batched": True} if call.batched else {}),
    }
