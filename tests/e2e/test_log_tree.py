"""The auditor's commands: checkpoints, verification, proofs that nothing of ours is needed to check."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from grpc_health.v1 import health_pb2
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.checkpoint import read_checkpoint
from reviewer.core.note import read, read_key
from reviewer.ledger.sqlite import SqliteLedger
from tests.e2e.conftest import Serve
from tests.support.service import Service, running
from tests.support.signed_log import verified
from tests.support.subjects import subject

VERIFIER = Path(__file__).resolve().parents[2] / "deploy" / "verify_proof.py"
OFTEN = {"checkpoint_interval_s": 0.02}
Command = Callable[..., Result]


@pytest.fixture
def log(tmp_path: Path) -> Command:
    """Run a `reviewer log` command on the log of this test's services."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["log", *arguments, "--path", str(tmp_path / "log.db")])

    return invoke


async def reviewed(folder: Path, count: int) -> list[str]:
    """Have drafts reviewed by a service that is stopped afterwards; return the reviews' names."""
    async with running(folder) as service:
        reviews = [await service.review(subject()) for _ in range(count)]
    return [review.name for review in reviews]


def keys(folder: Path) -> list[str]:
    settings = folder / "settings.toml"
    settings.write_text(f'[ledger]\npath = "{folder / "log.db"}"\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["log", "keys", "--config", str(settings)])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


async def signed(service: Service, size: int) -> None:
    """Wait until a head covers so many entries."""
    async with SqliteLedger(service.settings.ledger.path) as ledger, asyncio.timeout(20):
        while (head := await ledger.tree.head()) is None or head.size < size:  # noqa: ASYNC110 - another process's view
            await asyncio.sleep(0.01)


async def test_a_running_service_signs_what_it_recorded(serve: Serve) -> None:
    """Soon after the reply a head covers the review, and the whole log verifies while the service goes on."""
    service = await serve(ledger=OFTEN)
    await service.review(subject())
    await signed(service, 1)
    await service.review(subject())
    await signed(service, 2)
    async with SqliteLedger(service.settings.ledger.path) as ledger:
        assert [head.size for head in await ledger.tree.heads(0, 10)] == [1, 2]


async def test_stopping_leaves_nothing_unsigned(tmp_path: Path, log: Command) -> None:
    """A clean end integrates what is there, however long the interval; the log verifies."""
    await reviewed(tmp_path, 3)
    result = await asyncio.to_thread(log, "verify", "--key", (await asyncio.to_thread(keys, tmp_path))[0])

    assert result.exit_code == 0, result.output
    assert "all is well: 3 entries" in result.stdout
    assert "not under a signed head" not in result.stdout


async def test_a_checkpoint_can_be_remembered(tmp_path: Path, log: Command) -> None:
    """What `verify --remember` and `checkpoint` give is a signed note that later verifications take."""
    await reviewed(tmp_path, 1)
    remembered, printed = tmp_path / "seen.note", tmp_path / "printed.note"
    assert (await asyncio.to_thread(log, "verify", "--remember", str(remembered))).exit_code == 0
    await reviewed(tmp_path, 2)
    newest = await asyncio.to_thread(log, "checkpoint")
    printed.write_text(newest.stdout, encoding="utf-8")
    head = read_checkpoint(read(newest.stdout).text)
    assert (head.origin, head.size) == ("localhost/reviewer", 3)
    assert (await asyncio.to_thread(log, "checkpoint", "--size", "1")).stdout == remembered.read_text("utf-8")
    assert (await asyncio.to_thread(log, "checkpoint", "--size", "7")).exit_code == 1
    result = await asyncio.to_thread(log, "verify", "--since", str(remembered), "--since", str(printed))

    assert result.exit_code == 0, result.output
    assert "2 remembered checkpoints" in result.stdout


async def test_tampering_is_named_and_nothing_is_remembered(tmp_path: Path, log: Command) -> None:
    """A record that was changed ends with status 1 and its index, and no checkpoint of such a log is kept."""
    await reviewed(tmp_path, 3)
    connection = apsw.Connection(str(tmp_path / "log.db"))
    connection.execute("DROP TRIGGER entries_are_final")
    connection.execute("UPDATE entries SET record = CAST(replace(record, 'APPROVE', 'approve') AS BLOB) WHERE idx = 1")
    connection.close()
    result = await asyncio.to_thread(log, "verify", "--remember", str(tmp_path / "seen.note"))

    assert result.exit_code == 1
    assert "the first concerns record 1" in result.stderr
    assert "record 1: the record does not have the leaf hash" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "seen.note").exists()
    async with SqliteLedger(tmp_path / "log.db") as ledger:
        name = (await ledger.page(1, 1))[0].review_id
    refused = await asyncio.to_thread(log, "prove", name, "--out", str(tmp_path / "evidence"))
    assert "the log does not prove entry 1" in refused.stderr
    assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize("text", [None, "", "no checkpoint\n", "localhost/reviewer\n1\nAAAA\n\n\u2014 x AAAAAAA=\n"])
