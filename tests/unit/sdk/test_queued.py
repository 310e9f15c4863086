"""Tasks over a bus in virtual time: lost, doubled, late, cancelled; servers and services die."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap.queued import queued_services
from pavane.core.model.event import Outgoing
from pavane.engine.queued import messages
from pavane.errors import DefinitionError, UsageError
from pavane.ports.bus import REPORTS, task_topic
from tests.unit.sdk.bus_stage import Pay, Stage, ends, order, play, sent

LEASE_S = 15.0


def test_tasks_come_over_the_bus_and_no_more_than_there_is_room_for():
    async def scene(stage: Stage) -> None:
        one, two = Pay(), Pay()
        async with (
            stage.server() as engine,
            await stage.begun(one, "one"),
            await stage.begun(two, "two"),
        ):
            ids = [await order(engine, f"{n}") for n in range(40)]
            assert await ends(engine, ids) == ["COMPLETED"] * 40
            assert Counter(one.calls + two.calls) == Counter(f"{n}" for n in range(40))
            assert (one.most, two.most) == (4, 4), "both share the work"
            assert set(sent(stage).values()) == {1}
            steps = 40 / 8 * 1.0
            assert asyncio.get_running_loop().time() < steps + 3

    play(scene)


def test_everything_twice_and_turned_round_is_done_once():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        stage.bus.doubles = stage.bus.turns = True
        async with stage.server() as engine, await stage.begun(pay):
            ids = [await order(engine, f"{n}") for n in range(10)]
            assert await ends(engine, ids) == ["COMPLETED"] * 10
            assert Counter(pay.calls) == Counter(f"{n}" for n in range(10))

    play(scene)


@pytest.mark.parametrize("type", [messages.TASK, messages.REPORT])
def test_what_the_bus_loses_is_sent_again(type: str):
    async def scene(stage: Stage) -> None:
        pay, lost = Pay(), list[str]()

        def lose(out: Outgoing) -> bool:
            first = out.event.type == type and len(lost) < 3
            if first:
                lost.append(out.event.id)
            return first

        stage.bus.lose = lose
        async with stage.server() as engine, await stage.begun(pay):
            ids = [await order(engine, f"{n}") for n in range(3)]
            assert await ends(engine, ids) == ["COMPLETED"] * 3
            assert len(lost) == 3
            assert len(pay.calls) == 3, "what was done and not heard is told again, not done again"
            assert asyncio.get_running_loop().time() < 3 * LEASE_S

    play(scene)


def test_a_process_that_dies_leaves_its_tasks_to_another():
    async def scene(stage: Stage) -> None:
        one, two = Pay(), Pay()
        one.pause_s = 1e6
        async with stage.server() as engine:
            dying = stage.bus.another()
            await dying.open()
            first = queued_services(
                dying, services=[one.service], workflows=one.workflows, clock=stage.clock
            )
            await first.__aenter__()
            ids = [await order(engine, f"{n}") for n in range(4)]
            await asyncio.sleep(1)
            assert len(one.calls) == 4
            dying.crash()
            async with await stage.begun(two):
                assert await ends(engine, ids) == ["COMPLETED"] * 4
            assert sorted(two.calls) == sorted(one.calls)
            await first.__aexit__(None, None, None)

    play(scene)


def test_a_service_that_is_gone_leaves_its_tasks_to_whoever_polls():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        pay.pause_s = 1e6
        async with stage.server() as engine:
            dying = stage.bus.another()
            await dying.open()
            first = queued_services(
                dying, services=[pay.service], workflows=pay.workflows, clock=stage.clock
            )
            await first.__aenter__()
            id = await order(engine, "7")
            await asyncio.sleep(1)
            assert await engine.poll(["charge"], "polling", 1) == []
            dying.crash()
            async with engine.taking(["charge"], "polling", 1) as taking:
                await taking.within(3 * LEASE_S)
                [given] = taking.given
            assert (given.execution_id, given.attempt, given.polls) == (id, 0, 2)
            await first.__aexit__(None, None, None)

    play(scene)


def test_a_server_that_dies_sends_again_what_is_out_there():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        pay.pause_s = 5.0
        first = stage.server()
        before = asyncio.all_tasks()
        engine = await first.__aenter__()
        of_server = asyncio.all_tasks() - before
        async with await stage.begun(pay):
            ids = [await order(engine, f"{n}") for n in range(6)]
            await asyncio.sleep(1)
            stage.bus.crash()
            for task in of_server:  # a death asks nobody
                task.cancel()
            engine._running.clear()
            engine._open = False
            stage.store = stage.store.crash()
            bus = stage.bus.another()
            await bus.open()
            async with stage.server(bus) as engine:
                assert await ends(engine, ids) == ["COMPLETED"] * 6
            assert Counter(pay.calls) == Counter(f"{n}" for n in range(6))

    play(scene)


def test_a_failure_is_tried_again_and_what_gives_up_is_undone():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        pay.failing = 3
        async with stage.server() as engine, await stage.begun(pay):
            id = await order(engine, "7", "both")
            assert await ends(engine, [id]) == ["COMPENSATED"]
            assert len(pay.calls) == 2 + 3
            assert sorted(pay.undone) == ["7", "7'"]
            assert (await engine.wait(id)).cause == "TIMED_OUT"

    play(scene)


def test_a_cancelled_execution_stops_the_function():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        pay.pause_s = 1e6
        async with stage.server() as engine, await stage.begun(pay):
            ids = [await order(engine, f"{n}") for n in range(3)]
            await asyncio.sleep(1)
            await engine.terminate(ids[1], "no more")
            began = asyncio.get_running_loop().time()
            assert await ends(engine, ids[1:2]) != ["COMPLETED"]
            assert asyncio.get_running_loop().time() - began < 1
            assert pay.cut_off == ["1"]
            for id in (ids[0], ids[2]):
                await engine.terminate(id, "no more")
            await ends(engine, ids)

    play(scene)


def test_what_the_server_refuses_is_said_where_it_was_offered():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        async with stage.server() as engine:
            async with await stage.begun(pay):
                assert engine.registry.versions("order")
                assert engine.registry.versions("both")
            bad = pay.one.definition
            bad = msgspec.structs.replace(bad, name="bad", tasks=[*bad.tasks, *bad.tasks])
            bus = stage.bus.another()
            await bus.open()
            with pytest.raises(DefinitionError):
                async with queued_services(
                    bus, services=[pay.service], workflows=[bad], clock=stage.clock
                ):
                    pass
            with pytest.raises(UsageError):
                async with queued_services(bus, services=[], clock=stage.clock):
                    pass

    play(scene)


def test_nonsense_on_the_bus_holds_up_nobody():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        async with stage.server() as engine, await stage.begun(pay):
            for topic in (REPORTS, task_topic("pay")):
                for type in (messages.TASK, messages.REPORT, messages.HERE, "some.thing.v1"):
                    nonsense = messages.event(type, f"{topic}{type}", {"worker": 7}, 0)
                    await stage.bus.publish([Outgoing(topic, "", nonsense)])
            late = {"executionId": "nobody's", "ref": "charge"}
            said = messages.event(messages.REPORT, "late", late, 0)
            await stage.bus.publish([Outgoing(REPORTS, "", said)])
            no_object = {"executionId": "x", "ref": "charge", "output": 7}
            said = messages.event(messages.REPORT, "no object", no_object, 0)
            await stage.bus.publish([Outgoing(REPORTS, "", said)])
            assert await ends(engine, [await order(engine, "7")]) == ["COMPLETED"]

    play(scene)


def test_a_server_that_knows_nothing_is_told_again():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        first = stage.server()
        await first.__aenter__()
        async with await stage.begun(pay):
            await first.__aexit__(None, None, None)
            stage.store = MemoryStore()
            async with stage.server() as engine:
                await asyncio.sleep(3)
                assert await ends(engine, [await order(engine, "7")]) == ["COMPLETED"]

    play(scene)


def test_a_process_that_stops_finishes_what_it_began_and_leaves_the_rest():
    async def scene(stage: Stage) -> None:
        one, two = Pay(), Pay()
        async with stage.server() as engine:
            async with await stage.begun(one):
                ids = [await order(engine, f"{n}") for n in range(8)]
                await asyncio.sleep(0.5)
            assert (len(one.calls), one.cut_off) == (4, [])
            async with await stage.begun(two):
                assert await ends(engine, ids) == ["COMPLETED"] * 8
            assert sorted(one.calls + two.calls) == [f"{n}" for n in range(8)]

    play(scene)


def test_what_is_urgent_comes_first():
    async def scene(stage: Stage) -> None:
        pay = Pay()
        async with stage.server() as engine, await stage.begun(pay):
            body = [msgspec.json.encode({"order": f"{n}"}) for n in range(12)]
            ids = [await engine.start_execution("order", each) for each in body[:8]]
            urgent = [await engine.start_execution("order", each, priority=9) for each in body[8:]]
            await ends(engine, [*ids, *urgent])
            assert sorted(pay.calls[4:8]) == ["10", "11", "8", "9"]

    play(scene)
