"""The public log and the metrics of a running service, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from reviewer.client import ReviewClient
from reviewer.core import note
from reviewer.core.checkpoint import read_signed
from reviewer.core.errors import ConfigError
from reviewer.core.merkle import leaf_hash
from reviewer.core.note import read_key
from reviewer.receipts import read_jwks, read_receipt
from reviewer.signing import verifies
from tests.e2e.conftest import Serve
from tests.support.service import Service, broken, rules
from tests.support.signed_log import IDENTITY
from tests.support.subjects import subject
from tests.support.witness import LoopbackWitness, listening

OFTEN = {"checkpoint_interval_s": 0.02}
BOTH = {"address": "127.0.0.1:0", "metrics_address": "localhost:0"}
LABEL = re.compile(r'(\w+)="([^"]*)"')


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


def public(service: Service) -> str:
    return f"http://{service.app.faces['127.0.0.1:0'].address}"


def measured(service: Service) -> str:
    return f"http://{service.app.faces['localhost:0'].address}/metrics"


async def signed(service: Service, http: aiohttp.ClientSession, size: int) -> str:
    """Wait until a checkpoint over so many entries is shown."""
    async with asyncio.timeout(20):
        while True:
            async with http.get(f"{public(service)}/checkpoint") as response:
                text = await response.text()
            if response.status == 200 and int(text.split("\n")[1]) >= size:
                return text
            await asyncio.sleep(0.05)


async def samples(service: Service, http: aiohttp.ClientSession) -> dict[str, float]:
    async with http.get(measured(service)) as response:
        assert response.status == 200
        lines = (await response.text()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_nothing_is_served_unless_asked_for(service: Service) -> None:
    """By default there is no HTTP face at all."""
    assert service.app.faces == {}


async def test_a_stranger_can_check_the_log(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Checkpoint, keys and leaf hashes fit together, and receipts verify under the published keys."""
    service = await serve(ledger=OFTEN, monitor=BOTH)
    reviews = [await service.review(subject()) for _ in range(3)]
    text = await signed(service, http, 3)
    async with http.get(f"{public(service)}/log-keys") as response:
        keys = [read_key(line) for line in (await response.text()).splitlines()]
    async with http.get(f"{public(service)}/tile/0/000.p/3") as response:
        hashes, headers = await response.read(), response.headers
    async with http.get(f"{public(service)}/.well-known/jwks.json") as response:
        jwks = read_jwks(await response.text())

    assert read_signed(text, keys, verifies).size == 3
    assert hashes == b"".join([leaf_hash(stored.record) for stored in await service.entries()])
    assert headers["Content-Type"] == "application/octet-stream"
    assert "immutable" in headers["Cache-Control"]
    assert {read_receipt(review.receipt, jwks).sub for review in reviews if review.receipt} <= {r.name for r in reviews}
    assert any(review.receipt for review in reviews)


