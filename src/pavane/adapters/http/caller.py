"""Calls over HTTP/1.1, with a pool of connections to allowed destinations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpcore2
import httpx2

from pavane.adapters.http.connecting import CheckedBackend
from pavane.adapters.http.destinations import Destinations
from pavane.errors import CallError
from pavane.ports.caller import CallAnswer, CallRequest

LIMIT: Final = 1000
_KEEP_S = 2.0  # shorter than servers keep theirs, so that none is closed under a request
_IDLE_MAX = 100
_NOT_SENT = (
    httpcore2.ConnectError,
    httpcore2.ConnectTimeout,
    httpcore2.PoolTimeout,
    httpcore2.LocalProtocolError,
)
_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
)


class HttpCaller:
    """A `Caller` over HTTP; follows no redirect, asks no proxy, keeps no cookie."""

    def __init__(self, destinations: Destinations | None = None, *, limit: int = LIMIT) -> None:
        self._destinations = destinations or Destinations()
        self._limit = limit
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def call(self, request: CallRequest) -> CallAnswer:
        """As the port promises."""
        host, pool = _host_of(request), self._opened()
        sent = _Sent()
        try:
            async with asyncio.timeout(request.timeout_s):
                return await _exchange(pool, request, sent)
        except TimeoutError as error:
            raise CallError(
                f"{host} did not answer within {request.timeout_s:g} s.", perhaps_done=sent.begun
            ) from error
        except _FAILURES as error:
            perhaps = sent.begun and not isinstance(error, _NOT_SENT)
            raise CallError(f"{host} {_words(error)}.", perhaps_done=perhaps) from error
        except httpcore2.UnsupportedProtocol as error:
            raise CallError(f"{request.url!r} is no URL to call.", final=True) from error

    def _opened(self) -> httpcore2.AsyncConnectionPool:
        if self._pool is None:  # made late: reading the certificates takes a while
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=httpx2.create_ssl_context(),
                max_connections=self._limit,
                max_keepalive_connections=min(self._limit, _IDLE_MAX),
                keepalive_expiry=_KEEP_S,
                network_backend=CheckedBackend(self._destinations),
            )
        return self._pool

    async def close(self) -> None:
        """As the port promises."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.aclose()


class _Sent:
    """Whether any of a request has left, as the connection tells."""

    def __init__(self) -> None:
        self.begun = False

    async def notice(self, event: str, _info: Any) -> None:
        """Called by the pool at each stage of a request."""
        self.begun = self.begun or event.endswith(".send_request_headers.started")


async def _exchange(
    pool: httpcore2.AsyncConnectionPool, request: CallRequest, sent: _Sent
) -> CallAnswer:
    extensions: dict[str, Any] = {
        "timeout": {
            "connect": request.connect_timeout_s,
            "read": request.read_timeout_s,
            "write": request.read_timeout_s,
            "pool": request.timeout_s,
        },
        "trace": sent.notice,
    }
    async with pool.stream(
        request.method,
        request.url,
        headers=_headers(request),
        content=request.body,
        extensions=extensions,
    ) as answer:
        body = await _read(answer, request.body_max)
    told = cast("Mapping[str, Any]", answer.extensions)  # pyright: ignore[reportUnknownMemberType]  # untyped there
    return CallAnswer(
        status=answer.status,
        reason=_text(told.get("reason_phrase", b"")),
        headers=tuple((_text(name).lower(), _text(value)) for name, value in answer.headers),
        body=body,
    )


async def _read(answer: httpcore2.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_stream():
        size += len(part)
        if size > most:
            raise CallError(
                f"The answer ({answer.status}) is larger than {most} bytes.",
                "Ask for less, or let the service return a reference.",
                final=True,
                perhaps_done=True,
            )
        parts.append(part)
    return b"".join(parts)


def _headers(request: CallRequest) -> list[tuple[str, str]]:
    url = urlsplit(request.url)
    given = {name for name, _ in request.headers}
    headers = [] if "host" in given else [("host", url.netloc.rpartition("@")[2])]
    headers += request.headers
    # An answer that is packed could be small on the way and enormous here.
    headers += [] if "accept-encoding" in given else [("accept-encoding", "identity")]
    if request.body is not None:
        headers.append(("content-length", str(len(request.body))))
    elif request.method in {"POST", "PUT", "PATCH"}:
        headers.append(("content-length", "0"))
    return headers


def _host_of(request: CallRequest) -> str:
    try:
        url = urlsplit(request.url)
        host, _ = url.hostname, url.port
    except ValueError as error:
        raise CallError(f"{request.url!r} is no URL to call: {error}.", final=True) from error
    if url.scheme not in {"http", "https"} or not host or not request.url.isascii():
        raise CallError(f"{request.url!r} is no URL to call.", "Use http:// or https://.", True)
    return url.netloc.rpartition("@")[2]


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _words(error: Exception) -> str:
    told = f" ({error})" if str(error) else ""
    if isinstance(error, httpcore2.ConnectTimeout):
        return "did not take the connection in time"
    if isinstance(error, httpcore2.TimeoutException):
        return "fell silent"
    if isinstance(error, httpcore2.ConnectError):
        return f"could not be reached{told}"
    if isinstance(error, httpcore2.ProtocolError):
        return f"did not answer in HTTP{told}"
    return f"broke the connection{told}"
