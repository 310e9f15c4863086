"""Publishes events from a process of its own, so that its CPU is in nobody's figure.

python -m bench.handlers.publish FOLDER FIRST COUNT
"""

from __future__ import annotations

import asyncio
import sys

from bench.handlers.events import placed
from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.bootstrap.opening import SystemClock
from pavane.sdk.event import outgoing

AT_ONCE = 50  # events in one commit of the publisher


async def publish(folder: str, first: int, count: int) -> None:
    bus, clock = EmbeddedBus(folder), SystemClock()
    await bus.open()
    for start in range(first, first + count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, first + count))
        await bus.publish(
            [
                outgoing(placed(number), id=f"e{number:08}", source="shop", time=clock.now())
                for number in numbers
            ]
        )
    await bus.close()


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
