"""`reviewer log monitor` over real HTTP: a log that grows is well, one that was rewritten, cut or forked is caught."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reviewer.cli.main import app
from reviewer.core.checkpoint import read_checkpoint
from reviewer.core.note import ED25519, VerifierKey, read
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.ledger.witnessing import Witnessing
from reviewer.public_sections import Witness, WitnessSettings
from reviewer.serving.http_face import HttpFace, Page
from reviewer.serving.public_log import PublicLog
from tests.support.builders import entry
from tests.support.forger import Forger, Row
from tests.support.signed_log import IDENTITY, append_all, integrate_all
from tests.support.witness import LoopbackWitness, listening

KEY = IDENTITY.verifier_keys()[0]


@dataclass
class Watched:
    """A log that is served now and then, and its monitor."""

    folder: Path
    size: int = 0

    @property
    def path(self) -> Path:
        return self.folder / "log.db"

    @property
    def state(self) -> Path:
        return self.folder / "seen.note"

    async def grow(self, size: int) -> None:
        """Append and sign."""
        async with SqliteLedger(self.path) as ledger:
            await append_all(ledger, [entry(number) for number in range(self.size, size)])
            await integrate_all(ledger)
        self.size = size

    @asynccontextmanager
    async def served(self, *witnesses: LoopbackWitness, quorum: int = 0) -> AsyncIterator[str]:
        """Serve the log; yields its URL."""
        keys = [witness.key for witness in witnesses]
        async with SqliteLedger(self.path) as ledger:
            pages = PublicLog(ledger, IDENTITY, keys, quorum, clock=asyncio.get_running_loop().time).pages
            async with HttpFace("monitor", "127.0.0.1:0", pages) as face:
                yield f"http://{face.address}"

    async def look(self, *options: str, key: VerifierKey = KEY, url: str = "") -> Result:
        """Serve the log and have the command look at it."""
        async with AsyncExitStack() as stack:
            url = url or await stack.enter_async_context(self.served())
            arguments = ["log", "monitor", url, "--key", str(key), "--state", str(self.state), *options]
            return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    def seen(self) -> int:
        """Size of the checkpoint that is remembered."""
        return read_checkpoint(read(self.state.read_text("utf-8")).text).size

    def rewrite(self, size: int, changed: int | None = None) -> None:
        """With the signing key: have another log of this size, with everything put right but the past."""
        with Forger(self.path) as forger:
            rows = forger.rows()[:size]
            if changed is not None:
                rows[changed] = _other(rows[changed])
            forger.put(rows)
            forger.resign(forger.rebuild_tiles(rows, len(rows)), [len(rows)])
        self.size = size


def _other(row: Row) -> Row:
    other = row.record.replace(b'"tenant":"', b'"tenant":"not-')
    assert other != row.record
    return row.saying(other)


@pytest.fixture
async def log(tmp_path: Path) -> Watched:
    """A log of 300 entries."""
    create(tmp_path / "log.db")
    watched = Watched(tmp_path)
    await watched.grow(300)
    return watched


async def test_a_log_that_grows_is_well(log: Watched) -> None:
    """At the first look, while nothing happens, and over growth within a tile and over several."""
    first = await log.look()
    assert (first.exit_code, log.seen()) == (0, 300), first.output
    assert "seen for the first time" in first.stdout
    assert (await log.look()).exit_code == 0
    for size in (301, 512, 513, 800):
        await log.grow(size)
        grown = await log.look()
        assert (grown.exit_code, log.seen()) == (0, size), grown.output
        assert "it begins with the" in grown.stdout


async def test_only_what_is_new_is_read(log: Watched) -> None:
    """A later look asks for the tiles of level 0 from the remembered size on, and few above."""
    await log.grow(1_100)
    assert (await log.look()).exit_code == 0
    await log.grow(1_300)
    asked: list[str] = []
    async with SqliteLedger(log.path) as ledger:
        pages = dict(PublicLog(ledger, IDENTITY).pages)
        tile = pages["/tile/"]

        async def noting(path: str) -> Page | None:
            asked.append(path)
            return await tile(path)

        async with HttpFace("monitor", "127.0.0.1:0", {**pages, "/tile/": noting}) as face:
            assert (await log.look(url=f"http://{face.address}")).exit_code == 0

    assert sorted(asked) == ["/tile/0/004", "/tile/0/005.p/20", "/tile/1/000.p/5"]


@pytest.mark.parametrize("changed", [0, 255, 256, 299])
@pytest.mark.parametrize("size", [300, 600])
async def test_a_rewritten_suffix_is_caught(log: Watched, changed: int, size: int) -> None:
    """With the key and every hash put right, a record under the remembered checkpoint cannot be another one."""
    assert (await log.look()).exit_code == 0
    before = log.state.read_bytes()
    await log.grow(600)
    log.rewrite(size, changed)
    caught = await log.look()

    assert caught.exit_code == 1
    assert "does not begin with the 300 entries" in caught.stderr
    assert log.state.read_bytes() == before
    kept = log.folder / "seen.note.contradiction"
    assert read_checkpoint(read(kept.read_text("utf-8")).text).size == size


async def test_what_was_not_seen_can_be_rewritten(log: Watched) -> None:
    """A suffix that no monitor has seen is nobody's to miss: hence look often."""
    assert (await log.look()).exit_code == 0
    await log.grow(600)
    log.rewrite(600, 450)

    assert (await log.look()).exit_code == 0


