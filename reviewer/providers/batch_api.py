"""What the vendors' batch APIs have in common: calls handed in together, looked after, and read back one by one.

How each spells that is `batch_anthropic.py` and `batch_openai.py`; when a batch is closed and how long it is waited for
is `batch.py`. Every request goes to the configured address: addresses that an answer names are not followed, because
the key would go with the request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from reviewer.core.outcome import FailureKind
from reviewer.providers.interface import ProviderError
from reviewer.providers.wire import Exchange, Received

# A thousand critiques of the longest that a catalogued model can write; beyond that something else is being sent.
MAX_RESULTS_BYTES = 256 * 2**20
BINARY = {"accept": "application/binary"}
# It becomes part of a path.
RemoteId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{1,128}$")]

M = TypeVar("M", bound=BaseModel)
Settled = Received | ProviderError


@dataclass(frozen=True, slots=True)
class BatchCall:
    """One call of a batch.

    Attributes:
        custom_id: ours, unique within the batch.
        body: what would be posted by itself, in one line.
    """

    custom_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """A batch that will not change any more.

    Attributes:
        paths: of the files with its results, JSON Lines, in any order.
        leftovers: paths of what the provider keeps, prompts among it, until it is deleted.
        missing: what it means that a call stands in none of them.
        code: the vendor's word for why it failed as a whole; empty where it did not.
    """

    paths: tuple[str, ...]
    leftovers: tuple[str, ...]
    missing: FailureKind = FailureKind.BAD_ENVELOPE
    code: str = ""


class BatchApi(Protocol):
    """One vendor's batch API. Every method but `read_line` raises `ProviderError` as `Exchange.send` does."""

    async def submit(self, exchange: Exchange, calls: Sequence[BatchCall]) -> str:
        """Hand in calls for one model and return the batch's id."""
        ...

    async def look(self, exchange: Exchange, batch_id: str) -> Ended | None:
        """Return how a batch ended; None while it has not."""
        ...

    async def cancel(self, exchange: Exchange, batch_id: str) -> None:
        """Ask for a batch to be cancelled; what is already answered is paid for."""
        ...

    def read_line(self, line: bytes, batch_id: str, file: Received) -> tuple[str, Settled]:
        """Read one line of results: the custom id, and what would have been received for the call by itself.

        Raises:
            pydantic.ValidationError: the line is not the format's.
        """
        ...


async def results(api: BatchApi, exchange: Exchange, batch_id: str, ended: Ended) -> Mapping[str, Settled]:
    """Download the results of a batch, by custom id.

    Lines that cannot be read are left out, so that their calls are missing. Should an id stand twice, the first stays.

    Raises:
        ProviderError: a file could not be downloaded.
    """
    settled: dict[str, Settled] = {}
    for path in ended.paths:
        file = await exchange.send("GET", path, headers=BINARY, at_most=MAX_RESULTS_BYTES)
        for line in file.content.split(b"\n"):
            try:
                custom_id, outcome = api.read_line(line, batch_id, file)
            except ValidationError:
                continue
            settled.setdefault(custom_id, outcome)
    return settled


def parsed(model: type[M], received: Received) -> M:
    """Read a response about a batch.

    Raises:
        ProviderError: `BAD_ENVELOPE`; nothing of the response is repeated.
    """
    try:
        return model.model_validate_json(received.content)
    except ValidationError as exc:
        faults = exc.error_count()
    raise received.failed(FailureKind.BAD_ENVELOPE, f"not the stated JSON envelope of a batch ({faults} faults)")
