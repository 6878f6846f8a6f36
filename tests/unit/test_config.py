from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from reviewer.config import DeadlineSettings, Settings, load_settings
from reviewer.core.errors import ConfigError, Fault
from reviewer.core.verdict import Verdict

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "reviewer.toml"


def faults(path: Path | None, environ: dict[str, str] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ or {})
    assert KEY not in str(caught.value)
    return caught.value.faults


def test_defaults() -> None:
    """Without file and environment every default holds, and none of them opens a provider or the network."""
    settings = load_settings(None, {})

    assert settings == Settings()
    assert settings.server.address.startswith("127.0.0.1:")
    assert settings.providers.anthropic.api_key is settings.providers.openai.api_key is None
    assert settings.providers.openai_compatible.base_url is None
    assert not settings.providers.anthropic.simulated


def test_file(config: Path) -> None:
    """The file's tables and keys are the settings' sections and fields."""
    config.write_text('[limits]\nmax_text_bytes = 2048\n\n[providers.openai]\nbase_url = "http://127.0.0.1:9"\n')
    settings = load_settings(config, {})

    assert settings.limits.max_text_bytes == 2048
    assert settings.providers.openai.base_url == "http://127.0.0.1:9"
    assert settings.limits.max_sources == Settings().limits.max_sources


def test_environment_wins(config: Path) -> None:
    """A variable replaces what the file says, and what the file leaves open."""
    config.write_text(f'[limits]\nmax_text_bytes = 2048\nmax_sources = 3\n[providers.anthropic]\napi_key = "{KEY}"\n')
    settings = load_settings(
        config,
        {
            "REVIEWER_LIMITS__MAX_TEXT_BYTES": "4096",
            "REVIEWER_SERVER__REFLECTION": "false",
            "REVIEWER_LEDGER__PATH": "other.db",
            "REVIEWER_PROVIDERS__ANTHROPIC__API_KEY": "newer",
        },
    )

    assert (settings.limits.max_text_bytes, settings.limits.max_sources) == (4096, 3)
    assert settings.server.reflection is False
    assert settings.ledger.path == Path("other.db")
    assert settings.providers.anthropic.api_key == SecretStr("newer")


@pytest.mark.parametrize("value", ['["ops", "dev"]', "ops,dev", " ops , dev,", "[ 'ops', 'dev' ]"])
def test_a_variable_sets_a_list(value: str) -> None:
    """A list is written as in the file, or as values between commas."""
    assert load_settings(None, {"REVIEWER_RULES__ADMIN_TENANTS": value}).rules.admin_tenants == ("ops", "dev")


@pytest.mark.parametrize(("value", "said"), [('["ops"', "valid tuple"), ("[1]", "valid string"), ("a b", "pattern")])
def test_a_variable_that_sets_no_list(value: str, said: str) -> None:
    """What is no list, or holds what may not stand in it, is a fault of the variable."""
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"REVIEWER_RULES__ADMIN_TENANTS": value})
    (fault,) = caught.value.faults
    assert fault.where == "REVIEWER_RULES__ADMIN_TENANTS"
    assert said in fault.message


def test_a_database_needs_an_address() -> None:
    """A database as the store needs its URL, which no fault repeats and nothing prints."""
    dsn = "postgresql://me:hunter2@db/log"
    environ = {"REVIEWER_LEDGER__STORE": "postgres", "REVIEWER_LEDGER__DSN": dsn}
    settings = load_settings(None, environ)

    assert settings.ledger.dsn == SecretStr(dsn)
    assert "hunter2" not in f"{settings!r} {settings.model_dump_json()}"
    with pytest.raises(ConfigError, match="there is no dsn"):
        load_settings(None, {"REVIEWER_LEDGER__STORE": "postgres"})
    with pytest.raises(ConfigError, match=r"ledger\.dsn: is no URL") as caught:
        load_settings(None, {"REVIEWER_LEDGER__DSN": "me:hunter2@db"})
    assert "hunter2" not in str(caught.value)


def test_vendor_variables(config: Path) -> None:
    """The variables of the providers' own tools give keys, unless one of ours does."""
    config.write_text("")
    environ = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o", "REVIEWER_PROVIDERS__OPENAI__API_KEY": "ours"}
    providers = load_settings(config, environ).providers

    assert providers.anthropic.api_key == SecretStr("a")
    assert providers.openai.api_key == SecretStr("ours")
    assert providers.openai_decisions.api_key == SecretStr("o")
    assert load_settings(config, {"OPENAI_API_KEY": ""}).providers.openai.api_key is None


