"""One process of the company: the server, or some services, in one of the styles.

`python -m tests.acceptance.company.part FOLDER STYLE PART`, with COMPANY_SITE (see `Site`) in the
environment, COMPANY_LIFE, and for a server COMPANY_HOST and COMPANY_PORT. SIGUSR1 arms it (see
`KillAt`), SIGTERM stops it gracefully.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from pavane.bootstrap import (
    conducting,
    dancing_services,
    keyring_of,
    mixed_workers,
    remote_services,
    running_engine,
)
from pavane.doors.rest.app import build_app
from pavane.doors.rest.serve import listen, serve
from pavane.errors import PavaneError
from tests.acceptance.campaign import shop, travel
from tests.acceptance.company import hybrid_shop, hybrid_travel
from tests.acceptance.company.site import Site
from tests.acceptance.company.world import KillAt, SharedWorld, number

LEASE_S = 1.5
SERVER = "server"


def say(word: str) -> None:
    """For whoever has started us."""
    print(f"{time.strftime('%X')} {word}", flush=True)


async def server(site: Site, style: str, probe: KillAt, stop: asyncio.Event) -> None:
    """The conductor, or one of its nodes."""
    address, locked = os.environ["COMPANY_HOST"], bool(site.key)
    with listen(address, number("PORT"), locked=locked) as listening:
        if style == "hybrid":
            conductor = conducting(site.store, site.bus, lease_s=LEASE_S, probe=probe)
            async with conductor as (engine, company):
                app = build_app(engine, company, await keyring_of(engine.store) if locked else None)
                await serve(app, listening, stop, lambda: say("ready"))
        else:
            async with running_engine(site.store, lease_s=LEASE_S, probe=probe) as engine:
                app = build_app(engine, None, await keyring_of(engine.store) if locked else None)
                await serve(app, listening, stop, lambda: say("ready"))


def services(
    site: Site, style: str, names: list[str], probe: KillAt
) -> AbstractAsyncContextManager[Any]:
    """Some services at work."""
    offered = (*shop.SERVICES, *travel.SERVICES)
    these = [service for service in offered if service.name in names]
    workflows = [shop.fulfil, travel.journey] if site.travels else [shop.fulfil]
    more: dict[str, Any] = {"probe": probe}
    if style != "choreographed":
        more["api_key"] = site.key or None
    if style == "orchestrated":
        return remote_services(site.url, services=these, workflows=workflows, **more)
    more |= {"ledger": site.ledger, "lease_s": LEASE_S}
    if style == "hybrid":
        workflows = [hybrid_shop.fulfil, *([hybrid_travel.journey] if site.travels else [])]
        return mixed_workers(site.url, site.bus, services=these, workflows=workflows, **more)
    return dancing_services(site.bus, services=these, workflows=workflows, watched=False, **more)


async def main() -> None:
    """Until SIGTERM, or until killed."""
    folder, style, part = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", datefmt="%X")
    site = Site.given()
    say("begins")
    probe = KillAt(folder, number("LIFE"))
    shop.WORLD = SharedWorld()
    shop.WORLD.open(folder, number("LIFE"), probe.at)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, probe.arm)
    if part.startswith(SERVER):
        await server(site, style, probe, stop)
    else:
        async with services(site, style, part.split(","), probe):
            say("ready")
            await stop.wait()
    say("stopped")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except PavaneError as error:  # as the command line does: whoever began it begins it anew
        say(f"gives up: {error}")
        sys.exit(1)
