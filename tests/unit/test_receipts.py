"""Receipts: what they bind, that nothing else passes for one, and that no draft but the approved one is covered."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.draft import RawDraft
from reviewer.core.errors import ReceiptError
from reviewer.core.receipt import TYPE, Claims, Expectation, claims_of, objections
from reviewer.core.review import Position, RecordedReview, Review
from reviewer.core.verdict import Verdict
from reviewer.receipts import Receipts, read_jwks, read_receipt
from reviewer.signing import Identity, SigningKey
from tests.support.builders import MOMENT, review

ORIGIN = "example.com/verdicts"
LIFETIME = timedelta(minutes=30)
IDENTITY = Identity(ORIGIN, SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))
STRANGER = Identity(ORIGIN, SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32))))
DRAFT = RawDraft("Rest, and drink plenty of water.")
EXPECTED = Expectation(DRAFT.digest(), MOMENT)


def recorded(**fields: object) -> RecordedReview:
    made: Review = replace(review(draft_digest=DRAFT.digest()), **fields)  # type: ignore[arg-type]
    return RecordedReview(made, Position(7, bytes(range(32))))


def receipt(of: RecordedReview | None = None, identity: Identity = IDENTITY) -> str:
    return Receipts(identity, LIFETIME).attach(of or recorded(), MOMENT).receipt


def claims(**fields: object) -> Claims:
    made = claims_of(recorded(), ORIGIN, LIFETIME)
    assert made is not None
    return made.model_copy(update=fields)


def forged(header: dict[str, object] | None = None, **fields: object) -> str:
    """Sign other claims, or under another header, with the right key."""
    body = {**json.loads(claims().model_dump_json()), **fields}
    headers = {"kid": IDENTITY.key.public.key_id, "typ": TYPE, **(header or {})}
    return jwt.encode(body, IDENTITY.key.private, algorithm="EdDSA", headers=headers)


def test_an_approval_is_bound_to_what_was_approved() -> None:
    """A receipt names review, draft, sources, rubrics, models, tenant, times, and its place in the log."""
    read = read_receipt(receipt(), IDENTITY.jwks())
    made = recorded().review

    assert read == claims()
    assert (read.iss, read.sub, read.tenant) == (ORIGIN, made.name, made.tenant)
    assert (read.draft, read.sources) == (made.draft_digest, made.sources_digest)
    assert read.rubrics == {pin.id: pin.digest for pin in made.pins}
    assert read.exp - read.iat == 1800
    assert (read.index, read.leaf) == (7, bytes(range(32)).hex())
    assert objections(read, EXPECTED) == ()


@pytest.mark.parametrize("verdict", [Verdict.REVISE, Verdict.HUMAN_HANDOFF])
def test_only_approvals_have_receipts(verdict: Verdict) -> None:
    """What may not be sent has no receipt."""
    assert receipt(recorded(verdict=verdict)) == ""


def test_an_approved_canary_has_no_receipt() -> None:
    """A draft known to be bad is never certified, even where a blind model let it pass."""
    assert receipt(recorded(canary="health/egfr_22")) == ""


def test_no_receipt_after_its_time() -> None:
    """A review that is read back later has the same receipt until it expires, and then none."""
    receipts = Receipts(IDENTITY, LIFETIME)
    last = receipts.attach(recorded(), MOMENT + LIFETIME - timedelta(seconds=1))

    assert last.receipt == receipt()
    assert receipts.attach(recorded(), MOMENT + LIFETIME).receipt == ""


@given(st.binary(max_size=200), st.data())
def test_one_changed_byte_is_another_draft(text: bytes, data: st.DataObject) -> None:
    """A receipt covers the approved text and no other: not with one byte changed, added or left out."""
    approved = text.decode("latin-1")
    at = data.draw(st.integers(0, len(approved)))
    added = approved[:at] + data.draw(st.characters(codec="latin-1")) + approved[at:]
    changes = {added, approved[:at] + approved[at + 1 :], approved[:at] + "~" + approved[at + 1 :]} - {approved}
    token = receipt(recorded(draft_digest=RawDraft(approved).digest()))
    read = read_receipt(token, IDENTITY.jwks())

    assert objections(read, Expectation(RawDraft(approved).digest(), MOMENT)) == ()
    for changed in changes:
        assert objections(read, Expectation(RawDraft(changed).digest(), MOMENT)) == (
            "the draft is not the one that was approved",
        )


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Expectation("0" * 64, MOMENT), "the draft is not the one that was approved"),
        (replace(EXPECTED, sources="1" * 64), "the sources are not those that were shown"),
        (replace(EXPECTED, origin="example.com/other"), "it is of the log example.com/verdicts"),
        (replace(EXPECTED, tenant="other"), "it is of tenant acme"),
        (replace(EXPECTED, now=MOMENT + LIFETIME), "it expired at "),
        (replace(EXPECTED, now=MOMENT - timedelta(seconds=2)), "it is from the future, "),
    ],
)
def test_each_objection(expected: Expectation, message: str) -> None:
    """Whatever does not fit is told, by itself."""
    (told,) = objections(claims(), expected)
    assert told.startswith(message)


def test_a_simulated_approval_covers_nothing() -> None:
    """A receipt of a simulated review says so, and covers a draft only for those who ask for that."""
    read = read_receipt(receipt(recorded(simulated=True)), IDENTITY.jwks())

    assert objections(read, EXPECTED) == ("a simulated model gave the approval",)
    assert objections(read, replace(EXPECTED, simulated=True)) == ()


@given(st.data())
def test_no_changed_receipt_verifies(data: st.DataObject) -> None:
    """A receipt with any character changed, added or left out is refused, or says the very same."""
    token = receipt()
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AZaz09-_.="))
    before, after = token[:at], token[at + 1 :]
    for changed in (before + other + after, before + other + token[at:], before + after):
        try:
            read = read_receipt(changed, IDENTITY.jwks())
        except ReceiptError:
            continue
        assert read == claims()


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever is given as a receipt or a key set, the answer is one of ours."""
    with pytest.raises(ReceiptError):
        read_receipt(text, IDENTITY.jwks())
    with pytest.raises(ReceiptError):
        read_jwks(text)


