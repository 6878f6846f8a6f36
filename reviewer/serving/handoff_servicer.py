"""HandoffService over gRPC: tickets for people, and waiting for their decisions."""

from __future__ import annotations

import asyncio

import grpc

from reviewer.config import Settings
from reviewer.desk import Desk, Shown
from reviewer.serving.handoff_requests import (
    DECISIONS,
    LABELS,
    STATES,
    read_claim,
    read_handoff_name,
    read_ruling,
    read_ticket_listing,
)
from reviewer.serving.requests import read_tenant
from reviewer.serving.servicer import Context, guarded, parse
from reviewer.v1 import handoff_service_pb2 as pb

HANDOFF_SERVICE = "reviewer.v1.HandoffService"


class HandoffServicer:
    """The methods of the service."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        """Keep the collaborators."""
        self._desk = desk
        self._auditors = frozenset(settings.audit.tenants)
        self._max_text_bytes = settings.limits.max_text_bytes
        self._deadlines = settings.deadline

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service's method handlers; requests stay bytes, as those of reviews do."""
        unary = grpc.unary_unary_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            HANDOFF_SERVICE,
            {
                "ListHandoffs": unary(self._list, response_serializer=pb.ListHandoffsResponse.SerializeToString),
                "GetHandoff": unary(self._get, response_serializer=pb.GetHandoffResponse.SerializeToString),
                "ClaimHandoff": unary(self._claim, response_serializer=pb.ClaimHandoffResponse.SerializeToString),
                "ReleaseHandoff": unary(self._release, response_serializer=pb.ReleaseHandoffResponse.SerializeToString),
                "ResolveHandoff": unary(self._resolve, response_serializer=pb.ResolveHandoffResponse.SerializeToString),
                "WaitHandoff": unary(self._wait, response_serializer=pb.WaitHandoffResponse.SerializeToString),
            },
        )

    async def _list(self, raw: bytes, context: Context) -> pb.ListHandoffsResponse:
        async def work() -> pb.ListHandoffsResponse:
            tenant = self._seen_by(context)
            asked = read_ticket_listing(parse(pb.ListHandoffsRequest, raw), tenant)
            found = await self._desk.page(tenant, asked.route, asked.state, asked.after, asked.page_size + 1)
            page = found[: asked.page_size]
            token = asked.token(page[-1].opened) if len(found) > len(page) else ""
            return pb.ListHandoffsResponse(tickets=map(_message, page), next_page_token=token)

        return await guarded(context, work)

    async def _get(self, raw: bytes, context: Context) -> pb.GetHandoffResponse:
        async def work() -> pb.GetHandoffResponse:
            handoff_id = read_handoff_name(parse(pb.GetHandoffRequest, raw).name)
            return pb.GetHandoffResponse(ticket=_message(await self._desk.get(self._seen_by(context), handoff_id)))

        return await guarded(context, work)

    async def _claim(self, raw: bytes, context: Context) -> pb.ClaimHandoffResponse:
        async def work() -> pb.ClaimHandoffResponse:
            request = parse(pb.ClaimHandoffRequest, raw)
            handoff_id, tenant = read_claim(request), read_tenant(context.invocation_metadata())
            claimed = await self._desk.claim(tenant, handoff_id, request.by, request.lease_seconds, request.token)
            return pb.ClaimHandoffResponse(ticket=_message(claimed), token=claimed.ticket.token)

        return await guarded(context, work)

    async def _release(self, raw: bytes, context: Context) -> pb.ReleaseHandoffResponse:
        async def work() -> pb.ReleaseHandoffResponse:
            request = parse(pb.ReleaseHandoffRequest, raw)
            handoff_id, tenant = read_handoff_name(request.name), read_tenant(context.invocation_metadata())
            return pb.ReleaseHandoffResponse(
                ticket=_message(await self._desk.release(tenant, handoff_id, request.token))
            )

        return await guarded(context, work)

    async def _resolve(self, raw: bytes, context: Context) -> pb.ResolveHandoffResponse:
        async def work() -> pb.ResolveHandoffResponse:
            handoff_id, ruling = read_ruling(parse(pb.ResolveHandoffRequest, raw), self._max_text_bytes)
            tenant = read_tenant(context.invocation_metadata())
            return pb.ResolveHandoffResponse(ticket=_message(await self._desk.resolve(tenant, handoff_id, ruling)))

        return await guarded(context, work)

    async def _wait(self, raw: bytes, context: Context) -> pb.WaitHandoffResponse:
        remaining = context.time_remaining()
        until = asyncio.get_running_loop().time() - self._deadlines.reserve_s
        until += self._deadlines.default_s if remaining is None else min(remaining, self._deadlines.max_s)

        async def work() -> pb.WaitHandoffResponse:
            handoff_id = read_handoff_name(parse(pb.WaitHandoffRequest, raw).name)
            shown = await self._desk.wait(self._seen_by(context), handoff_id, until)
            return pb.WaitHandoffResponse(ticket=_message(shown))

        return await guarded(context, work)

    def _seen_by(self, context: Context) -> str | None:
        """Whose tickets a caller may see; None for all."""
        tenant = read_tenant(context.invocation_metadata())
        return None if tenant in self._auditors else tenant


def _message(shown: Shown) -> pb.Ticket:
    ticket, resolution = shown.ticket, shown.resolution
    message = pb.Ticket(
        name=ticket.name,
        review=f"reviews/{ticket.review_id}",
        tenant=ticket.tenant,
        route=ticket.route,
        intent=ticket.intent,
        state=STATES[ticket.state],
        holder=ticket.holder,
        decision=DECISIONS[ticket.decision] if ticket.decision else pb.HANDOFF_DECISION_UNSPECIFIED,
    )
    message.create_time.FromDatetime(ticket.created_at)
    if ticket.expires_at is not None:
        message.expire_time.FromDatetime(ticket.expires_at)
    if ticket.lease_until is not None:
        message.lease_expire_time.FromDatetime(ticket.lease_until)
    if resolution is not None:
        message.resolve_time.FromDatetime(resolution.time)
        for criterion, outcome in sorted(resolution.labels.items()):
            message.labels.add(criterion=criterion, outcome=LABELS[outcome])
        words = resolution.words
        message.content_erased = words is None
        if words is not None:
            message.comment, message.edited_text = words.comment, words.edited_text
    return message
