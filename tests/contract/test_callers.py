"""Both callers keep the promises of a caller."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pavane.adapters.http.caller import HttpCaller
from pavane.adapters.http.destinations import Destinations
from pavane.adapters.memory.caller import MemoryCaller
from pavane.ports.caller import Caller
from pavane.testing.contracts.caller import CallerContract
from pavane.testing.contracts.caller.calling import Serve
from pavane.testing.plain_service import plain_service


class TestMemoryCaller(CallerContract):
    @asynccontextmanager
    async def serving(self, serve: Serve) -> AsyncGenerator[tuple[Caller, str]]:
        yield MemoryCaller({"http://inventory": serve}), "http://inventory"


class TestHttpCaller(CallerContract):
    @asynccontextmanager
    async def serving(self, serve: Serve) -> AsyncGenerator[tuple[Caller, str]]:
        caller = HttpCaller(Destinations(["127.0.0.0/8"]))
        try:
            async with plain_service(serve) as origin:
                yield caller, origin
        finally:
            await caller.close()