async def test_a_rollback_is_caught(log: Watched) -> None:
    """A log that is smaller than it was, though it begins alike."""
    assert (await log.look()).exit_code == 0
    log.rewrite(280)
    caught = await log.look()

    assert caught.exit_code == 1
    assert "rolled back: it has 280 entries, and had 300" in caught.stderr
    assert log.seen() == 300


async def test_hashes_that_do_not_lead_to_the_checkpoint_are_caught(log: Watched) -> None:
    """Tiles of another tree than the signed one are seen at the first look too."""
    with Forger(log.path) as forger:
        forger.connection.execute("UPDATE tiles SET data = zeroblob(length(data)) WHERE level = 0 AND idx = 1")
    caught = await log.look()

    assert caught.exit_code == 1
    assert "do not lead to the checkpoint of 300" in caught.stderr
    assert not log.state.exists()


async def test_another_key_signed_nothing(log: Watched) -> None:
    """A checkpoint counts by the key that the monitor holds, and a state that it did not sign is wrong usage."""
    stranger = VerifierKey(KEY.name, ED25519, bytes(31) + b"\x01")
    assert (await log.look(key=stranger)).exit_code == 1
    assert not log.state.exists()
    assert (await log.look()).exit_code == 0
    assert (await log.look(key=stranger)).exit_code == 2
    log.state.write_text("no note\n", encoding="utf-8")
    assert (await log.look()).exit_code == 2
    assert (await log.look("--witness-key", str(KEY))).exit_code == 2
    assert (await log.look("--quorum", "1")).exit_code == 2


async def test_no_answer_is_no_verdict(log: Watched) -> None:
    """A log that cannot be reached, has no checkpoint, or lacks a tile ends with a status of its own."""
    assert (await log.look(url="http://127.0.0.1:1")).exit_code == 4
    with Forger(log.path) as forger:
        forger.connection.execute("DELETE FROM tiles WHERE level = 0 AND idx = 0")
    silent = await log.look()
    assert (silent.exit_code, log.state.exists()) == (4, False)
    assert "tile/0/000" in silent.stderr


async def test_a_quorum_is_asked_for(log: Watched) -> None:
    """Below the quorum a checkpoint is not believed; the log shows none but those that have it, where it is told to."""
    async with AsyncExitStack() as stack:
        made = [LoopbackWitness(f"w{number}.example/w", KEY) for number in range(2)]
        witnesses = [await stack.enter_async_context(listening(one)) for one in made]
        options = [part for witness in witnesses for part in ("--witness-key", str(witness.key))]
        assert "0 of the witnesses cosigned" in (await log.look(*options)).stderr
        settings = WitnessSettings(witnesses=tuple([Witness(**one.settings) for one in witnesses]), interval_s=0.02)
        async with SqliteLedger(log.path) as ledger, Witnessing(ledger, settings):
            for witness in witnesses:
                await witness.answers(1)
            async with asyncio.timeout(20):
                while len(await ledger.tree.cosignatures(300, 10)) < 2:  # noqa: ASYNC110 - a table has no event
                    await asyncio.sleep(0.01)
        await log.grow(310)
        assert "0 of the witnesses cosigned" in (await log.look(*options)).stderr
        assert "1 are wanted" in (await log.look(*options, "--quorum", "1")).stderr
        async with log.served(*witnesses, quorum=2) as url:
            well = await log.look(*options, url=url)
        printed = await asyncio.to_thread(
            CliRunner().invoke, app, ["log", "checkpoint", "--size", "300", "--path", str(log.path)]
        )
        verify = ["log", "verify", "--path", str(log.path), "--key", str(KEY)]
        verified = await asyncio.to_thread(CliRunner().invoke, app, [*verify, *options, "--quorum", "2"])
        stranger = ["--witness-key", str(LoopbackWitness("w9.example/w", KEY).key)]
        refused = await asyncio.to_thread(CliRunner().invoke, app, [*verify, *stranger])

    assert (well.exit_code, log.seen()) == (0, 300), well.output
    assert "cosigned by w0.example/w, w1.example/w" in well.stdout
    assert [one.name for one in read(printed.stdout).signatures] == [KEY.name, "w0.example/w", "w1.example/w"]
    assert "the first 300 entries cosigned by w0.example/w, w1.example/w" in verified.stdout
    assert refused.exit_code == 1
    assert "no checkpoint of the log is cosigned by 1 of 1 witnesses" in refused.stderr


async def test_verify_begins_where_it_is_told_to(log: Watched) -> None:
    """`verify --from` takes what `--remember` or a monitor wrote, walks what follows, and says what it left out."""
    assert (await log.look()).exit_code == 0
    await log.grow(700)
    arguments = ["log", "verify", "--path", str(log.path), "--key", str(KEY), "--from", str(log.state)]
    well = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    log.rewrite(700, 10)
    caught = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    log.state.write_text("nothing\n", encoding="utf-8")
    wrong = await asyncio.to_thread(CliRunner().invoke, app, arguments)

    assert well.exit_code == 0, well.output
    assert "records before 256 not walked again" in well.stdout
    assert caught.exit_code == 1
    assert (wrong.exit_code, "--from: seen.note" in wrong.stderr) == (2, True)
