"""A scaffolded domain, served: its cases come out as they say, before anybody has edited them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reviewer.client import subject_of_case
from reviewer.rubrics.load import load_cases
from reviewer.rubrics.scaffold import scaffold
from reviewer.simulate.loading import load_script
from reviewer.v1 import finding_pb2
from tests.support.service import running, verdicts
from tests.support.subjects import RUBRICS


@pytest.mark.asyncio
async def test_the_cases_of_a_new_domain_pass(tmp_path: Path) -> None:
    """Every case of a new domain gets one of its verdicts and the findings that it names, in both languages."""
    rules = Path(shutil.copytree(RUBRICS, tmp_path / "rules"))
    scaffold(rules, "tenancy", datetime.now(UTC).date(), append=True)
    cases = [case for path, file in load_cases(rules) if path.is_relative_to(rules / "tenancy") for case in file.cases]
    script = load_script(cases_dir=rules / "tenancy")

    assert {case.locale for case in cases} == {"en-US", "pt-BR"}
    async with running(tmp_path, script, rubrics={"directory": rules}) as service:
        for case in cases:
            review = await service.review(subject_of_case(case))
            assert verdicts([review])[0] in case.expect.verdicts, (case.id, [r.message for r in review.reasons])
            found = {
                (f.criterion, finding_pb2.Outcome.Name(f.outcome).removeprefix("OUTCOME_")) for f in review.findings
            }
            assert set(case.expect.findings.items()) <= found, case.id
            assert not found & {(criterion, "NOT_MET") for criterion in case.expect.forbidden}, case.id
