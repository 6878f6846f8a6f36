"""The sections of the settings that are about reviews after they were answered: contents, and tickets for people.

How they are read, and from where, is `reviewer.config`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from reviewer.core.kept import DEFAULT_MAX_BYTES
from reviewer.core.spending import TENANT_PATTERN
from reviewer.core.verdict import Verdict
from reviewer.provider_sections import Seconds, Section

TenantName = Annotated[str, Field(pattern=rf"^_?{TENANT_PATTERN}$")]
Days = Annotated[int, Field(ge=1, le=36_500)]


class EncryptionSettings(Section):
    """The key that wraps the tenants' data keys.

    Attributes:
        key_file: 32 bytes in base64; None takes the log's path with `.kek` added.
        key: the same as a value, from the environment; the file is not read then. Empty for none.
        former_key_files: of keys that wrapped before, until `reviewer log rewrap` was run.
        rotate_days: for how long a data key encrypts new content.
    """

    key_file: Path | None = None
    key: SecretStr = SecretStr("")
    former_key_files: tuple[Path, ...] = ()
    rotate_days: Annotated[int, Field(ge=1, le=3_650)] = 90


class Periods(Section):
    """For how many days contents are kept; None keeps them.

    Attributes:
        days: whatever the verdict.
        approve_days, revise_days, handoff_days: of that verdict, in place of `days`.
    """

    days: Days | None = None
    approve_days: Days | None = None
    revise_days: Days | None = None
    handoff_days: Days | None = None

    def of(self, verdict: Verdict) -> int | None:
        """Return the days for a verdict; None where these periods say nothing of it."""
        own = {
            Verdict.APPROVE: self.approve_days,
            Verdict.REVISE: self.revise_days,
            Verdict.HUMAN_HANDOFF: self.handoff_days,
        }
        return own[verdict] or self.days


class RetentionSettings(Periods):
    """How long contents are kept; `reviewer log retain` erases what is older.

    Attributes:
        tenants: by name; what one leaves open is as for all.
    """

    tenants: dict[TenantName, Periods] = Field(default_factory=dict)

    def of_tenant(self, tenant: str, verdict: Verdict) -> int | None:
        """Return for how many days a review's content is kept; None for ever."""
        own = self.tenants.get(tenant)
        return (own.of(verdict) if own else None) or self.of(verdict)


class HandoffSettings(Section):
    """Tickets for people.

    Attributes:
        lifetime_s: from a handoff until it counts as rejected, where nobody decided.
        lease_s: for how long a claim holds that does not say for how long.
        max_lease_s: longer ones are cut to this.
        sweep_interval_s: how often tickets that have expired are looked for, and told in the log.
        poll_s: how often the log is asked which of the tickets that callers wait for another process settled.
        max_waiting: callers that wait for tickets at once; more are refused with RESOURCE_EXHAUSTED.
    """

    lifetime_s: Annotated[int, Field(ge=1, le=365 * 86_400)] = 86_400
    lease_s: Annotated[int, Field(ge=1, le=7 * 86_400)] = 1_800
    max_lease_s: Annotated[int, Field(ge=1, le=7 * 86_400)] = 28_800
    sweep_interval_s: Seconds = 5.0
    poll_s: Seconds = 0.5
    max_waiting: Annotated[int, Field(ge=1, le=100_000)] = 2_000


class ReplaySettings(Section):
    """What a review's content keeps so that `reviewer replay` can try other rules on it.

    Attributes:
        keep: `redacted` keeps the request as checks and critic saw it, `nothing` keeps none of it.
        max_kept_bytes: of that, before it is compressed; a request that is larger is not kept, and the content says so.
    """

    keep: Literal["redacted", "nothing"] = "redacted"
    max_kept_bytes: Annotated[int, Field(ge=1_024, le=16 * 1024 * 1024)] = DEFAULT_MAX_BYTES

    @property
    def bytes_kept(self) -> int:
        """Bound on what is kept of one request; 0 where nothing is."""
        return self.max_kept_bytes if self.keep == "redacted" else 0
