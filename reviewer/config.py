"""Settings: read once at start from a TOML file and the environment, checked as a whole, passed on as frozen values.

The environment wins over the file: `REVIEWER_LIMITS__MAX_TEXT_BYTES=2097152` is `[limits] max_text_bytes`. Provider
keys may also come from the variables that the providers' own tools use (`ANTHROPIC_API_KEY`, `OPENAI_API_KEY`).
No default makes the service laxer, and nothing is taken from unknown keys: they are faults.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from reviewer.content_sections import (
    EncryptionSettings,
    HandoffSettings,
    ReplaySettings,
    RetentionSettings,
    TenantName,
)
from reviewer.core.errors import ConfigError, Fault
from reviewer.core.models import MicroUsd
from reviewer.log_sections import AuditSettings, LedgerSettings, SigningSettings
from reviewer.provider_sections import ProvidersSettings, Seconds, Section
from reviewer.public_sections import MonitorSettings, WitnessSettings
from reviewer.rollout_section import RolloutSettings
from reviewer.rules_section import RulesSettings

ENV_PREFIX = "REVIEWER_"
CONFIG_VARIABLE = "REVIEWER_CONFIG"
"""Names the TOML file; it is no setting itself."""
MIB = 1024 * 1024

Calls = Annotated[int, Field(ge=1, le=100_000)]


class ServerSettings(Section):
    """Where the service listens and how it stops.

    Attributes:
        address: host and port; port 0 takes a free one.
        reflection: whether clients such as grpcurl may list the service.
        drain_s: seconds that reviews in flight get after SIGTERM before they are handed off.
        probe_interval_s: seconds between two proofs that the log can be written.
    """

    address: Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")] = "127.0.0.1:50051"
    reflection: bool = True
    drain_s: Seconds = 10.0
    probe_interval_s: Seconds = 2.0


class LimitSettings(Section):
    """Bounds on requests; each refusal names field, value and bound.

    Attributes:
        max_text_bytes: UTF-8 bytes of all texts of one request together.
        max_request_bytes: of the whole message, images included.
        max_in_flight: reviews at once; more are refused with RESOURCE_EXHAUSTED.
        retry_after_s: what a refused caller is told to wait.
    """

    max_text_bytes: Annotated[int, Field(ge=1024, le=64 * MIB)] = MIB
    max_request_bytes: Annotated[int, Field(ge=1024, le=256 * MIB)] = 20 * MIB
    max_messages: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    max_sources: Annotated[int, Field(ge=1, le=10_000)] = 200
    max_tool_calls: Annotated[int, Field(ge=1, le=1_000)] = 64
    max_images: Annotated[int, Field(ge=0, le=1_000)] = 20
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    retry_after_s: Seconds = 1.0


class DeadlineSettings(Section):
    """The time budget of a review.

    Attributes:
        default_s: for callers that set no deadline.
        max_s: longer deadlines are cut to this.
        reserve_s: kept back from the caller's deadline for decision, record and reply.
        min_model_s: with less than this left the second model is not asked.
    """

    default_s: Seconds = 30.0
    max_s: Seconds = 120.0
    reserve_s: Seconds = 0.25
    min_model_s: Seconds = 0.5

    @model_validator(mode="after")
    def _fits(self) -> DeadlineSettings:
        """Refuse a budget in which the second model could never be asked."""
        if self.default_s > self.max_s:
            raise ValueError(f"default_s {self.default_s:g} is over max_s {self.max_s:g}")
        if self.reserve_s + self.min_model_s >= self.default_s:
            raise ValueError("reserve_s and min_model_s together leave nothing of default_s")
        return self


class CriticSettings(Section):
    """How hard the second model is tried.

    Attributes:
        max_attempts: at the same prompt, retries of the transport included.
        breaker_failures: critiques of one model that fail in a row before it is left alone.
        breaker_open_s: for how long it is.
        max_calls_per_model: at once; more wait for their turn, tenant by tenant.
        calls_per_model: the same for models of their own, by id as in `models.yaml`; in the file only.
        hedge_percentile: of a model's usual durations, after which a call that is still out is sent once more; 0 never.
    """

    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    breaker_failures: Annotated[int, Field(ge=1, le=10_000)] = 5
    breaker_open_s: Seconds = 15.0
    max_calls_per_model: Calls = 1_000
    calls_per_model: Mapping[Annotated[str, Field(min_length=1, max_length=128)], Calls] = {}
    hedge_percentile: Annotated[float, Field(ge=0, le=99.9)] = 0.0

    @field_validator("hedge_percentile")
    @classmethod
    def _beyond_the_median(cls, value: float) -> float:
        """Refuse to send every other call twice."""
        if 0 < value < 50:
            raise ValueError("is 0 (never), or 50 to 99.9")
        return value


class ReuseSettings(Section):
    """Whether answers of the second model may be taken again for the same questions about the same text.

    Attributes:
        window_s: for how long; 0 asks anew each time.
        max_entries: answers kept in memory at once.
    """

    window_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    max_entries: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000


class BudgetSettings(Section):
    """What the second models may cost one tenant on one UTC day, at list price in micro-USD.

    Attributes:
        tenant_daily_micro_usd: of every tenant that is not named in `tenants`; None sets no bound.
        tenants: by name.
        on_exhausted: `handoff` leaves the decision to a person, `refuse` fails the call with RESOURCE_EXHAUSTED.
        reread_s: how often the log is asked what other processes have spent.
    """

    tenant_daily_micro_usd: MicroUsd | None = None
    tenants: dict[TenantName, MicroUsd] = Field(default_factory=dict)
    on_exhausted: Literal["handoff", "refuse"] = "handoff"
    reread_s: Seconds = 5.0

    @property
    def bounded(self) -> bool:
        """Whether any tenant has a budget."""
        return self.tenant_daily_micro_usd is not None or bool(self.tenants)

    def of(self, tenant: str) -> int | None:
        """Return a tenant's budget for a day; None where it has none."""
        return self.tenants.get(tenant, self.tenant_daily_micro_usd)


