"""Events that a conductor could not use are in its own ledger, and settled like any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pavane.bootstrap import mixed_services
from pavane.core.model.workflow import Workflow
from pavane.doors.executions.danced import Danced
from pavane.doors.executions.dead_letters import DeadLetters, Wanted
from pavane.engine.views.dead_letters import DeadLetter
from pavane.errors import ConflictError
from pavane.sdk.service import Service
from tests.acceptance.events.test_starting import DATA, Parcels, lute, packing

pytestmark = pytest.mark.anyio


class Desk:
    """Tells of events, and looks after those that stopped."""

    def __init__(self, company: Any) -> None:
        self.company = company
        self.letters = DeadLetters(Danced(company), company)

    async def standing(self) -> list[DeadLetter]:
        return (await self.letters.find(Wanted()))[0]

    async def until(self, fits: Callable[[list[DeadLetter]], bool]) -> list[DeadLetter]:
        async with asyncio.timeout(10):
            while not fits(found := await self.standing()):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def desk(folder: Path, parcels: Parcels, started: Workflow) -> AsyncGenerator[Desk]:
    async with mixed_services(
        "memory:",
        f"embedded:{folder}",
        services=[parcels.service],
        workflows=[started],
    ) as (_, company):
        yield Desk(company)


async def test_what_starts_nothing_is_redriven_or_discarded(tmp_path: Path):
    parcels = Parcels()
    wrong = packing({"input": {"order": "${= event.lute.price + 1}"}})
    async with desk(tmp_path, parcels, wrong) as here:
        for id in ("web-1", "web-2"):
            await here.company.publish(lute(), id=id)
        both = await here.until(lambda found: len(found) == 2)
        assert {(each.service, each.kind) for each in both} == {
            ("_pavane.conductor", "quarantined")
        }
        first = next(each for each in both if each.message == "web-1")
        second = next(each for each in both if each.message == "web-2")
        # As it is, it can start nothing at the second try either: it stands again, since then.
        assert (await here.letters.redrive(second.id)).state == "redriven"
        await here.until(lambda found: any(each.since > second.since for each in found))
        given_up = await here.letters.discard(first.id, "ordered twice")
        assert (given_up.state, given_up.settled) == ("discarded", "ordered twice")
        with pytest.raises(ConflictError, match="is discarded already"):
            await here.letters.redrive(first.id)
        assert [each.message for each in await here.standing()] == ["web-2"]
    assert parcels.packed == []
    async with desk(tmp_path, parcels, packing({}, version=2)) as here:
        (left,) = await here.until(lambda found: len(found) == 1)
        assert (await here.letters.redrive(left.id, "mended")).state == "redriven"
        await here.until(lambda found: not found)
        async with asyncio.timeout(10):
            while not parcels.packed:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)
    assert parcels.packed == [DATA]


async def test_what_has_no_place_is_set_aside_and_begins_when_it_is_redriven(tmp_path: Path):
    parcels, go_on = Parcels(), asyncio.Event()
    slow = Service("parcels")

    @slow.task(pivot=True)
    async def pack(order: Any) -> None:
        parcels.packed.append(order)
        await go_on.wait()

    assert pack.name == "pack"
    parcels.service = slow
    one = {"concurrentExecLimit": 1, "policy": "REJECT"}
    async with desk(tmp_path, parcels, packing({}, rateLimitConfig=one)) as here:
        await here.company.publish(lute(1), id="web-1")
        await here.company.publish(lute(2), id="web-2")
        (letter,) = await here.until(lambda found: len(found) == 1)
        assert letter.kind == "quarantined" and "1 of packing runs already" in letter.reason
        go_on.set()
        async with asyncio.timeout(10):
            while await here.standing():  # until the first one has ended, it stands again
                await here.letters.redrive((await here.standing())[0].id)
                await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            while len(parcels.packed) < 2:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)
    assert {each["total"] for each in parcels.packed} == {"1", "2"}
