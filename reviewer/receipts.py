"""Receipts: approvals signed as JWS in compact form (RFC 7515, EdDSA by RFC 8037), checkable by anyone offline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from reviewer.core.errors import ReceiptError
from reviewer.core.receipt import TYPE, Claims, claims_of
from reviewer.core.review import RecordedReview
from reviewer.signing import Identity

ALGORITHM = "EdDSA"
MAX_TOKEN_CHARS = 16_384


class Receipts:
    """Issues receipts in the name of one log."""

    def __init__(self, identity: Identity, lifetime: timedelta) -> None:
        """Keep the log's name and key.

        Args:
            lifetime: from the decision on, for which an approval may be acted on.
        """
        self._identity = identity
        self._lifetime = lifetime

    def attach(self, recorded: RecordedReview, now: datetime) -> RecordedReview:
        """Give a review its receipt, if it is an approval that may still be acted on.

        Signatures by Ed25519 are deterministic, so that a review read back has the receipt that it had at first.
        """
        claims = claims_of(recorded, self._identity.origin, self._lifetime)
        if claims is None or claims.exp <= now.timestamp():
            return recorded
        key = self._identity.key
        headers = {"kid": key.public.key_id, "typ": TYPE}
        token = jwt.encode(claims.model_dump(), key.private, algorithm=ALGORITHM, headers=headers)
        return replace(recorded, receipt=token)


def read_receipt(token: str, jwks: Mapping[str, object]) -> Claims:
    """Return what a receipt claims, once its signature has been found good.

    Whether the claims cover a draft is for `reviewer.core.receipt.objections` to say; expiry is among them.

    Args:
        jwks: a JWK set; keys that are not Ed25519 are passed over.

    Raises:
        ReceiptError: it is no receipt, or none of the keys signed it.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise ReceiptError(f"the receipt has {len(token)} characters, at most {MAX_TOKEN_CHARS} are read")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as exc:
        raise ReceiptError("this is not a JWS in compact form") from exc
    if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
        raise ReceiptError(f"this is not a receipt: expected type {TYPE} and algorithm {ALGORITHM}")
    key = _keys(jwks).get(str(header.get("kid")))
    if key is None:
        raise ReceiptError("the receipt is signed by a key that is not in the set")
    try:
        signed = jwt.PyJWS().decode(token, key, algorithms=[ALGORITHM])
        return Claims.model_validate_json(signed)
    except jwt.PyJWTError as exc:
        raise ReceiptError("the signature does not verify") from exc
    except ValidationError as exc:
        raise ReceiptError("the receipt's claims are not those of a receipt") from exc


def read_jwks(text: str) -> Mapping[str, object]:
    """Read a JWK set.

    Raises:
        ReceiptError: it is none, or holds no Ed25519 key.
    """
    try:
        read = json.loads(text)
    except ValueError as exc:
        raise ReceiptError("the key set is not JSON") from exc
    if not isinstance(read, dict) or not _keys(read):
        raise ReceiptError("the key set holds no Ed25519 key")
    return read


def _keys(jwks: Mapping[str, object]) -> dict[str, Ed25519PublicKey]:
    found: dict[str, Ed25519PublicKey] = {}
    rows = jwks.get("keys")
    for row in rows if isinstance(rows, list) else []:
        try:
            key = jwt.PyJWK(row, algorithm=ALGORITHM).key
        except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
            continue
        if isinstance(key, Ed25519PublicKey) and isinstance(row.get("kid"), str):
            found[row["kid"]] = key
    return found
