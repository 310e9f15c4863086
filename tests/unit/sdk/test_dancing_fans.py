"""For-each in both styles: the same outcome, the same calls, and the same picture for people."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Undo
from pavane.engine.views.shapes import StepView
from pavane.errors import ExecutionFailedError, Fail, NotFoundError
from pavane.sdk.service import Service
from pavane.sdk.workflow import gather, workflow
from pavane.testing import Faults, Play, after, in_turn, play
from pavane.testing.simulation import loop
from tests.unit.core.build import fan, of_type
from tests.unit.core.build import task as step
from tests.unit.core.build import workflow as written
from tests.unit.sdk.test_dancing import among, service_of

store, post, bank = Service("store"), Service("post"), Service("bank")
done: list[str] = []


@store.task(read_only=True)
async def parcels_of(order: str) -> list[str]:
    return order.split()


@post.task
async def recall(parcel: str, number: str) -> None:
    done.append(f"recall {parcel} {number}")


@post.task(undo=recall, retries=1)
async def ship(parcel: str, express: bool) -> str:
    done.append(f"ship {parcel}")
    return f"S-{parcel}"


@post.task(read_only=True)
async def weigh(parcel: str) -> int:
    return len(parcel)


@bank.task
async def pay_back(numbers: list[str]) -> None:
    done.append("pay back")


@bank.task(undo=pay_back)
async def charge(numbers: list[str]) -> int:
    done.append(f"charge {' '.join(numbers)}")
    return len(numbers)


@workflow
async def send_all(order: str) -> list[str]:
    parcels = await parcels_of(order)
    numbers = await gather(*(ship(each, express=True) for each in parcels if each != "none"))
    count = await charge(numbers)
    return [*numbers, str(count)]


@workflow
async def send_in_rounds(orders: list[str]) -> int:
    total = 0
    for order in orders:
        parcels = await parcels_of(order)
        weights = await gather(*(weigh(each) for each in parcels))
        numbers = await gather(*(ship(each, express=False) for each in parcels))
        total += sum(weights) + len(numbers)
    return total


_OF_STEP = ("task", "service", "type", "status", "attempts", "reason", "undo", "undoes", "fork")


def picture(played: Play) -> dict[str, Any]:
    return {
        "ended": (played.status, played.cause, played.reason, played.output),
        "effects": sorted(played.effects),
        "steps": {step.ref: of_step(step) for step in played.steps},
    }


def of_step(step: StepView) -> dict[str, Any]:
    seen: dict[str, Any] = {name: getattr(step, name) for name in _OF_STEP}
    seen["input"] = None if step.type == "JOIN" else msgspec.json.decode(step.input) or None
    seen["output"] = msgspec.json.decode(step.output) or None
    seen["earlier"] = [(each.attempt, each.status, each.reason) for each in step.earlier]
    return seen


def both(
    flow: Any, given: dict[str, Any], results: dict[Any, Any] | None = None, **how: Any
) -> Play:
    """Played in both styles, in many orders of messages; gives the danced one."""
    conducted = play(flow, given, results=results)
    wanted = picture(conducted)
    danced = conducted
    for seed in range(4):
        faults = Faults(reorder=0.5, duplicate=0.3) if seed else None
        danced = play(
            flow, given, style="choreographed", results=results, faults=faults, seed=seed, **how
        )
        assert picture(danced) == wanted
    return danced


PARCELS = {parcels_of: ["lute", "none", "drum", "harp"], ship: "S"}
RESULTS = {**PARCELS, charge: 3}
ROUNDS = {**PARCELS, weigh: 2}


def test_all_go_well_and_the_list_is_in_the_order_of_the_items():
    numbers = {f"_ship_{i}": after(3 - i, f"S-{i}") for i in range(3)}
    played = both(send_all, {"order": "o"}, RESULTS | numbers)
    assert played.output == ["S-0", "S-1", "S-2", "3"]
    assert sorted(played.effects) == ["_ship_0", "_ship_1", "_ship_2", "charge"]


def test_no_items_at_all():
    played = both(send_all, {"order": "o"}, RESULTS | {parcels_of: [], charge: 0})
    assert played.output == ["0"]
    assert {step.ref: step.status for step in played.steps}["each_ship_join"] == "COMPLETED"


def test_one_is_tried_again():
    again = in_turn(TimeoutError("the van is late"), "S-1")
    played = both(send_all, {"order": "o"}, RESULTS | {"_ship_1": again})
    assert played.output == ["S", "S-1", "S", "3"]
    assert {step.ref: step.attempts for step in played.steps}["_ship_1"] == 2


def test_one_fails_and_all_are_taken_back():
    bad = after(1, Fail("too heavy"))
    played = both(send_all, {"order": "o"}, RESULTS | {"_ship_1": bad})
    assert (played.status, played.reason) == ("COMPENSATED", "_ship_1: too heavy")
    assert played.effects == []
    undone = [step.ref for step in played.steps if step.undoes and step.status == "COMPLETED"]
    assert sorted(undone) == ["undo:_ship_0", "undo:_ship_2"]


def test_what_follows_fails_and_all_are_taken_back():
    played = both(send_all, {"order": "o"}, RESULTS | {charge: Fail("no money")})
    undone = [step.ref for step in played.steps if step.undoes and step.status == "COMPLETED"]
    assert sorted(undone) == ["undo:_ship_0", "undo:_ship_1", "undo:_ship_2"]


def test_in_a_loop():
    orders = {"orders": ["a", "b"]}
    played = both(send_in_rounds, orders, ROUNDS | {"parcels_of__2": ["lute"]})
    assert played.output == 4 * 2 + 4 + 2 + 1
    refs = {step.ref for step in played.steps}
    assert {"_weigh_0__2", "_each_ship_ship_0__2", "_weigh_3__1"} <= refs
    assert "_weigh_1__2" not in refs
    bad = ROUNDS | {"parcels_of__2": ["lute"], "_each_ship_ship_0__2": Fail("too heavy")}
    played = both(send_in_rounds, orders, bad)
    assert (played.status, played.effects) == ("COMPENSATED", [])
    assert played.reason == "_each_ship_ship_0__2: too heavy"


def test_a_definition_in_place_has_the_defaults_of_the_items():
    defaults = {"size": "${a.output.size}", "n": 1, "m": 2}
    own = TaskDefinition(retry_count=0, input_template=defaults)
    items = [{"n": None}, {"size": 3, "m": False}]
    flow = written(step("a", service="s"), fan("each", items, service="post", task_definition=own))
    played = both(flow, {}, {"a": {"size": 9}})
    given = {step.ref: msgspec.json.decode(step.input) for step in played.steps}
    assert given["_t_0"] == {"size": 9, "n": 1, "m": 2, "__index": 0}
    assert given["_t_1"] == {"size": 3, "n": 1, "m": False, "__index": 1}


async def a() -> None: ...


undos = {"failures": 0, "calls": 0}


async def un_a() -> None:
    undos["calls"] += 1
    if undos["calls"] <= undos["failures"]:
        raise Fail("the till is locked")


def test_an_undo_that_gave_up_in_a_branch_is_settled():
    async def main() -> None:
        undos.update(failures=1, calls=0)
        both_of = fan("each", [{}, {}], service="s", undo=Undo(name="un_a"))
        both_of[0].input_parameters["forkTaskName"] = "a"
        flow = written(both_of, of_type("WAIT", "w"), style="choreographed")
        async with among(flow, service_of(a, un_a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            await run.terminate("enough")
            await asyncio.sleep(30)
            state = await run.state()
            assert state.status == "NEEDS_ATTENTION"
            [waits] = [each.ref for each in state.attention]
            assert waits in ("undo:_a_0", "undo:_a_1")
            with pytest.raises(NotFoundError, match="no step '_a_x'"):
                await run.resolve("undo:_a_x", "retry")
            await run.resolve(waits, "retry")
            with pytest.raises(ExecutionFailedError, match="enough"):
                await run.result()
            steps = {step.ref: step.status for step in (await run.state()).steps}
            assert (steps["_a_0"], steps["_a_1"], steps["each"]) == (
                "UNDONE",
                "UNDONE",
                "COMPLETED",
            )
            with pytest.raises(NotFoundError, match="is made for each item"):
                await run.resolve("each:item", "retry")

    loop.run(main())
