"""Definitions: what workflows and tasks are registered, and the plans made of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from pavane.core.check import check_tasks, ensure_valid
from pavane.core.decide.event_waits import waits_for_event
from pavane.core.decide.plan import Plan, all_steps, compile_plan
from pavane.core.decide.told import EVENT
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow, content_hash
from pavane.engine.gathering import Gathered
from pavane.errors import AlreadyExistsError, DefinitionError, NotFoundError
from pavane.ports.store import Store, StoredWorkflow

_encode = msgspec.json.encode
_SEEN_MAX = 100_000
_BUS = (
    "Let a server have one, `pavane server --bus URL`, and work for it: "
    "`pavane run APP --style hybrid --bus URL --server URL`."
)


class Registry:
    """Keeps definitions in the store and their plans in memory.

    A running execution stays with the content that it started with; task definitions are those
    registered last, as in Conductor.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: dict[str, TaskDefinition] = {}
        self._mark = -1  # the store's, when all of it was read
        self._looking = Gathered(self._look)
        self._names: dict[str, dict[int, str]] = {}  # workflow name to version to content hash
        self._bodies: dict[str, Workflow] = {}
        self._plans: dict[str, Plan] = {}
        self._seen: dict[str, str] = {}  # execution to content hash
        self._tell: Callable[[Iterable[TaskDefinition]], None] | None = None
        self._tell_of_workflows: Callable[[], Awaitable[None]] | None = None
        self.hears_events = False  # whether somebody listens to a bus for this engine

    async def open(self) -> None:
        """Read what is registered."""
        if self._store.members is not None:
            self._mark = await self._store.members.mark()  # before: what is put now is read again
        for name, body in (await self._store.task_definitions()).items():
            self._tasks[name] = msgspec.json.decode(body, type=TaskDefinition)
        for stored in await self._store.workflows():
            self._names.setdefault(stored.name, {})[stored.version] = stored.definition

        self._told()

    async def refresh(self) -> None:
        """Read what others have registered meanwhile."""
        before = dict(self._tasks)
        await self.open()
        if self._tasks != before:
            self._plans.clear()

    async def _look(self, key: Collection[str]) -> dict[str, None]:
        """Read what others have registered, where they have."""
        assert self._store.members is not None
        if await self._store.members.mark() != self._mark:
            await self.refresh()
        return dict.fromkeys(key)

    def tell_of_tasks(self, call: Callable[[Iterable[TaskDefinition]], None]) -> None:
        """Call it with all task definitions, now and whenever they change."""
        self._tell = call
        self._told()

    def tell_of_workflows(self, call: Callable[[], Awaitable[None]] | None) -> None:
        """Somebody listens to a bus for what is registered: await it behind each registration.

        Until then, and after None, definitions that need events are refused.
        """
        self._tell_of_workflows = call
        self.hears_events = call is not None

    def _told(self) -> None:
        if self._tell is not None:
            self._tell(self._tasks.values())

    @property
    def tasks(self) -> dict[str, TaskDefinition]:
        """The registered task definitions, by name."""
        return self._tasks

    def names(self) -> list[Mapping[int, str]]:
        """Content hashes by version, of each workflow."""
        return list(self._names.values())

    def versions(self, name: str) -> dict[int, str]:
        """Content hashes by version; empty when there is no such workflow."""
        return self._names.get(name, {})

    def newest(self, name: str) -> int:
        """The newest version of a workflow; 0 when there is none."""
        return max(self.versions(name), default=0)

    async def register(
        self,
        workflows: Sequence[Workflow],
        tasks: Sequence[TaskDefinition],
        now: int,
        *,
        overwrite: bool,
    ) -> None:
        """Check everything, then keep it; all or nothing as far as checks go."""
        given = {task.name: task for task in tasks}
        if found := check_tasks(given):
            raise DefinitionError("Task definitions: " + " ".join(found), findings=found)
        known = {**self._tasks, **given}
        for workflow in workflows:
            ensure_valid(workflow, known)
            _ensure_orchestrated(workflow)
            if not self.hears_events:
                _ensure_no_events(workflow)
            present = self.versions(workflow.name).get(workflow.version)
            if present and present != content_hash(workflow) and not overwrite:
                raise AlreadyExistsError(
                    f"Workflow {workflow.name!r} version {workflow.version} is registered with "
                    "other content.",
                    "Give the changed workflow a new version, or overwrite it.",
                )
        changed = {t.name: t for t in tasks if self._tasks.get(t.name) != t}
        if changed:
            await self._store.put_task_definitions({n: _encode(t) for n, t in changed.items()})
            self._tasks.update(changed)
            self._plans.clear()
            self._told()
        for workflow in workflows:
            await self._keep(workflow, now)
        if workflows and self._tell_of_workflows is not None:
            await self._tell_of_workflows()

    async def _keep(self, workflow: Workflow, now: int) -> None:
        hash = content_hash(workflow)
        if self.versions(workflow.name).get(workflow.version) == hash:
            return
        for scope in _scopes(workflow):
            await self._store.put_definition(content_hash(scope), _encode(scope), now)
        await self._store.put_definition(hash, _encode(workflow), now)
        await self._store.put_workflow(
            StoredWorkflow(workflow.name, workflow.version, hash, created_at=now)
        )
        self._names.setdefault(workflow.name, {})[workflow.version] = hash
        await self.plan(hash)  # now, not when the first execution holds up all others

    def find(self, name: str, version: int | None = None) -> str:
        """The content hash of a workflow, its newest version unless one is named."""
        versions = self.versions(name)
        if not versions:
            known = ", ".join(sorted(self._names)[:10]) or "none"
            raise NotFoundError(
                f"No such workflow found by name: {name}.",
                f"Register it first; registered are: {known}.",
            )
        if version is None:
            version = max(versions)
        if version not in versions:
            raise NotFoundError(
                f"No such workflow found by name: {name}, version: {version}.",
                f"Its versions are: {', '.join(map(str, sorted(versions)))}.",
            )
        return versions[version]

    async def pinned(self, name: str, version: int | None, definition: str) -> str:
        """The content hash that is asked for, where the store has it; else as `find`."""
        if definition and (definition in self._bodies or await self._store.definition(definition)):
            return definition
        if self._store.members is not None and version not in self._names.get(name, ()):
            await self._looking.get("")
        return self.find(name, version)

    def plan_of(self, execution_id: str) -> Plan | None:
        """The plan of an execution seen lately, if it is in memory: for looking ahead only."""
        return self._plans.get(self._seen.get(execution_id, ""))

    def remember(self, execution_id: str, hash: str) -> None:
        """Note which definition an execution is pinned to; it changes only when it is moved."""
        if execution_id not in self._seen and len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen[execution_id] = hash

    async def workflow(self, hash: str) -> Workflow:
        """The definition with this content hash."""
        found = self._bodies.get(hash)
        if found is None:
            body = await self._store.definition(hash)
            if body is None:
                raise NotFoundError(
                    f"The store has no definition {hash}.", "Register the workflow again."
                )
            found = self._bodies[hash] = msgspec.json.decode(body, type=Workflow)
        return found

    async def plan(self, hash: str) -> Plan:
        """The plan with this content hash, made when it is first needed."""
        plan = self._plans.get(hash)
        if plan is None:
            workflow = await self.workflow(hash)
            plan = self._plans[hash] = compile_plan(workflow, self._tasks)
        return plan


