"""What an endpoint is compared with: ASGI that reads a body and answers one of a given size.

python -m bench.workers.bare PORT
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The size of the answer is the last part of the path."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    size = scope["path"].rpartition("/")[2]
    body = b"x" * int(size) if size.isdigit() else b"{}"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
    )
