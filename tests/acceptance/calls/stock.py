"""A plain REST service of its own: Starlette under uvicorn in a thread, told how to misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route


class Stock:
    """What it was asked, what it holds, and how it answers next."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.reserved: dict[str, str] = {}  # by idempotency key
        self.script: list[Any] = []  # statuses, or (status, headers), before it works
        self.detail: Any = {"detail": "harpsichord is sold out"}
        self.origin = ""
        self._heard = threading.Condition()

    async def until_asked(self, times: int, within_s: float = 20.0) -> None:
        """Wait until it was asked so often; AssertionError when that does not come."""

        def wait() -> bool:
            with self._heard:
                return self._heard.wait_for(lambda: len(self.asked) >= times, within_s)

        assert await asyncio.to_thread(wait), f"asked {len(self.asked)} times"

    def headers(self, name: str) -> list[str]:
        """One header of each request so far."""
        return [headers.get(name, "") for _, _, headers, _ in self.asked]

    async def serve(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        with self._heard:
            self.asked.append((request.method, path, dict(request.headers), body))
            self._heard.notify_all()
        if self.script:
            step = self.script.pop(0)
            status, headers = step if isinstance(step, tuple) else (step, {})
            if status == "slow":
                await asyncio.sleep(3)
            elif status == "drip":
                return StreamingResponse(self._drip(), media_type="application/json")
            elif status == "huge":
                return Response(b'"' + b"x" * 6_000_000 + b'"', media_type="application/json")
            elif status == "redirect":
                return RedirectResponse(f"{self.origin}/elsewhere", 307)
            elif status == "empty":
                return Response(status_code=204)
            elif status == "html":
                return Response("<p>fine</p>", media_type="text/html")
            elif status != 200:
                return JSONResponse(self.detail, status, headers)
        return self._work(request)

    def _work(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key", "")
        order = request.path_params.get("order", "")
        if request.method == "DELETE":
            found = [key for key, held in self.reserved.items() if held == order]
            for key in found:
                del self.reserved[key]
            return Response(status_code=204) if found else JSONResponse({}, 404)
        self.reserved.setdefault(key, order)
        return JSONResponse({"id": f"r-{order}", "total": 40}, 201)

    async def _drip(self) -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)


@contextmanager
def stock() -> Iterator[Stock]:
    """The service on a free port of loopback, until left."""
    service = Stock()
    routes = [
        Route("/orders/{order}/reservations", service.serve, methods=["POST", "DELETE", "GET"]),
        Route("/{rest:path}", service.serve, methods=["POST", "GET"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    service.origin = f"http://127.0.0.1:{port}"
    try:
        yield service
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
