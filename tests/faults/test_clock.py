"""A clock that jumps, backwards too: the order of the log is that of its commits, whatever time its records name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from reviewer import moments
from reviewer.client import VerdictLogClient
from reviewer.ledger.verification import verify
from reviewer.log_home import open_identity
from reviewer.v1.review_pb2 import Review
from tests.support.sealed import service_log
from tests.support.service import Service, running
from tests.support.subjects import subject

JUMPS_DAYS = (0, -2, -400, 30, -3650, 1)


class JumpingClock:
    """The machine's clock, set wrong by so many days."""

    def __init__(self) -> None:
        self.days = 0

    def __call__(self) -> datetime:
        """Return what it shows."""
        return datetime.now(UTC) + timedelta(days=self.days)


async def _reviewed(service: Service, clock: JumpingClock) -> list[Review]:
    reviews = []
    for number, days in enumerate(JUMPS_DAYS):
        clock.days = days
        reviews.append(await service.review(subject(request_id=f"r-{number}")))
    return reviews


async def test_clock_going_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviews keep their order and are found again, heads are one tree, and the log verifies after every jump."""
    clock = JumpingClock()
    monkeypatch.setattr(moments, "now", clock)
    async with running(tmp_path, ledger={"checkpoint_interval_s": 0.01}, encryption={"rotate_days": 1}) as service:
        reviews = await _reviewed(service, clock)
        assert [review.log_position.index for review in reviews] == list(range(len(JUMPS_DAYS)))
        for number, review in enumerate(reviews):
            assert (await service.review(subject(request_id=f"r-{number}"))).name == review.name
            assert (await service.client.get(review.name)).draft_digest == review.draft_digest
        async with VerdictLogClient(service.app.server.address, tenant="default") as log:
            recent = [record async for record in log.records(_since(-1))]
        identity = open_identity(service.settings)
        times = [orjson.loads(stored.record)["time"] for stored in await service.entries()]
    assert times != sorted(times)
    assert len(recent) == sum(days >= 0 for days in JUMPS_DAYS)
    async with service_log(tmp_path / "log.db") as ledger:
        report = await verify(ledger, identity.verifier_keys(), (), lambda *_: None)
    assert (report.problems, report.size) == ((), len(JUMPS_DAYS))
    assert report.newest is not None
    assert report.newest.size == len(JUMPS_DAYS)


def _since(days: int) -> str:
    return f'create_time >= "{(datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")}"'
