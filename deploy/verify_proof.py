"""Check, offline and with nothing but the Python standard library, that a record stands in a verdict log.

Shares no code with the service on purpose: it is written from the published formats alone, so that the service's own
mistakes are not repeated here. RFC 8032 (Ed25519), RFC 6962 / RFC 9162 (tree), C2SP signed-note, tlog-checkpoint and
tlog-proof. Exit status: 0 proved, 1 not proved, 2 cannot be read.

    python3 verify_proof.py --key 'example.com/log+1a2b3c4d+AZ...' entry.tlog-proof entry.record.json
    python3 verify_proof.py --key ... proof record --content review.json --content-key 00ff...
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Sequence
from pathlib import Path

Point = tuple[int, int, int, int]

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE = (4 * pow(5, P - 2, P) % P).to_bytes(32, "little")


class NotProvedError(Exception):
    """The record is not proved to stand in the log; the text says why."""


def recover_x(y: int, odd: int) -> int | None:
    """Return the x of a point on edwards25519 by its y and the parity of x, or None where there is no such point."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and odd):
        return None
    return P - x if x & 1 != odd else x


def add(first: Point, second: Point) -> Point:
    """Add two points in extended coordinates (x, y, z, t)."""
    a = (first[1] - first[0]) * (second[1] - second[0]) % P
    b = (first[1] + first[0]) * (second[1] + second[0]) % P
    c = 2 * first[3] * second[3] * D % P
    d = 2 * first[2] * second[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    """Multiply a point."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def point_of(data: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, or None."""
    number = int.from_bytes(data, "little")
    odd, y = number >> 255, number & (2**255 - 1)
    x = recover_x(y, odd) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature over a message is that of a public key (RFC 8032, 5.1.7)."""
    if len(signature) != 64 or len(public) != 32:
        return False
    base, key, commitment = point_of(BASE), point_of(public), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if base is None or key is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = times(scalar, base), add(commitment, times(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


def unbase64(text: str) -> bytes:
    """Decode base64 in its one canonical form (RFC 4648, 3.5): one signature must not have two spellings."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 is not canonical")
    return data


def head_of(note: str, key_line: str) -> tuple[int, bytes]:
    """Return (size, root) of a signed checkpoint, once the key's signature has been found good."""
    name, key_id, encoded = key_line.strip().split("+", 2)
    key = unbase64(encoded)
    if hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id or key[0] != 1:
        raise NotProvedError("the key's id does not fit the key")
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    for line in lines.splitlines():
        dash, signer, blob = line.split(" ")
        data = unbase64(blob)
        if dash == "\u2014" and signer == name and data[:4].hex() == key_id:
            if not signed(key[1:], text.encode(), data[4:]):
                raise NotProvedError("the checkpoint's signature does not verify")
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise NotProvedError("the checkpoint is of another log")
            return int(size), unbase64(root)
    raise NotProvedError("this key did not sign the checkpoint")


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a leaf and its path lead to: at each level the sibling stands left or right of us."""
    node, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            raise NotProvedError("the proof is too long")
        if index % 2 == 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index // 2, last // 2
    if last:
        raise NotProvedError("the proof is too short")
    return node


def check(proof: str, record: bytes, key_line: str) -> tuple[int, int]:
    """Return (index, size) where a proof shows a record to stand.

    Raises:
        NotProvedError: it does not.
        ValueError: something is not in its format.
    """
    head, _, checkpoint = proof.partition("\n\n")
    lines = [line for line in head.split("\n") if not line.startswith("extra ")]
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        raise ValueError("this is not a tlog-proof")
    index = int(lines[1].removeprefix("index "))
    path = [unbase64(line) for line in lines[2:]]
    size, root = head_of(checkpoint, key_line)
    if not 0 <= index < size:
        raise NotProvedError(f"the log has {size} entries, none at {index}")
    if root_from(hashlib.sha256(b"\x00" + record).digest(), index, size, path) != root:
        raise NotProvedError(f"the record does not stand at index {index}")
    return index, size


def check_content(record: bytes, content: bytes, content_key: bytes) -> None:
    """Hold a content against the commitment in its record."""
    commitment = hmac.new(content_key, content, hashlib.sha256).hexdigest()
    if json.loads(record)["content_commitment"] != commitment:
        raise NotProvedError("the content is not the one that the record commits to")


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Prove that a record stands in a verdict log.")
    parser.add_argument("proof", type=Path, help="the .tlog-proof file")
    parser.add_argument("record", type=Path, help="the record, byte for byte")
    parser.add_argument("--key", required=True, help="the log's public key: name+id+key")
    parser.add_argument("--content", type=Path, help="the content that the record commits to")
    parser.add_argument("--content-key", help="its key, in hex")
    options = parser.parse_args(arguments)
    try:
        record = options.record.read_bytes()
        index, size = check(options.proof.read_text(encoding="utf-8"), record, options.key)
        if options.content:
            check_content(record, options.content.read_bytes(), bytes.fromhex(options.content_key or ""))
    except NotProvedError as reason:
        print(f"NOT PROVED: {reason}")
        return 1
    except (OSError, ValueError, IndexError, KeyError) as problem:
        print(f"cannot be read: {type(problem).__name__}")
        return 2
    print(f"proved: the record is entry {index} of a log of {size} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
