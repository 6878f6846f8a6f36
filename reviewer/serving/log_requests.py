"""Requests to the verdict log: protobuf in, a question that a store can answer out, or every fault at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from reviewer.core.errors import Fault, RequestError
from reviewer.core.page_token import read_token, write_token
from reviewer.core.search import EVERYTHING, All, Filter, Match, Operator, Order, read_filter, read_order
from reviewer.serving.requests import read_review_name
from reviewer.v1 import verdict_log_service_pb2 as pb

T = TypeVar("T")

DEFAULT_PAGE = 100
MAX_PAGE = 1_000

_RECORD_NAME = re.compile(r"records/(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Listing:
    """One page that was asked for.

    Attributes:
        asked: with what the caller may see.
        after: index behind which the page begins; None begins at the front.
        question: what a page token is bound to.
    """

    asked: Filter
    order: Order
    after: int | None
    page_size: int
    question: tuple[str, ...]

    def token(self, last_index: int) -> str:
        """Return the token of the page behind an entry."""
        return write_token(last_index, self.question)


def read_listing(request: pb.ListRecordsRequest, tenant: str | None) -> Listing:
    """Check and convert a request for a page.

    Args:
        tenant: whose records the caller may see; None for all.

    Raises:
        RequestError: with every fault.
    """
    faults: list[Fault] = []
    question = ("all" if tenant is None else f"of {tenant}", request.filter, request.order_by)
    if request.page_size < 0:
        faults.append(Fault("page_size", "", f"got {request.page_size}, expected 0 or more"))
    asked = _read("filter", lambda: read_filter(request.filter), EVERYTHING, faults)
    order = _read("order_by", lambda: read_order(request.order_by), Order.NEWEST, faults)
    token = request.page_token
    after = _read("page_token", lambda: read_token(token, question) if token else None, None, faults)
    if faults:
        raise RequestError(tuple(faults))
    return Listing(seen_by(tenant, asked), order, after, min(request.page_size or DEFAULT_PAGE, MAX_PAGE), question)


def read_export(request: pb.ExportRecordsRequest, tenant: str | None, size: int) -> Filter:
    """Check and convert a request for an export of a log of `size` entries.

    Raises:
        RequestError: the filter cannot be read.
    """
    faults: list[Fault] = []
    asked = _read("filter", lambda: read_filter(request.filter), EVERYTHING, faults)
    if faults:
        raise RequestError(tuple(faults))
    # What is appended meanwhile would make the end recede.
    return All((Match("index", Operator.LESS, size), seen_by(tenant, asked)))


def read_record_name(name: str) -> int | str:
    """Return the index in `records/{index}`, or the id in `reviews/{id}`.

    Raises:
        RequestError: it is neither.
    """
    if match := _RECORD_NAME.fullmatch(name):
        return int(match.group(1))
    if name.startswith("reviews/"):
        return read_review_name(name)
    raise RequestError(
        (Fault("name", "", f"got {name[:60]!r}, expected records/ and an index, or reviews/ and a UUID"),)
    )


def seen_by(tenant: str | None, asked: Filter) -> Filter:
    """Narrow a filter to what a caller may see."""
    return asked if tenant is None else All((Match("tenant", Operator.EQUAL, tenant), asked))


def _read(field: str, read: Callable[[], T], otherwise: T, faults: list[Fault]) -> T:
    try:
        return read()
    except ValueError as exc:
        faults.append(Fault(field, "", str(exc)))
        return otherwise