async def test_a_checkpoint_is_text_that_is_not_kept_long(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Its headers are those that tlog-tiles asks for; before the first one there is none."""
    service = await serve(monitor=BOTH, ledger={"checkpoint_interval_s": 3600})
    async with http.get(f"{public(service)}/checkpoint") as response:
        assert (response.status, response.headers["Cache-Control"]) == (404, "no-store")
    other = await serve(monitor=BOTH, ledger=OFTEN)
    await other.review(subject())
    await signed(other, http, 1)
    async with http.get(f"{public(other)}/checkpoint") as response:
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Cache-Control"] == "public, max-age=1"
        assert response.headers["Server"] == "reviewer"


NOTHING = [
    "/",
    "/tile/entries/000",
    "/tile/entries/000.p/1",
    "/tile/0/000",
    "/tile/0/000.p/2",
    "/tile/0/000.p/0",
    "/tile/0/000.p/256",
    "/tile/0/000.p/01",
    "/tile/0/0",
    "/tile/00/000.p/1",
    "/tile/0/001.p/1",
    "/tile/1/000.p/1",
    "/tile/63/000.p/1",
    "/tile/64/000.p/1",
    "/tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
    "/tile/0/%30%30%30.p/1",
    "/tile/0//000.p/1",
    "/tile/",
    "/records",
    "/metrics",
    "/checkpoint/",
]


async def test_there_is_nothing_else(serve: Serve, http: aiohttp.ClientSession) -> None:
    """No entries, no tile or width that no signed tree has, no second spelling of one, nothing beside them."""
    service = await serve(ledger=OFTEN, monitor=BOTH)
    await service.review(subject())
    await signed(service, http, 1)
    for path in NOTHING:
        async with http.get(URL(f"{public(service)}{path}", encoded=True)) as response:
            assert response.status == 404, path
    async with http.get(f"{public(service)}/tile/0/000.p/1") as response:
        assert response.status == 200


async def test_it_can_only_be_read(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Other methods are refused, HEAD gives no body, and a line longer than the bound is."""
    service = await serve(ledger=OFTEN, monitor=BOTH)
    await service.review(subject())
    await signed(service, http, 1)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        async with http.request(method, f"{public(service)}/checkpoint", data=b"x" * 4096) as response:
            assert response.status == 405
    async with http.head(f"{public(service)}/checkpoint") as response:
        assert (response.status, await response.read()) == (200, b"")
    async with http.get(f"{public(service)}/tile/{'x000/' * 1000}000") as response:
        assert response.status in (400, 414)


async def test_an_address_in_use_is_a_fault_of_the_settings(serve: Serve) -> None:
    """The service does not start without a face that was asked for, and says which setting is at fault."""
    service = await serve(monitor=BOTH)
    taken = service.app.faces["127.0.0.1:0"].address
    with pytest.raises(ConfigError, match="monitor"):
        await serve(monitor={"address": taken})


async def test_metrics_tell_of_reviews(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Verdicts, causes, stages, calls, tokens, the log and the rule set, as the reviews themselves have them."""
    service = await serve(rules(broken("overloaded", contains="unlucky")), ledger=OFTEN, monitor=BOTH)
    await service.review(subject())
    await service.review(subject("An unlucky draft."))
    await signed(service, http, 2)
    found = await samples(service, http)
    records = [json.loads(stored.record) for stored in await service.entries()]
    calls = [call for record in records for call in record["calls"]]

    def total(prefix: str) -> float:
        return sum(value for name, value in found.items() if name.startswith(prefix))

    assert total("reviewer_reviews_total") == 2
    given = {dict(LABEL.findall(name))["verdict"] for name in found if name.startswith("reviewer_reviews_total")}
    assert given == {record["verdict"].upper() for record in records}
    assert total("reviewer_model_calls_total") == len(calls) > 2
    assert total("reviewer_causes_total") >= 1
    assert total("reviewer_model_cost_micro_usd_total") == sum(call["cost_micro_usd"] or 0 for call in calls)
    assert total("reviewer_model_call_seconds_count") == len(calls)
    assert total("reviewer_review_seconds_count") == 2
    assert total('reviewer_stage_seconds_count{stage="record"}') == 2
    assert found["reviewer_log_appends_total"] == found["reviewer_log_entries"] == 2
    assert found["reviewer_checkpoint_lag_entries"] == found["reviewer_log_tree_corrupt"] == 0
    judged_by = service.app.standing.rules
    assert found[f'reviewer_rules_info{{digest="{judged_by.rulebook.digest}",release="{judged_by.release}"}}'] == 1
    assert total("reviewer_breaker") >= 1


async def test_metrics_hold_nobodys_words(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Neither drafts, tenants, intents, ids nor keys: every label is of a list that the rule set closes."""
    service = await serve(ledger=OFTEN, monitor=BOTH, providers={"anthropic": {"api_key": "sk-secret-key"}})
    asked = subject("The zebra said xylophone.", request_id="request-of-ours")
    async with ReviewClient(service.app.server.address, tenant="tenant-of-ours") as client:
        review = await client.review(asked)
    async with http.get(measured(service)) as response:
        text = await response.text()

    for words in ("zebra", "xylophone", "tenant-of-ours", "request-of-ours", "sk-secret", "simulated", asked.intent):
        assert words not in text
    assert review.name.removeprefix("reviews/") not in text
    labels = {name for line in text.splitlines() if line[0] != "#" for name, _ in LABEL.findall(line)}
    allowed = {"verdict", "route", "tier", "cause", "stage", "model", "outcome", "kind", "state", "le", "digest"}
    allowed |= {"release", "result"}
    assert labels <= allowed


async def test_canaries_are_counted(serve: Serve, http: aiohttp.ClientSession) -> None:
    """What a canary came to is counted by model, apart from reviews; its calls cost as others do."""
    service = await serve(ledger=OFTEN, monitor=BOTH, canary={"percent": 100})
    await service.review(subject())
    await service.app.canaries.idle()
    found = await samples(service, http)
    canaries = {name: value for name, value in found.items() if name.startswith("reviewer_canaries_total")}

    assert sum(canaries.values()) >= 1
    assert sum(value for name, value in found.items() if name.startswith("reviewer_reviews_total")) == 1
    assert found["reviewer_log_appends_total"] == 1 + sum(canaries.values())


async def test_one_address_may_serve_both(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Where both settings name one address, one server has all pages."""
    service = await serve(ledger=OFTEN, monitor={"address": "127.0.0.1:0", "metrics_address": "127.0.0.1:0"})
    await service.review(subject())
    await signed(service, http, 1)
    async with http.get(f"{public(service)}/metrics") as response:
        assert response.status == 200
    assert len(service.app.faces) == 1


async def test_what_is_shown_is_cosigned_where_that_is_wanted(serve: Serve, http: aiohttp.ClientSession) -> None:
    """With a quorum the checkpoint that is shown has it; a witness that is down delays neither reply nor signature."""
    stranger = IDENTITY.verifier_keys()[0]
    async with listening(LoopbackWitness("w1.example/w", stranger)) as witness:
        gone = LoopbackWitness("gone.example/w", stranger, url="http://127.0.0.1:1")
        asked = {"witnesses": [witness.settings, gone.settings], "quorum": 1, "interval_s": 0.02}
        service = await serve(ledger=OFTEN, monitor=BOTH, witness=asked)
        async with http.get(f"{public(service)}/log-keys") as response:
            witness.log = read_key((await response.text()).strip())
        await service.review(subject())
        text = await signed(service, http, 1)
        await service.review(subject())
        later = await signed(service, http, 2)
        found = await samples(service, http)

    for shown in (text, later):
        assert note.signers(note.read(shown), [witness.key], verifies) == [witness.name]
    assert found['reviewer_witness_entries{witness="w1.example/w"}'] == 2
    assert found['reviewer_witness_entries{witness="gone.example/w"}'] == 0