def _ensure_orchestrated(workflow: Workflow) -> None:
    """Raise DefinitionError for a workflow, or a scope in one, that needs dancers."""
    for each in [workflow, *_scopes(workflow)]:
        if each.style == "choreographed":
            raise DefinitionError(
                f"Workflow {each.name!r} is choreographed, and here is only a conductor.",
                "Await it in a program, where it runs in memory, or leave its style out.",
            )
        for step in all_steps(each.tasks):
            if step.sub_workflow_param and step.sub_workflow_param.style == "choreographed":
                raise DefinitionError(
                    f"Workflow {each.name!r}: the scope {step.ref!r} is choreographed, and here "
                    "is only a conductor.",
                    "Await it in a program, where both run in memory, or leave that style out.",
                )


def _ensure_no_events(workflow: Workflow) -> None:
    """Raise DefinitionError for a workflow, or a scope in one, that events go to or come from."""
    for each in [workflow, *_scopes(workflow)]:
        for step in all_steps(each.tasks):
            if step.type == EVENT:
                raise DefinitionError(
                    f"Workflow {each.name!r}: the step {step.ref!r} publishes an event, and here "
                    "is no bus.",
                    f"{_BUS} Or make it a task that tells whom it concerns.",
                )
    waiting = [
        step.ref
        for each in [workflow, *_scopes(workflow)]
        for step in all_steps(each.tasks)
        if waits_for_event(step)
    ]
    what = f"the step {waiting[0]!r} waits for" if waiting else "it is started by"
    if waiting or workflow.started_by is not None:
        raise DefinitionError(
            f"Workflow {workflow.name!r}: {what} an event, and here is no bus.",
            _BUS,
        )


def _scopes(workflow: Workflow) -> list[Workflow]:
    """The definitions that stand in place inside it, at any depth."""
    found: list[Workflow] = []
    ahead = [workflow]
    while ahead:
        for step in all_steps(ahead.pop().tasks):
            param = step.sub_workflow_param
            if param and param.workflow_definition:
                found.append(param.workflow_definition)
                ahead.append(param.workflow_definition)
    return found
