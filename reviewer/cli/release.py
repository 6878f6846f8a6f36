"""`reviewer release`: put rules together, have them approved of, and put them in force.

Bundles and signatures are files; what is in force stands in the verdict log, and every service on it follows.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from reviewer.app import rubric_directory
from reviewer.cli.console import ConfigOption, Exit, LogPathOption, errors_end_the_command, fail, out, settings_or_exit
from reviewer.cli.log_files import settings_for
from reviewer.cli.release_stages import check_words, promote, rollback
from reviewer.cli.release_status import status
from reviewer.config import Settings
from reviewer.core import sshsig
from reviewer.core.approval import fingerprint
from reviewer.core.ids import uuid7
from reviewer.core.release import Release, is_digest, release_name
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, Told
from reviewer.core.rollout import course_of
from reviewer.core.sshsig import SshSignature
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.log_home import open_records
from reviewer.rubrics.approved import open_release, read_policy, require_approval
from reviewer.rubrics.release_files import Bundle, load_release, read_bundle, read_folder, write_bundle, write_signature
from reviewer.rules_section import RulesSettings
from reviewer.signing import read_private_key

app = typer.Typer(help="Build, sign, check, try and activate releases of the rules.", no_args_is_help=True)
app.command("promote")(promote)
app.command("rollback")(rollback)
app.command("status")(status)

Named = Annotated[str, typer.Argument(help="A bundle, or the digest of one in the folder of releases.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("build")
def build(
    by: Annotated[str, typer.Option(help="Who puts it together; may not approve of it, unless the settings say so.")],
    directory: Annotated[Path | None, typer.Argument(help="Rule folder; default: that of the settings.")] = None,
    into: Annotated[Path | None, typer.Option("--out", help="Folder; default: that of the settings.")] = None,
    config: ConfigOption = None,
) -> None:
    """Make a bundle of a rule folder that loads without a fault, and print its digest."""
    settings = settings_or_exit(config)
    folder = into or settings.rules.releases or Path("releases")
    with errors_end_the_command():
        release = read_folder(directory or rubric_directory(settings), by)
        load_release(release, datetime.now(UTC).date(), with_cases=True)
        write_bundle(folder, release)
    typer.echo(release.digest)


@app.command("show")
def show(name: Named, json_: Json = False, config: ConfigOption = None) -> None:
    """List what a bundle holds, and who has signed it, whoever that is."""
    with errors_end_the_command():
        bundle = _bundle(name, settings_or_exit(config).rules)
    if json_:
        typer.echo(bundle.release.manifest.decode())
        return
    release = bundle.release
    out.print(f"{release.name}\nbuilt by {release.built_by}, for prompt version {release.prompt_version}", markup=False)
    table = Table("file", "bytes")
    for path, data in release.files.items():
        table.add_row(path, f"{len(data):,}")
    out.print(table)
    for file, text in bundle.signatures.items():
        out.print(f"{file}: {_signer(text)}", markup=False)


@app.command("sign")
def sign(
    name: Named,
    key: Annotated[Path, typer.Option(help="Ed25519 key of your own: OpenSSH's, or PKCS #8 in PEM.")],
    config: ConfigOption = None,
) -> None:
    """Approve of a bundle: what `ssh-keygen -Y sign -n oversight-reviewer-release` does, with the file put in place."""
    settings = settings_or_exit(config).rules
    with errors_end_the_command():
        bundle = _bundle(name, settings)
        private = read_private_key(key, _passphrase)
        public = private.public.raw
        signature = SshSignature(public, private.private.sign(sshsig.signed_data(bundle.data)))
        file = fingerprint(public).removeprefix("SHA256:").replace("/", "_").replace("+", "-")
        path = write_signature(_folder(name, settings), bundle.release.digest, file, sshsig.write(signature))
    out.print(f"{path} by {fingerprint(public)}", markup=False)


@app.command("verify")
def verify(name: Named, json_: Json = False, config: ConfigOption = None) -> None:
    """Say whether enough people have approved of a bundle, now. Exit status: 0 they have, 2 not, with every reason."""
    settings = settings_or_exit(config).rules
    with errors_end_the_command():
        bundle = _bundle(name, settings)
        found = require_approval(bundle, read_policy(settings), datetime.now(UTC))
    if json_:
        told = {"release": bundle.release.digest, "approvals": found.by, "refused": [str(one) for one in found.refused]}
        typer.echo(json.dumps(told, indent=2))
        return
    for fault in found.refused:
        out.print(f"not counted: {fault}", markup=False)
    out.print(f"{bundle.release.name} is approved by {', '.join(found.by)}", markup=False)


@app.command("activate")
def activate(
    digest: Annotated[str, typer.Argument(help="Of a release in the folder of releases.")],
    by: Annotated[str, typer.Option(help="Who asks for it; stays in the log.")],
    reason: Annotated[str, typer.Option(help="Why; stays in the log.")],
    path: LogPathOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a release in force, for every service on the log; an earlier one again is a rollback."""
    check_words(by, reason)
    settings = settings_for(path, config)
    now = datetime.now(UTC)
    with errors_end_the_command():
        release, approvals = open_release(settings.rules, digest.removeprefix("releases/"), now)
        load_release(release, now.date(), with_cases=True)
        event = asyncio.run(_activate(settings, release, approvals, (by, reason), now))
    out.print(f"{release.name} is in force ({event.action}); approved by {', '.join(approvals)}", markup=False)


