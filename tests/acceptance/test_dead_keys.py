"""Order per key on every bus: what comes behind a dead message of its key waits, also elsewhere."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from pavane import Event, Fail, Service
from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.bootstrap import Company, dancing_services
from pavane.bootstrap.choreographed import visiting
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.doors.executions.lag import lag_of
from pavane.sdk.event import outgoing

pytestmark = pytest.mark.anyio

PATIENCE_S = 30.0
TOPIC = "shop.order.v1"


class OrderPaid(Event, type="shop.order.paid.v1", key="order"):
    order: str
    number: int


class Bank:
    """Two handlers: one keeps the order of keys, the other does not."""

    def __init__(self) -> None:
        self.booked: list[tuple[str, int]] = []
        self.mailed: list[tuple[str, int]] = []
        self.refused: set[tuple[str, int]] = set()
        self.service = Service("bank")

        @self.service.on(OrderPaid, retries=0)
        async def book(event: OrderPaid) -> None:
            self._refuse(event)
            self.booked.append((event.order, event.number))

        @self.service.on(OrderPaid, retries=0, ordered=False)
        async def mail(event: OrderPaid) -> None:
            self._refuse(event)
            self.mailed.append((event.order, event.number))

    def _refuse(self, event: OrderPaid) -> None:
        if (event.order, event.number) in self.refused:
            raise Fail("no such account")


@pytest.fixture(
    params=["embedded", "kafka", "rabbitmq", "kafka, plain", "rabbitmq, plain"],
)
def bus(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, bool]:
    """Its URL, and whether other programs publish on it."""
    monkeypatch.chdir(tmp_path)
    kind, _, plain = request.param.partition(", ")
    if kind == "embedded":
        return "embedded:bus", False
    url = request.getfixturevalue(f"{kind}_url")
    more = "&partitions=2&session=1s" if kind == "kafka" else ""
    return f"{url}?prefix={uuid.uuid4().hex[:12]}-{more}", bool(plain)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  # handlers and journals tell nobody here
            await asyncio.sleep(0.02)


async def dead(company: Company, count: int) -> list[str]:
    """The ids of what is dead, once there are so many."""
    ledger = company.ledgers["bank"]
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await ledger.aside("dead")) < count:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.02)
    return sorted(each.id for each in found)


async def nothing_left(company: Company) -> None:
    """The broker has all of it acknowledged."""
    if isinstance(company.bus, KafkaBus | RabbitBus):
        async with asyncio.timeout(PATIENCE_S):
            while any((await company.bus.lag())["bank"].values()):  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.02)


async def lag_seen(visitor: Company) -> int:
    """How many messages wait for the bank, as far as somebody sees who has no part in it."""
    found = {(each.group, each.topic): each.waiting for each in (await lag_of(visitor)).lag}
    return found["bank", TOPIC]


def plainly(order: str, number: int) -> Outgoing:
    """As a program publishes it that says the key with its message, and not in the event."""
    data = b'{"order":"%s","number":%d}' % (order.encode(), number)
    id = f"{order}-{number}"
    return Outgoing(TOPIC, order, CloudEvent(id, "/elsewhere", "shop.order.paid.v1", data=data))


async def test_later_messages_of_a_dead_key_wait_behind_it(bus: tuple[str, bool]):
    url, plain = bus
    bank = Bank()
    bank.refused = {("lute", 1), ("harp", 1)}
    orders = [(order, n) for n in (1, 2, 3) for order in ("lute", "harp", "viol")]
    async with dancing_services(url, services=[bank.service]) as company:
        for order, n in orders:
            if plain:
                await company.bus.publish([plainly(order, n)])
            else:
                await company.publish(OrderPaid(order=order, number=n), id=f"{order}-{n}")
        await until(lambda: len(bank.booked) == 3 and len(bank.mailed) == 7)
        assert len(await dead(company, 4)) == 4  # the first of two keys, of each handler
        await nothing_left(company)
        assert bank.booked == [("viol", n) for n in (1, 2, 3)]
        waiting = {("lute", 2), ("lute", 3), ("harp", 2), ("harp", 3)}
        assert waiting < set(bank.mailed), "where order does not matter nothing waits"
    bank.refused.clear()
    async with visiting(url) as visitor:  # which has no part in the group
        late = (
            plainly("lute", 4)
            if plain
            else outgoing(OrderPaid(order="lute", number=4), id="lute-4", source="web")
        )
        await visitor.bus.publish([late])
        async with asyncio.timeout(PATIENCE_S):
            while await lag_seen(visitor) != 1:  # noqa: ASYNC110  # brokers tell when asked
                await asyncio.sleep(0.05)
    async with dancing_services(url, services=[bank.service]) as company:
        # Another process: what waits is in the ledger, and nothing goes by itself.
        await until(lambda: ("lute", 4) in bank.mailed)
        assert len(bank.booked) == 3
        await company.reactions["bank"].redrive("lute-1/book")
        await until(lambda: len(bank.booked) == 7)
        assert bank.booked[3:] == [("lute", n) for n in (1, 2, 3, 4)]
        await company.reactions["bank"].skip("harp-1/book", "it was a mistake")
        await until(lambda: len(bank.booked) == 9)
        assert bank.booked[7:] == [("harp", 2), ("harp", 3)]
        assert await dead(company, 2) == ["harp-1/mail", "lute-1/mail"]