async def test_what_is_no_checkpoint_is_wrong_usage(tmp_path: Path, log: Command, text: str | None) -> None:
    """A remembered file that is none of this log's checkpoints ends with status 2 before anything is walked."""
    await reviewed(tmp_path, 1)
    if text is not None:
        (tmp_path / "seen.note").write_text(text, encoding="utf-8")
    result = await asyncio.to_thread(log, "verify", "--since", str(tmp_path / "seen.note"))

    assert result.exit_code == 2
    assert "seen.note" in result.stderr


async def test_another_key_finds_no_head_good(tmp_path: Path, log: Command) -> None:
    """Heads count by the keys that the auditor holds, not by those that lie beside the log."""
    await reviewed(tmp_path, 1)
    own = read_key((await asyncio.to_thread(keys, tmp_path))[0])
    stranger = str(type(own)(own.name, own.type, bytes(32)))
    result = await asyncio.to_thread(log, "verify", "--key", stranger)

    assert result.exit_code == 1
    assert "none of the log's keys signed" in result.stderr
    assert (await asyncio.to_thread(log, "verify", "--key", "nonsense")).exit_code == 2


async def test_a_proof_needs_nothing_of_ours(tmp_path: Path, log: Command) -> None:
    """The command that `prove` prints proves the record with the Python standard library alone, and no other record."""
    names = await reviewed(tmp_path, 3)
    folder = tmp_path / "evidence"
    for name in names:
        result = await asyncio.to_thread(log, "prove", name, "--out", str(folder))
        assert result.exit_code == 0, result.output
        arguments = shlex.split(result.stdout.splitlines()[-1])
        assert arguments[:2] == ["python3", "verify_proof.py"]
        check = [sys.executable, "-I", "-S", str(VERIFIER), *arguments[2:]]
        done = await asyncio.to_thread(subprocess.run, check, cwd=folder, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (
            0,
            f"proved: the record is entry {names.index(name)} of a log of 3 entries\n",
        )
    swapped = [*check[:-1], str(folder / f"{names[0].removeprefix('reviews/')}.record.json")]
    done = await asyncio.to_thread(subprocess.run, swapped, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert (folder / "log.vkey").read_text("utf-8").strip() == (await asyncio.to_thread(keys, tmp_path))[0]


async def test_no_proof_of_what_is_not_there(tmp_path: Path, log: Command) -> None:
    """An unknown review, or one of another tenant, is not proved, and no file is written."""
    (name,) = await reviewed(tmp_path, 1)
    for arguments in (("reviews/none",), (name, "--tenant", "other")):
        result = await asyncio.to_thread(log, "prove", *arguments, "--out", str(tmp_path / "evidence"))
        assert result.exit_code == 1
    assert not (tmp_path / "evidence").exists()


async def test_no_proof_before_a_head(tmp_path: Path, log: Command) -> None:
    """An entry that no head covers yet is not proved, and the message says what to wait for."""
    async with running(tmp_path, ledger={"checkpoint_interval_s": 600}) as service:
        name = (await service.review(subject())).name
        result = await asyncio.to_thread(log, "prove", name, "--out", str(tmp_path / "evidence"))
        assert "no checkpoint covers entry 0 yet" in result.stderr
        assert (await asyncio.to_thread(log, "checkpoint")).exit_code == 1


async def test_a_corrupt_tree_turns_health_off(serve: Serve) -> None:
    """Where the tree contradicts its newest head nothing is signed any more, and health says NOT_SERVING for good."""
    service = await serve(ledger=OFTEN, server={"probe_interval_s": 0.02})
    await service.review(subject())
    await signed(service, 1)
    connection = apsw.Connection(str(service.settings.ledger.path))
    connection.set_busy_timeout(5000)
    connection.execute("DROP TRIGGER tiles_only_grow; UPDATE tiles SET data = zeroblob(32)")
    connection.close()
    await service.review(subject())
    await service.health_turns(health_pb2.HealthCheckResponse.NOT_SERVING)
    async with SqliteLedger(service.settings.ledger.path) as ledger:
        report = await verified(ledger)

    assert report.newest is not None
    assert report.newest.size == 1
    assert report.count
