"""The receipt of an approval: what it claims, and what it must be held against before a draft is sent.

The claims are a value; signing them and checking the signature is `reviewer.receipts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from reviewer.core.review import RecordedReview
from reviewer.core.verdict import Verdict

TYPE = "review-receipt+jwt"
"""Media type in the header (RFC 8725, 3.11): a token of another kind, signed by the same key, is not a receipt."""
Digest = str
_HEX = r"^[0-9a-f]{64}$"


class Claims(BaseModel):
    """What a receipt says; names registered by RFC 7519 where there is one.

    Attributes:
        iss: the log's origin.
        sub: `reviews/{id}`.
        iat, exp: seconds since the epoch: when the review was decided, and until when the approval may be acted on.
        draft: `RawDraft.digest()` of the text that was approved.
        sources: `RawDraft.sources_digest()`.
        rubrics: digests by rubric id.
        models: models that examined the draft, as the providers name them.
        index, leaf: place and leaf hash of the record in the log.
        simulated: a simulated model took part: never to be acted on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    iss: str
    sub: str = Field(pattern=r"^reviews/")
    iat: int
    exp: int
    tenant: str
    draft: Digest = Field(pattern=_HEX)
    sources: Digest = Field(pattern=_HEX)
    rubrics: dict[str, Digest]
    models: list[str]
    index: int = Field(ge=0)
    leaf: Digest = Field(pattern=_HEX)
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """What somebody who is about to send a draft knows of it.

    Attributes:
        draft: digest of what is about to be sent.
        now: UTC.
        origin, tenant, sources: None where it does not matter.
        simulated: a receipt of a simulated review is good enough, in a test say.
    """

    draft: Digest
    now: datetime
    origin: str | None = None
    tenant: str | None = None
    sources: Digest | None = None
    simulated: bool = False


def claims_of(recorded: RecordedReview, origin: str, lifetime: timedelta) -> Claims | None:
    """Return what a receipt of a review claims, or None where it did not approve, or approved a canary."""
    review = recorded.review
    if review.verdict is not Verdict.APPROVE or review.canary:
        return None
    decided = int(review.created_at.timestamp())
    return Claims(
        iss=origin,
        sub=review.name,
        iat=decided,
        exp=decided + int(lifetime.total_seconds()),
        tenant=review.tenant,
        draft=review.draft_digest,
        sources=review.sources_digest,
        rubrics={pin.id: pin.digest for pin in review.pins},
        models=sorted({call.served_model for call in review.calls if call.served_model}),
        index=recorded.position.index,
        leaf=recorded.position.leaf_hash.hex(),
        simulated=review.simulated,
    )


def objections(claims: Claims, expected: Expectation) -> tuple[str, ...]:
    """Say everything that keeps a receipt with a good signature from covering a draft; nothing where it does."""
    now = int(expected.now.astimezone(UTC).timestamp())
    told = {
        "the draft is not the one that was approved": claims.draft != expected.draft,
        "the sources are not those that were shown": expected.sources not in (None, claims.sources),
        f"it is of the log {_plain(claims.iss)}": expected.origin not in (None, claims.iss),
        f"it is of tenant {_plain(claims.tenant)}": expected.tenant not in (None, claims.tenant),
        f"it expired at {_moment(claims.exp)}": now >= claims.exp,
        f"it is from the future, {_moment(claims.iat)}": now < claims.iat,
        "a simulated model gave the approval": claims.simulated and not expected.simulated,
    }
    return tuple([message for message, holds in told.items() if holds])


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def _plain(text: str) -> str:
    return re.sub(r"[^\w./:@-]", "?", text)[:128]
