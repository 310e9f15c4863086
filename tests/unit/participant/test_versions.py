"""Several versions of a choreography in flight: each role plays each execution by its own."""

from __future__ import annotations

import asyncio

from pavane.adapters.memory.bus import MemoryBus
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, SubWorkflow, Workflow
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.reading import read_choreography, read_source
from pavane.participant.announcing import TOPIC, choreographies
from pavane.participant.requests import Requests
from pavane.testing.simulation.clock import VirtualClock
from tests.unit.core.build import of_type, sub, task, workflow
from tests.unit.participant.company import Stage, calls, kept_in, pair, run, stage


def old() -> Workflow:
    return workflow(
        task("a", undo=True, service="left"),
        task("b", service="right"),
        of_type("WAIT", "w", service="left"),
        style="choreographed",
    )


def new() -> Workflow:
    return workflow(
        task("b", service="right"),
        of_type("WAIT", "w", service="left"),
        task("a", undo=True, service="left"),
        version=2,
        style="choreographed",
    )


async def deployed_anew(on: Stage, definition: Workflow) -> Choreography:
    """Both services die, and come back with another release, which knows only its own version."""
    for name in ("left", "right"):
        await on.kill(name)
    score = read_choreography(definition, {})
    for name in ("left", "right"):
        await on.boot(name, choreographies=[score])
    on.requests.know({score.name: score})
    return score


def test_old_executions_end_by_their_own_definition_and_new_ones_by_the_new():
    async def scene() -> None:
        async with stage(old(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            first = await on.start("first")
            await asyncio.sleep(1)
            assert calls == ["a", "b"]
            score = await deployed_anew(on, new())
            second = await on.start("second")
            again = await on.start("first")
            await asyncio.sleep(1)
            assert again == first, "the same key never starts twice, whatever the version"
            assert calls == ["a", "b", "b"]
            for id, hash in ((first, on.score.hash), (second, score.hash)):
                await on.requests.signal("test", id, "w", definition=hash)
                assert (await on.observer.wait(id, 9)).status == "COMPLETED"
            assert calls == ["a", "b", "b", "a"]
            versions = [on.observer.execution(id).version for id in (first, second)]
            assert versions == [1, 2]
            assert [await on.ledgers[name].aside() for name in on.ledgers] == [[], []]

    run(scene())


def test_an_old_execution_is_cancelled_and_undone_by_its_own_definition():
    async def scene() -> None:
        async with stage(old(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            first = await on.start("first")
            await asyncio.sleep(1)
            await deployed_anew(on, new())
            await on.requests.stop("test", first, definition=on.score.hash)
            assert (await on.observer.wait(first, 9)).status == "COMPENSATED"
            assert calls == ["a", "b", "un-a"]

    run(scene())


def test_who_has_the_old_release_yet_parks_what_is_new_until_it_is_deployed():
    """A rolling deployment, one service after the other: nothing is lost, and nobody waits long."""

    async def scene() -> None:
        async with stage(old(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            score = read_choreography(new(), {})
            await on.kill("left")
            await on.boot("left", choreographies=[score])
            on.requests.know({score.name: score})
            first = await on.start("k")
            await asyncio.sleep(1)
            (parked,) = await on.ledgers["right"].aside("parked")
            assert f"{score.hash} of test is unknown here; it waits for a process of right" in (
                parked.reason
            )
            await on.kill("right")
            await on.boot("right", choreographies=[score])
            await asyncio.sleep(1)
            assert calls == ["b"]
            await on.requests.signal("test", first, "w", definition=score.hash)
            assert (await on.observer.wait(first, 9)).status == "COMPLETED"

    run(scene())


def test_definitions_are_kept_through_any_number_of_releases():
    async def scene() -> None:
        async with stage(old(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            first = await on.start("first")
            await asyncio.sleep(1)
            for _ in range(3):
                await deployed_anew(on, new())
            ledger = on.ledgers["left"]
            assert len(await kept_in(ledger)) == 2, "each once"
            await on.requests.signal("test", first, "w", definition=on.score.hash)
            assert (await on.observer.wait(first, 9)).status == "COMPLETED"

    run(scene())


def test_messages_of_two_versions_for_one_execution_in_one_batch_are_played_apart():
    """The same start, by two versions at once: the first begins it, the other changes nothing."""

    async def scene() -> None:
        async with stage(old(), *pair()) as on:
            score = read_choreography(new(), {})
            later = Requests(on.bus, on.clock, {score.name: score})
            await on.boot("left", choreographies=[score, on.score])
            await on.boot("right", choreographies=[score, on.score])
            one = asyncio.gather(on.start("k"), later.start("test", b"{}", key="k"), on.start("k"))
            (id, *others) = await one
            assert others == [id, id]
            await asyncio.sleep(1)
            assert calls == ["a", "b"]
            await on.requests.signal("test", id, "w", definition=on.score.hash)
            assert (await on.observer.wait(id, 9)).status == "COMPLETED"

    run(scene())


def test_others_are_told_of_the_old_one_and_begin_nothing_by_it():
    async def scene() -> None:
        async with stage(old(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            heard = await on.bus.subscribe("visitor", [TOPIC])
            await deployed_anew(on, new())
            told = {}
            for delivery in await heard.take(10):
                found, current = choreographies(delivery.event)
                assert not current
                told |= {each.hash: each for each in found.values()}
            assert set(told) == {on.score.hash}
            visitor = Requests(on.bus, on.clock, {})
            visitor.know(told, current=False)
            assert visitor.known == {}
            assert visitor.version(on.score.hash) is not None

    run(scene())


# --- what makes a version -----------------------------------------------------------------------


def parent(inner: Workflow) -> Choreography:
    around = workflow(sub("s", "inner"), name="w", style="choreographed", home="left")
    return read_choreography(around, {}, lambda _name, _version: inner)


def test_another_sub_workflow_of_the_same_name_is_another_version():
    one, other = (workflow(task(x, service="left"), name="inner") for x in "ab")
    assert parent(one).hash == parent(one).hash != parent(other).hash


def test_another_owner_of_a_task_is_another_version():
    plain = workflow(Step(name="a", task_reference_name="a"), name="w", home="h")
    scores = [
        read_choreography(plain, {"a": TaskDefinition(name="a", service=owner)})
        for owner in ("left", "right")
    ]
    assert scores[0].hash != scores[1].hash
    assert [score.nodes["a"].role for score in scores] == ["left", "right"]


def test_what_was_kept_is_read_as_it_was():
    inner = workflow(task("a", service="left"), name="inner")
    score = parent(inner)
    assert score.source is not None
    again = read_source(score.source)
    assert (again.hash, list(again.nodes)) == (score.hash, list(score.nodes))
    assert SubWorkflow(name="inner") == score.source.workflows[0].tasks[0].sub_workflow_param


async def announced() -> None:
    one, two = read_choreography(old(), {}), read_choreography(new(), {})
    changed = read_choreography(workflow(task("a", service="left"), version=2), {})
    asked = Requests(MemoryBus(), VirtualClock(), {"test": one})
    told = [(two, 5, two), (one, 9, two), (changed, 4, two), (changed, 6, changed)]
    for score, at, wanted in told:
        asked.know({"test": score}, at=at)
        assert asked.known["test"] is wanted


def test_new_executions_begin_by_the_highest_version_whoever_announces_last():
    run(announced())
