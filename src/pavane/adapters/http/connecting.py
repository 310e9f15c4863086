"""Connections to addresses that were looked at: a name is resolved once, and that is connected to.

The connection pool asks this backend for a TCP connection by name; TLS is negotiated on top with
the name itself, so certificates are checked as ever. Between the check and the connection nobody
resolves the name again, so an answer of the DNS that changes meanwhile changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore2

from pavane.adapters.http.destinations import Destinations
from pavane.errors import CallError


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to allowed addresses only; CallError for the others."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        # Its methods hide behind a check for anyio, which type checkers do not follow.
        self._inner: Any = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's promise has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, look, and connect: to the first allowed address that answers."""
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        failure: Exception | None = None
        for address in self._allowed(host, await self._resolved(host, port, timeout)):
            left = None if until is None else until - loop.time()
            if left is not None and left <= 0:
                raise httpcore2.ConnectTimeout
            try:
                return await self._inner.connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's promise has it
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A socket of this machine is no service's address."""
        raise CallError("Calls go to addresses, not to sockets of this machine.", final=True)

    async def sleep(self, seconds: float) -> None:
        """Between attempts of the pool, which makes none."""
        await self._inner.sleep(seconds)

    async def _resolved(self, host: str, port: int, within_s: float | None) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        try:
            async with asyncio.timeout(within_s):
                found = await asyncio.get_running_loop().getaddrinfo(
                    host, port, type=socket.SOCK_STREAM
                )
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved: {error}") from error
        return list(dict.fromkeys(str(place[0]) for *_, place in found))

    def _allowed(self, host: str, addresses: list[str]) -> list[str]:
        refusals = {each: self._destinations.refusal(host, each) for each in addresses}
        allowed = [each for each in addresses if not refusals[each]]
        if addresses and not allowed:
            address, why = next(iter(refusals.items()))
            raise CallError(
                f"Calls to {host} are not allowed: {address} is {why}.",
                f"If that is meant, allow it: --allow-calls-to {host} (PAVANE_ALLOW_CALLS_TO).",
                final=True,
            )
        return allowed
