"""Calls to functions of this process, with the promises of calls to services elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from pavane.errors import CallError
from pavane.ports.caller import CallAnswer, CallRequest

Serve = Callable[[CallRequest], Awaitable[CallAnswer]]
"""What a service does with a request. ConnectionError: it breaks the connection off."""


class MemoryCaller:
    """A `Caller` whose services are functions, by their origin (`http://inventory`)."""

    def __init__(self, services: Mapping[str, Serve]) -> None:
        self._services = dict(services)

    async def call(self, request: CallRequest) -> CallAnswer:
        """As the port promises."""
        url = urlsplit(request.url)
        if url.scheme not in {"http", "https"} or not url.netloc:
            raise CallError(f"{request.url!r} is no URL to call.", "Use http:// or https://.", True)
        serve = self._services.get(f"{url.scheme}://{url.netloc}")
        if serve is None:
            raise CallError(f"{url.netloc} could not be reached.")
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await serve(request)
        except TimeoutError as error:
            raise CallError(
                f"{url.netloc} did not answer within {request.timeout_s:g} s.", perhaps_done=True
            ) from error
        except ConnectionError as error:
            raise CallError(f"{url.netloc} broke the connection.", perhaps_done=True) from error
        if len(answer.body) > request.body_max:
            raise CallError(
                f"The answer ({answer.status}) is larger than {request.body_max} bytes.",
                "Ask for less, or let the service return a reference.",
                final=True,
                perhaps_done=True,
            )
        return answer

    async def close(self) -> None:
        """Nothing is held."""
