"""The line to a server: exchanges over kept connections, again until they are through."""

from __future__ import annotations

import asyncio
import logging
from types import ModuleType
from typing import Any, Final

import msgspec

from pavane.engine.exchange import Given, Wanted
from pavane.errors import ConnectionFailedError, PavaneError, StoppingError, StoreError
from pavane.sdk.credentials import headers_for
from pavane.sdk.http import library
from pavane.sdk.plans import Answer
from pavane.sdk.problems import raise_for

_LOG = logging.getLogger("pavane.worker")

PAUSE_S: Final = (0.05, 2.0)  # first and longest, while the server is away
TIMEOUT_S: Final = 30.0  # beside what the server may wait

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Given).decode


class Line:
    """Sends exchanges to one server. Use from one event loop; `close` it."""

    def __init__(self, server: str, api_key: str | None = None) -> None:
        self.server = server.rstrip("/")
        self._library: ModuleType | Any = library()
        limits = self._library.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = self._library.AsyncClient(limits=limits)
        self._headers = {"content-type": "application/json", **headers_for(api_key)}
        self._away = False

    async def once(self, wanted: Wanted) -> Given:
        """One exchange. ConnectionFailedError when there is no answer, or what the server says."""
        try:
            response = await self._client.post(
                f"{self.server}/v1/exchange",
                content=_encode(wanted),
                headers=self._headers,
                timeout=TIMEOUT_S + wanted.wait_ms / 1000,
            )
        except (self._library.TransportError, self._library.InvalidURL) as error:
            raise ConnectionFailedError(
                f"The server at {self.server} does not answer ({error or type(error).__name__}).",
                "Is it running? `pavane server` starts one.",
            ) from error
        raise_for(Answer(response.status_code, response.content))
        try:
            given = _decode(response.content)
        except msgspec.DecodeError as error:
            raise ConnectionFailedError(
                f"What answers at {self.server} is no Pavane server ({error}).", "Check the URL."
            ) from error
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
        await self._client.aclose()
