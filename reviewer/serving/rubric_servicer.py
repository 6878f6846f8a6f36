"""RubricService over gRPC: which rules are in force, what is wrong with others, and reading them again."""

from __future__ import annotations

import asyncio
from datetime import datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from reviewer.core.errors import Fault, NotAllowedError, ReleaseError, RequestError, RubricNotFoundError
from reviewer.core.questionnaire import PROMPT_VERSION
from reviewer.core.release import Release, release_name
from reviewer.core.release_event import ReleaseSource
from reviewer.core.rulebook import RubricPin, Rulebook, canonical_file
from reviewer.serving.requests import read_tenant
from reviewer.serving.rollout_replies import rollout_reply
from reviewer.serving.servicer import Context, guarded, parse
from reviewer.standing import Standing, Status
from reviewer.trials import TrialWatch
from reviewer.v1 import rubric_service_pb2 as pb

RUBRIC_SERVICE = "reviewer.v1.RubricService"
_SOURCES = {
    ReleaseSource.BUNDLE: pb.RULES_SOURCE_BUNDLE,
    ReleaseSource.DIRECTORY: pb.RULES_SOURCE_DIRECTORY,
}


class RubricServicer:
    """The methods of the service."""

    def __init__(self, standing: Standing, admins: tuple[str, ...], trials: TrialWatch) -> None:
        """Keep the collaborators.

        Args:
            admins: tenants that may call.
        """
        self._trials = trials
        self._standing = standing
        self._admins = frozenset(admins)
        # Checking a set takes as long as loading one: it is done for one caller at a time.
        self._turn = asyncio.Lock()

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service's method handlers; requests stay bytes, as those of reviews do."""
        return grpc.method_handlers_generic_handler(
            RUBRIC_SERVICE,
            {
                "ListRubrics": grpc.unary_unary_rpc_method_handler(
                    self._list_rubrics, response_serializer=pb.ListRubricsResponse.SerializeToString
                ),
                "GetRubric": grpc.unary_unary_rpc_method_handler(
                    self._get_rubric, response_serializer=pb.GetRubricResponse.SerializeToString
                ),
                "ValidateRules": grpc.unary_unary_rpc_method_handler(
                    self._validate_rules, response_serializer=pb.ValidateRulesResponse.SerializeToString
                ),
                "GetStatus": grpc.unary_unary_rpc_method_handler(
                    self._get_status, response_serializer=pb.GetStatusResponse.SerializeToString
                ),
                "ReloadRules": grpc.unary_unary_rpc_method_handler(
                    self._reload_rules, response_serializer=pb.ReloadRulesResponse.SerializeToString
                ),
                "GetRollout": grpc.unary_unary_rpc_method_handler(
                    self._get_rollout, response_serializer=pb.GetRolloutResponse.SerializeToString
                ),
            },
        )

    async def _list_rubrics(self, raw: bytes, context: Context) -> pb.ListRubricsResponse:
        async def work() -> pb.ListRubricsResponse:
            self._admit(context)
            parse(pb.ListRubricsRequest, raw)
            rulebook = self._standing.rules.rulebook
            return pb.ListRubricsResponse(rubrics=[_summary(rulebook, pin) for pin in rulebook.pins])

        return await guarded(context, work)

    async def _get_rubric(self, raw: bytes, context: Context) -> pb.GetRubricResponse:
        async def work() -> pb.GetRubricResponse:
            self._admit(context)
            name = parse(pb.GetRubricRequest, raw).name
            rulebook = self._standing.rules.rulebook
            for pin in rulebook.pins:
                if name == f"rubrics/{pin.id}":
                    data = canonical_file(rulebook.rubrics[pin.id])
                    return pb.GetRubricResponse(summary=_summary(rulebook, pin), data=data)
            raise RubricNotFoundError(f"no rubric {name[:80]!r} is in force; expected rubrics/ and an id")

        return await guarded(context, work)

    async def _validate_rules(self, raw: bytes, context: Context) -> pb.ValidateRulesResponse:
        async def work() -> pb.ValidateRulesResponse:
            self._admit(context)
            release = _release(parse(pb.ValidateRulesRequest, raw))
            async with self._turn:
                faults = await self._standing.faults_of(release)
            return pb.ValidateRulesResponse(release=release.name, faults=map(_fault, faults))

        return await guarded(context, work)

    async def _get_status(self, raw: bytes, context: Context) -> pb.GetStatusResponse:
        async def work() -> pb.GetStatusResponse:
            self._admit(context)
            parse(pb.GetStatusRequest, raw)
            return pb.GetStatusResponse(status=_status(self._standing.status))

        return await guarded(context, work)

    async def _reload_rules(self, raw: bytes, context: Context) -> pb.ReloadRulesResponse:
        async def work() -> pb.ReloadRulesResponse:
            self._admit(context)
            parse(pb.ReloadRulesRequest, raw)
            # A caller that goes away takes nothing back: what was begun takes its course.
            status = await asyncio.shield(asyncio.ensure_future(self._standing.reload()))
            return pb.ReloadRulesResponse(status=_status(status))

        return await guarded(context, work)

    async def _get_rollout(self, raw: bytes, context: Context) -> pb.GetRolloutResponse:
        async def work() -> pb.GetRolloutResponse:
            self._admit(context)
            parse(pb.GetRolloutRequest, raw)
            return await rollout_reply(self._standing, self._trials)

        return await guarded(context, work)

    def _admit(self, context: Context) -> None:
        """Refuse whoever is no administrator.

        Raises:
            NotAllowedError: the caller is none.
        """
        tenant = read_tenant(context.invocation_metadata())
        if tenant not in self._admins:
            raise NotAllowedError("this tenant is none of rules.admin_tenants, which may see and change the rules")


def _release(request: pb.ValidateRulesRequest) -> Release:
    """Take the files of a request as those of a release.

    Raises:
        RequestError: they could not be.
    """
    files = {file.path: file.data for file in request.files}
    if len(files) < len(request.files):
        raise RequestError((Fault("files", "", "a path stands there twice"),))
    try:
        return Release(files, PROMPT_VERSION)
    except ReleaseError as exc:
        raise RequestError(tuple([Fault("files", "", str(fault)) for fault in exc.faults])) from exc


def _summary(rulebook: Rulebook, pin: RubricPin) -> pb.RubricSummary:
    rubric = rulebook.rubrics[pin.id]
    return pb.RubricSummary(
        name=f"rubrics/{pin.id}",
        version=pin.version,
        domain=rubric.domain,
        digest=pin.digest,
        criteria=len(rubric.criteria),
    )


def _fault(fault: Fault) -> pb.RuleFault:
    return pb.RuleFault(where=fault.where, field=fault.field, message=fault.message)


def _status(status: Status) -> pb.RulesStatus:
    message = pb.RulesStatus(
        release=release_name(status.release),
        rulebook_digest=status.rulebook,
        source=_SOURCES[status.source],
        effective_time=_timestamp(status.since),
        approvals=status.approvals,
        pending=release_name(status.pending),
        faults=map(_fault, status.error),
        reloads_ok=status.reloads_ok,
        reloads_failed=status.reloads_failed,
    )
    message.load_duration.FromMicroseconds(round(status.load_s * 1e6))
    if status.failing_since is not None:
        message.failing_since.CopyFrom(_timestamp(status.failing_since))
    return message


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
