"""One service for everybody who looks: the command line, REST and the pages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import structs

from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.core.model.schedule import Schedule
from pavane.core.model.workflow import Workflow
from pavane.engine.glance import Glance
from pavane.engine.views.assembled import Assembled
from pavane.engine.views.attention import attention_views
from pavane.engine.views.people import Questions, questions
from pavane.engine.views.shapes import (
    ExecutionSummary,
    ExecutionView,
    HistoryEntry,
)
from pavane.engine.views.steps import raw, step_views
from pavane.engine.views.waits import why_queued, with_waits
from pavane.errors import NotFoundError
from pavane.ports.store import Search, Snapshot, Store, StoredWorkflow


class Reader:
    """Reads executions from snapshots of a store; it holds nothing but what never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._glance = Glance(store)
        self._assembled: dict[str, Assembled] = {}  # by content hash

    async def execution(self, execution_id: str) -> ExecutionView:
        """One execution with its steps; NotFoundError when there is none."""
        async with self._store.snapshot() as snapshot:
            return await self._execution(snapshot, await _header(snapshot, execution_id))

    async def several(self, execution_ids: Sequence[str]) -> list[ExecutionView]:
        """Those of the executions that exist, with their steps, from one snapshot."""
        async with self._store.snapshot() as snapshot:
            headers = [await snapshot.header(each) for each in execution_ids]
            return [await self._execution(snapshot, each) for each in headers if each]

    async def known(self, execution_ids: Sequence[str]) -> set[str]:
        """Those of the executions that exist."""
        if not execution_ids:
            return set()
        async with self._store.snapshot() as snapshot:
            return {each for each in execution_ids if await snapshot.header(each)}

    async def schedules(self) -> list[Schedule]:
        """All schedules, by name."""
        bodies = (await self._store.schedules()).values()
        return [msgspec.json.decode(body, type=Schedule) for body in bodies]

    async def summary(self, execution_id: str) -> ExecutionSummary:
        """The line of one execution; NotFoundError when there is none."""
        async with self._store.snapshot() as snapshot:
            return _summary(await _header(snapshot, execution_id))

    async def result(self, execution_id: str) -> tuple[ExecutionSummary, msgspec.Raw]:
        """The line of one execution, and its output (null before its end)."""
        header, output = await self._glance.result(execution_id)
        if header is None:
            raise _none(execution_id)
        return _summary(header), raw(output or b"")

    async def executions(self, wanted: Search) -> list[ExecutionSummary]:
        """The executions that fit, newest first."""
        async with self._store.snapshot() as snapshot:
            return [_summary(header) for header in await snapshot.search(wanted)]

    async def questions(self, to: str = "", limit: int = 100) -> Questions:
        """What waits for people, or for one person or group, oldest first."""
        return Questions(await questions(self._store, to, limit))

    async def history(self, execution_id: str) -> list[HistoryEntry]:
        """What happened to one execution, oldest first; NotFoundError when there is none."""
        async with self._store.snapshot() as snapshot:
            await _header(snapshot, execution_id)
            log = await snapshot.log(execution_id)
        return [HistoryEntry(entry.position, entry.at, msgspec.Raw(entry.entries)) for entry in log]

    async def definition_of(self, execution_id: str) -> bytes:
        """The JSON of the workflow that an execution started with; NotFoundError."""
        async with self._store.snapshot() as snapshot:
            header = await _header(snapshot, execution_id)
        body = await self._store.definition(header.definition)
        if body is None:
            raise NotFoundError(f"The definition of execution '{execution_id}' is missing.", "")
        return body

    async def workflows(self) -> list[StoredWorkflow]:
        """All registered workflows, by name and version."""
        return sorted(await self._store.workflows(), key=lambda each: (each.name, each.version))

    async def definition(self, name: str, version: int | None = None) -> bytes:
        """The JSON of a workflow, the latest version unless one is given."""
        versions = {each.version: each for each in await self.workflows() if each.name == name}
        if not versions:
            raise NotFoundError(*unknown_workflow(name, await self._store.workflows()))
        wanted = max(versions) if version is None else version
        if wanted not in versions:
            known = ", ".join(map(str, versions))
            message = f"The workflow '{name}' has no version {wanted}."
            raise NotFoundError(message, f"There is {known}.")
        body = await self._store.definition(versions[wanted].definition)
        if body is None:  # a definition is kept before a name stands for it
            raise NotFoundError(f"The definition of '{name}' is missing.", "Register it again.")
        return body

    async def _execution(self, snapshot: Snapshot, header: Header) -> ExecutionView:
        tasks = await snapshot.tasks(header.id)
        values = await snapshot.values(header.id)
        ready = await snapshot.ready(header.id) if header.parked else []
        view = _view(header, tasks, values, ready, await self._of(header.definition))
        steps = await with_waits(self._store, snapshot, view.steps)
        waits = await why_queued(self._store, snapshot, header)
        return structs.replace(view, steps=steps, waits=waits)

    async def _of(self, definition: str) -> Assembled:
        if definition not in self._assembled:
            body = await self._store.definition(definition)
            workflow = msgspec.json.decode(body, type=Workflow) if body else Workflow()
            self._assembled[definition] = Assembled.of(workflow)
        return self._assembled[definition]


def unknown_workflow(name: str, known: Sequence[StoredWorkflow]) -> tuple[str, str]:
    """What to say when somebody names a workflow that is not there: the message and the remedy."""
    names = sorted({each.name for each in known})
    there = f"There is: {', '.join(names)}." if names else "No workflow is registered yet."
    return f"There is no workflow '{name}'.", there


async def _header(snapshot: Snapshot, execution_id: str) -> Header:
    header = await snapshot.header(execution_id)
    if header is None:
        raise _none(execution_id)
    return header


def _none(execution_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no execution '{execution_id}'.", "`pavane list` shows those that there are."
    )


def _view(
    header: Header,
    tasks: Sequence[TaskRow],
    values: dict[str, bytes],
    ready: Sequence[Ready],
    assembled: Assembled,
) -> ExecutionView:
    steps = step_views(tasks, assembled, values)
    return ExecutionView(
        id=header.id,
        workflow=header.workflow,
        version=header.version,
        status=header.status,
        cause=header.cause,
        reason=header.reason,
        failed_ref=header.failed_ref,
        key=header.key,
        correlation_id=header.correlation_id,
        parent_id=header.parent_id,
        parent_ref=header.parent_ref,
        priority=header.priority,
        created_at=header.created_at,
        updated_at=header.updated_at,
        ended_at=header.ended_at,
        input=raw(values.get("input", b"")),
        output=raw(values.get("output", b"")),
        variables={
            name.removeprefix("var:"): msgspec.Raw(body)
            for name, body in values.items()
            if name.startswith("var:")
        },
        steps=steps,
        attention=attention_views(header, steps, ready),
    )


def _summary(header: Header) -> ExecutionSummary:
    return ExecutionSummary(
        id=header.id,
        workflow=header.workflow,
        version=header.version,
        status=header.status,
        cause=header.cause,
        reason=header.reason,
        key=header.key,
        parent_id=header.parent_id,
        created_at=header.created_at,
        updated_at=header.updated_at,
        ended_at=header.ended_at,
    )
