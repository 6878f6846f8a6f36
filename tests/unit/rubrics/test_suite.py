from __future__ import annotations

from reviewer.core.case import Case
from reviewer.rubrics.load import load_cases
from reviewer.rubrics.recordings import Library
from reviewer.rubrics.results import Mode, Status, Wording
from reviewer.rubrics.selection import Selector
from reviewer.rubrics.suite import Suite
from tests.support.subjects import RUBRICS
from tests.support.trials import CRITERION, PROMISE, FickleReviewer, case, placed, run, sensitive, suite, written


def _library(recorded: Suite) -> Library:
    return Library({name: list(kept) for name, kept in recorded.made.items()})


async def test_cases_that_come_out_as_expected_pass() -> None:
    """A run in which every case gets its verdict and findings passes, and says that it was simulated."""
    result = await run(suite(Mode.SIMULATED), placed(written()), placed(sensitive(), "known_sensitive"))
    assert result.passed
    assert result.trials[0].verdict == "APPROVE"
    assert result.simulated
    assert result.title == "simulated"


async def test_another_outcome_is_told_side_by_side() -> None:
    """What did not come out as expected says what was expected, what came, and why."""
    wrong = sensitive()
    wrong["expect"] = {"verdicts": ["APPROVE"], "findings": {CRITERION: "MET"}, "forbidden": [CRITERION]}
    result = await run(suite(Mode.SIMULATED), placed(wrong))
    (trial,) = result.trials
    assert trial.status is Status.FAILED
    assert [wrong.about for wrong in trial.mismatches] == ["verdict", CRITERION, CRITERION]
    assert (trial.mismatches[1].expected, trial.mismatches[1].why) == ("MET", ("It promises.",))
    assert trial.mismatches[1].got.startswith("NOT_MET")
    assert trial.mismatches[1].quotes == (PROMISE,)
    assert not result.passed


async def test_an_objection_beyond_the_allowed_ones_fails() -> None:
    """Where a case says which objections are allowed, any other one is a mismatch; an allowed one is none."""
    fields = sensitive()
    fields["expect"] = {"verdicts": ["HUMAN_HANDOFF", "REVISE"], "allowed": ["health/safety_net"]}
    result = await run(suite(Mode.SIMULATED), placed(fields, "known_sensitive"))
    assert [wrong.about for wrong in result.trials[0].mismatches] == [CRITERION]
    fields["expect"]["allowed"] = [CRITERION]
    assert (await run(suite(Mode.SIMULATED), placed(fields, "known_sensitive"))).passed


async def test_a_quote_must_hold_the_fragment() -> None:
    """An expected fragment is looked for in the verified quotes of its criterion, white space and case aside."""
    fields = sensitive()
    fields["expect"]["quotes"] = {CRITERION: "surely  NOTHING"}
    assert (await run(suite(Mode.SIMULATED), placed(fields, "known_sensitive"))).passed
    fields["expect"]["quotes"] = {CRITERION: "call an ambulance"}
    assert not (await run(suite(Mode.SIMULATED), placed(fields, "known_sensitive"))).passed


async def test_what_was_recorded_live_is_replayed_offline() -> None:
    """The same cases come to the same verdict from recordings, with other boundaries and attention checks."""
    live = suite(Mode.LIVE)
    cases = placed(written()), placed(sensitive(), "known_sensitive")
    before = await run(live, *cases)
    after = await run(suite(Mode.RECORDED, _library(live)), *cases)
    assert after.passed
    assert [trial.verdict for trial in after.trials] == [trial.verdict for trial in before.trials]
    assert after.title == "recorded, simulated model"


async def test_a_recording_of_a_changed_draft_is_stale() -> None:
    """A recording of another prompt is an error that names the part that changed, also where missing is allowed."""
    live = suite(Mode.LIVE)
    await run(live, placed(written()))
    edited = written(draft={"text": f"{written()['draft']['text']} Sleep well."})
    result = await run(suite(Mode.RECORDED, _library(live), allow_missing=True), placed(edited))
    (trial,) = result.trials
    assert trial.status is Status.STALE
    assert "draft under review d" in trial.detail[0]
    assert "header" not in trial.detail[0].partition("changed: ")[2]
    assert not result.passed


async def test_what_is_not_recorded_fails_unless_allowed() -> None:
    """Without a recording a case fails; where that is allowed, the checks alone are held against it."""
    assert (await run(suite(Mode.RECORDED), placed(written()))).trials[0].status is Status.NOT_RECORDED
    allowed = await run(suite(Mode.RECORDED, allow_missing=True), placed(written()))
    assert allowed.trials[0].status is Status.UNJUDGED
    assert allowed.trials[0].verdict == ""
    assert allowed.passed


async def test_the_checks_alone_can_fail_an_unrecorded_case() -> None:
    """Where a deterministic check contradicts a case, it fails although the critic was never heard."""
    refused = written(draft={"text": "I'm sorry, but I can't help with that."})
    result = await run(suite(Mode.RECORDED, allow_missing=True), placed(refused))
    assert result.trials[0].status is Status.FAILED
    assert result.trials[0].mismatches[0].about == "verdict"