class CanarySettings(Section):
    """How second models are watched for blindness, by drafts that are known to be bad.

    Attributes:
        percent: of full reviews that are followed by a canary; 0 shows none, not even after an alarm.
        misses: canaries in a row that one model lets pass before it is distrusted.
    """

    percent: Annotated[float, Field(ge=0, le=100)] = 1.0
    misses: Annotated[int, Field(ge=1, le=10)] = 2


class RubricSettings(Section):
    """Where rubrics, routing and models are; None takes those that came with the package."""

    directory: Path | None = None


class LogSettings(Section):
    """Operational logs: ids, digests, outcomes, never content.

    Attributes:
        format: `auto` is `console` on a terminal and `json` elsewhere.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(Section):
    """All settings."""

    server: ServerSettings = ServerSettings()
    limits: LimitSettings = LimitSettings()
    deadline: DeadlineSettings = DeadlineSettings()
    critic: CriticSettings = CriticSettings()
    reuse: ReuseSettings = ReuseSettings()
    budget: BudgetSettings = BudgetSettings()
    canary: CanarySettings = CanarySettings()
    ledger: LedgerSettings = LedgerSettings()
    audit: AuditSettings = AuditSettings()
    monitor: MonitorSettings = MonitorSettings()
    witness: WitnessSettings = WitnessSettings()
    signing: SigningSettings = SigningSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    retention: RetentionSettings = RetentionSettings()
    handoff: HandoffSettings = HandoffSettings()
    replay: ReplaySettings = ReplaySettings()
    rubrics: RubricSettings = RubricSettings()
    rules: RulesSettings = RulesSettings()
    rollout: RolloutSettings = RolloutSettings()
    providers: ProvidersSettings = ProvidersSettings()
    log: LogSettings = LogSettings()


_FILE_ONLY = ("critic", "calls_per_model")
_LEDGER_DSN = ("ledger", "dsn")
_VENDOR_KEYS = (
    ("ANTHROPIC_API_KEY", "anthropic", "direct"),
    ("ANTHROPIC_FOUNDRY_API_KEY", "anthropic", "foundry"),
    ("OPENAI_API_KEY", "openai", "direct"),
    ("AZURE_OPENAI_API_KEY", "openai", "azure"),
    ("OPENAI_API_KEY", "openai_decisions", "direct"),
)
"""Variable, provider, and the one platform that its key is for: no other may see it."""


def load_settings(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings.

    Args:
        path: a TOML file, or None for the environment and the defaults alone.
        environ: the environment; None takes the process's own.

    Raises:
        ConfigError: with every fault, each with file and line or the variable's name; no value of a key is repeated.
    """
    environ = os.environ if environ is None else environ
    text, values = _read(path) if path is not None else ("", {})
    origin: dict[tuple[str, ...], str] = {}
    faults: list[Fault] = []
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX) and name != CONFIG_VARIABLE:
            key = tuple(name.removeprefix(ENV_PREFIX).lower().split("__"))
            if key[:2] == _FILE_ONLY:
                faults.append(Fault(name, "", "can only be set in the file: no variable can be named like a model"))
            elif _put(values, key, _list(environ[name]) if _is_list(key) else environ[name]):
                origin[key] = name
            else:
                faults.append(Fault(name, "", "clashes with another setting"))
    for name, provider, platform in _VENDOR_KEYS:
        key = ("providers", provider, "api_key")
        if environ.get(name) and key not in origin and _platform(values, provider) == platform:
            _put(values, key, environ[name])
            origin[key] = name
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        faults.extend(_fault(error, path, text, origin) for error in exc.errors(include_url=False))
    if faults:
        raise ConfigError(tuple(faults))
    return settings