@pytest.mark.parametrize(
    ("provider", "platform", "variable"),
    [
        ("anthropic", "bedrock", None),
        ("anthropic", "vertex", None),
        ("anthropic", "foundry", "ANTHROPIC_FOUNDRY_API_KEY"),
        ("openai", "azure", "AZURE_OPENAI_API_KEY"),
        ("openai", "bedrock", None),
    ],
)
def test_a_vendors_key_is_for_no_platform(config: Path, provider: str, platform: str, variable: str | None) -> None:
    """A platform gets the key of its own variable or none, never the vendor's, wherever it is chosen."""
    names = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "AZURE_OPENAI_API_KEY")
    environ = {name: name.lower() for name in names}
    config.write_text(f'[providers.{provider}]\nplatform = "{platform}"\n')
    chosen = {f"REVIEWER_PROVIDERS__{provider.upper()}__PLATFORM": platform}
    for settings in (load_settings(config, environ), load_settings(None, environ | chosen)):
        key = getattr(settings.providers, provider).api_key
        assert (key and key.get_secret_value()) == (variable and variable.lower())


@pytest.mark.parametrize("text", ["providers = 3", "[providers]\nopenai = 3", "[providers.openai]\nplatform = 3"])
def test_a_key_waits_for_a_section(config: Path, text: str) -> None:
    """Where no section stands, or no platform, there is a fault and no crash."""
    config.write_text(text)
    assert faults(config, {"OPENAI_API_KEY": KEY})


def test_model_ids_are_a_table(config: Path) -> None:
    """A platform's ids stand under those of the catalogue."""
    config.write_text('[providers.anthropic.model_ids]\nclaude-opus-4-6 = "anthropic.claude-opus-4-6-v1"\n')
    assert load_settings(config, {}).providers.anthropic.model_ids == {
        "claude-opus-4-6": "anthropic.claude-opus-4-6-v1"
    }


def test_foreign_variables_are_ignored() -> None:
    """Other programs' variables, and the one that names the file, are no settings."""
    assert load_settings(None, {"PATH": "x", "REVIEWER_CONFIG": "here.toml", "REVIEWERS": "1"}) == Settings()


def test_every_fault_at_once(config: Path) -> None:
    """All faults of file and environment are told together, each with its place, its field and what was got."""
    config.write_text(
        "[limits]\n"
        "max_text_bytes = 1\n"
        "max_source = 3\n"
        "\n"
        "[log]\n"
        'level = "loud"\n'
        "[providers.openai]\n"
        'base_url = "ftp://x"\n'
        "[nowhere]\n"
        "a = 1\n"
    )
    told = {
        (fault.where, fault.field): fault.message
        for fault in faults(config, {"REVIEWER_SERVER__DRAIN_S": "soon", "REVIEWER_CRITIC__MAX_ATTEMPTS": "0"})
    }

    assert told.keys() == {
        (f"{config}:2", "limits.max_text_bytes"),
        (f"{config}:3", "limits.max_source"),
        (f"{config}:6", "log.level"),
        (f"{config}:8", "providers.openai.base_url"),
        (f"{config}:9", "nowhere"),
        ("REVIEWER_SERVER__DRAIN_S", "server.drain_s"),
        ("REVIEWER_CRITIC__MAX_ATTEMPTS", "critic.max_attempts"),
    }
    assert "1024" in told[f"{config}:2", "limits.max_text_bytes"]
    assert "did you mean max_sources?" in told[f"{config}:3", "limits.max_source"]
    assert "'loud'" in told[f"{config}:6", "log.level"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("REVIEWER_LIMIT__MAX_SOURCES", "limit"),
        ("REVIEWER_LIMITS__MAX_SOURCE", "limits.max_source"),
        ("REVIEWER_LIMITS__MAX_SOURCES__DEEPER", "limits.max_sources"),
        ("REVIEWER_NOWHERE", "nowhere"),
        ("REVIEWER_", ""),
    ],
)
def test_unknown_variables_are_faults(name: str, field: str) -> None:
    """A variable of ours that is no setting stops the start, and is named as it stands in the environment."""
    (fault,) = faults(None, {name: "1"})

    assert (fault.where, fault.field) == (name, field)


def test_clashing_variables() -> None:
    """A variable that sets a section where another sets a field of it is a fault of its own."""
    told = faults(None, {"REVIEWER_LIMITS": "many", "REVIEWER_LIMITS__MAX_SOURCES": "3"})

    assert Fault("REVIEWER_LIMITS__MAX_SOURCES", "", "clashes with another setting") in told
    assert {fault.where for fault in told} == {"REVIEWER_LIMITS", "REVIEWER_LIMITS__MAX_SOURCES"}


