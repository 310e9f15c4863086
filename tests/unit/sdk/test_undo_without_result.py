"""An undo comes also where nobody knows what the step did: then with None for its result."""

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from pavane import Fail, Service, gather, workflow
from pavane.bootstrap import running_engine

pytestmark = pytest.mark.anyio

post, office = Service("post"), Service("office")
SEEN: list[tuple[str, object]] = []


@dataclass(frozen=True)
class Invoice:
    number: str


@post.task(retries=0)
async def ship(id: str) -> str:
    await asyncio.sleep(0.02)
    raise Fail("no carrier")


@office.task
async def void_invoice(id: str, invoice: Invoice) -> None:
    SEEN.append((id, invoice))


@office.task(undo=void_invoice)
async def send_invoice(id: str) -> Invoice:
    if id == "slow":
        await asyncio.sleep(60)
    return Invoice(number=f"I-{id}")


@workflow
async def order(id: str) -> str:
    parcel, invoice = await gather(ship(id), send_invoice(id))
    return f"{parcel} {invoice.number}"


@pytest.mark.parametrize(("id", "told"), [("quick", Invoice("I-quick")), ("slow", None)])
async def test_the_undo_of_an_interrupted_step_gets_no_result(id: str, told: object):
    SEEN.clear()
    async with running_engine("memory:", services=[post, office], workflows=[order]) as engine:
        body = msgspec.json.encode({"id": id})
        header = await engine.wait(await engine.start_execution("order", body), 10)
    assert header.status == "COMPENSATED"
    ((undone, result),) = SEEN
    assert (undone, result) == (id, told)