async def test_a_lost_critique_is_no_success() -> None:
    """A case that expects a handoff does not pass because the second model was down."""
    prepared = suite(Mode.LIVE)
    down = FickleReviewer("anthropic", case(written()))
    down.calls = 1
    prepared.providers = lambda _: {"anthropic": down}
    expected = written(expect={"verdicts": ["HUMAN_HANDOFF"]})
    result = await run(prepared, placed(expected, "known_sensitive"))
    assert result.trials[0].status is Status.LOST
    assert result.trials[0].verdict == ""


async def test_a_flip_between_repeats_is_counted() -> None:
    """A verdict that changes from one repeat to the next is a flip, with its share."""
    prepared = suite(Mode.LIVE, repeats=2, jobs=1)
    reviewer = FickleReviewer(
        "anthropic", case(written(draft={"text": sensitive()["draft"]["text"]})), case(sensitive())
    )
    prepared.providers = lambda _: {"anthropic": reviewer}
    both = sensitive()
    both["expect"] = {"verdicts": ["APPROVE", "REVISE", "HUMAN_HANDOFF"]}
    result = await run(prepared, placed(both, "multilingual"))
    assert (result.repeats.count, result.repeats.total) == (1, 1) if result.repeats else False
    assert [flip.between for flip in result.flips] == ["repeats"]


async def test_a_verdict_that_hangs_on_the_wording_fails() -> None:
    """Each wording may pass by itself: that they differ is a failure of its own."""
    fields = sensitive()
    fields["variants"] = [{"id": "plain", "draft": written()["draft"]["text"], "critique": {CRITERION: _met()}}]
    fields["expect"] = {"verdicts": ["APPROVE", "REVISE", "HUMAN_HANDOFF"]}
    result = await run(suite(Mode.SIMULATED), placed(fields, "multilingual"))
    assert [trial.wording for trial in result.trials] == [Wording.OWN, Wording.NATURAL]
    assert result.failures == ()
    assert [flip.between for flip in result.flipped_variants] == ["variants"]
    assert not result.passed


async def test_derived_variants_come_to_the_same_verdict() -> None:
    """Names, identifiers and white space change nothing."""
    result = await run(suite(Mode.SIMULATED, derived=3), placed(sensitive(), "known_sensitive"))
    assert len(result.trials) == 4
    assert result.passed


async def test_the_cap_stops_before_more_is_spent() -> None:
    """A critique that does not fit under the cap is not asked for, and the run does not pass."""
    prepared = suite(Mode.LIVE, cap_micro_usd=1)
    result = await run(prepared, placed(written()))
    assert result.trials[0].status is Status.UNAFFORDABLE
    assert result.trials[0].calls == ()
    assert not result.passed


async def test_the_estimate_asks_nobody() -> None:
    """What critiques cost at most is worked out without one being made, and covers what they then cost."""
    prepared = suite(Mode.LIVE)
    reviewer = FickleReviewer("anthropic", case(written()))
    prepared.providers = lambda _: {"anthropic": reviewer}
    estimate = await prepared.estimate(prepared.trials([placed(written())]))
    assert (estimate.critiques, reviewer.calls) == (1, 0)
    assert estimate.micro_usd is not None
    assert estimate.micro_usd > 0


async def test_bounds_of_suites_are_held() -> None:
    """A benign draft that is stopped and a bad one that is approved break the bounds of their suites."""
    stopped = sensitive()
    stopped["expect"] = approved = {"verdicts": ["APPROVE", "REVISE", "HUMAN_HANDOFF"]}
    result = await run(suite(Mode.SIMULATED), placed(stopped), placed(written(expect=approved), "known_sensitive"))
    assert result.failures == ()
    assert [(breach.suite, breach.share.count) for breach in result.breaches] == [
        ("known_benign", 1),
        ("known_sensitive", 1),
    ]
    assert not result.passed


async def test_coverage_counts_what_was_said_and_not_what_a_script_fills_in() -> None:
    """A criterion is covered where it was seen to pass and to fail; what a script leaves out was not seen."""
    result = await run(suite(Mode.SIMULATED), placed(written()), placed(sensitive(locale="pt-BR"), "known_sensitive"))
    by_key = {row.criterion: row for row in result.coverage}
    assert by_key[CRITERION].whole
    assert (by_key[CRITERION].passed, by_key[CRITERION].failed) == (("en-US",), ("pt-BR",))
    assert by_key["health/safety_net"].word == "not exercised"
    assert 0 < result.covered.count < result.covered.total


def _met() -> dict[str, str]:
    return {"outcome": "MET", "why": "It promises nothing."}


def test_a_variant_is_the_case_in_other_words() -> None:
    """A phrasing takes what it does not state from its case, and can be told from it by name alone."""
    fields = written(tags=["dose"], variants=[{"id": "short", "conversation": [{"role": "user", "text": "and now?"}]}])
    (phrased,) = Case.model_validate(fields).phrasings()
    assert (phrased.id, phrased.tags, phrased.draft.text) == ("benign.short", ("dose",), written()["draft"]["text"])
    assert [turn.text for turn in phrased.conversation] == ["and now?"]


async def test_every_shipped_case_comes_out_alike_in_other_words() -> None:
    """All shipped cases, their phrasings and a derived variant of each come out as labelled on their real routes."""
    cases = Selector().select([file for _, file in load_cases(RUBRICS)])
    result = await run(suite(Mode.SIMULATED, derived=1), *cases)
    assert [(trial.name, trial.status, trial.mismatches) for trial in result.failures] == []
    assert result.flips == ()
    assert result.passed
    assert {trial.wording for trial in result.trials} == set(Wording)
