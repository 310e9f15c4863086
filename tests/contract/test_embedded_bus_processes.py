"""What is particular to the embedded bus: processes that die, and quiet."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.adapters.embedded.folder import file_name
from pavane.adapters.embedded.retention import prune_log
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.adapters.sqlite.store import SqliteStore
from pavane.errors import ConnectionFailedError
from pavane.participant.points import NoProbe
from pavane.participant.relay import Relay
from pavane.ports.bus import JOURNAL, PASSING, Subscription
from pavane.ports.ledger import Entry
from pavane.testing.contracts.bus.harness import TOPIC, ids, ids_of, numbered, opened, out
from pavane.testing.contracts.ledger import harness as ledgers

pytestmark = pytest.mark.anyio

CHILD = """
import asyncio, sys
from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.testing.contracts.bus.harness import TOPIC, numbered, out

async def publish(bus):
    for n in range(100_000):
        await bus.publish(numbered(3, "k", start=3 * n))
        print(3 * n + 2, flush=True)

async def echo(bus):
    member = await bus.subscribe("echo", [TOPIC])
    print("ready", flush=True)
    while True:
        for each in await member.take(10):
            await bus.publish([out("re-" + each.event.id, topic="answers")])
            await member.done([each])

async def hold(bus):
    member = await bus.subscribe("echo", [TOPIC])
    print("ready", flush=True)
    taken = await member.take(10)
    await member.done(taken[:1])
    print(len(taken), flush=True)
    await asyncio.sleep(60)

async def main():
    bus = EmbeddedBus(sys.argv[2], lease_s=0.6)
    await bus.open()
    await globals()[sys.argv[1]](bus)

