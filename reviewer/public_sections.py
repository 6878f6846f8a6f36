"""The sections of the settings that are about what the log shows to strangers: its public face, and its witnesses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from reviewer.core.cosignature import MAX_WITNESSES, read_witness_keys
from reviewer.core.note import VerifierKey, read_key
from reviewer.provider_sections import Seconds, Section

Address = Annotated[str, Field(pattern=r"^(\S+:\d{1,5})?$")]


class MonitorSettings(Section):
    """Where the log's checkpoints, tiles and keys are served over HTTP, and where metrics are.

    Attributes:
        address: host and port for checkpoints, tiles and keys; port 0 takes a free one, empty serves none of them.
        metrics_address: the same for metrics, which tell of volume and cost; may be the same address.
    """

    address: Address = ""
    metrics_address: Address = ""


class Witness(Section):
    """Somebody who cosigns the log's checkpoints (C2SP tlog-witness).

    Attributes:
        url: submission prefix, to which `/add-checkpoint` is added.
        key: as `name+id+key`, of type 4.
    """

    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2048)]
    key: str

    @field_validator("key")
    @classmethod
    def _is_a_witness(cls, value: str) -> str:
        """Refuse what is no witness's key."""
        read_witness_keys([value])
        return value

    @property
    def verifier_key(self) -> VerifierKey:
        """The key, read."""
        return read_key(self.key)


class WitnessSettings(Section):
    """Who is asked for cosignatures, and how often.

    Attributes:
        witnesses: at most 15, which is what a note has room for.
        quorum: how many of them must have cosigned a checkpoint before the public face shows it; 0 shows the newest one
            with whatever cosignatures it has.
        interval_s: between two requests to one witness.
        timeout_s: of one request.
    """

    witnesses: Annotated[tuple[Witness, ...], Field(max_length=MAX_WITNESSES)] = ()
    quorum: Annotated[int, Field(ge=0, le=MAX_WITNESSES)] = 0
    interval_s: Seconds = 10.0
    timeout_s: Seconds = 5.0

    @model_validator(mode="after")
    def _fits(self) -> WitnessSettings:
        """Refuse a quorum that cannot be reached, and a witness that would count twice."""
        read_witness_keys([witness.key for witness in self.witnesses])
        if self.quorum > len(self.witnesses):
            raise ValueError(f"quorum {self.quorum} is over the number of witnesses, {len(self.witnesses)}")
        return self

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The witnesses' keys."""
        return tuple([witness.verifier_key for witness in self.witnesses])
