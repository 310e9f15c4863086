"""The floor's server: hands three steps around and commits a row for each, and is no engine.

Plain ASGI under the server and the settings of `pavane server`; a row of 300 bytes for the start
and for each result, awaited, in the group commit of `bench.floor`; what is under way is in memory.

python -m bench.workers.floor_server PORT FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path
from typing import Any

import msgspec

from bench.floor import Floor

STEPS = 3
_encode = msgspec.json.Encoder().encode


class Item(msgspec.Struct):
    """A task on its way down, or its result on its way up."""

    id: str
    body: msgspec.Raw


class Asked(msgspec.Struct):
    """As our exchange: with results it never waits, without it waits for a first task."""

    step: int
    limit: int
    results: list[Item] = []


class Flow:
    """Queues of steps, and those who wait at them."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._queues: list[deque[Item]] = [deque() for _ in range(STEPS)]
        self._awake = [asyncio.Event() for _ in range(STEPS)]
        self._orders: dict[str, msgspec.Raw] = {}
        self._ends: dict[str, asyncio.Future[msgspec.Raw]] = {}
        self._started = 0

    async def start(self, body: bytes) -> bytes:
        self._started += 1
        id = f"workflow-{self._started:08}"
        self._ends[id] = asyncio.get_running_loop().create_future()
        self._orders[id] = msgspec.Raw(body)
        await self._floor.append(id, 0)
        self._put(0, id)
        return _encode({"id": id})

    async def result(self, id: str) -> bytes:
        output = await self._ends[id]
        del self._ends[id]
        return _encode({"status": "COMPLETED", "output": output})

    async def exchange(self, asked: Asked) -> bytes:
        queue, awake = self._queues[asked.step], self._awake[asked.step]
        if asked.results:
            rows = (self._floor.append(each.id, asked.step + 1) for each in asked.results)
            await asyncio.gather(*rows)
            for each in asked.results:
                if asked.step + 1 < STEPS:
                    self._put(asked.step + 1, each.id)
                else:
                    del self._orders[each.id]
                    self._ends[each.id].set_result(each.body)
        else:
            while not queue:
                awake.clear()
                await awake.wait()
        work = [queue.popleft() for _ in range(min(asked.limit, len(queue)))]
        return _encode({"work": work})

    def _put(self, step: int, id: str) -> None:
        self._queues[step].append(Item(id, self._orders[id]))
        self._awake[step].set()


class App:
    """ASGI, and nothing between it and the server."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path, body, more = scope["path"], b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if path == "/exchange":
            answer = await self._flow.exchange(msgspec.json.decode(body, type=Asked))
        elif path == "/start":
            answer = await self._flow.start(body)
        elif path == "/health":
            answer = b"{}"
        else:
            answer = await self._flow.result(path.rpartition("/")[2])
        length = str(len(answer)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def serve(port: int, folder: Path) -> None:
    import uvicorn

    floor = Floor(str(folder / "floor.db"))
    committing = asyncio.create_task(floor.run())
    config = uvicorn.Config(
        App(Flow(floor)),
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(config).serve()
    committing.cancel()
    floor.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