asyncio.run(main())
"""


def child(job: str, folder: Path) -> "subprocess.Popen[str]":
    """A process of its own on the bus, which tells what it does line by line."""
    command = [sys.executable, "-c", CHILD, job, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: "subprocess.Popen[str]") -> list[str]:
    """Kill it without warning; what it has still said."""
    process.kill()
    assert process.stdout is not None
    rest = process.stdout.read().split()
    process.wait()
    return rest


async def collect(member: Subscription, count: int) -> list[str]:
    """So many events, each done as it came."""
    found: list[str] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            taken = await member.take(100)
            found += ids(taken)
            await member.done(taken)
    return found


def files(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(each.name for each in folder.glob(pattern))


# --- processes ----------------------------------------------------------------------------------


async def test_two_processes_talk(tmp_path: Path):
    echo = child("echo", tmp_path)
    async with opened(EmbeddedBus(tmp_path)) as bus:
        member = await bus.subscribe("asking", ["answers"])
        assert line(echo) == "ready"
        for n in range(5):
            before = bus.counters.copy()
            began = time.monotonic()
            await bus.publish([out(f"{n}")])
            assert await collect(member, 1) == [f"re-{n}"]
            took_s = time.monotonic() - began
            # Two hops, each by a datagram: nobody waited for a poll, and nobody asked needlessly.
            told = bus.counters.since(before)
            assert told["polls"] <= 1 + took_s
            assert told["reads"] <= 4
        assert kill(echo) == []


async def test_a_publisher_that_is_killed_loses_nothing_that_it_was_told(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path)) as bus:
        member = await bus.subscribe("billing", [TOPIC])
        publisher = child("publish", tmp_path)
        said = [line(publisher) for _ in range(30)]
        said += kill(publisher)
        count = int(said[-1]) + 1
        found = await collect(member, count)
        assert found[:count] == [f"k{n}" for n in range(count)]
        # The next process gets the log of the dead one, and goes on in it.
        await bus.publish([out("last")])
        assert (await collect(member, 1))[-1] == "last"
        assert files(tmp_path, "*.db") == ["_client-1.db"]


async def test_a_member_that_is_killed_leaves_its_events_to_who_stands_by(tmp_path: Path):
    holder = child("hold", tmp_path)
    assert line(holder) == "ready"
    async with opened(EmbeddedBus(tmp_path)) as bus:
        standby = await bus.subscribe("echo", [TOPIC])
        await bus.publish(numbered(5, "k"))
        taken = int(line(holder))
        waiting = asyncio.ensure_future(standby.take(100))
        await asyncio.sleep(0.1)
        assert taken >= 1
        assert not waiting.done()
        kill(holder)
        async with asyncio.timeout(5):
            first = await waiting
        await standby.done(first)
        found = ids(first)
        if len(found) < 4:
            found += await collect(standby, 4 - len(found))
        assert found == [f"k{n}" for n in range(1, 5)]


async def test_a_group_whose_process_is_stopped_goes_on_in_another(tmp_path: Path):
    """And what the stopped one had in hand is no business of its own when it wakes up."""
    holder = child("echo", tmp_path)
    assert line(holder) == "ready"
    async with opened(EmbeddedBus(tmp_path, lease_s=0.6)) as bus:
        answers = await bus.subscribe("asking", ["answers"])
        standby = await bus.subscribe("echo", [TOPIC])
        await bus.publish([out("0")])
        assert await collect(answers, 1) == ["re-0"]
        holder.send_signal(signal.SIGSTOP)
        await bus.publish([out("1")])
        async with asyncio.timeout(20):
            taken = await standby.take(10)
        assert ids(taken)[-1] == "1"  # "0" too, where the stop came before its offset was kept
        await standby.done(taken)
        holder.send_signal(signal.SIGCONT)
        await asyncio.sleep(1.5)
        await bus.publish([out("2")])
        async with asyncio.timeout(5):
            taken = await standby.take(10)
        assert ids(taken) == ["2"]
        await standby.done(taken)
        await standby.close()  # and now the other one may have it again
        await bus.publish([out("3")])
        found: list[str] = []
        while "re-3" not in found:
            found += await collect(answers, 1)
        assert "re-2" not in found
        assert kill(holder) == []


# --- quiet --------------------------------------------------------------------------------------


async def test_an_idle_bus_hardly_looks(tmp_path: Path):
    """One look a second; each asks every log for its length and reads nothing."""
    async with opened(EmbeddedBus(tmp_path)) as bus, opened(EmbeddedBus(tmp_path)) as other:
        for each in (bus, other):
            await each.publish(numbered(2))
        members = [await bus.subscribe(name, [TOPIC, "b"]) for name in ("billing", "audit")]
        for member in members:
            await collect(member, 4)
        await asyncio.sleep(1.2)
        waiting = [asyncio.ensure_future(member.take(9)) for member in members]
        await asyncio.sleep(0)
        before = bus.counters.copy()
        await asyncio.sleep(3.1)
        told = bus.counters.since(before)
        assert 2 <= told["polls"] <= 4
        assert told["heads"] == 2 * told["polls"]
        assert told["listings"] <= 1  # the last change may be too young to be sure
        quiet = ("reads", "rings", "rung", "flushes", "deliveries")
        assert {name: told[name] for name in quiet} == dict.fromkeys(quiet, 0)
        for each in waiting:
            each.cancel()


def test_no_two_names_meet_in_one_file():
    names = ["mail", "Mail", "ma/il", "..", ".", "é", "%2e", "a.b", "_pavane.observer", ""]
    files = [file_name(name).lower() for name in names]
    assert len(set(files)) == len(names)
    assert not any("/" in each or each.startswith(".") for each in files)


# --- ledgers ------------------------------------------------------------------------------------


async def test_a_ledger_in_the_folder_is_read_as_it_is(tmp_path: Path):
    """Nothing is copied; journal records say where they stand; offsets are the ledger's."""
    async with opened(EmbeddedBus(tmp_path)) as bus, opened(EmbeddedBus(tmp_path)) as other:
        payment = SqliteLedger(tmp_path / "payment.db")
        shipping = SqliteLedger(tmp_path / "shipping.db")
        for ledger in (payment, shipping):
            await ledger.open()
        relays = [
            Relay(payment, bus, NoProbe(), "payment"),
            Relay(shipping, other, NoProbe(), "shipping"),
        ]
        member = await other.subscribe("shipping", [TOPIC, JOURNAL])
        await payment.commit([Entry(records=[*numbered(3), out("note", topic=JOURNAL)])])
        relays[0].wake()
        async with asyncio.timeout(5):
            taken: list[str] = []
            while len(taken) < 4:
                found = await member.take(9)
                for each in found:
                    if each.topic == JOURNAL:
                        assert each.event.attributes["sequence"] == f"{4:020}"
                taken += ids(found)
                await shipping.commit([Entry(message=each.event.id) for each in found])
                await member.done(found)
        assert sorted(taken) == ["0", "1", "2", "note"]
        assert not files(tmp_path, "_client*")
        assert not files(tmp_path / "groups")
        await shipping.commit([Entry(message="next")])  # with it the offsets become durable
        reborn = shipping.crash()
        await reborn.open()
        log = await payment.log_id()
        assert await reborn.offset(f"bus shipping {TOPIC} {log}") >= 3
        for ledger in (payment, reborn):
            await ledger.close()


