"""Executions that nobody conducts: seen from the journals, asked for by messages on the bus."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pavane.core.model import status as st
from pavane.doors.executions.asked import Action, Known, MessageView, Start
from pavane.doors.executions.messages import handed_over, of_flow
from pavane.doors.executions.order import Place
from pavane.engine.payloads import checked_object
from pavane.engine.views.people import QuestionView
from pavane.engine.views.shapes import NULL, ExecutionSummary, ExecutionView, HistoryEntry, MoveView
from pavane.engine.waiting import Changes
from pavane.errors import ConflictError, NotFoundError
from pavane.participant.requests import no_priority, only_return
from pavane.ports.store import Search

if TYPE_CHECKING:
    from pavane.core.projection.choreography import Choreography
    from pavane.doors.wiring import Company

STYLE = "choreographed"
_REMEMBERED = 10_000  # starts of which nobody has told yet


class Danced:
    """As `Executions`, over a bus. What was started here shows before anybody has told of it."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._started: dict[str, ExecutionView] = {}

    async def knows(self, execution_id: str) -> bool:
        """As `Executions.knows`."""
        return self.has(execution_id) or self._company.observer.views.knows(execution_id)

    def has(self, execution_id: str) -> bool:
        """Whether it is an execution of a declared workflow, not what handlers do on their own."""
        return (
            execution_id in self._company.observer.picture.instances
            or execution_id in self._started
        )

    async def execution(self, execution_id: str) -> ExecutionView:
        """As `Executions.execution`."""
        observer = self._company.observer
        if observer.views.knows(execution_id):
            self._started.pop(execution_id, None)
            return seen(self._company, execution_id)
        if execution_id in self._started:
            return self._started[execution_id]
        raise NotFoundError(
            f"There is no execution '{execution_id}'.",
            "`pavane list` shows those that there are; one that was started on the bus is there "
            "once the service of its first step runs.",
        )

    async def summary(self, execution_id: str) -> ExecutionSummary:
        """As `Executions.summary`."""
        view = await self.execution(execution_id)
        return msgspec.convert(view, ExecutionSummary, from_attributes=True)

    async def result(self, execution_id: str) -> tuple[ExecutionSummary, msgspec.Raw]:
        """As `Executions.result`."""
        view = await self.execution(execution_id)
        summary = msgspec.convert(view, ExecutionSummary, from_attributes=True)
        return summary, view.output if view.status in st.ENDED else NULL

    async def executions(self, wanted: Search, style: str = "") -> list[ExecutionSummary]:
        """As `Executions.executions`."""
        return self.behind(wanted, None) if style in ("", STYLE) else []

    def behind(self, wanted: Search, place: Place | None) -> list[ExecutionSummary]:
        """The executions that fit and come behind a place in the order of all."""
        return self._company.observer.views.executions(wanted, behind=place)

    def place_of(self, execution_id: str) -> Place | None:
        """Where an execution stands in the order of all; None: it is not known here."""
        view = self._company.observer.views
        if not view.knows(execution_id):
            return None
        return Place(view.execution(execution_id).created_at, execution_id)

    async def questions(self, to: str = "", limit: int = 100) -> list[QuestionView]:
        """As `Executions.questions`."""
        return self._company.observer.views.questions(to, limit)

    async def history(self, execution_id: str) -> list[HistoryEntry]:
        """As `Executions.history`: what the services told, each status once."""
        await self.execution(execution_id)
        return self._company.observer.history(execution_id)

    async def definition_of(self, execution_id: str) -> bytes:
        """As `Executions.definition_of`: what was announced with the content that it began with."""
        view = await self.execution(execution_id)
        instance = self._company.observer.picture.instances.get(execution_id)
        scope = None
        if execution_id in self._started:
            scope = self._find(view.workflow, None).root
        elif instance is not None and instance.told is not None:
            choreography = self._company.requests.version(instance.told.note.definition)
            scope = choreography and choreography.scopes.get(instance.scope)
        if scope is None:
            raise NotFoundError(
                f"Nobody has announced here what the execution '{execution_id}' follows.",
                "Handlers that react to events by themselves follow no workflow.",
            )
        return msgspec.json.encode(scope.workflow)

    async def messages(self, execution_id: str) -> list[MessageView]:
        """As `Executions.messages`."""
        await self.execution(execution_id)
        return self.told_messages(execution_id)

    def told_messages(self, execution_id: str) -> list[MessageView]:
        """What the journals tell of messages, also of handlers beside an execution."""
        picture = self._company.observer.picture
        found: list[MessageView] = []
        instance = picture.instances.get(execution_id)
        if instance is not None and instance.told is not None:
            choreography = self._company.requests.version(instance.told.note.definition)
            if choreography is not None:
                found += handed_over(instance, choreography)
        if (flow := picture.flows.get(execution_id)) is not None:
            found += of_flow(picture, flow)
        return found

    def follow(self, changes: Changes) -> AbstractContextManager[object]:
        """As `Executions.follow`."""
        return self._company.observer.subscribe(changes)

    async def wait(self, execution_id: str, timeout_s: float) -> None:
        """As `Executions.wait`."""
        await self._company.observer.wait(execution_id, timeout_s)

    async def workflows(self) -> list[Known]:
        """As `Executions.workflows`: what was announced on the bus."""
        known = self._company.requests.known
        return [
            Known(each.name, each.version, each.hash, style=STYLE)
            for each in sorted(known.values(), key=lambda each: each.name)
        ]

    async def definition(self, workflow: str, version: int | None = None) -> bytes:
        """As `Executions.definition`."""
        return msgspec.json.encode(self._find(workflow, version).root.workflow)

    def announced(self, workflow: str) -> bool:
        """Whether somebody has said on the bus that services dance this."""
        return workflow in self._company.requests.known

    async def start(self, start: Start) -> str:
        """As `Executions.start`: its first message is on the bus when it returns."""
        choreography = self._find(start.workflow, start.version)
        if start.priority:
            raise no_priority()
        if start.if_exists != "return":
            raise only_return(start.if_exists)
        body = checked_object(start.input, "the input")
        key = start.key or f"{self._company.chance.getrandbits(128):032x}"
        requests = self._company.requests
        id = await requests.start(
            start.workflow, body, key=key, correlation_id=start.correlation_id
        )
        self._remember(
            ExecutionView(
                id=id,
                workflow=start.workflow,
                version=choreography.version,
                status=st.RUNNING,
                style=STYLE,
                key=key,
                correlation_id=start.correlation_id,
                created_at=self._company.clock.now(),
                input=msgspec.Raw(body),
            )
        )
        return id

    async def act(self, execution_id: str, action: Action) -> None:
        """As `Executions.act`: by a message; returns when what was asked shows, or after a while.

        Only what has been told of can be asked for.
        """
        from pavane.sdk.client import Client

        await self.execution(execution_id)
        if execution_id not in self._company.observer.picture.instances:
            raise _nobody_to_ask(execution_id, execution_id in self._started)
        client = Client.among(self._company.requests, self._company.observer, self._company.chance)
        run = client.execution(execution_id)
        match action.verb:
            case "terminate":
                await run.terminate(action.reason, undo=action.undo)
            case "signal":
                output = msgspec.Raw(checked_object(action.output, "the signal's output"))
                await run.signal(action.ref, output, action.status, reason=action.reason)
            case "resolve":
                output = msgspec.Raw(checked_object(action.output, "the output"))
                await run.resolve(action.ref, action.choice, output)
            case "pause" | "resume" | "retry":
                await {"pause": run.pause, "resume": run.resume, "retry": run.retry}[action.verb]()

    async def move(
        self, execution_id: str, version: int | None = None, *, dry_run: bool = False
    ) -> MoveView:
        """As `Executions.move`: always refused."""
        del version, dry_run
        await self.execution(execution_id)
        raise ConflictError(
            f"Execution {execution_id} is choreographed, so it cannot be moved: each of its "
            "services holds a part of its past, and nobody can stop them all at one moment.",
            "It ends by the version that it began with; new ones follow the new version.",
        )

    async def remove(self, execution_id: str) -> None:
        """As `Executions.remove`: always refused."""
        await self.execution(execution_id)
        raise ConflictError(
            f"Execution {execution_id} is choreographed, so it cannot be removed: each of its "
            "services holds a part of its past.",
            "They forget it when their --retention is over.",
        )

    def _find(self, workflow: str, version: int | None) -> Choreography:
        known = self._company.requests.known
        found = known.get(workflow)
        if found is None:
            names = ", ".join(sorted(known)) or "none"
            raise NotFoundError(f"There is no workflow '{workflow}'.", f"There is: {names}.")
        if version not in (None, found.version):
            raise NotFoundError(
                f"The workflow '{workflow}' has no version {version} on the bus.",
                f"There is {found.version}.",
            )
        return found

    def _remember(self, view: ExecutionView) -> None:
        if self._company.observer.views.knows(view.id):
            return
        self._started.setdefault(view.id, view)
        if len(self._started) > _REMEMBERED:
            self._started.pop(next(iter(self._started)))


def _nobody_to_ask(execution_id: str, is_new: bool) -> ConflictError:
    if is_new:
        return ConflictError(
            f"No service has told of the execution {execution_id} yet.",
            "Ask again once the service of its first step runs.",
        )
    return ConflictError(
        f"Nobody can be asked about {execution_id}: its handlers follow no workflow.",
        "Look at the services that its steps name.",
    )


def seen(company: Company, execution_id: str) -> ExecutionView:
    """An execution as it was told of, and the version that new ones would begin by."""
    view = company.observer.execution(execution_id)
    newest = company.requests.known.get(view.workflow)
    return structs.replace(view, newest_version=newest.version) if newest else view
