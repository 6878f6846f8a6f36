"""A witness on loopback, after the words of C2SP tlog-witness: it checks signatures and proofs by code of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reviewer.core.note import COSIGNATURE, VerifierKey

TIMESTAMP = 1_800_000_000


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def folded(old: int, new: int, proof: list[bytes], old_root: bytes, *, whole: bool = True) -> tuple[bytes, bytes]:
    """Return old and new root as RFC 6962, 2.1.2, has a proof lead to them; uses the proof up from its end."""
    if old == new:
        root = old_root if whole else proof.pop()
        return root, root
    left = 1
    while left * 2 < new:
        left *= 2
    beside = proof.pop()
    if old <= left:
        older, newer = folded(old, left, proof, old_root, whole=whole)
        return older, _node(newer, beside)
    older, newer = folded(old - left, new - left, proof, old_root, whole=False)
    return _node(beside, older), _node(beside, newer)


@dataclass(slots=True)
class LoopbackWitness:
    """A witness of one log.

    Attributes:
        log: the key that signs its checkpoints.
        seen: size and root of what it cosigned last.
        statuses: of all answers, in order.
        broken: status to answer with instead of looking; 0 looks.
        forging: it signs something else.
        mute: it never answers.
        answered: released for every answer.
        url: submission prefix, known while it listens.
    """

    name: str
    log: VerifierKey
    seen: tuple[int, bytes] = (0, b"")
    statuses: list[int] = field(default_factory=list)
    broken: int = 0
    forging: bool = False
    mute: bool = False
    answered: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    url: str = ""

    @property
    def secret(self) -> Ed25519PrivateKey:
        """The key, a function of the name."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())

    @property
    def key(self) -> VerifierKey:
        """The public key."""
        return VerifierKey(self.name, COSIGNATURE, self.secret.public_key().public_bytes_raw())

    @property
    def settings(self) -> dict[str, str]:
        """The entry of `witness.witnesses`."""
        return {"url": self.url, "key": str(self.key)}

    async def answers(self, count: int) -> None:
        """Wait for so many further answers."""
        async with asyncio.timeout(20):
            for _ in range(count):
                await self.answered.acquire()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one add-checkpoint."""
        text = (await request.read()).decode()
        if self.mute:
            await asyncio.Event().wait()
        response = web.Response(status=self.broken) if self.broken else self._look(text)
        self.statuses.append(response.status)
        self.answered.release()
        return response

    def _look(self, text: str) -> web.Response:  # noqa: PLR0911 - one an answer of the specification
        head, _, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        body, _, signatures = checkpoint.rpartition("\n\n")
        origin, size_line, root_line = body.split("\n")[:3]
        if origin != self.log.name:
            return web.Response(status=404)
        if not self._signed(body + "\n", signatures):
            return web.Response(status=403)
        old, size = int(first.removeprefix("old ")), int(size_line)
        root, proof = base64.b64decode(root_line), [base64.b64decode(line) for line in lines]
        if old > size:
            return web.Response(status=400)
        if old != self.seen[0]:
            content = f"{self.seen[0]}\n".encode()
            return web.Response(status=409, body=content, headers={"Content-Type": "text/x.tlog.size"})
        if old == size and root != self.seen[1]:
            return web.Response(status=409)
        if not self._follows(old, size, proof, root):
            return web.Response(status=422)
        self.seen = (size, root)
        return web.Response(text=self._line(body + "\n"))

    def _follows(self, old: int, size: int, proof: list[bytes], root: bytes) -> bool:
        if old in (0, size):
            return not proof
        try:
            return folded(old, size, proof, self.seen[1]) == (self.seen[1], root) and not proof
        except IndexError:
            return False

    def _signed(self, body: str, lines: str) -> bool:
        for line in lines.splitlines():
            _, name, encoded = line.split(" ")
            data = base64.b64decode(encoded)
            if name == self.log.name and data[:4] == self.log.key_id:
                try:
                    Ed25519PublicKey.from_public_bytes(self.log.public).verify(data[4:], body.encode())
                except InvalidSignature:
                    return False
                return True
        return False

    def _line(self, body: str) -> str:
        message = f"cosignature/v1\ntime {TIMESTAMP}\n{body}{'x' * self.forging}".encode()
        value = self.key.key_id + TIMESTAMP.to_bytes(8, "big") + self.secret.sign(message)
        return f"\u2014 {self.name} {base64.b64encode(value).decode()}\n"


@asynccontextmanager
async def listening(witness: LoopbackWitness) -> AsyncIterator[LoopbackWitness]:
    """Have a witness listen on a free port."""
    app = web.Application()
    app.router.add_post("/add-checkpoint", witness.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        witness.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield witness
    finally:
        await runner.cleanup()
        # What was closed is told so in the loop's next turn.
        await asyncio.sleep(0)
