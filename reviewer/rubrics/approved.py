"""Releases that enough people have approved of: the only ones that a service ever judges by."""

from __future__ import annotations

from datetime import datetime

from reviewer.core.approval import Approvals, Policy, read_approvers, require
from reviewer.core.errors import ConfigError, Fault
from reviewer.core.release import Release
from reviewer.rubrics.release_files import Bundle, read_bundle
from reviewer.rules_section import RulesSettings
from reviewer.signing import PublicKey


def open_release(settings: RulesSettings, digest: str, moment: datetime) -> tuple[Release, tuple[str, ...]]:
    """Read a release that enough people have approved of, with their names.

    Args:
        moment: UTC; approvers' keys must count then. For a release in force it is when it was activated, so that a key
            that ends later takes nothing back; whose word is to be taken back is removed from the file.

    Raises:
        ReleaseError: it is not there, was altered, or too few have approved of it.
        ConfigError: no folder is set, or the approvers cannot be read, or are too few.
    """
    if settings.releases is None:
        raise ConfigError((Fault("rules.releases", "", "no folder of releases is set"),))
    bundle = read_bundle(settings.releases, digest)
    return bundle.release, require_approval(bundle, read_policy(settings), moment).by


def require_approval(bundle: Bundle, policy: Policy, moment: datetime) -> Approvals:
    """Return who approved of a bundle.

    Raises:
        ReleaseError: not enough people did.
    """
    return require(bundle.release, bundle.data, bundle.signatures, policy, moment, verifies)


def read_policy(settings: RulesSettings) -> Policy:
    """Read who may approve.

    Raises:
        ConfigError: the file cannot be read, or names fewer people than must approve.
    """
    path = settings.approvers
    if path is None:
        raise ConfigError((Fault("rules.approvers", "", "no file of approvers is set"),))
    try:
        approvers = read_approvers(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError((Fault("rules.approvers", "", f"cannot be read: {type(exc).__name__}"),)) from exc
    if (count := len({approver.name for approver in approvers})) < settings.threshold:
        message = f"{path.name} names {count} people, and {settings.threshold} must approve"
        raise ConfigError((Fault("rules.threshold", "", message),))
    return Policy(approvers, settings.threshold, settings.builder_may_approve)


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    return PublicKey(public).verifies(message, signature)
