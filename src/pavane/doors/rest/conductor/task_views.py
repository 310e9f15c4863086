"""Conductor's /api/tasks for everybody else: by reference, one by its id, how much waits."""

from __future__ import annotations

from collections import Counter

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pavane.core.decide.event_waits import PREFIX as EVENTS
from pavane.core.decide.operator import SIGNALLED
from pavane.core.decide.plan import WORKER_TYPE
from pavane.core.decide.step_types.human import PEOPLE
from pavane.core.model import status as st
from pavane.core.model.lanes import task_of, workflow_of
from pavane.core.model.rows import TaskRow, parse_task_id
from pavane.core.model.work import Outcome
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import read_body
from pavane.doors.rest.conductor import translation
from pavane.doors.rest.conductor.errors import InvalidError, NotBuiltError
from pavane.doors.rest.conductor.tasks import output_object
from pavane.doors.rest.state import State, state
from pavane.errors import NotFoundError

_NO_WORKER = (PEOPLE, EVENTS)  # what waits there waits for a person or an event
_STATUSES = ("IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED")


async def get(request: Request) -> Response:
    """One task by its id: any attempt."""
    wanted = request.path_params["task_id"]
    parts = parse_task_id(wanted)
    if parts is not None:
        try:
            record = await state(request).records.one(parts[0])
        except NotFoundError:
            pass
        else:
            for found in translation.tasks(record):
                if found.task_id == wanted:
                    return json_response(found)
    raise NotFoundError(f"Task not found for taskId: {wanted}")


async def update_by_ref(request: Request) -> Response:
    """Settle the open task of a step; its id as text, nothing where none is open."""
    row = await _update(request)
    return PlainTextResponse(row.id if row else "")


async def update_by_ref_sync(request: Request) -> Response:
    """The same, answered with the workflow afterwards; 404 where no task is open."""
    row = await _update(request)
    if row is None:
        ref = request.path_params["ref"]
        raise NotFoundError(f"Found no running task {ref} of workflow {_id(request)} to update")
    return json_response(translation.workflow(await state(request).records.one(_id(request))))


async def _update(request: Request) -> TaskRow | None:
    status = request.path_params["status"]
    if status not in _STATUSES:
        raise InvalidError(("status", f"There is no task status {status[:40]} to be set"))
    output = output_object(msgspec.Raw(await read_body(request) or b"{}"))
    here = state(request)
    found = await here.records.newest(_id(request), request.path_params["ref"])
    if found is None:
        raise NotFoundError(f"No such workflow found by id: {_id(request)}")
    row = found[1]
    if row is None or row.status not in st.OPEN:
        return None
    # Whoever settles a step by its name (a person, a call-back) need not be the worker that has
    # its task, and clients fill in their host's name unasked. To give it back one must have it.
    giving_back = status == st.IN_PROGRESS
    worker = request.query_params.get("workerid", "") if giving_back else ""
    outcome = Outcome(row.execution_id, row.ref, row.attempt, status, output, worker=worker)
    return row if await _settled(here, row, outcome) else None


async def _settled(here: State, row: TaskRow, outcome: Outcome) -> bool:
    if row.type == WORKER_TYPE:
        return await here.engine.report(outcome)
    if row.type not in SIGNALLED:
        raise NotBuiltError(
            f"The step {row.ref} is a {row.type}: Pavane settles it by itself.",
            "Update a step that a worker does, or that waits.",
        )
    if outcome.status != st.IN_PROGRESS:
        await here.engine.signal(row.execution_id, row.ref, outcome.output, outcome.status)
    return True


async def queue_sizes(request: Request) -> Response:
    """Tasks that wait for a worker, by the names that were asked for."""
    waiting = await _waiting(state(request))
    names = request.query_params.getlist("taskType")
    return json_response({name: waiting.get(name, 0) for name in names})


async def queue_size(request: Request) -> Response:
    """How many tasks of one name wait for a worker."""
    name = request.query_params.get("taskType", "")
    return json_response((await _waiting(state(request))).get(name, 0))


async def all_queues(request: Request) -> Response:
    """Tasks that wait for a worker, by name."""
    return json_response(await _waiting(state(request)))


async def _waiting(here: State) -> dict[str, int]:
    async with here.engine.store.snapshot() as snapshot:
        queues = await snapshot.queues()
    waiting: Counter[str] = Counter()
    for queue, size in queues.items():
        if not queue.startswith(_NO_WORKER) and not workflow_of(queue):
            waiting[task_of(queue)] += size
    return dict(waiting)


def _id(request: Request) -> str:
    return request.path_params["workflow_id"]
