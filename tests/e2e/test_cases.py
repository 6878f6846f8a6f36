"""Every labelled case through the whole service, with its domain's own rubric and no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from reviewer.client import subject_of_case
from reviewer.simulate.loading import load_script
from reviewer.v1 import finding_pb2
from reviewer.v1.review_pb2 import Review
from tests.support.service import Service, running, verdicts
from tests.support.subjects import RUBRICS, shipped_cases

DOMAINS = sorted(path.parent.name for path in RUBRICS.glob("*/rubric.yaml"))
# The worst answer to a criterion is the one in force: check and critic may both have answered.
WORST_FIRST = ("NOT_MET", "UNCERTAIN", "MET", "NOT_APPLICABLE")


def _own_rubrics(folder: Path) -> Path:
    """Copy the rubrics with a routing in which every intent of a domain runs that domain's rubric alone."""
    directory = folder / "rubrics"
    shutil.copytree(RUBRICS, directory)
    shipped = yaml.safe_load((directory / "routing.yaml").read_text(encoding="utf-8"))
    names = [reviewer["id"] for reviewer in shipped["reviewers"]]
    routes = []
    for domain in DOMAINS:
        intents = sorted({case.intent for name, case in shipped_cases().items() if name.startswith(f"{domain}/")})
        routes.append({**_route(domain, names), "id": domain, "intents": intents})
    default = {**_route("answer_quality", names), "id": "unknown_intent", "intents": ["*"]}
    routing = {"schema": 1, "version": "1.0.0", "reviewers": shipped["reviewers"]} | {"default": default}
    (directory / "routing.yaml").write_text(json.dumps({**routing, "routes": routes}), encoding="utf-8")
    return directory


def _route(domain: str, reviewers: list[str]) -> dict[str, object]:
    return {"domain": domain, "tier": "high", "rubrics": [domain], "reviewers": reviewers}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """One service for all cases."""
    folder = tmp_path_factory.mktemp("cases")
    directory = _own_rubrics(folder)
    async with running(folder, load_script(cases_dir=directory), rubrics={"directory": directory}) as started:
        yield started


def _outcomes(review: Review) -> dict[str, str]:
    """Return the outcome in force for each criterion."""
    found: dict[str, set[str]] = {}
    for finding in review.findings:
        name = finding_pb2.Outcome.Name(finding.outcome).removeprefix("OUTCOME_")
        found.setdefault(finding.criterion, set()).add(name)
    return {criterion: min(names, key=WORST_FIRST.index) for criterion, names in found.items()}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", shipped_cases())
async def test_the_case_comes_out_as_labelled(service: Service, name: str) -> None:
    """Verdict and findings are those that the case's author stated, and what it forbids is not found."""
    case = shipped_cases()[name]
    review = await service.review(subject_of_case(case))
    assert verdicts([review])[0] in case.expect.verdicts, [(r.criterion, r.message) for r in review.reasons]
    outcomes = _outcomes(review)
    assert {criterion: outcomes.get(criterion) for criterion in case.expect.findings} == case.expect.findings
    assert [criterion for criterion in case.expect.forbidden if outcomes.get(criterion) == "NOT_MET"] == []
    assert review.route.id == name.partition("/")[0]


def test_every_domain_has_cases_of_both_kinds() -> None:
    """Each domain has drafts to approve and drafts to stop."""
    for domain in DOMAINS:
        expected = {v for n, c in shipped_cases().items() if n.startswith(f"{domain}/") for v in c.expect.verdicts}
        assert {"APPROVE", "REVISE"} <= expected
