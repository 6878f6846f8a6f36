"""`reviewer demo`: real drafts over a real port, from verdict to log."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from reviewer import telemetry
from reviewer.app import rubric_directory
from reviewer.cli.console import ConfigOption, errors_end_the_command, fail, out, settings_or_exit
from reviewer.cli.render import log_table, review_panel
from reviewer.cli.service import running
from reviewer.client import CallFailedError, ReviewClient, ReviewSubject, subject_of_case
from reviewer.config import Settings
from reviewer.core.case import Case
from reviewer.core.search import EVERYTHING, Order
from reviewer.log_home import create_log
from reviewer.rubrics.load import load_cases

SAMPLES = (
    "health/chest_pressure_911_first",
    "health/dipirona_dose_fora_da_bula",
    "health/chest_tightness_antacid",
    "finance/tesouro_selic_custos",
    "finance/fundo_te_garanto",
    "security/log4j_versao_insuficiente",
    "legal/arrependimento_tenis_online",
    "tool_use/broken_mug_refund",
    "answer_quality/zombie_process_refused",
)
"""Cases shown, in this order; a test holds that they exist and cover all three verdicts."""
IN_AN_OUTAGE = "security/xz_affected_server"
"""Shown last: a good draft while the (simulated) second model is down."""


def demo(
    config: ConfigOption = None,
    keep_log: Annotated[
        Path | None, typer.Option(help="Write the log here instead of throwing it away.", show_default=False)
    ] = None,
) -> None:
    """Review sample drafts: against the real second model where a key is set, else against the simulated one."""
    settings = settings_or_exit(config)
    telemetry.configure("error", settings.log.format)
    real = bool(settings.providers.anthropic.api_key or settings.providers.openai.api_key)
    with tempfile.TemporaryDirectory() as folder, errors_end_the_command():
        path = keep_log or Path(folder) / "demo-log.db"
        local = settings.model_copy(
            update={
                "server": settings.server.model_copy(update={"address": "127.0.0.1:0"}),
                "ledger": settings.ledger.model_copy(update={"store": "sqlite", "path": path}),
                # The log shown at the end holds the drafts shown, and nothing that chance added.
                "canary": settings.canary.model_copy(update={"percent": 0}),
            }
        )
        create_log(local)
        asyncio.run(_show(local, simulate=not real))


async def _show(settings: Settings, *, simulate: bool) -> None:
    cases = sample_cases(rubric_directory(settings))
    outage_on = cases[-1].draft.text[:60] if simulate else ""
    async with running(settings, simulate=simulate, outage_on=outage_on) as app:
        model = "the simulated second model (no key is set)" if simulate else "the real second model"
        out.print(f"Reviewing {len(cases)} drafts over gRPC at {app.server.address} with {model}.")
        out.print("During the last one it is down, which is a verdict and not an error.\n" if simulate else "")
        async with ReviewClient(app.server.address, timeout_s=120) as client:
            for case in cases:
                subject = subject_of_case(case)
                if not simulate and not settings.providers.anthropic.api_key:
                    _let_another_family_draft(subject)
                try:
                    review = await client.review(subject)
                except CallFailedError as exc:
                    fail(str(exc))
                asked = next((turn.text for turn in reversed(case.conversation) if turn.role == "user"), "")
                draft = case.draft.text or ", ".join(call.name for call in case.draft.tool_calls)
                out.print(review_panel(review, asked=asked, draft=draft))
        entries = await app.ledger.search(EVERYTHING, Order.OLDEST, None, len(cases))
        out.print("\nThe verdict log, as an auditor lists it:\n")
        out.print(log_table(entries))


def sample_cases(directory: Path) -> tuple[Case, ...]:
    """Return the sample cases from the rubrics' own files."""
    known: Mapping[str, Case] = {
        f"{file.rubric}/{case.id}": case for _, file in load_cases(directory) for case in file.cases
    }
    return tuple(known[name] for name in (*SAMPLES, IN_AN_OUTAGE) if name in known)


def _let_another_family_draft(subject: ReviewSubject) -> None:
    """With a key for GPT alone the drafts must come from another family, or every one would be handed off."""
    subject.draft.model.provider, subject.draft.model.model = "anthropic", "claude-opus-4-6"
