"""Executions in a store that this process opens: read as they are, written by a passing engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from pavane.core.model.schedule import Schedule
from pavane.doors.cli.place import LetterPage, Page
from pavane.doors.wiring import Wiring
from pavane.engine.views.dead_letters import DeadLetter
from pavane.engine.views.people import Questions
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, MoveView
from pavane.errors import ConflictError, StoreBusyError

if TYPE_CHECKING:
    from pavane.doors.executions.asked import Action, Start
    from pavane.engine.engine import Engine
    from pavane.engine.views.reader import Reader
    from pavane.ports.store import Search

T = TypeVar("T")


class Local:
    """A store without a server: read as it is, written by an engine that runs for the moment."""

    def __init__(self, wiring: Wiring, store_url: str) -> None:
        self._wiring = wiring
        self._store_url = store_url

    def execution(self, execution_id: str) -> ExecutionView:
        """One execution, from a store opened for reading."""

        async def look(reader: Reader) -> ExecutionView:
            view = await reader.execution(execution_id)
            versions = [
                each.version for each in await reader.workflows() if each.name == view.workflow
            ]
            return msgspec.structs.replace(view, newest_version=max(versions, default=0))

        return self._read(look)

    def find(self, filters: Mapping[str, Any]) -> Page:
        """As `Place.find`."""
        from pavane.ports.store import Search

        status = filters.get("status", "")
        limit = int(filters.get("limit") or 100)
        wanted = Search(
            workflow=filters.get("workflow", ""),
            statuses=tuple(filter(None, status.split(","))),
            key=filters.get("key", ""),
            before=filters.get("before", ""),
            limit=limit,
        )
        found = self._read(lambda reader: reader.executions(wanted))
        return Page(found, found[-1].id if len(found) == limit else None)

    def questions(self, to: str, limit: int) -> Questions:
        """As `Place.questions`."""
        return self._read(lambda reader: reader.questions(to, limit))

    def schedules(self) -> list[Schedule]:
        """What starts by itself, as the store has it."""
        return self._read(lambda reader: reader.schedules())

    def change_schedule(self, name: str, action: str, reason: str) -> Schedule:
        """Pause or resume one; how it stands."""

        async def do(engine: Engine) -> Schedule:
            if action == "pause":
                return await engine.schedules.pause(name, reason)
            return await engine.schedules.resume(name)

        return self._write(do)

    def start(self, start: Start) -> str:
        """Durably started; whoever next runs this store carries it on."""
        from pavane.doors.executions.conducted import Conducted

        return self._write(lambda engine: Conducted(engine).start(start))

    def act(self, execution_id: str, action: str, body: Mapping[str, Any], ref: str = "") -> str:
        """As `Place.act`."""

        async def do(engine: Engine) -> str:
            output = msgspec.json.encode(body.get("output", {}))
            match action:
                case "pause":
                    await engine.pause(execution_id)
                case "resume":
                    await engine.resume(execution_id)
                case "retry":
                    await engine.retry(execution_id)
                case "terminate":
                    await engine.terminate(execution_id, body["reason"], undo=body["undo"])
                case "signal":
                    reason = body.get("reason", "")
                    await engine.signal(execution_id, ref, output, body["status"], reason)
                case _:
                    await engine.resolve(execution_id, ref, body["action"], output)
            async with engine.store.snapshot() as snapshot:
                header = await snapshot.header(execution_id)
            return header.status if header else ""

        return self._write(do)

    def move(self, execution_id: str, version: int | None, *, dry_run: bool) -> MoveView:
        """As `Place.move`."""
        return self._write(lambda engine: engine.move(execution_id, version, dry_run=dry_run))

    def remove(self, execution_id: str) -> None:
        """As `Place.remove`."""
        self._write(lambda engine: engine.forgetting.remove(execution_id))

    def letters(self, filters: Mapping[str, Any]) -> LetterPage:
        """As `Place.letters`: executions only, as messages are on a bus."""
        from pavane.doors.executions.dead_letters import DeadLetters, Wanted

        async def look(reader: Reader) -> LetterPage:
            letters = DeadLetters(_Read(reader), None)
            return LetterPage(*await letters.find(Wanted(**filters)))

        return self._read(look)

    def letter(self, id: str) -> DeadLetter:
        """As `Place.letter`."""
        from pavane.doors.executions.dead_letters import DeadLetters

        return self._read(lambda reader: DeadLetters(_Read(reader), None).get(id))

    def settle(self, id: str, action: Literal["redrive", "discard"], reason: str) -> DeadLetter:
        """As `Place.settle`."""
        from pavane.doors.executions.conducted import Conducted
        from pavane.doors.executions.dead_letters import DeadLetters

        async def do(engine: Engine) -> DeadLetter:
            letters = DeadLetters(Conducted(engine), None)
            return await (letters.redrive if action == "redrive" else letters.discard)(id, reason)

        return self._write(do)

    def _read(self, view: Callable[[Reader], Awaitable[T]]) -> T:
        from pavane.engine.views.reader import Reader

        async def reading() -> T:
            store = self._wiring.open_store(self._store_url, read_only=True)
            await store.open()
            try:
                return await view(Reader(store))
            finally:
                await store.close()

        return asyncio.run(reading())

    def _write(self, use: Callable[[Engine], Awaitable[T]]) -> T:
        async def writing() -> T:
            try:
                async with self._wiring.running_engine(self._store_url, schedules=False) as engine:
                    return await use(engine)
            except StoreBusyError as error:
                remedy = "Ask that server instead, with --server http://127.0.0.1:PORT."
                raise StoreBusyError(error.message, remedy) from error

        return asyncio.run(writing())


class _Read:
    """What `DeadLetters` needs of a store that is only read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def executions(self, wanted: Search, style: str = "") -> list[ExecutionSummary]:
        del style
        return await self._reader.executions(wanted)

    async def execution(self, execution_id: str) -> ExecutionView:
        return await self._reader.execution(execution_id)

    async def act(self, execution_id: str, action: Action) -> None:
        raise ConflictError(f"{execution_id} is only read: no {action.verb}.", "")
