"""Callers that break a promise each."""

import asyncio

from msgspec.structs import replace

from pavane.adapters.memory.caller import MemoryCaller
from pavane.errors import CallError
from pavane.ports.caller import CallAnswer, CallRequest


class Unquotes(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        return await super().call(replace(request, url=request.url.replace("%2F", "/")))


class Chatty(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        return await super().call(replace(request, headers=(*request.headers, ("cookie", "a=1"))))


class OneHeaderEach(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        answer = await super().call(request)
        return replace(answer, headers=tuple(dict(answer.headers).items()))


class RaisesForStatus(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        answer = await super().call(request)
        if answer.status >= 400:
            raise CallError(f"It answered {answer.status}.")
        return answer


class Follows(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        answer = await super().call(request)
        return await super().call(request) if answer.status == 307 else answer


class Patient(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        return await super().call(replace(request, timeout_s=6.0))


class Gulps(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        return await super().call(replace(request, body_max=10**9))


class Cuts(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        answer = await super().call(replace(request, body_max=10**9))
        return replace(answer, body=answer.body[: request.body_max])


class Optimist(MemoryCaller):
    """Nothing has ever happened when something went wrong."""

    async def call(self, request: CallRequest) -> CallAnswer:
        try:
            return await super().call(request)
        except CallError as error:
            raise CallError(error.message, final=error.final) from error


class Pessimist(MemoryCaller):
    """Everything may have happened when something went wrong."""

    async def call(self, request: CallRequest) -> CallAnswer:
        try:
            return await super().call(request)
        except CallError as error:
            raise CallError(error.message, final=error.final, perhaps_done=True) from error


class TriesRubbish(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        try:
            return await super().call(request)
        except CallError as error:
            raise CallError(error.message, perhaps_done=error.perhaps_done) from error


class OneByOne(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        lock = self.__dict__.setdefault("lock", asyncio.Lock())
        async with asyncio.timeout(2.0), lock:
            return await super().call(request)


class LeaksPlaces(MemoryCaller):
    async def call(self, request: CallRequest) -> CallAnswer:
        taken = self.__dict__.setdefault("places", asyncio.Semaphore(5))
        async with asyncio.timeout(2.0):
            await taken.acquire()
        answer = await super().call(request)  # not given back where it is cancelled
        taken.release()
        return answer
