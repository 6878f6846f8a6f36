"""A calibration as one page that needs nothing else: no script, no font, no address."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from reviewer.cli.calibration_json import Told
from reviewer.core.labels import CRITERION_OUTCOMES, VERDICT_OUTCOMES


def calibration_page(told: dict[str, Told]) -> str:
    """Write the page of a calibration that `calibration_told` told; every value is escaped."""
    environment = Environment(
        loader=PackageLoader("reviewer.cli"), autoescape=True, undefined=StrictUndefined, auto_reload=False
    )
    template = environment.get_template("calibration.html")
    return template.render(told=told, verdicts=VERDICT_OUTCOMES, outcomes=CRITERION_OUTCOMES)
