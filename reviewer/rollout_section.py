"""The section of the settings about releases on trial: what shadows may take, and what happens without a person."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reviewer.provider_sections import Seconds, Section


class RolloutSettings(Section):
    """How candidates are tried beside what is in force.

    Attributes:
        shadow_max_usd_per_day: what second models may cost in the shadow on one UTC day; 0 shows drafts to nobody.
        shadow_concurrency: reviews in the shadow at once, and `shadow_queue` waiting; more are dropped.
        shadow_max_load_percent: of `limits.max_in_flight`, from which on shadows are dropped.
        check_interval_s: how often gates look at the log; also at once where this process wrote something they read.
        auto_rollback: a gate that fails ends the trial.
        auto_promote: a candidate that is ready goes to the next stage, without a person: from the shadow to a canary of
            `auto_canary_percent`, from there to full.
        in_order: shadow comes before canary, and canary before full; `reviewer release activate` skips them all.
    """

    shadow_max_usd_per_day: Annotated[float, Field(ge=0, le=1_000_000)] = 20.0
    shadow_concurrency: Annotated[int, Field(ge=1, le=100)] = 2
    shadow_queue: Annotated[int, Field(ge=1, le=1_000)] = 16
    shadow_max_load_percent: Annotated[int, Field(ge=1, le=100)] = 50
    check_interval_s: Seconds = 5.0
    auto_rollback: bool = True
    auto_promote: bool = False
    auto_canary_percent: Annotated[int, Field(ge=1, le=99)] = 5
    in_order: bool = True
