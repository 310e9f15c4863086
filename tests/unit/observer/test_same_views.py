"""Random runs, seen in the orchestrator's store and rebuilt from their journals: the same views."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import structs

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model import status
from pavane.core.model.rows import Header, Value
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView
from pavane.observer.views import Views
from pavane.ports.store import Change, Unit
from tests.unit.core.build import scope, task, workflow
from tests.unit.core.drawn import Author, Fate
from tests.unit.core.world import Stored
from tests.unit.observer.journaling import JournalingWitness
from tests.unit.observer.story import heard, jumbled

pytestmark = pytest.mark.anyio

CASES = 300
# Random cases count only with coverage.
LEAST = {
    "compared": 200,
    "steps": 600,
    "UNDONE": 40,
    "COMPENSATED": 20,
    "COMPENSATING": 3,
    "NEEDS_ATTENTION": 1,
    "FAILED": 10,
    "COMPLETED": 60,
    "child": 60,
    "earlier": 30,
    "joined": 20,
}


class Stopped(Exception):
    pass


class Halting(Fate):
    """A fate that breaks off, so that executions are seen at every stage."""

    left_to_do = 0

    def work(self) -> bool:
        self.left_to_do -= 1
        if not self.left_to_do:
            raise Stopped
        return super().work()

    def resolve(self, action: str = "") -> bool:
        if self.coin() and any(run.status == status.NEEDS_ATTENTION for run in self.all):
            raise Stopped
        return super().resolve(action)


def played(seed: int) -> JournalingWitness:
    world = JournalingWitness()
    fate = Halting(seed, world, world.start(Author(seed, danced=True).workflow()))
    fate.left_to_do = random.Random(seed).choice([0, 3, 6, 12, 20])
    with contextlib.suppress(Stopped):
        fate.run()
    return world


async def stored_view(world: JournalingWitness, identity: str) -> ExecutionView:
    """What the orchestrator shows."""
    stored = world.executions[identity]
    store = MemoryStore()
    await store.open()
    await store.put_definition(
        stored.header.definition, msgspec.json.encode(stored.plan.workflow), 1
    )
    assert not await store.commit([Unit([change(stored)])])
    view = await Reader(store).execution(identity)
    await store.close()
    return view


def change(stored: Stored) -> Change:
    header: Header = structs.replace(stored.header, revision=1)
    rows = [row for attempts in stored.tasks.values() for row in attempts.values()]
    return Change(
        header,
        new_tasks=sorted(rows, key=lambda row: row.seq),
        values=[Value(header.id, name, body) for name, body in stored.values.items()],
        ready=list(stored.ready.values()),
    )


def comparable(view: ExecutionView, world: JournalingWitness | None = None) -> ExecutionView:
    """Without the style and what no journal tells, with the observer's ids, the steps by name.

    No journal tells of workers and of commits, and the orchestrator does not say when the undo of a
    scope began.
    """
    ids = world.seen_id if world else str
    steps = [
        structs.replace(
            step,
            worker="",
            child_id=ids(step.child_id) if step.child_id else "",
            started_at=0 if step.undoes and step.type == "SUB_WORKFLOW" else step.started_at,
        )
        for step in view.steps
    ]
    return structs.replace(
        view,
        style="",
        id=ids(view.id),
        parent_id=ids(view.parent_id) if view.parent_id else "",
        updated_at=0,
        steps=sorted(steps, key=lambda step: step.ref),
    )


def differences(wanted: ExecutionView, found: ExecutionView) -> list[Any]:
    """(step, field, wanted, found) of whatever is not the same."""
    pairs: list[tuple[str, Any, Any]] = [("", wanted, found)]
    if [step.ref for step in wanted.steps] == [step.ref for step in found.steps]:
        pairs = [("", structs.replace(wanted, steps=[]), structs.replace(found, steps=[]))]
        pairs += [(a.ref, a, b) for a, b in zip(wanted.steps, found.steps, strict=True)]
    return [
        (ref, name, getattr(a, name), getattr(b, name))
        for ref, a, b in pairs
        for name in a.__struct_fields__
        if getattr(a, name) != getattr(b, name)
    ]


def tried_again(world: JournalingWitness) -> bool:
    """A scope that is tried again has a generation of its own, which the core does not know."""
    parents = [(stored.header.parent_id, world.path(id)) for id, stored in world.executions.items()]
    return len(set(parents)) < len(parents)


def stuck_undo(world: JournalingWitness) -> None:
    steps = [task("a", undo=True), scope("s", task("b", undo=True)), task("c")]
    run = world.start(workflow(*steps))
    run.complete("a")
    run.child("s").complete("b")
    run.fail("c", "no c")
    run.child("s").fail_for_good("undo:b", "no way back")


def behind_the_pivot(world: JournalingWitness) -> None:
    run = world.start(workflow(task("a", undo=True), task("p", pivot=True), task("c")))
    run.complete("a", "p")
    run.fail_for_good("c", "no c")


@pytest.mark.parametrize("told", [stuck_undo, behind_the_pivot])
async def test_what_waits_for_a_person_is_the_same(told: Callable[[JournalingWitness], None]):
    world = JournalingWitness()
    told(world)
    views = Views(heard(jumbled(world.told, random.Random(1))))
    waiting = 0
    for identity in world.executions:
        wanted = comparable(await stored_view(world, identity), world)
        assert not differences(wanted, comparable(views.execution(world.seen_id(identity))))
        waiting += len(wanted.attention)
    assert waiting == 1


async def test_a_journal_gives_the_view_that_the_store_gives() -> None:
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        world = played(seed)
        if tried_again(world):
            continue
        views = Views(heard(jumbled(world.told, random.Random(seed))))
        for identity in world.executions:
            wanted = comparable(await stored_view(world, identity), world)
            rebuilt = views.execution(world.seen_id(identity))
            differing = differences(wanted, comparable(rebuilt))
            assert not differing, f"seed {seed}, {identity}: {differing}"
            order = [step.scheduled_at for step in rebuilt.steps]
            assert order == sorted(order), f"seed {seed}"
            seen += count(wanted)
    lacking = {what: seen[what] for what, least in LEAST.items() if seen[what] < least}
    assert not lacking, f"too few of {lacking} in {seen}"


def count(view: ExecutionView) -> Counter[str]:
    seen = Counter(step.status for step in view.steps if step.status == "UNDONE")
    seen[view.status] += 1
    seen["compared"] += 1
    seen["steps"] += len(view.steps)
    seen["attention"] += len(view.attention)
    seen["child"] += sum(bool(step.child_id) for step in view.steps)
    seen["earlier"] += sum(len(step.earlier) for step in view.steps)
    joins = [step.output for step in view.steps if step.type == "JOIN"]
    seen["joined"] += sum(len(bytes(output)) > 4 for output in joins)
    return seen