async def test_a_ledger_that_begins_anew_is_read_from_its_beginning(tmp_path: Path):
    """Its positions begin anew; what readers remember is of another log."""
    async with opened(EmbeddedBus(tmp_path)) as bus:
        member = await bus.subscribe("billing", [TOPIC])
        for life in range(3):
            async with ledgers.opened(SqliteLedger(tmp_path / "payment.db")) as payment:
                await payment.commit([Entry(records=numbered(3, f"life-{life}-"))])
                assert await collect(member, 3) == ids_of(numbered(3, f"life-{life}-"))
            for file in files(tmp_path, "payment.db*"):
                (tmp_path / file).unlink()


async def test_other_databases_in_the_folder_are_left_alone(tmp_path: Path):
    store = SqliteStore(tmp_path / "pavane.db")
    (tmp_path / "notes.db").write_text("no database at all")
    async with opened(EmbeddedBus(tmp_path)) as bus:
        await store.open()
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(2))
        assert await collect(member, 2) == ["0", "1"]
        await store.close()


async def test_another_ledger_is_relayed(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path / "bus")) as bus:
        far = SqliteLedger(tmp_path / "far.db")
        for ledger in (far, MemoryLedger()):
            await ledger.open()
            assert not bus.adopt(ledger, "far")
            member = await bus.subscribe(type(ledger).__name__, [TOPIC])
            relay = asyncio.ensure_future(Relay(ledger, bus, NoProbe(), "far").run())
            await ledger.commit([Entry(records=numbered(2))])
            found = await collect(member, 2)
            assert set(found) == set(ids_of(numbered(2)))
            relay.cancel()
            await ledger.close()


async def test_a_passing_group_sees_everything_each_time(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path)) as bus, opened(EmbeddedBus(tmp_path)) as other:
        await bus.publish(numbered(3))
        for process in (bus, other, bus):
            member = await process.subscribe(PASSING + "observer", [TOPIC])
            assert await collect(member, 3) == ["0", "1", "2"]
            await member.close()
        assert not files(tmp_path / "groups")


async def test_a_group_can_be_waited_for_until_it_has_read_all_that_is_there(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path)) as first, opened(EmbeddedBus(tmp_path)) as second:
        await first.publish(numbered(700, "k"))
        await second.publish(numbered(300, "l"))
        late = EmbeddedBus(tmp_path)
        await late.open()
        member = await late.subscribe(PASSING + "late", [TOPIC, "nothing"])
        seen: list[str] = []
        reading = asyncio.create_task(read_on(member, seen))
        await late.read_up(PASSING + "late")
        assert len(seen) == 1000
        await first.publish([out("one more")])
        await late.read_up(PASSING + "late")
        assert seen[-1] == "one more"
        reading.cancel()
        with pytest.raises(ConnectionFailedError, match="somebody has not read"):
            await late.read_up("somebody")
        await late.close()


async def read_on(member: Subscription, seen: list[str]) -> None:
    while taken := await member.take(7):
        await asyncio.sleep(0)
        seen += [each.event.id for each in taken]
        await member.done(taken)


async def test_a_log_is_kept_for_every_group_that_reads_it(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path)) as bus:
        payment = SqliteLedger(tmp_path / "payment.db")
        async with ledgers.opened(payment):
            relay = Relay(payment, bus, NoProbe(), "payment")
            quick = await bus.subscribe("quick", [TOPIC])
            slow = await bus.subscribe("slow", [TOPIC])
            await payment.commit([Entry(records=numbered(10), at=5)])
            relay.wake()
            await collect(quick, 10)
            taken = await slow.take(4)
            await slow.done(taken[:3])
            await slow.close()
            assert await prune_log(bus.folder, payment, 5) == 0
            assert await prune_log(bus.folder, payment, 6) == 3
            slow = await bus.subscribe("slow", [TOPIC])
            assert await collect(slow, 7) == [f"{n}" for n in range(3, 10)]
            assert await prune_log(bus.folder, payment, 6) == 6  # the newest stays
