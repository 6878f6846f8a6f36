"""`reviewer receipt`: check the receipt of an approval against a draft, and print the keys to check it with."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import ConfigOption, Exit, errors_end_the_command, fail, out, settings_or_exit
from reviewer.client import draft_digests, read_subject
from reviewer.core.draft import RawDraft
from reviewer.core.errors import ReceiptError
from reviewer.core.receipt import Expectation, objections
from reviewer.log_home import open_identity
from reviewer.receipts import read_jwks, read_receipt

app = typer.Typer(help="Check receipts of approvals.", no_args_is_help=True)


@app.command("verify")
def verify(
    receipt: Annotated[str, typer.Argument(help="File with the receipt; - reads standard input.")],
    keys: Annotated[Path, typer.Option(help="JWK set of the log, as `reviewer receipt keys` prints it.")],
    draft: Annotated[Path | None, typer.Option(help="The text about to be sent, byte for byte.")] = None,
    subject: Annotated[
        Path | None, typer.Option(help="The request in protobuf's JSON form, for drafts with tool calls or sources.")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="Origin that the log must have.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant that it must be of.")] = None,
    allow_simulated: Annotated[bool, typer.Option(help="Accept approvals by simulated models.")] = False,
) -> None:
    """Say whether a receipt covers a draft. Exit status: 0 it does, 1 it does not."""
    if (draft is None) == (subject is None):
        fail("give either --draft or --subject", Exit.USAGE)
    try:
        digest, sources = _digests(draft, subject)
        token = sys.stdin.read() if receipt == "-" else Path(receipt).read_text(encoding="utf-8")
        key_set = read_jwks(keys.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        fail(str(exc), Exit.USAGE)
    except ReceiptError as exc:
        fail(str(exc), Exit.USAGE)
    with errors_end_the_command():
        claims = read_receipt(token.strip(), key_set)
        expected = Expectation(digest, datetime.now(UTC), origin, tenant, sources, simulated=allow_simulated)
        if told := objections(claims, expected):
            fail("; ".join(told))
    out.print(f"good: {claims.sub} of {claims.iss} approved this draft for {claims.tenant}", markup=False)
    out.print(f"entry {claims.index} of the log, leaf {claims.leaf}", markup=False)


@app.command("keys")
def keys(config: ConfigOption = None) -> None:
    """Print the JWK set that receipts are checked with."""
    with errors_end_the_command():
        identity = open_identity(settings_or_exit(config))
    typer.echo(json.dumps(identity.jwks(), indent=2))


def _digests(draft: Path | None, subject: Path | None) -> tuple[str, str | None]:
    """Return the digest of the draft, and of its sources where they are known.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8, or not a request.
    """
    if draft is not None:
        return RawDraft(draft.read_bytes().decode("utf-8")).digest(), None
    if subject is not None:
        return draft_digests(read_subject(subject.read_text(encoding="utf-8")))
    raise ValueError("no draft")
