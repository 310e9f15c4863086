"""Executions of an engine and of dancers as one: a list in one order, each asked where it is."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pavane.doors.executions.asked import Action, Executions, Known, MessageView, Start
from pavane.doors.executions.conducted import Conducted
from pavane.doors.executions.danced import Danced
from pavane.doors.executions.order import Place, before_in_engine, conducted_place
from pavane.engine.views.people import QuestionView
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, HistoryEntry, MoveView
from pavane.engine.waiting import Changes
from pavane.ports.store import Search

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine


def executions_of(engine: Engine | None, company: Company | None) -> Executions:
    """What is asked about executions where there is an engine, a bus, or both."""
    if engine is None:
        assert company is not None
        return Danced(company)
    conducted = Conducted(engine)
    return EveryStyle(conducted, Danced(company)) if company is not None else conducted


class EveryStyle:
    """As `Executions`.

    Handlers that react to what a conducted execution publishes make a flow with the execution's
    own id: there the execution is what people mean, so the engine is asked first.
    """

    def __init__(self, conducted: Conducted, danced: Danced) -> None:
        self._conducted = conducted
        self._danced = danced

    async def knows(self, execution_id: str) -> bool:
        """As `Executions.knows`."""
        return await self._danced.knows(execution_id) or await self._conducted.knows(execution_id)

    async def execution(self, execution_id: str) -> ExecutionView:
        """As `Executions.execution`."""
        return await (await self._of(execution_id)).execution(execution_id)

    async def summary(self, execution_id: str) -> ExecutionSummary:
        """As `Executions.summary`."""
        return await (await self._of(execution_id)).summary(execution_id)

    async def result(self, execution_id: str) -> tuple[ExecutionSummary, msgspec.Raw]:
        """As `Executions.result`."""
        return await (await self._of(execution_id)).result(execution_id)

    async def executions(self, wanted: Search, style: str = "") -> list[ExecutionSummary]:
        """As `Executions.executions`; `wanted.before` may be the id of either kind."""
        danced_at = self._danced.place_of(wanted.before) if wanted.before else None
        if danced_at and await self._conducted.knows(wanted.before):
            danced_at = None  # handlers beside it: the execution's own place counts
        place = danced_at or (conducted_place(wanted.before) if wanted.before else None)
        before = before_in_engine(danced_at) if danced_at else wanted.before
        of_engine = structs.replace(wanted, before=before)
        found = [
            (conducted_place(each.id), each)
            for each in await self._conducted.executions(of_engine, style)
        ]
        if style in ("", "choreographed"):
            danced = await self._danced_behind(structs.replace(wanted, before=""), place)
            found += [(Place(each.created_at, each.id), each) for each in danced]
        found.sort(key=lambda each: each[0], reverse=True)
        return [each for _, each in found[: wanted.limit]]

    async def questions(self, to: str = "", limit: int = 100) -> list[QuestionView]:
        """As `Executions.questions`."""
        conducted = await self._conducted.questions(to, limit)
        danced = await self._danced.questions(to, limit)
        return sorted([*conducted, *danced], key=lambda each: each.since)[:limit]

    async def history(self, execution_id: str) -> list[HistoryEntry]:
        """As `Executions.history`."""
        return await (await self._of(execution_id)).history(execution_id)

    async def definition_of(self, execution_id: str) -> bytes:
        """As `Executions.definition_of`."""
        return await (await self._of(execution_id)).definition_of(execution_id)

    async def messages(self, execution_id: str) -> list[MessageView]:
        """As `Executions.messages`: for a conducted execution, those of the handlers beside it."""
        where = await self._of(execution_id)
        found = await where.messages(execution_id)
        return found if where is self._danced else self._danced.told_messages(execution_id)

    @contextmanager
    def follow(self, changes: Changes) -> Generator[None]:
        """As `Executions.follow`."""
        with self._conducted.follow(changes), self._danced.follow(changes):
            yield

    async def wait(self, execution_id: str, timeout_s: float) -> None:
        """As `Executions.wait`."""
        await (await self._of(execution_id)).wait(execution_id, timeout_s)

    async def workflows(self) -> list[Known]:
        """As `Executions.workflows`."""
        return sorted([*await self._conducted.workflows(), *await self._danced.workflows()])

    async def definition(self, workflow: str, version: int | None = None) -> bytes:
        """As `Executions.definition`."""
        if await self._is_danced(workflow, version):
            return await self._danced.definition(workflow, version)
        return await self._conducted.definition(workflow, version)

    async def start(self, start: Start) -> str:
        """As `Executions.start`: on the bus what only the bus knows, or what is choreographed."""
        if await self._is_danced(start.workflow, start.version):
            return await self._danced.start(start)
        return await self._conducted.start(start)

    async def act(self, execution_id: str, action: Action) -> None:
        """As `Executions.act`."""
        await (await self._of(execution_id)).act(execution_id, action)

    async def move(
        self, execution_id: str, version: int | None = None, *, dry_run: bool = False
    ) -> MoveView:
        """As `Executions.move`."""
        where = await self._of(execution_id)
        return await where.move(execution_id, version, dry_run=dry_run)

    async def remove(self, execution_id: str) -> None:
        """As `Executions.remove`."""
        await (await self._of(execution_id)).remove(execution_id)

    async def _is_danced(self, workflow: str, version: int | None) -> bool:
        if not self._danced.announced(workflow):
            return False
        return await self._conducted.is_danced(workflow, version) is not False

    async def _of(self, execution_id: str) -> Executions:
        if self._danced.has(execution_id):
            return self._danced
        if await self._conducted.knows(execution_id):
            return self._conducted
        return self._danced

    async def _danced_behind(self, wanted: Search, place: Place | None) -> list[ExecutionSummary]:
        """A page without those flows that belong to an execution of the engine."""
        found: list[ExecutionSummary] = []
        while len(found) < wanted.limit:
            page = self._danced.behind(wanted, place)
            flows = [each.id for each in page if not self._danced.has(each.id)]
            hidden = await self._conducted.known(flows)
            found += [each for each in page if each.id not in hidden]
            if len(page) < wanted.limit:
                break
            place = Place(page[-1].created_at, page[-1].id)
        return found
