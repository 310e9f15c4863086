"""The process that is killed: one engine with its services, working through the orders.

`python -m tests.acceptance.campaign.driver FOLDER`, and by environment: CAMPAIGN_SEED,
CAMPAIGN_ORDERS (how many there are), CAMPAIGN_KNOWN and CAMPAIGN_UP_TO (the orders before the
first were started in an earlier life, those up to the second are started in this one),
CAMPAIGN_LIFE, and CAMPAIGN_POINT with CAMPAIGN_PASSING: kill yourself there, then.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from pavane.bootstrap import running_engine
from pavane.engine.engine import Engine
from tests.acceptance.campaign import shop
from tests.acceptance.campaign.world import PointHit, Record

BETWEEN_S = 0.003  # two new orders


def _number(name: str) -> int:
    return int(os.environ.get(f"CAMPAIGN_{name}", "0"))


class KillAt:
    """A probe that ends the process at a point, without warning and without tidying up."""

    def __init__(self, folder: Path) -> None:
        self._point = os.environ.get("CAMPAIGN_POINT", "")
        self._left = _number("PASSING")
        self._hits = Record(folder / "points.txt")

    def at(self, point: str) -> None:
        """The engine, or a service, is here."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                self._hits.append(PointHit(_number("LIFE"), point))
                os.kill(os.getpid(), signal.SIGKILL)


async def work(engine: Engine) -> None:
    """Start what is to be started (the same order never twice), and see all of it ended."""
    orders = shop.orders(_number("ORDERS"), _number("SEED"))[: _number("UP_TO")]
    starting: list[asyncio.Future[str]] = []
    for number, order in enumerate(orders):
        body = msgspec.json.encode({"order": order})
        start = engine.start_execution(shop.fulfil.name, body, key=order.id)
        starting.append(asyncio.ensure_future(start))
        if number >= _number("KNOWN"):
            await asyncio.sleep(BETWEEN_S)
    ids = await asyncio.gather(*starting)
    await asyncio.gather(*(engine.wait(id) for id in ids))


async def main(folder: Path) -> None:
    """Until all is done, or somebody asks to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    probe = KillAt(folder)
    shop.WORLD.open(folder, _number("LIFE"), probe.at)
    async with running_engine(
        f"sqlite:///{folder / 'store.db'}",
        services=shop.SERVICES,
        workflows=[shop.fulfil],
        probe=probe,
    ) as engine:
        print("ready", flush=True)
        working = asyncio.ensure_future(work(engine))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            print("done", flush=True)
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
    print("stopped", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
