"""Platforms: another house's door to a vendor's models, where each request is signed or authenticated for itself.

The vendor's SDK does that, and only that: its client is given a transport that sends nothing and hands the finished
request back, which then takes the same way as every other (`wire.py`). So a platform has no failures, bounds or logs of
its own. Credentials come from the platform's own tools; what they are called stands in the README.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol
from urllib.parse import quote

import httpx2
from yarl import URL

from reviewer.core.errors import ConfigError, Fault
from reviewer.providers.settings import ProviderSettings

DIRECT = "direct"
_HTTP_OF_ITS_OWN = frozenset({"connection"})


class SigningClient(Protocol):
    """The part of a vendor's asynchronous client that is used: what it makes of a request before it is sent."""

    async def post(self, path: str, *, cast_to: type[httpx2.Response], content: bytes) -> httpx2.Response:
        """Prepare, sign and send a request."""
        ...

    async def close(self) -> None:
        """Let go of the client's own connections, of which there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between platforms.

    Attributes:
        make: builds the SDK's client around an HTTP client that sends nothing.
        path: with `{model}`, `{region}` and `{project}` where they stand in it.
        request_id_header: where responses carry the platform's id.
        shape: turns the vendor's body into the platform's.
        needs: settings that must be given.
        package: module that the SDK signs with; empty where it needs none.
        extra: the extra of our own package that installs it.
        talkative: loggers whose debug log repeats a body, a key or a token: they are held at INFO.
        faults: what signing raises beside Python's own errors, as `module:class`.
    """

    make: Callable[[ProviderSettings, httpx2.AsyncClient], SigningClient]
    path: str
    request_id_header: str
    shape: Callable[[dict[str, object]], dict[str, object]]
    needs: tuple[str, ...]
    package: str = ""
    extra: str = ""
    talkative: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class SigningError(Exception):
    """A request could not be signed; the message is the name of the cause, which may itself tell of credentials."""


class _Unsent(httpx2.AsyncBaseTransport):
    """Sends nothing: the answer to a request is the request itself."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return an empty response."""
        return httpx2.Response(200, request=request, extensions={"reason_phrase": b"signed, not yet sent"})


class Signer:
    """Prepares the requests of one provider on one platform. Safe for concurrent calls."""

    def __init__(self, platform: Platform, settings: ProviderSettings) -> None:
        """Check the settings.

        Raises:
            ConfigError: a setting or a package that the platform needs is missing.
        """
        check(platform, settings)
        self._platform = platform
        self._settings = settings
        python: tuple[type[Exception], ...] = (RuntimeError, ValueError, TypeError, OSError)
        if platform.package:
            # Takes a third of a second: not in a call's time.
            importlib.import_module(platform.package)
        self._faults = python + tuple(_named(name) for name in platform.faults)
        self._client: SigningClient | None = None

    def open(self) -> None:
        """Make the SDK's client; nothing connects, and no credential is looked up yet."""
        for name in self._platform.talkative:
            logging.getLogger(name).setLevel(logging.INFO)
        self._client = self._platform.make(self._settings, httpx2.AsyncClient(transport=_Unsent(), trust_env=False))

    async def close(self) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def signed(self, body: bytes, model: str) -> tuple[URL, dict[str, str]]:
        """Return address and headers of the request that carries this body.

        Looking up or renewing credentials may take a call to the platform's own token service, in a thread.

        Raises:
            SigningError: there are no credentials, or they cannot be renewed.
        """
        if self._client is None:
            raise SigningError("is not open")
        names = {"model": model, "region": self._settings.region or "", "project": self._settings.project or ""}
        path = self._platform.path.format_map({name: quote(value, safe=":@") for name, value in names.items()})
        try:
            response = await self._client.post(path, cast_to=httpx2.Response, content=body)
        except self._faults as exc:
            cause = type(exc).__name__
        else:
            request = response.request
            headers = {name: value for name, value in request.headers.items() if name not in _HTTP_OF_ITS_OWN}
            return URL(str(request.url), encoded=True), headers
        # Raised out here: what the tools say of credentials that they could not use is not for a log.
        raise SigningError(cause)


def check(platform: Platform, settings: ProviderSettings) -> None:
    """Hold settings and environment against what a platform needs.

    Raises:
        ConfigError: with every fault.
    """
    section = f"providers.{settings.name}"
    faults = [
        Fault(f"{section}.{name}", "", f"is missing; platform {settings.platform} needs it")
        for name in platform.needs
        if not _given(settings, name)
    ]
    if platform.package and not _installed(platform.package):
        what = f"platform {settings.platform} needs more packages: install oversight-reviewer[{platform.extra}]"
        faults.append(Fault(f"{section}.platform", "", what))
    if faults:
        raise ConfigError(tuple(faults))


def chosen(platforms: Mapping[str, Platform], settings: ProviderSettings) -> Platform | None:
    """Return the platform that the settings name; None for the vendor's own service.

    Raises:
        ConfigError: the vendor's models are not asked through it.
    """
    if settings.platform == DIRECT:
        return None
    if settings.platform not in platforms:
        known = ", ".join([DIRECT, *platforms])
        message = f"unknown platform {settings.platform[:32]!r}; there are: {known}"
        raise ConfigError((Fault(f"providers.{settings.name}.platform", "", message),))
    return platforms[settings.platform]


def _given(settings: ProviderSettings, name: str) -> bool:
    value = getattr(settings, name)
    return bool(settings.api_key.get_secret_value().strip() if name == "api_key" else value)


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _named(name: str) -> type[Exception]:
    module, _, attribute = name.partition(":")
    found: type[Exception] = getattr(importlib.import_module(module), attribute)
    return found
