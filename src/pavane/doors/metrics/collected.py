"""Asks the engine, the bus and the services of this process for their numbers."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from pavane.core.decide.event_waits import PREFIX as EVENT_WAITS
from pavane.core.model.lanes import task_of, workflow_of
from pavane.doors.executions.lag import lag_of
from pavane.doors.metrics.text import Series
from pavane.engine.nodes import DUTIES
from pavane.errors import ConnectionFailedError, NoBusError

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine
    from pavane.participant.participant import Participant

_LOG = logging.getLogger("pavane.metrics")

_COUNTED_MAX: Final = 1000
_KINDS: Final = ("dead", "quarantined", "parked")


async def collected(engine: Engine | None, company: Company | None) -> dict[str, Series]:
    """By metric. StoreError where the store or a ledger cannot be read."""
    found: dict[str, Series] = {}
    if engine is not None:
        found |= _done(engine)
        found |= await _waiting(engine)
    if company is not None:
        found |= await _of_bus(company, engine)
        found |= await _of_services(list(company.participants.values()))
    return found


def _done(engine: Engine) -> dict[str, Series]:
    tallies, node, on_bus = engine.tallies, engine.node, engine.tallies.on_bus()
    sessions = engine.sessions.all()
    return {
        "pavane_executions_total": {(name,): n for name, n in tallies.executions.items()},
        "pavane_attempts_total": {(name,): n for name, n in tallies.attempts.items()},
        "pavane_attempts_scheduled_total": {(): tallies.scheduled},
        "pavane_tasks_taken_total": {(): tallies.taken},
        "pavane_commits_total": {(): tallies.batches},
        "pavane_changes_total": {(): tallies.changes},
        "pavane_requests_lost_total": {(): tallies.lost},
        "pavane_requests_waiting": {(): tallies.requests_waiting},
        "pavane_workers": {(): len(sessions)},
        "pavane_leases": {(): sum(len(each.held) for each in sessions)},
        "pavane_duty": {(duty,): node.does(duty) for duty in DUTIES},
        "pavane_bus_processes": {(name,): each.processes for name, each in on_bus.items()},
        "pavane_bus_places": {(name,): each.places for name, each in on_bus.items()},
        "pavane_bus_tasks": {(name,): each.tasks for name, each in on_bus.items()},
    }


async def _waiting(engine: Engine) -> dict[str, Series]:
    tasks: Counter[tuple[str, ...]] = Counter()
    executions: Counter[tuple[str, ...]] = Counter()
    async with engine.store.snapshot() as snapshot:
        queues = await snapshot.queues()
    for queue, count in queues.items():
        if workflow := workflow_of(queue):
            executions[workflow,] += count
        elif not queue.startswith(EVENT_WAITS):
            tasks[task_of(queue),] += count
    return {"pavane_tasks_waiting": tasks, "pavane_executions_waiting": executions}


async def _of_bus(company: Company, engine: Engine | None) -> dict[str, Series]:
    try:
        lags = await lag_of(company, engine)
    except NoBusError:
        return {}  # a bus in memory does not say
    except ConnectionFailedError as error:
        _LOG.warning("the bus cannot be asked how far groups are behind: %s", error)
        return {"pavane_bus_up": {(): 0}}
    series = {(each.group, each.topic): each.waiting for each in lags.lag}
    return {"pavane_bus_up": {(): 1}, "pavane_bus_lag": series}


async def _of_services(participants: list[Participant]) -> dict[str, Series]:
    backlog: dict[tuple[str, ...], float] = {}
    aside: dict[tuple[str, ...], float] = {}
    for each in participants:
        behind = await each.relay.backlog(_COUNTED_MAX)
        if behind is not None:
            backlog[each.role,] = behind
        for kind in _KINDS:
            aside[each.role, kind] = len(await each.ledger.aside(kind, _COUNTED_MAX))
    found: dict[str, Series] = {"pavane_set_aside": aside} if participants else {}
    return found | ({"pavane_relay_backlog": backlog} if backlog else {})
