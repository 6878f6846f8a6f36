"""The HTTP faces of a service, as its settings want them: the public log, metrics, both on one address, or neither."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from reviewer.config import Settings
from reviewer.metrics import Metrics
from reviewer.serving.http_face import Find, HttpFace
from reviewer.serving.observing import Observing, Parts
from reviewer.serving.public_log import PublicLog
from reviewer.signing import Identity


@asynccontextmanager
async def open_faces(
    settings: Settings, identity: Identity, parts: Parts, metrics: Metrics | None
) -> AsyncIterator[Mapping[str, HttpFace]]:
    """Serve over HTTP what is configured; yields the faces by their configured addresses.

    Raises:
        ConfigError: an address cannot be listened on.
    """
    public, measured = settings.monitor.address, settings.monitor.metrics_address
    pages: dict[str, dict[str, Find]] = {address: {} for address in (public, measured) if address}
    if public:
        log = PublicLog(parts.ledger, identity, settings.witness.keys, settings.witness.quorum)
        pages[public].update(log.pages)
    if measured and metrics is not None:
        pages[measured]["/metrics"] = Observing(metrics, parts).page
    async with AsyncExitStack() as stack:
        faces = [HttpFace("monitor", address, found) for address, found in pages.items()]
        yield dict(zip(pages, [await stack.enter_async_context(face) for face in faces], strict=True))
