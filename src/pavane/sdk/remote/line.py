"""The line to a server: exchanges over kept connections, again until they are through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import msgspec

from pavane.engine.exchange import Given, Wanted
from pavane.errors import ConnectionFailedError, PavaneError, StoppingError, StoreError
from pavane.ports.probe import Probe
from pavane.sdk.credentials import headers_for
from pavane.sdk.http import library
from pavane.sdk.plans import Answer
from pavane.sdk.problems import raise_for
from pavane.sdk.remote import points
from pavane.sdk.remote.points import NoProbe
from pavane.sdk.remote.wire import Wire, is_direct
from pavane.sdk.unreachable import unreachable

_LOG = logging.getLogger("pavane.worker")

PAUSE_S: Final = (0.05, 2.0)  # first and longest, while the server is away
TIMEOUT_S: Final = 30.0  # for the first answer, beside what the server may wait
LEAST_S: Final = 2.0
"""An answer that does not come in two thirds of the lease will not: the server waits for a third of

it at most. Who asks again then, elsewhere if there are several nodes, keeps its lease. No sooner
than this, for the lease may be short and the server busy.
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Given).decode


class Line:
    """Sends exchanges to one server. Use from one event loop; `close` it."""

    def __init__(self, server: str, api_key: str | None = None, probe: Probe | None = None) -> None:
        self._probe = probe or NoProbe()
        self.server = server.rstrip("/")
        url, headers = f"{self.server}/v1/exchange", headers_for(api_key)
        self._way = (Wire if is_direct(self.server) else _Library)(url, headers)
        self._away = False
        self._patience_s = 0.0  # from the first answer on, which tells the lease
        self.troubles = 0  # how often an answer may have been lost

    async def once(self, wanted: Wanted) -> Given:
        """One exchange. ConnectionFailedError when there is no answer, or what the server says."""
        if wanted.reports:
            self._probe.at(points.REPORTING)
        try:
            limit_s = self._patience_s or TIMEOUT_S + wanted.wait_ms / 1000
            answer = await self._way.post(_encode(wanted), limit_s)
        except OSError as error:
            raise unreachable(self.server, error) from error
        raise_for(answer)
        try:
            given = _decode(answer.body)
        except msgspec.DecodeError as error:
            raise ConnectionFailedError(
                f"What answers at {self.server} is no Pavane server ({error}).", "Check the URL."
            ) from error
        if given.lease_ms:
            self._patience_s = max(LEAST_S, given.lease_ms / 1500)
        if wanted.reports:
            self._probe.at(points.REPORTED)
        if self._away:
            self._away = False
            _LOG.warning("the server at %s answers again", self.server)
        return given

    async def through(self, wanted: Wanted) -> Given:
        """As `once`, again and again while the server is away or has trouble."""
        pause_s, longest_s = PAUSE_S
        while True:
            try:
                return await self.once(wanted)
            except (ConnectionFailedError, StoreError, StoppingError) as error:
                self.troubles += 1
                self.note(error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, longest_s)

    def note(self, error: PavaneError) -> None:
        """Say once that the server is away."""
        if not self._away:
            self._away = True
            _LOG.warning("%s Trying again.", error.message)

    async def close(self) -> None:
        """Close the connections."""
        await self._way.close()


class _Library:
    """Through the HTTP library: for TLS, proxies, and what else a URL may ask for."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = {"content-type": "application/json", **headers}
        self._library: ModuleType | Any = library()
        limits = self._library.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = self._library.AsyncClient(limits=limits)

    async def post(self, body: bytes, timeout_s: float) -> Answer:
        """One request. ConnectionError when there is no answer."""
        try:
            response = await self._client.post(
                self._url, content=body, headers=self._headers, timeout=timeout_s
            )
        except (self._library.TransportError, self._library.InvalidURL) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        return Answer(response.status_code, response.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
