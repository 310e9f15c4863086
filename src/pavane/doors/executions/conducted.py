"""Executions that an engine in this process carries out."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pavane.doors.executions.asked import Action, Known, MessageView, Start
from pavane.engine.views.people import QuestionView
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, HistoryEntry, MoveView
from pavane.engine.waiting import Changes
from pavane.ports.store import Search

if TYPE_CHECKING:
    from pavane.engine.engine import Engine

STYLE = "orchestrated"


class Conducted:
    """As `Executions`, over an engine and its store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = Reader(engine.store)

    async def knows(self, execution_id: str) -> bool:
        """As `Executions.knows`."""
        return bool(await self.known([execution_id]))

    async def known(self, execution_ids: list[str]) -> set[str]:
        """Those of the executions that are in the store."""
        return await self._reader.known(execution_ids)

    async def execution(self, execution_id: str) -> ExecutionView:
        """As `Executions.execution`."""
        view = await self._reader.execution(execution_id)
        return structs.replace(view, newest_version=self._engine.registry.newest(view.workflow))

    async def summary(self, execution_id: str) -> ExecutionSummary:
        """As `Executions.summary`."""
        return await self._reader.summary(execution_id)

    async def result(self, execution_id: str) -> tuple[ExecutionSummary, msgspec.Raw]:
        """As `Executions.result`."""
        return await self._reader.result(execution_id)

    async def executions(self, wanted: Search, style: str = "") -> list[ExecutionSummary]:
        """As `Executions.executions`."""
        return await self._reader.executions(wanted) if style in ("", STYLE) else []

    async def questions(self, to: str = "", limit: int = 100) -> list[QuestionView]:
        """As `Executions.questions`."""
        return (await self._reader.questions(to, limit)).questions

    async def history(self, execution_id: str) -> list[HistoryEntry]:
        """As `Executions.history`: what each commit recorded."""
        return await self._reader.history(execution_id)

    async def definition_of(self, execution_id: str) -> bytes:
        """As `Executions.definition_of`."""
        return await self._reader.definition_of(execution_id)

    async def messages(self, execution_id: str) -> list[MessageView]:
        """As `Executions.messages`: a conductor asks for each step itself, so there are none."""
        await self._reader.summary(execution_id)
        return []

    def follow(self, changes: Changes) -> AbstractContextManager[object]:
        """As `Executions.follow`."""
        return self._engine.subscribe(changes)

    async def wait(self, execution_id: str, timeout_s: float) -> None:
        """As `Executions.wait`."""
        await self._engine.wait(execution_id, timeout_s)

    async def workflows(self) -> list[Known]:
        """As `Executions.workflows`."""
        stored = await self._reader.workflows()
        return [Known(each.name, each.version, each.definition, each.created_at) for each in stored]

    async def definition(self, workflow: str, version: int | None = None) -> bytes:
        """As `Executions.definition`."""
        return await self._reader.definition(workflow, version)

    async def is_danced(self, workflow: str, version: int | None) -> bool | None:
        """Whether a definition says that its executions are choreographed; None: not known here."""
        registry = self._engine.registry
        versions = registry.versions(workflow)
        chosen = version or max(versions, default=0)
        if chosen not in versions:
            return None
        return (await registry.workflow(versions[chosen])).style == "choreographed"

    async def start(self, start: Start) -> str:
        """As `Executions.start`: durable when it returns."""
        return await self._engine.start_execution(
            start.workflow,
            start.input,
            version=start.version,
            key=start.key,
            correlation_id=start.correlation_id,
            priority=start.priority,
            if_exists=start.if_exists,
        )

    async def act(self, execution_id: str, action: Action) -> None:
        """As `Executions.act`."""
        engine = self._engine
        match action.verb:
            case "pause":
                await engine.pause(execution_id)
            case "resume":
                await engine.resume(execution_id)
            case "retry":
                await engine.retry(execution_id)
            case "terminate":
                await engine.terminate(execution_id, action.reason, undo=action.undo)
            case "signal":
                await engine.signal(
                    execution_id, action.ref, action.output, action.status, action.reason
                )
            case "resolve":
                await engine.resolve(execution_id, action.ref, action.choice, action.output)

    async def move(
        self, execution_id: str, version: int | None = None, *, dry_run: bool = False
    ) -> MoveView:
        """As `Executions.move`."""
        return await self._engine.move(execution_id, version, dry_run=dry_run)

    async def remove(self, execution_id: str) -> None:
        """As `Executions.remove`."""
        await self._engine.forgetting.remove(execution_id)
