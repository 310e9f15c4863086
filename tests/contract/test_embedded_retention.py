"""What is forgotten on the embedded bus, and what is not: nothing that may come again."""

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from pavane import Event, Service, workflow
from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.bootstrap import dancing_services
from pavane.bootstrap.choreographed import visiting
from pavane.participant.retention import Retention
from pavane.ports.bus import Subscription
from pavane.ports.ledger import Entry, Ledger, RowKey
from pavane.testing.contracts.bus.harness import TOPIC, ids, numbered, opened, out

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000
KEEP_MS = 14 * DAY_MS


class Later:
    """A clock that is ahead of the machine's."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


class PrunesEarly(Retention):
    """Goes by the age alone: a known way to be wrong."""

    async def prune(self) -> None:
        before = self._clock.now() - self._keep_ms
        self.forgotten += await self._ledger.prune(before, before)


async def handle(ledger: SqliteLedger, member: Subscription, count: int) -> list[str]:
    """Take so many and put those that are new into the inbox; the new ones' ids."""
    done: list[str] = []
    async with asyncio.timeout(10):
        for _ in range(count):
            (taken,) = await member.take(1)
            entry = Entry(message=taken.event.id, at=Later().now())
            if taken.event.id not in await ledger.seen([taken.event.id]):
                await ledger.commit([entry])
                done.append(taken.event.id)
    return done


