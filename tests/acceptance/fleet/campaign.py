"""One fleet, its orders and its faults: orders come at an even pace while things break."""

import asyncio
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from dev.services.server import Server
from tests.acceptance.campaign.shop import Order
from tests.acceptance.campaign.travel import Trip
from tests.acceptance.company.clients import Customer
from tests.acceptance.company.faults import Fault
from tests.acceptance.company.processes import Company, Life
from tests.acceptance.fleet.faults import Calamity
from tests.acceptance.fleet.network import Network

HIT_S = 15.0  # for a process to come to a point that it passes for every order
STANDING_S = 7.0  # for longer than any lease: a node's is 5 s
CUT_S = 7.0
EACH_S = 5.0  # what a fault takes, roughly
LONGER_S = {"bus restart": 15.0, "bus kill": 20.0, "stop": 9.0, "cut": 9.0}
BREATH_S = 0.5  # between one fault and the next, at least
# Orders: what goes on is to be held up by faults, not by those before it. On two cores RabbitMQ has
# no room for more in a hybrid: with ten a second each order was under way for eight seconds.
MOST_PER_S = 10.0
LESS_PER_S = {("rabbitmq", "hybrid"): 4.0}
SETTLE_S = 6.0  # behind the death of a node nothing else breaks, so that what others do is seen
BURST = 5  # orders that come all at once where a node dies or a point is to be passed
BURSTS = 4  # for a point, within HIT_S
# RabbitMQ, of one node and killed, does not serve queues that it made less than about 5 s before.
QUEUES_S = 6.0


class Campaign:
    """What happened is in `happened`, and when nodes died in `deaths` (epoch milliseconds)."""

    def __init__(
        self,
        company: Company,
        buyer: Customer,
        servers: Mapping[str, Server],
        network: Network | None,
        chance: random.Random,
        most_per_s: float = MOST_PER_S,
    ) -> None:
        self._most_per_s = most_per_s
        self._company = company
        self._buyer = buyer
        self._servers = servers
        self._network = network
        self._chance = chance
        self.happened: Counter[str] = Counter()
        self.deaths: list[int] = []
        self._left: deque[Order | Trip] = deque()
        self._buying = asyncio.TaskGroup()

    async def run(self, orders: Sequence[Order | Trip], faults: Sequence[Fault | Calamity]) -> None:
        """The faults one after the other, and orders at an even pace meanwhile.

        Where there are many orders, faults come less often. Some orders are kept for faults that
        need some under way.
        """
        takes_s = sum(LONGER_S.get(fault.kind, EACH_S) for fault in faults)
        longer_s = max(0.0, len(orders) / self._most_per_s - takes_s)
        takes_s += longer_s
        breath_s = BREATH_S + longer_s / max(1, len(faults))
        kept = BURST * sum(self._wants_orders(fault) for fault in faults)
        self._left.extend(orders)
        began = time.monotonic()
        async with self._buying:
            paced = max(len(orders) - kept, 1)
            selling = self._buying.create_task(self._sell(paced, takes_s))
            for fault in faults:
                await asyncio.sleep(breath_s)
                if fault.kind == "bus kill":
                    await asyncio.sleep(began + QUEUES_S - time.monotonic())
                print(f"{time.strftime('%X')} {fault}", flush=True)
                if self._wants_orders(fault):
                    self._order(BURST)
                if isinstance(fault, Calamity):
                    await self._befall(fault)
                else:
                    await self._meet(fault)
            await selling
            self._order(len(self._left))

    def _wants_orders(self, fault: Fault | Calamity) -> bool:
        if isinstance(fault, Calamity):
            return False
        return fault.kind == "point" or fault.part in self._company.servers

    async def _sell(self, count: int, within_s: float) -> None:
        for _ in range(count):
            self._order(1)
            await asyncio.sleep(within_s / count)

    def _order(self, count: int) -> None:
        for _ in range(min(count, len(self._left))):
            self._buying.create_task(self._buyer.start(self._left.popleft()))

    async def _befall(self, fault: Calamity) -> None:
        self.happened[fault.kind] += 1
        await self._company.ready()
        if fault.kind == "cut":
            assert self._network is not None
            self._network.cut(fault.number)
            await asyncio.sleep(CUT_S)
            self._network.mend(fault.number)
            return
        which, how = fault.kind.split()
        server = self._servers[which]
        await asyncio.to_thread(server.kill if how == "kill" else server.stop)
        await asyncio.to_thread(server.start)

    async def _passed(self, life: Life) -> bool:
        """Whether it came to its point, and ended there."""
        for _ in range(BURSTS):
            if await life.end(HIT_S / BURSTS):
                return True
            self._order(BURST)
        return life.is_over

    def _died(self) -> None:
        self.deaths.append(time.time_ns() // 1_000_000)

    async def _meet(self, fault: Fault) -> None:
        company, life = self._company, self._company.current[fault.part]
        is_node = fault.part in company.servers
        await (company.ready() if is_node else life.ready())
        self.happened[fault.kind] += 1
        if fault.kind == "point":
            company.arm(fault.part, fault.point, fault.passing)
            if not await self._passed(life):
                life.signal(signal.SIGKILL)
                self.happened["missed"] += 1
        elif fault.kind == "stop":
            await self._stand_still(fault, life, is_node=is_node)
            return
        else:
            await asyncio.sleep(fault.after_s)
            life.signal(signal.SIGKILL if fault.kind == "kill" else signal.SIGTERM)
        if is_node and fault.kind != "restart":
            self._died()
        assert await life.end(), f"{fault} did not end: {life.said}"
        await company.begin(fault.part)
        if is_node:
            await asyncio.sleep(SETTLE_S)

    async def _stand_still(self, fault: Fault, life: Life, *, is_node: bool) -> None:
        """For longer than any lease; others take over, and then it goes on and finds out."""
        await asyncio.sleep(fault.after_s)
        life.signal(signal.SIGSTOP)
        if is_node:
            self._died()
        else:
            await self._company.begin(fault.part)
        await asyncio.sleep(STANDING_S)
        life.signal(signal.SIGCONT)
        if is_node:
            return
        await asyncio.sleep(self._chance.uniform(0.2, 0.6))  # it finds out, and may try things
        life.signal(signal.SIGKILL if self._chance.random() < 0.5 else signal.SIGTERM)
        assert await life.end(), f"{fault} did not end: {life.said}"