@pytest.mark.parametrize(
    "token",
    [
        receipt(identity=STRANGER),
        forged({"typ": "JWT"}),
        forged({"kid": STRANGER.key.public.key_id}),
        jwt.encode({"sub": "x"}, "k" * 40, algorithm="HS256", headers={"kid": "x", "typ": TYPE}),
        jwt.encode({"sub": "x"}, None, algorithm="none", headers={"typ": TYPE}),  # type: ignore[arg-type]
        forged(sub="handoffs/1"),
        forged(draft="short"),
        forged(exp="tomorrow"),
        forged(extra=1),
        "a" * 20_000,
    ],
    ids=["stranger", "type", "key", "hmac", "none", "name", "digest", "time", "claim", "length"],
)
def test_what_is_no_receipt(token: str) -> None:
    """Tokens of other kinds, keys, algorithms and claims are refused, even where the right key signed them."""
    with pytest.raises(ReceiptError):
        read_receipt(token, IDENTITY.jwks())


def test_a_public_key_is_no_secret() -> None:
    """A token signed with the public key as a shared secret, the classic confusion of algorithms, is refused."""
    headers = {"kid": IDENTITY.key.public.key_id, "typ": TYPE}
    body = json.loads(claims().model_dump_json())
    token = jwt.encode(body, IDENTITY.key.public.raw, algorithm="HS256", headers=headers)
    with pytest.raises(ReceiptError, match="algorithm"):
        read_receipt(token, IDENTITY.jwks())


def test_a_former_key_still_verifies() -> None:
    """After a change of keys, receipts of the old one are good as long as the set holds it."""
    renewed = Identity(ORIGIN, STRANGER.key, (IDENTITY.key.public,))
    assert read_receipt(receipt(), renewed.jwks()) == claims()


def test_foreign_keys_are_passed_over() -> None:
    """Keys of other kinds in a set neither count nor disturb."""
    mixed = {"keys": [{"kty": "RSA"}, None, {"kty": "OKP", "crv": "X25519", "x": "AA"}, *IDENTITY.jwks()["keys"]]}  # type: ignore[misc]
    assert read_receipt(receipt(), read_jwks(json.dumps(mixed))) == claims()
    with pytest.raises(ReceiptError, match="no Ed25519 key"):
        read_jwks('{"keys": [{"kty": "RSA"}]}')