@pytest.mark.parametrize(
    "text",
    [
        f'[providers.anthropic]\napi_key = ["{KEY}"]\n',
        f'[providers.anthropic]\napi_key = {{value = "{KEY}"}}\n',
        f'[providers]\nanthropic = "{KEY}"\n',
        f'providers = "{KEY}"\n',
        f'[providers.anthropic]\napikey = "{KEY}"\n',
        f'[providers.anthropic]\napi_key = "{KEY}\n',
        f'[providers.anthropic]\napi_key = "{KEY}"\n[limits]\nmax_sources = 0\n',
        f'api_key = "{KEY}"\n',
    ],
    ids=["list", "table", "section", "all providers", "misspelt", "unclosed", "elsewhere", "top level"],
)
def test_no_key_in_messages_of_the_file(config: Path, text: str) -> None:
    """However a key is misplaced in the file, no message repeats it."""
    config.write_text(text)

    assert faults(config)


@pytest.mark.parametrize(
    "name",
    [
        "REVIEWER_PROVIDERS",
        "REVIEWER_PROVIDERS__ANTHROPIC",
        "REVIEWER_PROVIDERS__ANTHROPIC__KEY",
        "REVIEWER_PROVIDERS__ANTHROPIC__API_KEY__X",
        "REVIEWER_ANTHROPIC_API_KEY",
    ],
)
def test_no_key_in_messages_of_the_environment(name: str) -> None:
    """However a key is misplaced in the environment, no message repeats it."""
    assert faults(None, {name: KEY})


def test_no_key_in_representations() -> None:
    """A loaded key stands in no representation and no dump of the settings."""
    settings = load_settings(None, {"ANTHROPIC_API_KEY": KEY})

    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.providers.anthropic.api_key is not None
    assert settings.providers.anthropic.api_key.get_secret_value() == KEY


def test_bounds_of_single_models(config: Path) -> None:
    """A table in the file gives models of their own a bound, by id; each is checked, and told with its line."""
    config.write_text('[critic]\nhedge_percentile = 95\n[critic.calls_per_model]\n"gpt-5.5-2026-04-23" = 8\n')
    critic = load_settings(config, {}).critic
    assert (dict(critic.calls_per_model), critic.hedge_percentile) == ({"gpt-5.5-2026-04-23": 8}, 95)

    config.write_text('[critic.calls_per_model]\nfine = 3\n"gpt-5.5-2026-04-23" = 0\n')
    (fault,) = faults(config)
    assert (fault.where, fault.field) == (f"{config}:3", "critic.calls_per_model.gpt-5.5-2026-04-23")


def test_no_variable_names_a_model(config: Path) -> None:
    """A bound of a single model in the environment is refused, for no variable can be named like every model."""
    config.write_text("")
    name = "REVIEWER_CRITIC__CALLS_PER_MODEL__SMALL"
    (fault,) = faults(config, {name: "3"})
    assert fault.where == name
    assert "only be set in the file" in fault.message


@pytest.mark.parametrize(("value", "fine"), [("0", True), ("50", True), ("99.9", True), ("49", False), ("100", False)])
def test_hedging_begins_at_the_median(config: Path, value: str, *, fine: bool) -> None:
    """Sending calls again before half of them are usually answered would double them all."""
    config.write_text(f"[critic]\nhedge_percentile = {value}\n")
    if fine:
        assert load_settings(config, {}).critic.hedge_percentile == float(value)
    else:
        assert [fault.field for fault in faults(config)] == ["critic.hedge_percentile"]


def test_budgets(config: Path) -> None:
    """A tenant's own budget goes before the common one, from file and environment alike; without both there is none."""
    config.write_text('[budget]\ntenant_daily_micro_usd = 5\n[budget.tenants]\nacme = 7\n"acme.eu" = 0\n_canary = 9\n')
    budget = load_settings(config, {"REVIEWER_BUDGET__TENANTS__GLOBEX": "11"}).budget

    tenants = ("acme", "acme.eu", "_canary", "globex", "initech")
    assert [budget.of(tenant) for tenant in tenants] == [7, 0, 9, 11, 5]
    assert budget.bounded
    assert not Settings().budget.bounded
    assert Settings().budget.of("acme") is None


