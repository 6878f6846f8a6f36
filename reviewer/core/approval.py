"""Approval: who may approve of releases, and whether enough of them did.

Approvers stand in a file in the form of OpenSSH's `allowed_signers`, so that `ssh-keygen -Y verify` reads it too:

    # name        options                                              key
    ana           valid-before="20270101"                              ssh-ed25519 AAAA... laptop
    bo            namespaces="oversight-reviewer-release"              ssh-ed25519 AAAA...

Times without `Z` are UTC here. A person may have several keys and counts once; a key belongs to one person. A signature
that does not count is a reason that is told, never one that stands in the way of others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reviewer.core import sshsig
from reviewer.core.errors import ConfigError, Fault, ReleaseError
from reviewer.core.release import Release

MAX_SIGNATURES = 64
"""Beside one bundle: more are not looked at."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)')
_TIMES = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}

Verifies = Callable[[bytes, bytes, bytes], bool]
"""Whether, by a public key of 32 bytes, over a message, a signature of 64 bytes holds."""


@dataclass(frozen=True, slots=True)
class Approver:
    """One key of somebody who may approve.

    Attributes:
        public: 32 bytes.
        after, before: the key counts from the one to the other, exclusive; None sets no bound.
    """

    name: str
    public: bytes
    after: datetime | None = None
    before: datetime | None = None

    def counts_at(self, moment: datetime) -> bool:
        """Whether the key counts at a time."""
        return (self.after is None or moment >= self.after) and (self.before is None or moment < self.before)


@dataclass(frozen=True, slots=True)
class Policy:
    """Who must approve.

    Attributes:
        threshold: how many distinct people; at least 1.
        builder_counts: whether the one who put a release together may be among them.
    """

    approvers: tuple[Approver, ...]
    threshold: int
    builder_counts: bool = False


@dataclass(frozen=True, slots=True)
class Approvals:
    """Who approved of a release.

    Attributes:
        by: names, sorted, each once.
        refused: what was left out of the count, and why.
    """

    by: tuple[str, ...]
    refused: tuple[Fault, ...]


def fingerprint(public: bytes) -> str:
    """Return what ssh-keygen calls a key."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(sshsig.key_blob(public)).digest()).decode().rstrip("=")


def approvals(
    release: Release, bundle: bytes, signatures: Mapping[str, str], policy: Policy, moment: datetime, verifies: Verifies
) -> Approvals:
    """Count the approvers of a release; in what order signatures come makes no difference.

    Args:
        bundle: the release's bytes, which are what is signed.
        signatures: texts by the name of their file.
        moment: UTC; keys must count then.
    """
    keys = {approver.public: approver for approver in policy.approvers}
    by: set[str] = set()
    refused: list[Fault] = []
    for name in sorted(signatures):
        try:
            approver = _signer(signatures[name], bundle, keys, verifies)
        except ValueError as exc:
            refused.append(Fault(name, "", str(exc)))
            continue
        if not approver.counts_at(moment):
            refused.append(Fault(name, "", f"the key of {approver.name} does not count at this time"))
        elif approver.name == release.built_by and not policy.builder_counts:
            refused.append(Fault(name, "", f"{approver.name} built the release and may not approve of it"))
        else:
            by.add(approver.name)
    return Approvals(tuple(sorted(by)), tuple(refused))


def require(
    release: Release, bundle: bytes, signatures: Mapping[str, str], policy: Policy, moment: datetime, verifies: Verifies
) -> Approvals:
    """Return who approved of a release; see `approvals`.

    Raises:
        ReleaseError: not enough people did; with every signature that was left out, and why.
    """
    found = approvals(release, bundle, signatures, policy, moment, verifies)
    if len(found.by) < policy.threshold:
        names = ", ".join(found.by) or "nobody"
        message = f"approved by {names}: {len(found.by)} of {policy.threshold} that are needed"
        raise ReleaseError((*found.refused, Fault(release.name, "", message)))
    return found


def read_approvers(text: str, where: str) -> tuple[Approver, ...]:
    """Read a file of approvers.

    Args:
        where: what faults call the file.

    Raises:
        ConfigError: with every line that cannot be read, and every key that two people claim.
    """
    read: dict[bytes, Approver] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            approver = _approver(line.split())
        except ValueError as exc:
            faults.append(Fault(f"{where}:{number}", "", str(exc)))
            continue
        if approver is not None and (other := read.setdefault(approver.public, approver)) is not approver:
            faults.append(Fault(f"{where}:{number}", "", f"this key stands there already, for {other.name}"))
    if faults:
        raise ConfigError(tuple(faults))
    return tuple(read.values())


def _signer(text: str, bundle: bytes, keys: Mapping[bytes, Approver], verifies: Verifies) -> Approver:
    signature = sshsig.read(text)
    if signature.namespace != sshsig.NAMESPACE:
        raise ValueError(f"was made for another purpose than {sshsig.NAMESPACE}")
    approver = keys.get(signature.public)
    if approver is None:
        raise ValueError(f"{fingerprint(signature.public)} is the key of no approver")
    if not verifies(signature.public, signature.signed_data(bundle), signature.value):
        raise ValueError(f"is no signature of {approver.name} over this bundle")
    return approver


def _approver(words: list[str]) -> Approver | None:
    """Read one line; None for a key that is meant for other purposes alone."""
    name, *rest = words
    if not _NAME.fullmatch(name):
        raise ValueError("expected one name: letters, digits and . _ @ + -")
    options: dict[str, str] = {}
    if rest and rest[0] != sshsig.KEY_TYPE.decode() and "=" in rest[0]:
        options = _options(rest.pop(0))
    if len(rest) < 2 or rest[0] != sshsig.KEY_TYPE.decode():
        raise ValueError("expected name, options if any, ssh-ed25519, and the key in base64")
    try:
        public = sshsig.read_key_blob(base64.b64decode(rest[1], validate=True))
    except binascii.Error as exc:
        raise ValueError("the key is not base64") from exc
    if sshsig.NAMESPACE not in options.get("namespaces", sshsig.NAMESPACE).split(","):
        return None
    return Approver(name, public, _time(options, "valid-after"), _time(options, "valid-before"))


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        # An option that is not understood may be one that restricts: nothing is guessed.
        if match is None or match[1] not in ("namespaces", "valid-after", "valid-before") or match[2] is None:
            raise ValueError('options are namespaces="...", valid-after="..." and valid-before="..."')
        options[match[1]] = match[2]
        at = match.end()
    return options


def _time(options: Mapping[str, str], name: str) -> datetime | None:
    text = options.get(name)
    if text is None:
        return None
    digits = text.removesuffix("Z")
    message = f"{name} is no time: expected YYYYMMDD, with HHMM or HHMMSS behind it, in UTC"
    if not digits.isdigit() or len(digits) not in _TIMES:
        raise ValueError(message)
    try:
        return datetime.strptime(digits, _TIMES[len(digits)]).replace(tzinfo=UTC)
    except ValueError as exc:
        raise ValueError(message) from exc