def _platform(values: dict[str, Any], provider: str) -> str:
    """Return a provider's platform before anything is checked; empty where no key could be put anyway."""
    at: Any = values
    for step in ("providers", provider):
        at = at.get(step, {})
        if not isinstance(at, dict):
            return ""
    return str(at.get("platform", "direct"))


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError((Fault(str(path), "", f"cannot be read: {type(exc).__name__}"),)) from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError((Fault(str(path), "", f"is not TOML: {exc}"),)) from exc


def _is_list(key: tuple[str, ...]) -> bool:
    model: Any = Settings
    for step in key:
        field = model.model_fields.get(step) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return False
        model = field.annotation
    return get_origin(model) is tuple


def _list(text: str) -> object:
    """Read a variable that sets a list: an array as in the file, or values between commas."""
    if not text.lstrip().startswith("["):
        return [value.strip() for value in text.split(",") if value.strip()]
    try:
        return tomllib.loads(f"list = {text}")["list"]
    except tomllib.TOMLDecodeError:
        # What it is not is told with everything else that does not fit.
        return text


def _put(values: dict[str, Any], key: tuple[str, ...], value: object) -> bool:
    """Set a nested value; False where something else stands in the way."""
    at: Any = values
    for step in key[:-1]:
        at = at.setdefault(step, {})
        if not isinstance(at, dict):
            return False
    at[key[-1]] = value
    return True


def _fault(error: Any, path: Path | None, text: str, origin: Mapping[tuple[str, ...], str]) -> Fault:
    """Say where a setting came from and what is wrong with it, without repeating its value."""
    loc = tuple(str(step) for step in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "no such setting" + _suggestion(loc)
    elif (
        loc[0] not in ("encryption", "providers", "settings")
        and loc != _LEDGER_DSN
        and not isinstance(error["input"], dict | BaseModel)
    ):
        # A key put a level too high is still a key: nothing is repeated of the whole section.
        message = f"{message}; got {str(error['input'])[:80]!r}"
    named = _variable_of(loc, origin)
    if named is not None:
        where = named
    elif path is not None and (line := _line_of(text, loc)):
        where = f"{path}:{line}"
    else:
        where = str(path) if path is not None else "settings"
    return Fault(where, ".".join(loc), message)


def _variable_of(loc: tuple[str, ...], origin: Mapping[tuple[str, ...], str]) -> str | None:
    """Name of the variable that set a value, or something inside or around it; the exact one first."""
    if loc in origin:
        return origin[loc]
    return next((name for key, name in origin.items() if key[: len(loc)] == loc or loc[: len(key)] == key), None)


def _suggestion(loc: tuple[str, ...]) -> str:
    model: Any = Settings
    for step in loc[:-1]:
        # Below a table of tenants every name leads to the same section, and so does every place in a list.
        args = {dict: get_args(model)[1:], tuple: get_args(model)}.get(get_origin(model))
        model = args[0] if args else model.model_fields[step].annotation
    near = difflib.get_close_matches(loc[-1], list(model.model_fields), n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(model.model_fields)}"


def _line_of(text: str, loc: tuple[str, ...]) -> int:
    """Line of a key in a TOML text, counted from 1; of its table where the key is not found, 0 where nothing is."""
    table: tuple[str, ...] = ()
    best = 0
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.fullmatch(r"\s*\[([\w.\- ]+)\]\s*(?:#.*)?", line):
            table = tuple(piece.strip() for piece in match.group(1).split("."))
            if table == loc[: len(table)]:
                best = number
        elif match := re.match(r"\s*(?:\"([^\"]+)\"|([\w.\-]+))\s*=", line):
            key = (*table, match.group(1)) if match.group(1) else (*table, *match.group(2).split("."))
            if key == loc:
                return number
            if key == loc[: len(key)]:
                best = number
    return best