@app.command("log")
def log(json_: Json = False, path: LogPathOption = None, config: ConfigOption = None) -> None:
    """List what was in force, the oldest first."""
    with errors_end_the_command():
        told = asyncio.run(_events(settings_for(path, config)))
    for index, event in [(one.index, one.event) for one in told]:
        line = {
            "index": index,
            "time": event.time.isoformat(),
            "action": event.action,
            "release": event.digest,
            "source": event.source,
            "by": event.by,
            "reason": event.reason,
            "approvals": event.approvals,
            "stage": event.stage,
            "routes": event.routes,
            "percent": event.percent,
        }
        typer.echo(json.dumps(line) if json_ else f"{index:>8} {event.time:%Y-%m-%d %H:%M:%S} {_told(event)}")


def _told(event: ReleaseEvent) -> str:
    approved = f", approved by {', '.join(event.approvals)}" if event.approvals else ""
    where = (
        "" if event.stage == "full" and not event.routes else f" {event.stage} on {', '.join(event.routes) or 'all'}"
    )
    share = f" for {event.percent} %" if event.percent != 100 else ""
    return f"{event.action} {event.digest[:12]} ({event.source}){where}{share} by {event.by}: {event.reason}{approved}"


async def _activate(
    settings: Settings, release: Release, approvals: tuple[str, ...], word: tuple[str, str], now: datetime
) -> ReleaseEvent:
    async with open_records(settings) as ledger:
        earlier = await events_since(ledger, 0)
        course = course_of(earlier)
        last = course.base
        if last is not None and last.event.digest == release.digest and not (course.by_route or course.trials):
            fail(f"{release_name(release.digest)} is in force already")
        again = any(one.event.digest == release.digest and one.event.stage == "full" for one in earlier)
        action = ReleaseAction.ROLLBACK if again else ReleaseAction.ACTIVATE
        previous = last.event.digest if last else ""
        identity = str(uuid7(now, os.urandom(10)))
        event = ReleaseEvent(action, identity, now, release.digest, previous, *word, approvals=approvals)
        await ReleaseLog(ledger).tell(event)
        return event


async def _events(settings: Settings) -> list[Told]:
    async with open_records(settings) as ledger:
        return sorted(await events_since(ledger, 0), key=lambda one: one.index)


def _folder(name: str, settings: RulesSettings) -> Path:
    """Return the folder that a bundle lies in: its own where it is named by its path, else that of the settings."""
    path = Path(name)
    if path.suffix == ".release":
        return path.parent
    if settings.releases is None:
        fail("name the bundle's file, or set rules.releases", Exit.USAGE)
    return settings.releases


def _bundle(name: str, settings: RulesSettings) -> Bundle:
    digest = Path(name.removeprefix("releases/") if is_digest(name.removeprefix("releases/")) else name).stem
    if not is_digest(digest):
        fail(f"{name} is neither a digest nor a file named for one", Exit.USAGE)
    return read_bundle(_folder(name, settings), digest)


def _signer(text: str) -> str:
    try:
        return fingerprint(sshsig.read(text).public)
    except ValueError as exc:
        return str(exc)


def _passphrase() -> bytes:
    word: str = typer.prompt("passphrase", hide_input=True, err=True)
    return word.encode()
