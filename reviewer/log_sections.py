"""The sections of the settings that are about the verdict log: where it is, who signs it, and who may read it.

How they are read, and from where, is `reviewer.config`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from reviewer.content_sections import TenantName
from reviewer.provider_sections import Seconds, Section


class LedgerSettings(Section):
    """Where the verdict log is.

    Attributes:
        store: `sqlite` is a file, for one machine; `postgres` a database, for many.
        path: of the file; beside it lies the key, unless `signing.key_file` names another place.
        busy_timeout_s: how long a write waits for another process that is writing, before it fails.
        checkpoint_interval_s: how often new entries are integrated into the tree and a checkpoint is signed over them.
        dsn: URL of the database; never shown; from the environment rather than the file.
        pool_size: connections of one process for reading; writing takes one more.
    """

    store: Literal["sqlite", "postgres"] = "sqlite"
    path: Path = Path("reviewer-log.db")
    busy_timeout_s: Seconds = 2.0
    checkpoint_interval_s: Seconds = 1.0
    dsn: SecretStr | None = None
    pool_size: Annotated[int, Field(ge=1, le=100)] = 4

    @field_validator("dsn")
    @classmethod
    def _is_a_url(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what is no URL of a database, without repeating it."""
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("is no URL that begins with postgresql://")
        return value

    @model_validator(mode="after")
    def _has_an_address(self) -> LedgerSettings:
        """Refuse a database that nobody named: a library's own default would be another history."""
        if self.store == "postgres" and self.dsn is None:
            raise ValueError("store is postgres, but there is no dsn")
        return self


class AuditSettings(Section):
    """Who may read the log over the wire.

    Attributes:
        tenants: that read the records of all tenants; any other reads its own.
    """

    tenants: tuple[TenantName, ...] = ()


class SigningSettings(Section):
    """The log's name and key, for receipts and checkpoints.

    Attributes:
        origin: the log's name: a URL without a scheme that nobody else uses.
        key_file: Ed25519 key in PEM; None takes the log's path with `.key` added.
        former_keys: public keys that signed before, as `name+id+key`; they are still published.
        receipt_lifetime_s: for how long an approval may be acted on.
    """

    origin: Annotated[str, Field(pattern=r"^[^\s+]{1,255}$")] = "localhost/reviewer"
    key_file: Path | None = None
    former_keys: tuple[str, ...] = ()
    receipt_lifetime_s: Annotated[int, Field(ge=1, le=365 * 86_400)] = 3_600
