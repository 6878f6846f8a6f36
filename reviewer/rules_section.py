"""The section of the settings about which rules judge, and how they are exchanged while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from reviewer.content_sections import TenantName
from reviewer.provider_sections import Seconds, Section


class RulesSettings(Section):
    """Where rules come from while the service runs.

    Attributes:
        releases: folder with bundles and their signatures; None knows no releases, and rules come from the rule folder.
        approvers: file of those who may approve, in the form of OpenSSH's `allowed_signers`.
        threshold: how many distinct people must have approved of a release.
        builder_may_approve: whether the one who built it counts among them.
        require_release: rules come from a release, or the service does not start.
        reload: of a rule folder: `watch` looks for changes at an interval, `signal` waits for SIGHUP or a call, `off`
            never. Releases follow the log in any case.
        poll_interval_s: how often log and folder are looked at.
        admin_tenants: that may call RubricService.
    """

    releases: Path | None = None
    approvers: Path | None = None
    threshold: Annotated[int, Field(ge=1, le=100)] = 2
    builder_may_approve: bool = False
    require_release: bool = False
    reload: Literal["watch", "signal", "off"] = "watch"
    poll_interval_s: Seconds = 2.0
    admin_tenants: tuple[TenantName, ...] = ()

    @model_validator(mode="after")
    def _can_be_kept(self) -> RulesSettings:
        """Refuse releases that nobody could approve."""
        if self.releases is not None and self.approvers is None:
            raise ValueError("releases are set, and no file of approvers")
        if self.require_release and self.releases is None:
            raise ValueError("require_release is set, and no folder of releases")
        return self