async def read_on(member: Subscription) -> None:
    """Let it see that there is nothing more for it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await member.take(1)
            pytest.fail("there was something for it")


@pytest.mark.parametrize("kind", [Retention, PrunesEarly])
async def test_an_inbox_id_stays_while_its_message_may_come_again(
    kind: type[Retention], tmp_path: Path
):
    """The first message is never done, so those behind it come again with the next process."""
    clock = Later()
    ledger = SqliteLedger(tmp_path / "billing.db")
    await ledger.open()
    async with opened(EmbeddedBus(tmp_path)) as bus:
        bus.adopt(ledger, "billing")
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish([out("stuck"), out("1"), out("2")])
        async with asyncio.timeout(5):
            (stuck,) = await member.take(1)
        assert stuck.event.id == "stuck"
        taken = []
        async with asyncio.timeout(5):
            while len(taken) < 2:
                taken += await member.take(2)
        await ledger.commit([Entry(message=i, at=Later().now()) for i in ids(taken)])
        await member.done(taken)
        retention = kind("billing", ledger, bus, clock, KEEP_MS)
        clock.ahead_ms = 15 * DAY_MS
        await retention.prune()
        crashed = bus.crash()
    reborn = ledger.crash()
    await reborn.open()
    async with opened(crashed) as bus:
        bus.adopt(reborn, "billing")
        member = await bus.subscribe("billing", [TOPIC])
        handled = await handle(reborn, member, 3)
        assert handled == (["stuck"] if kind is Retention else ["stuck", "1", "2"])
    await reborn.close()


async def test_what_is_done_and_old_goes(tmp_path: Path):
    """Inbox, closed executions and the log; the young stays, and so does what is not closed."""
    clock, ledger = Later(), SqliteLedger(tmp_path / "billing.db")
    await ledger.open()
    async with opened(EmbeddedBus(tmp_path)) as bus:
        bus.adopt(ledger, "billing")
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(3))
        for n in range(3):
            async with asyncio.timeout(5):
                taken = await member.take(1)
            now = clock.now()
            row = {RowKey("step", "x"): b"1"}
            entry = Entry(f"e{n}", 0, ids(taken)[0], rows=row, closed=n < 2, at=now)
            await ledger.commit([entry, Entry(records=[out(f"said-{n}", topic="other")], at=now)])
            await member.done(taken)
        bus.news(ledger)
        await read_on(member)
        retention = Retention("billing", ledger, bus, clock, KEEP_MS)
        await retention.prune()
        assert retention.forgotten == 0
        clock.ahead_ms = 15 * DAY_MS
        await retention.prune()
        loaded = await ledger.load({f"e{n}": [RowKey("step", "x")] for n in range(3)})
        assert [loaded[f"e{n}"].revision for n in range(3)] == [0, 0, 1]
        assert await ledger.seen(["0", "1", "2"]) == set()
        await retention.prune()  # by now it is written down that the log says nothing to its group
        assert [each.out.event.id for each in await ledger.log_after(0, 9)] == ["said-2"]
        # The bus's own log goes the same way, and positions go on.
        await bus.publish([out("next")])
        async with asyncio.timeout(5):
            assert ids(await member.take(5)) == ["next"]
    await ledger.close()


async def test_a_log_waits_for_every_group_that_was_seen_of_late(tmp_path: Path):
    clock, ledger = Later(), SqliteLedger(tmp_path / "billing.db")
    await ledger.open()
    async with opened(EmbeddedBus(tmp_path)) as bus:
        bus.adopt(ledger, "billing")
        async with opened(EmbeddedBus(tmp_path)) as other:
            slow = await other.subscribe("slow", [TOPIC])
            await ledger.commit([Entry(records=numbered(3), at=clock.now())])
            bus.news(ledger)
            async with asyncio.timeout(5):
                (first,) = await slow.take(1)
            await slow.done([first])
        member = await bus.subscribe("billing", [TOPIC])
        async with asyncio.timeout(5):
            done: list[str] = []
            while len(done) < 3:
                taken = await member.take(5)
                await member.done(taken)
                done += ids(taken)
        clock.ahead_ms = 15 * DAY_MS
        retention = Retention("billing", ledger, bus, clock, KEEP_MS)
        await retention.prune()
        assert len(await ledger.log_after(0, 9)) == 2  # "slow" has no process, and is waited for
        long_ago = time.time() - 91 * 86_400
        for path in (tmp_path / "groups").iterdir():
            os.utime(path, (long_ago, long_ago))
        await retention.prune()
        assert len(await ledger.log_after(0, 9)) == 1
    await ledger.close()


clerk, carrier = Service("clerk"), Service("carrier")


@clerk.task(read_only=True)
async def look_up(item: str) -> int:
    return len(item)


@carrier.task(read_only=True)
async def weigh(price: int) -> int:
    return price * 2


@workflow
async def quote(item: str) -> int:
    """Two services, one after the other."""
    price = await look_up(item)
    return await weigh(price)


async def known(ledger: Ledger, executions: list[str]) -> bool:
    """Whether it has anything of these."""
    loaded = await ledger.load(dict.fromkeys(executions, ()))
    return any(each.revision for each in loaded.values())


async def test_services_forget_while_they_dance(tmp_path: Path):
    """Pruned twenty times in a second: everything ends, and nothing but the young is left."""
    url = f"embedded:{tmp_path}"
    async with dancing_services(
        url, services=[clerk, carrier], workflows=[quote], retention_s=1.0
    ) as company:
        ran: list[str] = []
        for n in range(60):
            ran.append(await company.requests.start("quote", b'{"item":"lute"}', key=f"{n}"))
            await asyncio.sleep(0.05)
        newest = await company.observer.wait(ran[-1], 10)
        assert newest.status == "COMPLETED"
        async with asyncio.timeout(10):
            while any(company.observer.views.knows(id) for id in ran):  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.05)
        ledger = company.ledgers["clerk"]
        async with asyncio.timeout(15):
            for each in company.ledgers.values():  # the home, and then the other, whom it tells
                while await known(each, ran):  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.05)
        assert len(await ledger.log_after(0, 1000)) <= 6  # who listens is told anew
        again = await company.requests.start("quote", b'{"item":"drum"}', key="again")
        assert bytes((await company.observer.wait(again, 10)).output) == b'{"result":8}'
        async with visiting(url) as visitor:  # definitions are announced anew before they go
            assert "quote" in visitor.requests.known
            assert visitor.observer.execution(again).status == "COMPLETED"


class Asked(Event, type="test.quote.asked.v1"):
    item: str


class NeverTells(Retention):
    """Lets go what was told at the start: a known way to be wrong."""

    async def prune(self) -> None:
        self._tell = None
        await super().prune()


@pytest.mark.parametrize("kind", [Retention, NeverTells])
async def test_who_listens_is_known_however_long_a_service_runs(
    kind: type[Retention], tmp_path: Path
):
    url, listening, clock = f"embedded:{tmp_path}", Service("listening"), Later()

    @listening.on(Asked)
    async def answer(event: Asked) -> None:
        del event

    async with dancing_services(url, services=[listening], retention_s=0.0) as company:
        ledger, tell = company.ledgers["listening"], company.participants["listening"].tell
        retention = kind("listening", ledger, company.bus, clock, KEEP_MS, tell)
        async with asyncio.timeout(10):
            while not company.observer.picture.listens:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.02)
        for _ in range(5):
            clock.ahead_ms += 15 * DAY_MS
            await ledger.commit([Entry(records=[out("noise", topic="other")], at=clock.now())])
            assert isinstance(company.bus, EmbeddedBus)
            company.bus.news(ledger)
            await company.bus.read_up("listening")  # on a topic of which nobody here is told
            await retention.prune()
        assert retention.forgotten >= 4
        async with visiting(url) as visitor:
            known = set(visitor.observer.picture.listens)
        assert known == ({"listening"} if kind is Retention else set())
