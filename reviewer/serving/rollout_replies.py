"""How far releases have come, core -> proto."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from reviewer.core.figure import Figure, GateState, Outlook, TrialState
from reviewer.core.model_clock import ModelClock, clocks
from reviewer.core.release import release_name
from reviewer.core.rollout import Course, ReleaseStage, Trial
from reviewer.standing import Standing
from reviewer.trials import TrialWatch
from reviewer.v1 import review_pb2
from reviewer.v1 import rubric_service_pb2 as pb

STAGES = {
    ReleaseStage.SHADOW: review_pb2.RELEASE_STAGE_SHADOW,
    ReleaseStage.CANARY: review_pb2.RELEASE_STAGE_CANARY,
    ReleaseStage.FULL: review_pb2.RELEASE_STAGE_FULL,
}
_GATES = {
    GateState.OPEN: pb.GATE_STATE_OPEN,
    GateState.HOLDS: pb.GATE_STATE_HOLDS,
    GateState.FAILED: pb.GATE_STATE_FAILED,
}
_TRIALS = {
    TrialState.RUNNING: pb.TRIAL_STATE_RUNNING,
    TrialState.READY: pb.TRIAL_STATE_READY,
    TrialState.FAILED: pb.TRIAL_STATE_FAILED,
}


async def rollout_reply(standing: Standing, watch: TrialWatch) -> pb.GetRolloutResponse:
    """Return how things stand in this process, with all that the log holds by now taken in.

    Raises:
        LedgerUnavailableError: the log cannot be read.
    """
    looked = {trial.id: outlook for trial, outlook in await watch.look()}
    course, stages = standing.stages.course, standing.stages
    used = [(standing.rules.release, standing.rules.rulebook)]
    used += [(rules.release, rules.rulebook) for _, rules in stages.trials]
    used += [(rules.release, rules.rulebook) for route in course.by_route if (rules := stages.on_route(route))]
    return pb.GetRolloutResponse(
        release=release_name(standing.rules.release),
        routes=_routes(course),
        trials=[_trial(one, looked.get(one.id), stages.faults.get(one.digest, "")) for one in course.trials],
        models=[_clock(one) for one in clocks(used, datetime.now(UTC).date())],
    )


def _routes(course: Course) -> list[pb.RouteRelease]:
    return [
        pb.RouteRelease(
            route=route,
            release=release_name(told.event.digest),
            effective_time=_timestamp(told.event.time),
        )
        for route, told in sorted(course.by_route.items())
    ]


def _trial(trial: Trial, outlook: Outlook | None, problem: str) -> pb.ReleaseTrial:
    message = pb.ReleaseTrial(
        release=release_name(trial.digest),
        baseline=release_name(trial.baseline),
        stage=STAGES[trial.stage],
        percent=trial.percent,
        routes=trial.routes,
        start_time=_timestamp(trial.began),
        by=trial.by,
        problem=problem,
    )
    if outlook is None:
        message.state = pb.TRIAL_STATE_UNUSABLE
        return message
    message.state = _TRIALS[outlook.state]
    message.candidate_count = outlook.candidate_n
    message.baseline_count = outlook.baseline_n
    message.figures.extend(map(_figure, outlook.figures))
    if outlook.failed is not None:
        message.problem = str(outlook.failed)
    return message


def _figure(figure: Figure) -> pb.GateFigure:
    return pb.GateFigure(
        measure=figure.gate.measure.value,
        segment=figure.segment,
        state=_GATES[figure.state],
        candidate_rate=figure.candidate,
        baseline_rate=figure.baseline,
        candidate_count=figure.candidate_n,
        baseline_count=figure.baseline_n,
        difference_low=figure.low,
        difference_high=figure.high,
        p_worse=figure.p_worse,
        p_sound=figure.p_sound,
        level=figure.level,
        tolerance=figure.gate.tolerance,
    )


def _clock(clock: ModelClock) -> pb.ModelClock:
    return pb.ModelClock(
        model=clock.model,
        retirement_date=clock.retires.isoformat() if clock.retires else "",
        days_left=clock.days_left,
        releases=[release_name(digest) for digest in clock.releases],
    )


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
