"""A client inside the engine's own process: the same asks, answered without a network."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import msgspec

from pavane.core.model import status as st
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.errors import ResultTimeoutError
from pavane.participant.requests import Requests
from pavane.ports.clock import Chance
from pavane.sdk.given import GivenEvent
from pavane.sdk.plans import Answer, Ask
from pavane.sdk.queries import AskBody, search_of
from pavane.sdk.telling import no_bus, tell


class OnBus(Protocol):
    """Who is on a bus, as far as events from outside go."""

    @property
    def requests(self) -> Requests: ...
    @property
    def chance(self) -> Chance: ...


class EngineTransport:
    """Answers from an engine on the same event loop. Errors are raised as they are."""

    def __init__(self, engine: Engine, company: OnBus | None = None) -> None:
        self._engine = engine
        self._company = company
        self._reader = Reader(engine.store)

    async def close(self) -> None:
        """The engine is not ours to stop."""

    async def ask(self, ask: Ask) -> Answer:
        """Do what is asked."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(ask.delay_s)
        began = loop.time()
        value = await self._do(ask)
        return Answer(200, msgspec.json.encode(value), loop.time() - began)

    async def _do(self, ask: Ask) -> Any:
        engine, reader = self._engine, self._reader
        match ask.verb:
            case "register_tasks":
                tasks = msgspec.json.decode(ask.body, type=list[TaskDefinition])
                await engine.register((), tasks, overwrite=True)
            case "register_workflows":
                workflows = msgspec.json.decode(ask.body, type=list[Workflow])
                await engine.register(workflows, overwrite="overwrite" in ask.query)
            case "start":
                given = msgspec.json.decode(ask.body, type=AskBody)
                return {
                    "id": await engine.start_execution(
                        ask.place["workflow"],
                        bytes(given.input),
                        version=given.version,
                        key=given.key,
                        correlation_id=given.correlation_id,
                        priority=given.priority,
                        if_exists=given.if_exists,
                    )
                }
            case "publish":
                if self._company is None:
                    raise no_bus()
                event = msgspec.json.decode(ask.body, type=GivenEvent).event()
                return {"id": await tell(event, self._company.requests, self._company.chance)}
            case "find":
                return {"executions": await reader.executions(search_of(ask.query))}
            case "state":
                view = await reader.execution(ask.place["id"])
                newest = engine.registry.newest(view.workflow)
                return msgspec.structs.replace(view, newest_version=newest)
            case "move":
                wanted = msgspec.json.decode(ask.body, type=AskBody)
                return await engine.move(ask.place["id"], wanted.to, dry_run=wanted.dry_run)
            case "result":
                return await self._result(ask.place["id"], ask.wait_s)
            case _:
                await self._act(ask)
                summary = await reader.summary(ask.place["id"])
                return {"status": summary.status, "reason": summary.reason}

    async def _act(self, ask: Ask) -> None:
        engine, execution_id = self._engine, ask.place["id"]
        given = msgspec.json.decode(ask.body, type=AskBody)
        match ask.verb:
            case "pause":
                await engine.pause(execution_id)
            case "resume":
                await engine.resume(execution_id)
            case "retry":
                await engine.retry(execution_id)
            case "terminate":
                await engine.terminate(execution_id, given.reason, undo=given.undo)
            case "signal":
                output = bytes(given.output)
                ref, reason = ask.place["ref"], given.reason
                await engine.signal(execution_id, ref, output, given.status, reason)
            case "resolve":
                output = bytes(given.output)
                await engine.resolve(execution_id, ask.place["ref"], given.action, output)
            case _:
                raise AssertionError(ask.verb)

    async def _result(self, execution_id: str, wait_s: float) -> dict[str, Any]:
        with contextlib.suppress(ResultTimeoutError):
            await self._engine.wait(execution_id, wait_s)
        summary, output = await self._reader.result(execution_id)
        ended = summary.status in st.ENDED
        standing: dict[str, Any] = {"status": summary.status, "reason": summary.reason}
        return {**standing, "output": output} if ended else standing
