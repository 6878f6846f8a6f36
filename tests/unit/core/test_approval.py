"""Approval: n distinct people, whatever keys they used and in whatever order they came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.approval import Approver, Policy, approvals, read_approvers, require
from reviewer.core.errors import ConfigError, ReleaseError
from reviewer.core.release import Release, pack
from reviewer.rubrics.approved import verifies
from tests.support.releases import ANA, BO, CY, Person, person

RELEASE = Release({"routing.yaml": b"a: 1\n"}, "2", "cy")
BUNDLE = pack(RELEASE)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND_KEY = person("ana", 1)
STRANGER = person("dee")
PEOPLE = (ANA, SECOND_KEY, BO, CY)


def policy(threshold: int = 2, *, builder_counts: bool = False) -> Policy:
    return Policy(tuple([Approver(one.name, one.key.public.raw) for one in PEOPLE]), threshold, builder_counts)


def approved(*people: Person, by: Policy | None = None) -> tuple[str, ...]:
    signatures = {f"{at}.sig": one.signature(BUNDLE) for at, one in enumerate(people)}
    return approvals(RELEASE, BUNDLE, signatures, by or policy(), NOW, verifies).by


@given(st.lists(st.sampled_from((*PEOPLE, STRANGER)), max_size=6), st.randoms(use_true_random=False))
def test_people_count_once(people: list[Person], chance: object) -> None:
    """Names are counted, not keys or signatures; order makes no difference; strangers and the builder count nothing."""
    expected = tuple(sorted({one.name for one in people} & {"ana", "bo"}))
    assert approved(*people) == approved(*reversed(people)) == expected


def test_enough_people_are_enough() -> None:
    """Two of two suffice; the same person by two keys does not."""
    both = {"1.sig": ANA.signature(BUNDLE), "2.sig": BO.signature(BUNDLE)}
    assert require(RELEASE, BUNDLE, both, policy(), NOW, verifies).by == ("ana", "bo")
    twice = {"1.sig": ANA.signature(BUNDLE), "2.sig": SECOND_KEY.signature(BUNDLE), "3.sig": ANA.signature(BUNDLE)}
    with pytest.raises(ReleaseError, match="approved by ana: 1 of 2"):
        require(RELEASE, BUNDLE, twice, policy(), NOW, verifies)


def test_every_reason_is_told() -> None:
    """Whoever is left out of the count is told, each with the reason, and the sum at the end."""
    signatures = {
        "builder.sig": CY.signature(BUNDLE),
        "file.sig": BO.signature(BUNDLE, "file"),
        "junk.sig": "junk",
        "other.sig": ANA.signature(BUNDLE + b" "),
        "stranger.sig": STRANGER.signature(BUNDLE),
    }
    with pytest.raises(ReleaseError) as caught:
        require(RELEASE, BUNDLE, signatures, policy(), NOW, verifies)
    assert [str(fault).partition("SHA256:")[0] for fault in caught.value.faults] == [
        "builder.sig: cy built the release and may not approve of it",
        "file.sig: was made for another purpose than oversight-reviewer-release",
        "junk.sig: is no SSH signature",
        "other.sig: is no signature of ana over this bundle",
        "stranger.sig: ",
        f"{RELEASE.name}: approved by nobody: 0 of 2 that are needed",
    ]


def test_the_builder_counts_where_the_settings_say_so() -> None:
    """Who built a release is among its approvers only where that is allowed."""
    assert approved(ANA, CY) == ("ana",)
    assert approved(ANA, CY, by=policy(builder_counts=True)) == ("ana", "cy")


@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 255))
def test_a_signature_is_over_every_byte(at: int, by: int) -> None:
    """Nobody has approved of a bundle of which any byte differs."""
    altered = BUNDLE[:at] + bytes([BUNDLE[at] ^ by]) + BUNDLE[at + 1 :]
    assert approvals(RELEASE, altered, {"1.sig": ANA.signature(BUNDLE)}, policy(), NOW, verifies).by == ()


def test_keys_count_in_their_time() -> None:
    """A key counts from the one bound on and until just before the other."""
    text = f'ana valid-after="20261121",valid-before="202611211200Z" {ANA.public}\n'
    (key,) = read_approvers(text, "approvers")
    times = [datetime(2026, 11, 20, 23, 59, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC), NOW]
    assert [key.counts_at(moment) for moment in times] == [False, True, False]
    late = Policy((key,), 1)
    assert approvals(RELEASE, BUNDLE, {"1.sig": ANA.signature(BUNDLE)}, late, NOW, verifies).by == ()


def test_the_file_is_that_of_openssh() -> None:
    """Comments, empty lines, options and several keys of one person are read; keys for other purposes are left out."""
    text = f"""# people

ana namespaces="git,oversight-reviewer-release" {ANA.public} laptop
ana {SECOND_KEY.public}
bo namespaces="git" {BO.public}
"""
    assert read_approvers(text, "approvers") == (
        Approver("ana", ANA.key.public.raw),
        Approver("ana", SECOND_KEY.key.public.raw),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"cy {ANA.public}", "this key stands there already, for ana"),
        ("bo ssh-rsa AAAA", "expected name"),
        ("bo ssh-ed25519 ????", "is not base64"),
        ("bo ssh-ed25519 AAAA", "ends in the middle"),
        ("bo", "expected name"),
        (f"a,b {BO.public}", "expected one name"),
        (f'bo cert-authority,namespaces="x" {BO.public}', "options are"),
        (f'bo valid-before="soon" {BO.public}', "is no time"),
        (f'bo valid-before="20269999" {BO.public}', "is no time"),
    ],
)
def test_a_line_that_is_not_understood_is_a_fault(line: str, message: str) -> None:
    """Nothing of a file of approvers is skipped because it cannot be read."""
    with pytest.raises(ConfigError, match=message) as caught:
        read_approvers(f"{ANA.line}{line}\n", "approvers")
    assert caught.value.faults[0].where == "approvers:2"
