"""One process of the company: the server, or some services, in one of the styles.

`python -m tests.acceptance.company.part FOLDER STYLE PART`, with COMPANY_LIFE and COMPANY_PORT in
the environment. SIGUSR1 arms it (see `KillAt`), SIGTERM stops it gracefully.
"""

import asyncio
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from pavane.bootstrap import (
    conducting,
    dancing_services,
    mixed_workers,
    remote_services,
    running_engine,
)
from pavane.doors.rest.app import build_app
from pavane.doors.rest.serve import listen, serve
from tests.acceptance.campaign import shop
from tests.acceptance.company import hybrid_shop
from tests.acceptance.company.world import KillAt, SharedWorld, number

LEASE_S = 1.5
SERVER = "server"


def say(word: str) -> None:
    """For whoever has started us."""
    print(word, flush=True)


async def server(folder: Path, style: str, probe: KillAt, stop: asyncio.Event) -> None:
    """The conductor."""
    store = f"sqlite:///{folder / 'store.db'}"
    with listen("127.0.0.1", number("PORT"), locked=False) as listening:
        if style == "hybrid":
            bus = f"embedded:{folder / 'bus'}"
            async with conducting(store, bus, lease_s=LEASE_S, probe=probe) as (engine, company):
                await serve(build_app(engine, company), listening, stop, lambda: say("ready"))
        else:
            async with running_engine(store, lease_s=LEASE_S, probe=probe) as engine:
                await serve(build_app(engine), listening, stop, lambda: say("ready"))


def services(
    folder: Path, style: str, names: list[str], probe: KillAt
) -> AbstractAsyncContextManager[Any]:
    """Some services at work."""
    these = [service for service in shop.SERVICES if service.name in names]
    url, bus = f"http://127.0.0.1:{number('PORT')}", f"embedded:{folder / 'bus'}"
    if style == "orchestrated":
        return remote_services(url, services=these, workflows=[shop.fulfil], probe=probe)
    if style == "hybrid":
        return mixed_workers(
            url, bus, services=these, workflows=[hybrid_shop.fulfil], probe=probe, lease_s=LEASE_S
        )
    return dancing_services(
        bus, services=these, workflows=[shop.fulfil], probe=probe, watched=False, lease_s=LEASE_S
    )


async def main() -> None:
    """Until SIGTERM, or until killed."""
    folder, style, part = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    probe = KillAt(folder, number("LIFE"))
    shop.WORLD = SharedWorld()
    shop.WORLD.open(folder, number("LIFE"), probe.at)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, probe.arm)
    if part == SERVER:
        await server(folder, style, probe, stop)
    else:
        async with services(folder, style, part.split(","), probe):
            say("ready")
            await stop.wait()
    say("stopped")


if __name__ == "__main__":
    asyncio.run(main())