@pytest.mark.parametrize(
    "text",
    [
        "tenant_daily_micro_usd = -1",
        "tenant_daily_micro_usd = 1.5",
        'on_exhausted = "approve"',
        "reread_s = 0",
        '[budget.tenants]\n"Acme Inc" = 5',
        "[budget.tenants]\nacme = -5",
    ],
)
def test_bad_budgets(config: Path, text: str) -> None:
    """A budget that is no amount, a tenant that has no such name, and a way out that is none are faults."""
    config.write_text(f"[budget]\n{text}\n")

    assert all(fault.field.startswith("budget") for fault in faults(config))


def test_settings_do_not_change() -> None:
    """Settings are read once: no field can be set afterwards."""
    settings = load_settings(None, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.limits.max_sources = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default_s = 200.0", "over max_s"),
        ("reserve_s = 20.0\nmin_model_s = 10.0", "leave nothing"),
        ("reserve_s = 0.0", "greater than 0"),
        ("max_s = 7200.0", "less than or equal to 3600"),
        ("default_s = nan", "nan"),
        ("default_s = inf", "inf"),
    ],
)
def test_deadlines_must_leave_time(config: Path, text: str, said: str) -> None:
    """A budget in which the second model could never be asked is refused, at its place in the file."""
    config.write_text(f"[deadline]\n{text}\n")
    (fault,) = faults(config)

    assert said in fault.message
    assert fault.where in (f"{config}:1", f"{config}:2")


def test_relations_between_defaults_hold() -> None:
    """The defaults pass their own rules."""
    assert DeadlineSettings() == Settings().deadline


@pytest.mark.parametrize("content", [b"\xff\xfe", b"not = [toml", b"a = 1\na = 2"])
def test_unreadable_files(config: Path, content: bytes) -> None:
    """A file that is no UTF-8 or no TOML is one fault that names the file."""
    config.write_bytes(content)
    (fault,) = faults(config)

    assert fault.where == str(config)


def test_missing_file(config: Path) -> None:
    """A file that is not there is a fault, not an empty configuration."""
    (fault,) = faults(config)

    assert fault.where == str(config)
    assert "FileNotFoundError" in fault.message


def test_retention_by_tenant_and_verdict(config: Path) -> None:
    """The most specific period counts: a tenant's for the verdict, its own for all, then those of everybody."""
    config.write_text(
        "[retention]\ndays = 400\nhandoff_days = 800\n[retention.tenants.acme]\ndays = 30\nrevise_days = 7\n"
        "[retention.tenants.globex]\napprove_days = 10\n",
        encoding="utf-8",
    )
    retention = load_settings(config, {}).retention
    periods = {
        tenant: [retention.of_tenant(tenant, verdict) for verdict in Verdict] for tenant in ("acme", "globex", "other")
    }
    assert periods == {"acme": [30, 7, 30], "globex": [10, 400, 800], "other": [400, 400, 800]}
    assert {Settings().retention.of_tenant("acme", verdict) for verdict in Verdict} == {None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[retention]\ndays = 0", "retention.days"),
        ("[retention.tenants.acme]\ndayz = 1", "did you mean days"),
        ("[retention.tenants.ACME]\ndays = 1", "retention.tenants.ACME"),
        ("[encryption]\nrotate_days = 0", "encryption.rotate_days"),
    ],
)
def test_bad_periods(config: Path, text: str, said: str) -> None:
    """A period that is none, an unknown one and a tenant that cannot be are refused by name."""
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_settings(config, {})


def test_the_key_of_the_log_is_not_shown(config: Path) -> None:
    """Neither a fault beside it nor a representation shows the key-encryption key."""
    key = "c2VjcmV0LXNlY3JldA=="
    assert key not in repr(load_settings(None, {"REVIEWER_ENCRYPTION__KEY": key}))
    config.write_text(f'[encryption]\nkey = ["{key}"]\nkeys = "{key}"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(config, {})
    assert len(caught.value.faults) == 2
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('releases = "releases"', "no file of approvers"),
        ("require_release = true", "no folder of releases"),
        ('approvers = "a"\nreleases = "r"\nthreshold = 0', "greater than or equal to 1"),
        ('reload = "sometimes"', "watch"),
    ],
)
def test_rules_that_nobody_could_approve_are_a_fault(tmp_path: Path, section: str, message: str) -> None:
    """Releases need somebody to approve of them, and a demanded release needs a place to come from."""
    (tmp_path / "settings.toml").write_text(f"[rules]\n{section}\n")
    with pytest.raises(ConfigError, match=message):
        load_settings(tmp_path / "settings.toml", {})
