"""Who is behind on a bus is seen by a command that takes part in nothing."""

import asyncio
import json
from pathlib import Path

from pavane import Event, Service
from pavane.bootstrap import dancing_services
from tests.acceptance.cli.processes import done, refused

BUS = ("--bus", "embedded:bus")


class Sold(Event, type="test.sale.made.v1", key="what"):
    what: str


def test_what_waits_for_a_service_that_is_away_is_listed(tmp_path: Path):
    refused(tmp_path, 2, "lag", *BUS)  # there is no bus yet, and looking makes none

    bank = Service("bank")

    @bank.on(Sold)
    async def book(event: Sold) -> None:
        pass

    async def begin() -> None:
        async with dancing_services(f"embedded:{tmp_path / 'bus'}", services=[bank]):
            pass

    asyncio.run(begin())
    for what in ("lute", "harp"):
        done(tmp_path, "publish", "test.sale.made.v1", "--data", json.dumps({"what": what}), *BUS)
    said = done(tmp_path, "lag", *BUS).splitlines()
    assert said[0].split() == ["2", "bank", "test.sale.v1"]
    found = json.loads(done(tmp_path, "lag", "--json", *BUS))["lag"]
    assert found[0] == {"group": "bank", "topic": "test.sale.v1", "waiting": 2}
