"""Clients over HTTP: the addresses of `/v1`, and the two ways to get there."""

from __future__ import annotations

import asyncio
import time  # noqa: TID251  # a client measures and waits in its user's time, not the engine's
from types import ModuleType
from typing import Any
from urllib.parse import quote

from pavane.errors import UsageError
from pavane.sdk.credentials import headers_for
from pavane.sdk.plans import Answer, Ask, Verb
from pavane.sdk.unreachable import unreachable

_ADDRESSES: dict[Verb, tuple[str, str]] = {
    "register_workflows": ("POST", "/workflows"),
    "register_tasks": ("POST", "/tasks"),
    "start": ("POST", "/workflows/{workflow}/executions"),
    "find": ("GET", "/executions"),
    "state": ("GET", "/executions/{id}"),
    "result": ("GET", "/executions/{id}/result"),
    "signal": ("POST", "/executions/{id}/signal/{ref}"),
    "pause": ("POST", "/executions/{id}/pause"),
    "resume": ("POST", "/executions/{id}/resume"),
    "retry": ("POST", "/executions/{id}/retry"),
    "terminate": ("POST", "/executions/{id}/terminate"),
    "resolve": ("POST", "/executions/{id}/resolve/{ref}"),
    "move": ("POST", "/executions/{id}/move"),
    "publish": ("POST", "/events"),
}


class _Server:
    """What both ways share: the request for an ask, the error for a failure."""

    def __init__(self, server: str, timeout_s: float, api_key: str | None) -> None:
        if not server.startswith(("http://", "https://")):
            raise UsageError(
                f"{server!r} is no address of a server.", "Write it like http://localhost:8080."
            )
        self.server = server.rstrip("/")
        self.timeout_s = timeout_s
        self._headers = headers_for(api_key)

    def request(self, ask: Ask) -> dict[str, Any]:
        """The arguments of the HTTP library's `request`."""
        method, path = _ADDRESSES[ask.verb]
        place = {name: quote(value, safe="") for name, value in ask.place.items()}
        return {
            "method": method,
            "url": f"{self.server}/v1{path.format(**place)}",
            "params": ask.query,
            "content": ask.body or None,
            "headers": self._headers | ({"content-type": "application/json"} if ask.body else {}),
            "timeout": self.timeout_s + ask.wait_s,
        }


class HttpTransport:
    """Asks a server from the event loop. Connections are kept for the next ask."""

    def __init__(self, server: str, timeout_s: float, api_key: str | None = None) -> None:
        self._server = _Server(server, timeout_s, api_key)
        self._library = library()
        self._client = self._library.AsyncClient()

    async def ask(self, ask: Ask) -> Answer:
        """One request. ConnectionFailedError when there is no answer."""
        if ask.delay_s:
            await asyncio.sleep(ask.delay_s)
        began = time.monotonic()
        try:
            response = await self._client.request(**self._server.request(ask))
        except (self._library.TransportError, self._library.InvalidURL) as error:
            raise unreachable(self._server.server, error) from error
        return Answer(response.status_code, response.content, time.monotonic() - began)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class SyncHttpTransport:
    """Asks a server and blocks meanwhile. May be used from several threads."""

    def __init__(self, server: str, timeout_s: float, api_key: str | None = None) -> None:
        self._server = _Server(server, timeout_s, api_key)
        self._library = library()
        self._client = self._library.Client()

    def ask(self, ask: Ask) -> Answer:
        """One request. ConnectionFailedError when there is no answer."""
        if ask.delay_s:
            time.sleep(ask.delay_s)
        began = time.monotonic()
        try:
            response = self._client.request(**self._server.request(ask))
        except (self._library.TransportError, self._library.InvalidURL) as error:
            raise unreachable(self._server.server, error) from error
        return Answer(response.status_code, response.content, time.monotonic() - began)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def library() -> ModuleType | Any:
    """The HTTP library, imported when the first client is made. UsageError where it is missing."""
    try:
        import httpx2
    except ImportError as error:
        raise UsageError(
            "Clients need the package httpx2, which is not installed.", "pip install httpx2."
        ) from error
    return httpx2
