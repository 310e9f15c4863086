"""Why a step, or an execution, does not begin: as many run, or began lately, as may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import structs

from pavane.core.decide import phases
from pavane.core.decide.admission import told
from pavane.core.decide.plan import WORKER_TYPE
from pavane.core.decide.retries import policy_of
from pavane.core.model import status as st
from pavane.core.model.lanes import key_of, lane
from pavane.core.model.pace import Pace, rate_of
from pavane.core.model.rows import OWN, Header
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.engine.views.shapes import StepView
from pavane.ports.store import Snapshot, Store


async def with_waits(store: Store, snapshot: Snapshot, steps: Sequence[StepView]) -> list[StepView]:
    """The steps with what they wait for. Costs nothing where nothing waits for a worker."""
    waiting = {each.task for each in steps if _waits(each)}
    if not waiting:
        return list(steps)
    bodies = await store.task_definitions()
    known = [
        msgspec.json.decode(bodies[name], type=TaskDefinition) for name in waiting if name in bodies
    ]
    limited = [each for each in known if each.concurrent_exec_limit or rate_of(each)]
    if not limited:
        return list(steps)
    running, paces = await snapshot.running(), await store.paces()
    known_by_name = {each.name: each for each in limited}
    return [
        structs.replace(each, waits=_why(known_by_name[each.task], each, running, paces))
        if _waits(each) and each.task in known_by_name
        else each
        for each in steps
    ]


async def why_queued(store: Store, snapshot: Snapshot, header: Header) -> str:
    """What an execution waits for that has not begun, or does not go on; "" where it does."""
    if header.phase != phases.QUEUED or header.status != st.RUNNING:
        return ""
    body = await store.definition(header.definition)
    limit = msgspec.json.decode(body, type=Workflow).rate_limit_config if body else None
    own = next((each for each in await snapshot.ready(header.id) if each.ref == OWN), None)
    if limit is None or own is None:
        return ""
    return told(limit, own.queue, (await snapshot.running()).get(own.queue, 0))


def _waits(step: StepView) -> bool:
    return step.status == st.SCHEDULED and step.type == WORKER_TYPE


def _why(
    definition: TaskDefinition,
    step: StepView,
    running: Mapping[str, int],
    paces: Mapping[str, bytes],
) -> str:
    name = definition.name
    queue = lane(name, policy_of(definition).key, bytes(step.input))
    many = running.get(queue, 0)
    if definition.concurrent_exec_limit and many >= definition.concurrent_exec_limit:
        key = f" with {definition.concurrency_key} {key_of(queue)}" if key_of(queue) else ""
        return f"{many} of {name}{key} {'run' if many > 1 else 'runs'} already"
    rate = rate_of(definition)
    if rate is not None and (at := Pace.of(paces.get(name, b"[]")).full_until(rate)):
        begins = datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S UTC")
        return f"{rate.many} of {name} began within {rate.within_ms / 1000:g} s, next at {begins}"
    return ""
