from __future__ import annotations

import base64
import zlib
from dataclasses import replace

import pytest

from reviewer.checks.runner import run_checks
from reviewer.core.case_request import request_of
from reviewer.core.check import Subject
from reviewer.core.draft import DataClass, ImagePart, Message, ReviewRequest, Role, Source, TextPart, Tier, ToolCall
from reviewer.core.errors import LedgerCorruptError
from reviewer.core.kept import DEFAULT_MAX_BYTES, Kept, facts_of, material_of, read_material
from reviewer.core.record import read_content, seal
from reviewer.core.redaction import redact
from reviewer.core.rulebook import inapplicable
from tests.support.assembled import shipped_rulebook
from tests.support.builders import CONTENT_KEY, MOMENT, review
from tests.support.subjects import shipped_cases


def _request(**draft: object) -> ReviewRequest:
    made = request_of(shipped_cases()["health/chest_pressure_911_first"])
    return replace(made, draft=replace(made.draft, **draft)) if draft else made  # type: ignore[arg-type]  # fields by name


def _kept(request: ReviewRequest, max_bytes: int = DEFAULT_MAX_BYTES) -> Kept:
    return material_of(request, redact(request), max_bytes)


@pytest.mark.parametrize("name", shipped_cases())
def test_checks_judge_what_was_kept_as_what_was_sent(name: str) -> None:
    """For every shipped case the checks say the same of the kept material, quotes with their offsets included."""
    rulebook = shipped_rulebook()
    request = request_of(shipped_cases()[name])
    plan = rulebook.plan(request.intent, request.tier, request.locale, b"")
    draft = redact(request, plan.public_values)
    kept = read_material(material_of(request, draft, DEFAULT_MAX_BYTES).material, draft.drafter)
    assert kept.facts == facts_of(request)
    waived = inapplicable(plan, kept.facts)
    subject = Subject(draft, request.locale, MOMENT, plan.policy_facts)
    assert run_checks(plan, waived, replace(subject, draft=kept.draft)) == run_checks(plan, waived, subject)
    assert kept.draft.passages == draft.passages


def test_what_redaction_took_out_is_not_kept() -> None:
    """Nothing of a value that redaction replaced is kept: not in texts, titles, names, addresses or arguments."""
    private = "maria.souza@example.com"
    request = _request(
        text=f"Write to {private}.",
        conversation=(Message(Role.USER, (TextPart(private), ImagePart("image/png", private.encode()))),),
        sources=(Source("s", f"Sheet of {private}", f"https://x.example/?mail={private}", private),),
        tool_calls=(ToolCall("c", "send", f'{{"to":"{private}"}}'),),
    )
    kept = _kept(request)
    assert private.encode() not in zlib.decompress(base64.b64decode(kept.material))
    read = read_material(kept.material, request.draft.drafter)
    assert (read.draft.text, read.draft.sources[0].title) == ("Write to [EMAIL_1].", "Sheet of [EMAIL_1]")
    assert read.draft.tool_calls == (ToolCall("c", "send", '{"to":"[EMAIL_1]"}'),)
    assert (read.images, read.draft.images) == (1, ())


def test_restricted_material_is_never_kept() -> None:
    """Of a request of class restricted nothing is kept, and it is said why; one that leaves it open is confidential."""
    refused = _kept(replace(_request(), data_class=DataClass.RESTRICTED))
    assert refused == Kept(missing="material of class restricted is not kept")
    left_open = replace(_request(), data_class=None, tier=Tier.HIGH)
    read = read_material(_kept(left_open).material, left_open.draft.drafter)
    assert (read.data_class, read.tier) == (DataClass.CONFIDENTIAL, Tier.HIGH)


def test_what_is_too_large_is_not_kept_and_noted() -> None:
    """One byte over the bound nothing is kept, and it is said how large it was; a bound of 0 keeps nothing silently."""
    request = _request()
    size = len(zlib.decompress(base64.b64decode(_kept(request).material)))
    assert _kept(request, size).material
    assert _kept(request, size - 1) == Kept(missing=f"{size} bytes are more than the {size - 1} that are kept")
    assert _kept(request, 0) == Kept()


def test_the_commitment_covers_what_is_kept() -> None:
    """A review comes back with its material, and another material makes another commitment and so another leaf."""
    first = review(material=_kept(_request()).material)
    entry = seal(first, CONTENT_KEY)
    assert read_content(entry.content) == first
    other = seal(replace(first, material=_kept(_request(text="Other.")).material), CONTENT_KEY)
    assert other.leaf_hash != entry.leaf_hash


def test_a_review_without_it_is_written_as_before() -> None:
    """A content without material names neither it nor its absence, so that contents of before are what they were."""
    entry = seal(review(), CONTENT_KEY)
    assert b"material" not in entry.content
    assert b"unkept" not in entry.content
    noted = seal(review(unkept="too large"), CONTENT_KEY)
    assert read_content(noted.content).unkept == "too large"


@pytest.mark.parametrize("broken", ["", "!", "AAAA", base64.b64encode(zlib.compress(b'{"v":2}')).decode()])
def test_what_cannot_be_read_is_corrupt(broken: str) -> None:
    """Anything that this version did not write is reported as corrupt, and so is a stream that is cut off."""
    drafter = _request().draft.drafter
    with pytest.raises(LedgerCorruptError):
        read_material(broken, drafter)
    whole = base64.b64decode(_kept(_request()).material)
    with pytest.raises(LedgerCorruptError):
        read_material(base64.b64encode(whole[:-6]).decode(), drafter)
